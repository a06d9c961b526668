//! Who fills the hole: a seal's signer in the format that was asked for, time-stamped where the level wants it.

use pdf::sign::CmsSigner;
use pki::Certificate;

use super::format::Format;
use super::levels::{LevelSigner, Raising};
use super::ses::SesSigner;
use crate::journal::Unit;
use crate::seals::{ReadySeal, SealError};
use crate::store::tables::{CERTIFICATES, SEALS};

/// How a seal is to sign.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// What the signature is.
    pub format: Format,
    /// Unix seconds: the claimed time of a format that states one inside.
    pub time: i64,
    /// What a format that says so says of its content; of a PDF it is the range of octets.
    pub property: Option<&'a str>,
}

/// The signer of `seal`; above B-B with `raising`, whose time-stamps it waits for: sign on a blocking thread then.
///
/// # Errors
/// [`SealError::NotUsable`]: the seal does not sign in that format.
pub fn signer<'a>(
    seal: &'a ReadySeal,
    manner: Manner<'a>,
    raising: Option<&'a Raising>,
) -> Result<Box<dyn CmsSigner + 'a>, SealError> {
    Ok(match manner.format {
        Format::Cms => Box::new(match raising {
            Some(raising) => raising.signer(seal),
            None => LevelSigner::Plain(seal),
        }),
        Format::Ses => Box::new(SesSigner::new(seal, manner, raising)?),
    })
}

/// `unit`, holding only as long as the certificates that a signature by `seal` in this format rests on are what they
/// were: beside its own that of its maker where the seal goes with the signature.
#[must_use]
pub fn guarded(unit: Unit, seal: &ReadySeal, format: Format) -> Unit {
    let certificate = hex::encode(seal.certificate.sha256_fingerprint());
    let unit = unit.guard(&SEALS, &seal.summary.id, seal.summary.version).guard(
        &CERTIFICATES,
        certificate,
        seal.certificate_version,
    );
    match (format, seal.sealer()) {
        (Format::Ses, Ok((_, maker))) => unit.guard(&CERTIFICATES, &maker.certificate, maker.version),
        _ => unit,
    }
}

/// The certificates that evidence is gathered about for a signature by `seal` in this format.
///
/// # Errors
/// As [`signer`].
pub fn certificates(seal: &ReadySeal, format: Format) -> Result<Vec<Certificate>, SealError> {
    let mut all = vec![seal.certificate.clone()];
    if format == Format::Ses {
        let (sealer, _) = seal.sealer()?;
        all.extend(sealer.seal().maker().and_then(|der| Certificate::from_der(der).ok()));
    }
    Ok(all)
}

/// How a range of octets of a PDF is written where a signature says what it is over.
#[must_use]
pub fn byte_range([start, before, behind, rest]: [u64; 4]) -> String {
    format!("/ByteRange [{start} {before} {behind} {rest}]")
}
