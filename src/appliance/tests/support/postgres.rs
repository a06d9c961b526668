//! A private PostgreSQL for tests: initdb into a temporary folder, an unprivileged user, a Unix socket only, and
//! stopped by its process when dropped.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A running server.
pub struct Postgres {
    folder: tempfile::TempDir,
    server: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts one; `None`, with a word on stderr, when the package is not installed.
    pub fn start() -> Option<Self> {
        let bin = binaries()?;
        let folder = tempfile::Builder::new().prefix("cinnabar-pg").tempdir().unwrap();
        if is_root() {
            // postgres refuses to run as root, and must own its data folder.
            let (user, group) = account();
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        let made = command(&bin.join("initdb"))
            .args(["--auth=trust", "--username=cinnabar", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb");
        let postgres = Self { folder, server: Mutex::new(None), databases: AtomicU32::new(0) };
        postgres.launch();
        Some(postgres)
    }

    fn launch(&self) {
        let bin = binaries().unwrap();
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let server = command(&bin.join("postgres"))
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=32MB"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.server.lock().unwrap() = Some(server);
        let until = Instant::now() + Duration::from_secs(30);
        while !self.psql("postgres", "SELECT 1") {
            assert!(Instant::now() < until, "postgres does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A new, empty database, as a URL of ours.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        assert!(self.psql("postgres", &format!("CREATE DATABASE {name}")), "create database");
        format!("postgres://cinnabar@localhost/{name}?host={}", self.folder.path().display())
    }

    /// Runs one statement; whether it went well.
    pub fn psql(&self, database: &str, sql: &str) -> bool {
        Command::new(binaries().unwrap().join("psql"))
            .args(["-U", "cinnabar", "-d", database, "-q", "-c", sql, "-h"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    /// Kills every process of the server at once (SIGQUIT: an immediate shutdown, as after a crash).
    pub fn crash(&self) {
        self.signal("-QUIT");
    }

    /// Starts it again after [`crash`](Self::crash).
    pub fn restart(&self) {
        self.launch();
    }

    fn signal(&self, signal: &str) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut server) = server {
            // setpriv execs, so the child is the postmaster itself.
            drop(Command::new("kill").args([signal, &server.id().to_string()]).status());
            drop(server.wait());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.signal("-INT");
    }
}

fn binaries() -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    if found.is_empty() {
        eprintln!("no PostgreSQL under /usr/lib/postgresql: not tested against it");
    }
    found.pop()
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

/// User and group `postgres` where they exist, else `nobody`.
fn account() -> (u32, u32) {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let fields = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|field| field.parse::<u32>().ok());
        Some((fields.next()??, fields.next()??))
    };
    fields("postgres").or_else(|| fields("nobody")).unwrap()
}

fn command(program: &Path) -> Command {
    if is_root() {
        let (user, group) = account();
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={user}"))
            .arg(format!("--regid={group}"))
            .arg("--clear-groups")
            .arg(program);
        command
    } else {
        Command::new(program)
    }
}
