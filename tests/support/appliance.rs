//! One throw-away appliance: a folder made by `cinnabar init`, a running `cinnabar serve`, callers with certificates.
//!
//! The binary is the one named by `CINNABAR_BIN` (`tests/run` sets it), else the one built beside this test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::client::{Client, Identity};
use crate::corpus;
use crate::process::{Background, Done, Usage, eventually, finish, free_port, usage};

/// How an appliance is set up and run; the default is SQLite, a passphrase and nothing special.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Further arguments of `cinnabar init`.
    pub init: Vec<String>,
    /// Environment of `cinnabar serve`.
    pub environment: Vec<(String, String)>,
}

impl Setup {
    /// With both suites side by side (`keys/both-suites.toml`): the labels of the ShangMi side begin with `sm-`.
    #[must_use]
    pub fn both_suites() -> Self {
        let hierarchy = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/both-suites.toml");
        Self { init: vec!["--hierarchy".to_owned(), hierarchy.to_owned()], ..Self::default() }
    }
}

/// A running appliance and its folder. Dropping it kills the process and removes the folder.
#[derive(Debug)]
pub struct Appliance {
    pub directory: PathBuf,
    pub port: u16,
    pub public_port: u16,
    pub portal_port: u16,
    setup: Setup,
    server: Option<Background>,
    scratch: tempfile::TempDir,
}

/// Copies files and folders; sockets stay where they are.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let (entry, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let to = to.join(entry.file_name().unwrap_or_default());
        if kind.is_dir() {
            copy(&entry, &to)?;
        } else if kind.is_file() {
            std::fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}

/// The binary under test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("CINNABAR_BIN") {
        return path.into();
    }
    // target/debug/deps/e2e-… or target/release/cinnabar-load: the binary lies beside or one folder up.
    let here = std::env::current_exe().expect("own path");
    let beside = here.ancestors().skip(1).take(2).map(|folder| folder.join("cinnabar"));
    let found = beside.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no binary: run ./tests/run, or name one with CINNABAR_BIN"))
}

/// Tables whose rows are state: each row stands in an entry of the log with its digest.
pub const STATE_TABLES: [&str; 6] =
    ["organisations", "callers", "certificates", "seals", "seal_uses", "proposals"];

const PASSPHRASE: &str = "correct horse battery staple";

impl Appliance {
    /// Sets up, starts and unseals one.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(Setup::default())
    }

    /// As [`Appliance::start`], set up as told.
    #[track_caller]
    pub fn start_with(setup: Setup) -> Self {
        let mut appliance = Self::init(setup);
        appliance.serve();
        appliance.unseal();
        appliance
    }

    /// The ceremony alone: nothing runs yet.
    #[track_caller]
    pub fn init(setup: Setup) -> Self {
        let (appliance, command) = Self::prepared(setup);
        finish(command).ok();
        appliance
    }

    /// The ceremony begun in the background; the folder is complete when `beside` has ended and so has it.
    #[track_caller]
    pub fn init_beside(setup: Setup, beside: impl FnOnce(&Self)) -> Self {
        let (appliance, command) = Self::prepared(setup);
        let log = appliance.scratch.path().join("init.log");
        let mut ceremony = Background::start(&command, &log);
        beside(&appliance);
        eventually("the ceremony ends", Duration::from_secs(60), || (!ceremony.alive()).then_some(()));
        assert!(appliance.config().exists(), "{}", ceremony.log());
        appliance
    }

    fn prepared(setup: Setup) -> (Self, Command) {
        let scratch = corpus::scratch();
        let directory = scratch.path().join("a");
        let (port, public_port, portal_port) = (free_port(), free_port(), free_port());
        let passphrase = scratch.path().join("passphrase");
        std::fs::write(&passphrase, format!("{PASSPHRASE}\n")).expect("passphrase");
        std::fs::set_permissions(&passphrase, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("mode");
        let mut command = Command::new(binary());
        command.args([
            "init",
            "--organisation",
            "示例市政务服务数据管理局",
            "--assume-clock",
            "--allow-swap",
            "--dir",
        ]);
        command.arg(&directory).args([
            "--port",
            &port.to_string(),
            "--public-port",
            &public_port.to_string(),
            "--portal-port",
            &portal_port.to_string(),
        ]);
        if !setup.init.iter().any(|argument| argument == "--unlock") {
            command.arg("--passphrase-file").arg(&passphrase);
        }
        command.args(&setup.init);
        // A token is needed by the ceremony, too; other environment (another clock, say) is the service's alone.
        command.envs(setup.environment.iter().filter(|(name, _)| name == "SOFTHSM2_CONF").cloned());
        (Self { directory, port, public_port, portal_port, setup, server: None, scratch }, command)
    }

    /// Another node on the same (PostgreSQL) database: a copy of this one's folder with ports of its own, not started.
    #[track_caller]
    pub fn another_node(&self) -> Self {
        let scratch = corpus::scratch();
        let directory = scratch.path().join("a");
        copy(&self.directory, &directory).expect("a copy of the folder");
        std::fs::copy(self.passphrase(), scratch.path().join("passphrase")).expect("passphrase");
        let (port, public_port, portal_port) = (free_port(), free_port(), free_port());
        let setup = self.setup.clone();
        let node = Self { directory, port, public_port, portal_port, setup, server: None, scratch };
        let mut text = std::fs::read_to_string(node.config()).expect("configuration");
        let ports = [(self.port, port), (self.public_port, public_port), (self.portal_port, portal_port)];
        for (from, to) in ports {
            for host in ["127.0.0.1", "[::1]"] {
                text = text.replace(&format!("{host}:{from}\""), &format!("{host}:{to}\""));
            }
        }
        std::fs::write(node.config(), text).expect("configuration");
        node
    }

    pub fn config(&self) -> PathBuf {
        self.directory.join("cinnabar.toml")
    }

    /// Changes the configuration file: `from` must stand in it once.
    #[track_caller]
    pub fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).expect("configuration");
        assert_eq!(text.matches(from).count(), 1, "`{from}` in the configuration:\n{text}");
        std::fs::write(self.config(), text.replace(from, to)).expect("configuration");
    }

    /// Adds lines to the configuration file.
    #[track_caller]
    pub fn configure_more(&self, lines: &str) {
        let text = std::fs::read_to_string(self.config()).expect("configuration");
        std::fs::write(self.config(), format!("{text}\n{lines}\n")).expect("configuration");
    }

    /// Starts the service, sealed; returns when its admin socket answers.
    #[track_caller]
    pub fn serve(&mut self) {
        let mut command = Command::new(binary());
        command.arg("serve").arg("--config").arg(self.config());
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        self.server = Some(Background::start(&command, &self.directory.join("serve.log")));
        eventually("the service answers", Duration::from_secs(60), || {
            assert!(
                self.server.as_mut().is_some_and(Background::alive),
                "the service ended:\n{}",
                self.log()
            );
            (self.cli(&["status", "--json"]).code == Some(0)).then_some(())
        });
    }

    /// From the next start on, the service has this environment besides.
    pub fn run_with(&mut self, environment: Vec<(String, String)>) {
        self.setup.environment = environment;
    }

    /// The metrics of the admin listener.
    #[track_caller]
    pub fn metrics(&self) -> String {
        let text = std::fs::read_to_string(self.config()).expect("configuration");
        let line = text.lines().find(|line| line.starts_with("socket")).expect("an admin socket");
        let socket = self.directory.join(line.split('"').nth(1).expect("a path"));
        let mut command = Command::new("curl");
        command.args(["-fsS", "http://localhost/metrics", "--unix-socket"]).arg(socket);
        finish(command).ok().stdout
    }

    /// Opens the keystore; returns when acts are served.
    #[track_caller]
    pub fn unseal(&self) {
        let passphrase = self.passphrase();
        self.cli(&["unseal", "--passphrase-file", &passphrase.display().to_string()]).ok();
        eventually("the appliance is ready", Duration::from_secs(30), || {
            let status = self.status();
            (status["sealed"] == false && status["ready"] != false).then_some(())
        });
    }

    /// The file with the passphrase of the ceremony.
    pub fn passphrase(&self) -> PathBuf {
        self.scratch.path().join("passphrase")
    }

    /// What `cinnabar status --json` tells.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.cli(&["status", "--json"]).ok().json()
    }

    /// Runs the command line with this appliance's configuration.
    pub fn cli(&self, arguments: &[&str]) -> Done {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--config").arg(self.config());
        finish(command)
    }

    /// Runs the command line as somebody: a credential of the ceremony (`officer-1`, `operator-1`) or a folder.
    pub fn cli_as(&self, who: &str, arguments: &[&str]) -> Done {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .env("CINNABAR_IDENTITY", self.credential(who).0);
        finish(command)
    }

    /// The credential folder of `who`.
    pub fn credential(&self, who: &str) -> Identity {
        let given = Path::new(who);
        Identity(if given.is_absolute() {
            given.into()
        } else {
            self.directory.join("credentials").join(who)
        })
    }

    /// A client of the platform API as `who`.
    pub fn client(&self, who: &str) -> Client {
        Client::new(self.port, &self.credential(who))
    }

    /// Registers an approval system that may seal; its credentials lie in `credentials/NAME`.
    #[track_caller]
    pub fn approval_system(&self, name: &str) -> Client {
        self.organisation("bureau");
        let out = self.directory.join("credentials").join(name);
        let out = out.display().to_string();
        self.cli_as(
            "officer-1",
            &["caller", "add", name, "--organisation", "bureau", "--role", "sealer", "--out", &out],
        )
        .ok();
        self.client(name)
    }

    /// Registers an organisation, once.
    #[track_caller]
    pub fn organisation(&self, id: &str) {
        let marker = self.directory.join(format!("organisation-{id}"));
        if !marker.exists() {
            self.cli_as("officer-1", &["organisation", "add", id, "--name", "示例市行政审批局"]).ok();
            std::fs::write(marker, "").expect("marker");
        }
    }

    /// Makes a round red seal of 42 mm for the bureau.
    #[track_caller]
    pub fn seal_record(&self, id: &str) {
        self.seal_record_with(id, &[]);
    }

    /// As [`Self::seal_record`], with further options.
    #[track_caller]
    pub fn seal_record_with(&self, id: &str, more: &[&str]) {
        self.organisation("bureau");
        let picture = self.directory.join(format!("{id}.png"));
        std::fs::write(&picture, seal_picture(300)).expect("picture");
        let picture = picture.display().to_string();
        let [approver, maker] =
            ["officer-1", "officer-2"].map(|who| self.credential(who).0.display().to_string());
        let mut arguments = vec![
            "seal-record",
            "add",
            id,
            "--organisation",
            "bureau",
            "--picture",
            &picture,
            "--width-mm",
            "42",
        ];
        arguments.extend(["--approver", &approver, "--maker", &maker]);
        arguments.extend(more);
        self.cli_as(&self.applicant(), &arguments).ok();
    }

    /// A machine of the bureau that applies for seals: three different persons make one.
    #[track_caller]
    fn applicant(&self) -> String {
        let name = "registry";
        let out = self.directory.join("credentials").join(name);
        if !out.exists() {
            let out = out.display().to_string();
            let arguments =
                ["caller", "add", name, "--organisation", "bureau", "--role", "sealer", "--out", &out];
            self.cli_as("officer-1", &arguments).ok();
        }
        name.to_owned()
    }

    pub fn certificate(&self, name: &str) -> PathBuf {
        self.directory.join("certificates").join(format!("{name}.pem"))
    }

    pub fn log_key(&self) -> PathBuf {
        self.directory.join("log.key")
    }

    pub fn database(&self) -> PathBuf {
        self.directory.join("cinnabar.db")
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("running").pid()
    }

    pub fn usage(&self) -> Usage {
        usage(self.pid())
    }

    /// Everything the service printed so far.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Background::log).unwrap_or_default()
    }

    /// Ends the service as a power cut of the process would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Ends the service with SIGTERM; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.server.take().and_then(|mut server| server.stop(Duration::from_secs(30)))
    }

    /// Runs SQL on the database behind the service's back, as somebody who got at the disk would. One line per row.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<String> {
        let mut command = Command::new("sqlite3");
        command.args(["-batch", "-cmd", ".timeout 10000", "-separator", "|"]).arg(self.database()).arg(sql);
        finish(command).ok().stdout.lines().map(ToOwned::to_owned).collect()
    }

    /// All log entries as JSON, from the rows.
    #[track_caller]
    pub fn entries(&self) -> Vec<Value> {
        let rows = self.sql("SELECT CAST(body AS TEXT) FROM entries ORDER BY leaf");
        rows.iter().map(|row| serde_json::from_str(row).expect("an entry is JSON")).collect()
    }

    /// What the entries say was refused, as (action attempted, reason).
    #[track_caller]
    pub fn refusals(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let refused = self.entries().into_iter().filter(|entry| entry["action"] == "refusal");
        refused.map(|entry| (text(&entry["facts"]["attempted"]), text(&entry["facts"]["reason"]))).collect()
    }

    /// Fingerprint of the state that acts change: every row of every table that is not the log itself or a cache.
    #[track_caller]
    pub fn state(&self) -> Vec<String> {
        STATE_TABLES
            .iter()
            .flat_map(|table| self.sql(&format!("SELECT '{table}', * FROM {table} ORDER BY id")))
            .collect()
    }

    /// `cinnabar audit verify`, the service stopped or not.
    pub fn audit_verify(&self, arguments: &[&str]) -> Done {
        self.cli(&[&["audit", "verify"], arguments].concat())
    }
}

/// The environment in which a service lives `seconds` later. libfaketime itself, not its wrapper program: that one stays the
/// parent, and killing it would leave the service behind.
pub fn later(seconds: i64) -> Vec<(String, String)> {
    let folders = std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let found =
        folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.is_file());
    let library = found.expect("Debian's faketime package").display().to_string();
    vec![("LD_PRELOAD".to_owned(), library), ("FAKETIME".to_owned(), format!("+{seconds}"))]
}

/// A red ring with a bar on a transparent ground, as PNG: what a seal's picture looks like to a PDF.
#[allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "small pictures"
)]
pub fn seal_picture(side: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity((side * side * 4) as usize);
    let radius = i64::from(side) / 2;
    for y in 0..i64::from(side) {
        for x in 0..i64::from(side) {
            let (dx, dy) = (x - radius, y - radius);
            let distance = dx * dx + dy * dy;
            let ring = distance < radius * radius && distance > (radius * 9 / 10).pow(2);
            let bar = dy.abs() < radius / 8 && dx.abs() < radius / 2;
            pixels.extend_from_slice(if ring || bar { &[200, 20, 30, 230] } else { &[200, 20, 30, 0] });
        }
    }
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("PNG");
    out
}
