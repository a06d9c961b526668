//! `[pkcs11]`: the token that holds the keys whose custody is `pkcs11`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One token of one PKCS#11 module. Its PIN never stands here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The module: a shared library, as the maker of the device delivers it.
    pub module: PathBuf,
    /// The token's label. Either this or `serial`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The token's serial number, where several have one label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// File with the user's PIN, mode 0600. Without this and `pin_credential` the PIN is entered at unsealing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
    /// Name of a systemd credential with the user's PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_credential: Option<String>,
    /// Sessions open at once.
    #[serde(default = "sessions")]
    pub sessions: usize,
    /// Whether keys of new seals are made in the token.
    #[serde(default)]
    pub seals: bool,
}

const fn sessions() -> usize {
    8
}

impl Pkcs11 {
    /// What contradicts itself: dotted key, value and reason.
    pub(super) fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        if self.token.is_some() == self.serial.is_some() {
            let reason =
                "name the token by its label (`token`) or by its serial number (`serial`), one of them";
            return Some(("pkcs11.token", self.token.clone().unwrap_or_default(), reason));
        }
        if self.pin_file.is_some() && self.pin_credential.is_some() {
            let reason = "the PIN comes from `pin_file` or from `pin_credential`, not from both";
            return Some(("pkcs11.pin_credential", self.pin_credential.clone().unwrap_or_default(), reason));
        }
        if !(1..=256).contains(&self.sessions) {
            return Some(("pkcs11.sessions", self.sessions.to_string(), "1 to 256"));
        }
        None
    }

    pub(super) fn anchor(&mut self, base: &Path) {
        self.module = base.join(&self.module);
        if let Some(file) = &mut self.pin_file {
            *file = base.join(&*file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_contradiction_is_named() {
        let good = "module = \"/m.so\"\ntoken = \"t\"\n";
        let read = |text: &str| toml::from_str::<Pkcs11>(text);
        let parsed = read(good).unwrap();
        assert_eq!((parsed.fault(), parsed.sessions, parsed.seals), (None, 8, false));
        for (more, key) in [
            ("serial = \"1\"", "pkcs11.token"),
            ("pin_file = \"p\"\npin_credential = \"c\"", "pkcs11.pin_credential"),
            ("sessions = 0", "pkcs11.sessions"),
        ] {
            assert_eq!(read(&format!("{good}{more}")).unwrap().fault().unwrap().0, key);
        }
        assert_eq!(read("module = \"/m.so\"").unwrap().fault().unwrap().0, "pkcs11.token");
        assert!(read(&format!("{good}pin = \"1234\"")).is_err(), "a PIN has no place in the configuration");
    }
}
