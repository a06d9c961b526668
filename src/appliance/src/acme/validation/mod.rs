//! Asking the world whether an account controls an identifier: http-01, dns-01 (RFC 8555 §8) and tls-alpn-01 (RFC 8737).
//!
//! Everything goes through the guarded client [`crate::fetch`] (decision 35). A validation is tried again while the
//! trouble may be passing, and ends within a bound; its outcome is recorded by `challenges`.

mod dns01;
mod http01;
mod tls_alpn01;

use std::time::{Duration, Instant};

use super::error::{AcmeError, ErrorKind};
use super::identifier::Identifier;
use super::state::ChallengeKind;
use crate::config::Acme;
use crate::fetch::{Client, FetchError};

/// What is to be found where.
#[derive(Debug, Clone)]
pub struct Question {
    /// By which kind of challenge.
    pub kind: ChallengeKind,
    /// What is to be proven.
    pub identifier: Identifier,
    /// The challenge's token.
    pub token: String,
    /// RFC 8555 §8.1's key authorization.
    pub key_authorization: String,
}

/// Why one try did not succeed.
#[derive(Debug)]
struct Failed {
    error: AcmeError,
    /// The next try may see something else.
    passing: bool,
}

/// Whether the identifier is under the account's control.
///
/// # Errors
/// The problem that the challenge ends with.
pub async fn validate(client: &Client, config: &Acme, question: &Question) -> Result<(), AcmeError> {
    let begun = Instant::now();
    let bound = Duration::from_secs(config.validation_seconds);
    let mut wait = FIRST_WAIT;
    loop {
        let tried = match question.kind {
            ChallengeKind::Http01 => http01::try_once(client, config.http_port, question).await,
            ChallengeKind::Dns01 => dns01::try_once(client, question).await,
            ChallengeKind::TlsAlpn01 => tls_alpn01::try_once(client, config.tls_alpn_port, question).await,
        };
        match tried {
            Ok(()) => return Ok(()),
            Err(failed) if !failed.passing || begun.elapsed() + wait > bound => return Err(failed.error),
            Err(_) => {}
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

impl Failed {
    /// Another try would find the same.
    fn for_good(kind: ErrorKind, detail: String) -> Self {
        Self { error: AcmeError::new(kind, detail), passing: false }
    }

    /// Another try may find something else.
    fn passing(kind: ErrorKind, detail: String) -> Self {
        Self { error: AcmeError::new(kind, detail), passing: true }
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        let kind = match &error {
            FetchError::Name { .. } | FetchError::NoResolver => ErrorKind::Dns,
            FetchError::Tls { .. } => ErrorKind::Tls,
            FetchError::Status { .. } | FetchError::TooLarge { .. } | FetchError::Encoded { .. } => {
                ErrorKind::IncorrectResponse
            }
            _ => ErrorKind::Connection,
        };
        let passing = matches!(
            error,
            FetchError::Name { .. }
                | FetchError::Connection { .. }
                | FetchError::TooSlow { .. }
                | FetchError::Http { .. }
        );
        Self { error: AcmeError::new(kind, capital(&error)), passing }
    }
}

fn capital(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    // What the world said goes into a record and an answer: bounded, and without control characters.
    text.chars().filter(|c| !c.is_control()).take(400).chain(['.']).collect()
}

/// What was found, as an answer may repeat it.
fn shown(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).chars().filter(|c| c.is_ascii_graphic()).take(100).collect()
}

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
