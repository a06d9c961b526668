//! A private PostgreSQL: its own folder, its own Unix socket, no port, gone with the value.
//!
//! `initdb` refuses to run as root; then everything is done as the `postgres` user of the Debian package.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Background, eventually, finish, run};

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    server: Background,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Makes and starts one.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("cinnabar-pg-").tempdir().expect("temporary folder");
        let path = folder.path();
        if rustix::process::geteuid().is_root() {
            run("chown", ["postgres", &path.display().to_string()]).ok();
        }
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
        let data = path.join("data");
        let mut initdb = program("initdb");
        initdb
            .args([
                "--username=cinnabar",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
                "-D",
            ])
            .arg(&data);
        finish(initdb).ok();
        let mut command = program("postgres");
        command.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-c", "shared_buffers=32MB", "-c"]);
        command.arg(format!("unix_socket_directories={}", path.display()));
        let log = tempfile::NamedTempFile::new().expect("log").into_temp_path().keep().expect("log");
        let server = Background::start(&command, &log);
        let started = Self { server, folder };
        eventually("PostgreSQL answers", Duration::from_secs(60), || {
            (started.psql("postgres", "SELECT 1").code == Some(0)).then_some(())
        });
        let _ = std::fs::remove_file(log);
        started
    }

    /// Makes an empty database; its URL.
    #[track_caller]
    pub fn database(&self, name: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE {name}")).ok();
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://cinnabar@{socket}/{name}")
    }

    /// Runs SQL, as somebody with the database's password would.
    pub fn psql(&self, database: &str, sql: &str) -> crate::process::Done {
        let mut command = Command::new("psql");
        command.args([
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "cinnabar",
            "-d",
            database,
            "-c",
            sql,
            "-h",
        ]);
        command.arg(self.folder.path());
        finish(command)
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// A program of the newest installed version, run as a user that PostgreSQL accepts.
fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("Debian's postgresql package");
    let mut found: Vec<PathBuf> = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    let path = found.pop().unwrap_or_else(|| panic!("no {name} below /usr/lib/postgresql"));
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "KILL", "--"])
            .arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir(Path::new("/"));
    command
}
