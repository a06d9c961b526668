//! Holding a token against what was asked for (RFC 3161 §2.2, §2.4.2).
//!
//! The signature, the imprint, the nonce, the policy, and that the signer's certificate is one for time-stamps and the
//! one that the token names. Whether that certificate is trusted is `path`'s question.

use std::convert::Infallible;

use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::{Failure, Imprint, Status, TimeStampReq, TimeStampResp};
use crate::asn1::Asn1Error;
use crate::certificate::Certificate;
use crate::cms::{CmsError, Integrity, Limits, TimeStampToken};
use crate::oids;

/// Why a response or a token is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// The response cannot be read.
    #[error("malformed response: {0}")]
    Response(#[from] Asn1Error),
    /// The token cannot be read.
    #[error("malformed token: {0}")]
    Token(#[from] CmsError),
    /// The authority granted none.
    #[error(
        "the authority refuses: {}{}",
        failures.iter().map(|failure| failure.name()).collect::<Vec<_>>().join(", "),
        text.iter().fold(String::new(), |all, text| all + " (" + text + ")")
    )]
    Refused {
        /// The status it answered with.
        status: Status,
        /// Its reasons.
        failures: Vec<Failure>,
        /// Its words.
        text: Vec<String>,
    },
    /// Granted, but nothing is there.
    #[error("the authority grants a token and sends none")]
    NoToken,
    /// The signature does not hold, or the imprint is another.
    #[error("the token is broken: {}", .0.join("; "))]
    Broken(Vec<String>),
    /// The signature cannot be judged.
    #[error("the token cannot be verified: {0}")]
    Unverifiable(String),
    /// The imprint's algorithm is another.
    #[error("the token is for a digest with algorithm {found}")]
    ImprintAlgorithm {
        /// What stands in the token.
        found: ObjectIdentifier,
    },
    /// The nonce is missing or another: an old token played back.
    #[error("the token does not repeat the request's nonce")]
    Nonce,
    /// The policy is another.
    #[error("the token is under policy {found}, another than asked for")]
    Policy {
        /// What stands in the token.
        found: ObjectIdentifier,
    },
    /// The certificate is not one for time-stamps (RFC 3161 §2.3).
    #[error("the signer's certificate is not for time-stamps alone")]
    Purpose,
    /// An extension whose meaning is not known.
    #[error("the token carries extension {0}, which is not known")]
    Extension(ObjectIdentifier),
}

impl TokenFault {
    /// Whether it only says that nothing can be said.
    #[must_use]
    pub const fn is_undecided(&self) -> bool {
        matches!(self, Self::Unverifiable(_))
    }
}

/// Reads the response to `request` and checks the token in it. `further` are certificates among which the signer's may
/// be. Returns the token's encoding, the token and the signer's certificate.
///
/// # Errors
/// [`TokenFault`].
pub fn check_response(
    der: &[u8],
    request: &TimeStampReq,
    further: &[Certificate],
) -> Result<(Vec<u8>, TimeStampToken, Certificate), TokenFault> {
    let response = TimeStampResp::parse(der)?;
    match response.status {
        Status::Granted | Status::GrantedWithMods => {}
        Status::Rejection | Status::Other(_) => {
            let TimeStampResp { status, failures, text, .. } = response;
            return Err(TokenFault::Refused { status, failures, text });
        }
    }
    let der = response.token.ok_or(TokenFault::NoToken)?;
    let token = TimeStampToken::parse(&der, &Limits::default())?;
    let signer = check_token(&token, &request.imprint, further)?;
    let info = token.info();
    // Without one in the request there must be none in the token either; some authorities add their own.
    if request.nonce.is_some() && info.nonce != request.nonce {
        return Err(TokenFault::Nonce);
    }
    if request.policy.is_some_and(|policy| policy != info.policy) {
        return Err(TokenFault::Policy { found: info.policy });
    }
    Ok((der, token, signer))
}

/// Checks that a token stamps `imprint` and is signed by a certificate for time-stamps, which is returned.
///
/// # Errors
/// [`TokenFault`].
pub fn check_token(
    token: &TimeStampToken,
    imprint: &Imprint,
    further: &[Certificate],
) -> Result<Certificate, TokenFault> {
    let info = token.info();
    if info.imprint_algorithm != imprint.algorithm().oid() {
        return Err(TokenFault::ImprintAlgorithm { found: info.imprint_algorithm });
    }
    let verified = token.verify(further, |_| Ok::<_, Infallible>(imprint.digest().to_vec()));
    let verification = match verified {
        Ok(verification) => verification,
        Err(never) => match never {},
    };
    match &verification.integrity {
        Integrity::Intact => {}
        Integrity::Broken(_) => return Err(TokenFault::Broken(verification.integrity.reasons())),
        Integrity::Unknown(reason) => return Err(TokenFault::Unverifiable(reason.to_string())),
    }
    if let Some(extension) = info.extensions.first() {
        return Err(TokenFault::Extension(*extension));
    }
    let none = || TokenFault::Unverifiable("the signer's certificate is not there".to_owned());
    let signer = verification.signer.ok_or_else(none)?;
    let alone = signer.extended_key_usages() == Some(&[oids::TIME_STAMPING]);
    if !alone || signer.extension_criticality(oids::EXTENDED_KEY_USAGE) != Some(true) {
        return Err(TokenFault::Purpose);
    }
    Ok(signer)
}
