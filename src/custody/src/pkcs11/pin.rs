//! The token's PIN: from a credential file or entered by a person; never in a configuration.

use std::fmt;

use zeroize::Zeroizing;

use crate::unlock::{CredentialSource, UnlockError};

/// Where the PIN comes from.
#[derive(Clone)]
pub enum Pin {
    /// A file only we can read (mode 0600), or a systemd credential. Read at each login and not kept.
    Credential(CredentialSource),
    /// Entered by an operator, kept in this process's memory until it ends, for logging in again.
    Entered(Zeroizing<String>),
    /// Not known yet.
    Missing,
}

impl Pin {
    /// The PIN's octets, without the line's end that editors leave.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, PinError> {
        let mut pin = match self {
            Self::Credential(source) => source.content().map_err(PinError::Credential)?.1,
            Self::Entered(text) => Zeroizing::new(text.as_bytes().to_vec()),
            Self::Missing => return Err(PinError::Missing),
        };
        while pin.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
            pin.pop();
        }
        if pin.is_empty() { Err(PinError::Empty) } else { Ok(pin) }
    }
}

/// Shows where it comes from, never the PIN.
impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(source) => write!(f, "Pin({source:?})"),
            Self::Entered(_) => f.write_str("Pin(entered)"),
            Self::Missing => f.write_str("Pin(missing)"),
        }
    }
}

/// Why there is no PIN.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The file.
    #[error("PIN file: {0}")]
    Credential(UnlockError),
    /// A file without a PIN.
    #[error("the PIN is empty")]
    Empty,
    /// Neither a file is configured nor was one entered.
    #[error("no PIN was entered")]
    Missing,
}
