//! Signature activation data: 32 random octets, shown once, kept as a hash, good for one use of one seal on exact hashes.

use crypto::DigestAlgorithm;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::body::base64;
use super::error::unfit;
use super::records::{self, Binding};
use crate::app::App;
use crate::problem::{Problem, Result};
use crate::seals::ReadySeal;
use crate::server::Session;
use crate::store::Row;

/// How long activation data can be used, in seconds.
pub const SECONDS: i64 = 300;

/// Hashes that one authorisation may be for.
pub const MOST: usize = 100;

/// New activation data.
///
/// # Errors
/// A problem when the system gives no randomness.
pub fn draw() -> Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(octets.as_mut()).map_err(|_| Problem::internal("no randomness"))?;
    Ok(Zeroizing::new(base64(octets.as_ref())))
}

/// What the store keeps of it. There are 256 random bits: a plain hash keeps them as well as a slow one.
#[must_use]
pub fn kept(data: &str) -> String {
    let text = Zeroizing::new(format!("cinnabar signature activation 1\0{data}"));
    hex::encode(DigestAlgorithm::Sha256.digest(text.as_bytes()))
}

/// What activation data for these hashes is bound to.
#[must_use]
pub fn binding(session: &Session, seal: &ReadySeal, hashes: &[Vec<u8>]) -> Binding {
    let mut digest = DigestAlgorithm::Sha256.hasher();
    for hash in hashes {
        // Lengths differ by algorithm; each goes before its hash, so that no two lists read alike.
        digest.update(&(hash.len() as u64).to_be_bytes());
        digest.update(hash);
    }
    Binding {
        caller: session.caller().id.clone(),
        certificate: session.caller().fingerprint.clone(),
        seal: seal.summary.id.clone(),
        hashes: hex::encode(digest.finish()),
        count: i64::try_from(hashes.len()).unwrap_or(i64::MAX),
    }
}

/// The open row of activation data that fits; `now` in microseconds. Whoever uses it writes [`records::used`] in the
/// unit of the act, so that of two who try only one succeeds.
///
/// # Errors
/// One problem for whatever does not fit.
pub async fn presented(app: &App, data: Option<&str>, binding: &Binding, now: i64) -> Result<Row> {
    let data = data.filter(|data| !data.is_empty() && data.len() <= 128).ok_or_else(unfit)?;
    records::open(&app.db, &kept(data), binding, now).await?.ok_or_else(unfit)
}
