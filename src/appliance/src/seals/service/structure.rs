//! The structure of a seal: an SESeal of GB/T 38540-2020, version 4, signed by the seal maker of its suite.
//!
//! The owner's certificate stands whole in its list, so that whoever verifies a signature needs no further record to find
//! the signer among those who may sign. The picture is a PNG with transparency, which every reader shows; where an SVG was
//! sent, that is drawn from it.

use std::sync::Arc;

use crypto::Suite;
use eseal::{NewPicture, NewSeal, Signers, Version};
use pki::Certificate;

use super::super::model::to_mm;
use super::error::LifeError;
use crate::app::{App, Unsealed};

/// What a structure says.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub suite: &'static Suite,
    /// The seal code.
    pub code: &'a str,
    pub kind: u8,
    pub name: &'a str,
    pub certificate: &'a Certificate,
    /// Microseconds.
    pub created: i64,
    /// From when to when, microseconds.
    pub validity: (i64, i64),
    /// Media type and octets.
    pub picture: (&'static str, Vec<u8>),
    pub width_um: i64,
    pub height_um: i64,
}

/// A structure as it was made.
#[derive(Debug)]
pub(super) struct Structure {
    /// The SESeal, DER.
    pub der: Vec<u8>,
    /// Its hexadecimal SHA-256.
    pub digest: String,
    /// The picture in it, where that was drawn from an SVG.
    pub png: Option<Vec<u8>>,
}

/// Makes the structure.
///
/// # Errors
/// [`LifeError`]: no seal maker in that suite, or something that cannot stand in a seal.
pub(super) async fn structure(
    app: &Arc<App>,
    unsealed: &Unsealed,
    content: Content<'_>,
) -> Result<Structure, LifeError> {
    let maker = app.seal_maker(content.suite);
    let maker = maker.ok_or_else(|| LifeError::Suite(content.suite.name.to_owned()))?;
    let seconds = |micros: i64| micros.div_euclid(1_000_000);
    let (kind, data) = content.picture;
    let size = (to_mm(content.width_um), to_mm(content.height_um));
    let mut new = NewSeal {
        version: Version::V4,
        vendor: VENDOR.to_owned(),
        id: content.code.to_owned(),
        kind: content.kind,
        name: content.name.to_owned(),
        signers: Signers::Certificates(vec![content.certificate.der().to_vec()]),
        created: seconds(content.created),
        valid_from: seconds(content.validity.0),
        valid_to: seconds(content.validity.1),
        picture: NewPicture {
            kind: "PNG".to_owned(),
            data,
            width_mm: millimetres(content.width_um),
            height_mm: millimetres(content.height_um),
        },
        extensions: Vec::new(),
    };
    let custody = unsealed.custody.clone();
    // The maker's key may be in a device, which makes its callers wait.
    let made = tokio::task::spawn_blocking(move || {
        let mut png = None;
        if kind != "image/png" {
            // Readers of seals know PNG.
            let drawn = eseal::picture::png_of_svg(&new.picture.data, size.0, size.1)
                .map_err(|error| LifeError::Structure(error.to_string()))?;
            new.picture.data = png.insert(drawn).clone();
        }
        let signer = custody.signer(&maker.label)?;
        let der = new
            .sign(signer.as_ref(), maker.certificate.der())
            .map_err(|error| LifeError::Structure(error.to_string()))?;
        Ok::<_, LifeError>((der, png))
    });
    let (der, png) = made.await.map_err(|error| LifeError::Structure(error.to_string()))??;
    let digest = hex::encode(crypto::DigestAlgorithm::Sha256.digest(&der));
    Ok(Structure { der, digest, png })
}

/// Micrometres as the whole millimetres that the structure has room for, at least one.
fn millimetres(micrometres: i64) -> u32 {
    u32::try_from((micrometres + 500) / 1000).unwrap_or(u32::MAX).max(1)
}

/// Who writes the structures (`Vid`).
const VENDOR: &str = "Cinnabar";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_whole_millimetres() {
        assert_eq!([42_000, 41_499, 41_500, 10].map(millimetres), [42, 41, 42, 1]);
    }
}
