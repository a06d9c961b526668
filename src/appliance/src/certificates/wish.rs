//! From a certification request to a wish: what the profile takes from the register, what from the request.

use pki::issue::Wish;
use pki::profile::Profile;
use pki::request::{CertificationRequest, RequestError};
use pki::{GeneralName, Subject};

use super::error::CertificateError;

/// How long a certificate shall be valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Term {
    /// First second, Unix time; the profile's when absent.
    pub not_before: Option<i64>,
    /// Last second, Unix time; the profile's when absent.
    pub not_after: Option<i64>,
}

impl Term {
    /// As many days from `now` (Unix time), where days are asked for.
    #[must_use]
    pub fn days(days: Option<u32>, now: i64) -> Self {
        Self { not_before: None, not_after: days.map(|days| now + i64::from(days) * 86_400 - 1) }
    }
}

/// Reads a request, DER or PEM, and checks its proof of possession.
///
/// # Errors
/// [`CertificateError::Request`].
pub fn read(body: &[u8]) -> Result<CertificationRequest, CertificateError> {
    if body.len() > LARGEST {
        return Err(RequestError::TooLarge { len: body.len() }.into());
    }
    Ok(CertificationRequest::from_pem_or_der(body)?)
}

/// What is wished: subject attributes from the register or the request as the profile says, these alternative names,
/// the request's key.
#[must_use]
pub fn wish(
    profile: &Profile,
    registered: &Subject,
    request: &CertificationRequest,
    names: Vec<GeneralName>,
    term: Term,
) -> Wish {
    Wish {
        subject: profile.subject_from(registered, Some(request.subject())),
        names,
        public_key: request.spki().to_vec(),
        not_before: term.not_before,
        not_after: term.not_after,
    }
}

/// Largest request taken, PEM included; `pki` bounds the DER.
pub const LARGEST: usize = 96 * 1024;
