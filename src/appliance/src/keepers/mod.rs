//! Which keeper holds which key: the file keystore, or the token that the configuration names.
//!
//! The hierarchy says it for its own keys and their later generations, `[pkcs11] seals` for the keys of new seals.
//! Also what to answer while a token is away: acts that need it are refused with `custody-unavailable`, the health
//! report says it, and the watch here notices when it is back. Called by the ceremony and by unsealing; knows no key's
//! purpose.

use std::sync::Arc;
use std::time::Duration;

use crypto::SignError;
use custody::pkcs11::{Pin, Token, TokenChoice, TokenSettings};
use custody::{CredentialSource, Custodies, Custody, CustodyError, Health};
use zeroize::Zeroizing;

use crate::app::App;
use crate::ceremony::{CustodyKind, Hierarchy};
use crate::config::Pkcs11;
use crate::problem::{Kind, Problem};
use crate::server::listener::Stopping;
use crate::server::metrics;

/// The keepers of an appliance.
pub struct Keepers {
    /// All of them as one.
    pub custody: Arc<dyn Custody>,
    /// The token, to enter its PIN.
    pub token: Option<Token>,
}

impl std::fmt::Debug for Keepers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keepers").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Why the keepers cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum KeepersError {
    /// The hierarchy puts keys into a token that no configuration names.
    #[error("the key hierarchy keeps `{0}` in a token: the configuration needs a [pkcs11] section")]
    NoToken(String),
    /// The module does not load.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

/// The opened file keystore and the token of the configuration, if there is one. A token that is away is no error:
/// it is used when it comes.
///
/// # Errors
/// [`KeepersError`].
pub fn open(
    file: Arc<dyn Custody>,
    hierarchy: &Hierarchy,
    config: Option<&Pkcs11>,
    pin: Option<Zeroizing<String>>,
) -> Result<Keepers, KeepersError> {
    let Some(config) = config else {
        let needing = hierarchy.keys().iter().find(|key| key.custody == CustodyKind::Pkcs11);
        return match needing {
            Some(key) => Err(KeepersError::NoToken(key.label.clone())),
            None => Ok(Keepers { custody: file, token: None }),
        };
    };
    let token = Token::open(settings(config, pin))?;
    let (hierarchy, seals) = (hierarchy.clone(), config.seals);
    let in_token = move |label: &str| match hierarchy.slot_of(label) {
        Some(slot) => slot.custody == CustodyKind::Pkcs11,
        None => seals && label.starts_with(SEAL),
    };
    let custody = Custodies::with_token(file, Arc::new(token.clone()), in_token);
    Ok(Keepers { custody: Arc::new(custody), token: Some(token) })
}

fn settings(config: &Pkcs11, pin: Option<Zeroizing<String>>) -> TokenSettings {
    let token = match (&config.token, &config.serial) {
        (_, Some(serial)) => TokenChoice::Serial(serial.clone()),
        (label, None) => TokenChoice::Label(label.clone().unwrap_or_default()),
    };
    let pin = match (pin, &config.pin_file, &config.pin_credential) {
        (Some(entered), _, _) => Pin::Entered(entered),
        (None, Some(file), _) => Pin::Credential(CredentialSource::File(file.clone())),
        (None, None, Some(name)) => Pin::Credential(CredentialSource::Systemd { name: name.clone() }),
        (None, None, None) => Pin::Missing,
    };
    TokenSettings { module: config.module.clone(), token, pin, sessions: config.sessions }
}

/// One sentence for the health report, of each device that is away.
#[must_use]
pub fn troubles(devices: &[Health]) -> Vec<String> {
    let away = devices.iter().filter(|device| !device.available);
    away.map(|device| format!("key device `{}` is not available: {}", device.keeper, device.detail)).collect()
}

/// Asks the devices every few seconds until told to stop: the health report and the metrics tell what they said.
pub(crate) async fn watch(app: Arc<App>, mut stop: Stopping) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            _ = tick.tick() => {
                let Ok(unsealed) = app.unsealed() else { continue };
                let custody = unsealed.custody.clone();
                let asked = tokio::task::spawn_blocking(move || custody.health()).await;
                let Ok(devices) = asked else { continue };
                for device in &devices {
                    metrics::key_device(&device.keeper, device.available);
                }
                let before = troubles(&app.devices.load());
                let now = troubles(&devices);
                if before != now {
                    for trouble in &now {
                        tracing::warn!(trouble, "key device");
                    }
                    if now.is_empty() {
                        tracing::info!("all key devices answer again");
                        // Responders whose keys could not be looked at while a device was away.
                        crate::status::seat(&app).await;
                    }
                }
                app.devices.store(Arc::new(devices));
            }
        }
    }
}

impl From<CustodyError> for Problem {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::Unavailable { .. } => away(error),
            other => Self::internal(other),
        }
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Unavailable { .. } => away(error),
            other => Self::internal(other),
        }
    }
}

fn away(error: impl std::fmt::Display) -> Problem {
    let detail =
        "The device that holds the key cannot be reached; try again when the operator has mended it.";
    Problem::new(Kind::CustodyUnavailable, detail).retry_after(10).log(error)
}

/// What labels of seals' keys begin with.
const SEAL: &str = "seal-";
/// How often devices are asked.
const PERIOD: Duration = Duration::from_secs(2);
