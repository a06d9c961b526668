//! A SoftHSM 2 of one's own: tokens in a folder that goes away with the value.

use std::path::PathBuf;
use std::process::Command;

use crate::corpus;
use crate::process::finish;

/// The PKCS#11 module.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "4711-0815";

/// A folder with one token labelled `cinnabar`.
#[derive(Debug)]
pub struct SoftHsm {
    folder: tempfile::TempDir,
}

impl SoftHsm {
    #[track_caller]
    pub fn new() -> Self {
        let hsm = Self { folder: corpus::scratch() };
        std::fs::create_dir(hsm.tokens()).expect("folder");
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            hsm.tokens().display()
        );
        std::fs::write(hsm.folder.path().join("softhsm2.conf"), text).expect("configuration");
        std::fs::write(hsm.pin_file(), format!("{PIN}\n")).expect("PIN");
        std::fs::set_permissions(hsm.pin_file(), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("mode");
        let mut command = Command::new("softhsm2-util");
        command.args(["--init-token", "--free", "--label", "cinnabar", "--pin", PIN, "--so-pin", "12345678"]);
        command.envs(hsm.environment());
        finish(command).ok();
        hsm
    }

    /// What a process needs to find the token.
    pub fn environment(&self) -> Vec<(String, String)> {
        let conf = self.folder.path().join("softhsm2.conf").display().to_string();
        vec![("SOFTHSM2_CONF".to_owned(), conf)]
    }

    /// Arguments of `cinnabar init` that put the keys into the token.
    pub fn init(&self) -> Vec<String> {
        let pin = self.pin_file().display().to_string();
        ["--pkcs11-module", MODULE, "--pkcs11-token", "cinnabar", "--pkcs11-pin-file", &pin, "--pkcs11-seals"]
            .map(ToOwned::to_owned)
            .to_vec()
    }

    pub fn pin_file(&self) -> PathBuf {
        self.folder.path().join("pin")
    }

    /// Pulls the token.
    pub fn pull(&self) {
        std::fs::rename(self.tokens(), self.folder.path().join("away")).expect("pulled");
        std::fs::create_dir(self.tokens()).expect("folder");
    }

    /// Puts it back.
    pub fn put_back(&self) {
        std::fs::remove_dir(self.tokens()).expect("empty");
        std::fs::rename(self.folder.path().join("away"), self.tokens()).expect("put back");
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }
}

impl Default for SoftHsm {
    fn default() -> Self {
        Self::new()
    }
}
