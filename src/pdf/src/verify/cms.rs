//! CMS signatures (PAdES, and PKCS #7 detached) and RFC 3161 document time-stamps as containers.

use crypto::DigestAlgorithm;
use pki::cms::{Integrity as CmsIntegrity, Limits, SignedData, TimeStampToken, Verification};
use pki::path::Purpose;
use pki::{Certificate, Indication};

use super::container::{Context, Judgement, OpenContainer, SignatureContainer};
use super::report::{Integrity, Kind, Trust};
use super::trust::{self, Decision, Embedded};

/// `ETSI.CAdES.detached` and `adbe.pkcs7.detached`.
pub(crate) struct CmsContainer;

/// `ETSI.RFC3161`.
pub(crate) struct TimeStampContainer;

impl SignatureContainer for CmsContainer {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        matches!(sub_filter, b"ETSI.CAdES.detached" | b"adbe.pkcs7.detached")
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, String> {
        let data = SignedData::parse(container, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(Box::new(Cms(data)))
    }
}

impl SignatureContainer for TimeStampContainer {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        sub_filter == b"ETSI.RFC3161"
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, String> {
        let token =
            TimeStampToken::parse(container, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(Box::new(Token(token)))
    }
}

struct Cms(SignedData);

impl OpenContainer for Cms {
    fn kind(&self) -> Kind {
        Kind::Signature
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(&self.0.digest_oid()).ok()
    }

    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let further = further(context);
        let Ok(verification) = self
            .0
            .verify(&further, |_| Ok::<_, std::convert::Infallible>(digest.unwrap_or_default().to_vec()));
        let mut judgement = from_verification(&verification);
        judgement.baseline =
            self.0.signed_attributes().is_some_and(pki::cms::SignedAttributes::has_signing_certificate);
        if judgement.integrity != Integrity::Intact {
            return judgement;
        }
        for token in self.0.signature_time_stamps() {
            match self.time_stamp(token, context) {
                Ok(time) => {
                    judgement.timestamp = Some(judgement.timestamp.map_or(time, |known| known.min(time)))
                }
                Err(reason) => {
                    judgement.reasons.push(format!("the signature time-stamp does not count: {reason}"))
                }
            }
        }
        if let Some(signer) = &verification.signer {
            let proven = judgement.timestamp.into_iter().chain(context.existed_at).min();
            let inside = embedded(&self.0);
            apply(&mut judgement, trust::decide(signer, inside, context, Purpose::DocumentSigning, proven));
            judgement.long_term = judgement.trust == Trust::Trusted
                && trust::is_self_contained(signer, inside, context, proven);
        }
        judgement
    }
}

impl Cms {
    /// The time a signature time-stamp proves.
    fn time_stamp(&self, token: &[u8], context: &Context<'_>) -> Result<i64, String> {
        let token = TimeStampToken::parse(token, &Limits::default()).map_err(|error| error.to_string())?;
        let signed = self.0.signature_value();
        let Ok(verification) = token.verify(&further(context), |algorithm| {
            Ok::<_, std::convert::Infallible>(algorithm.digest(signed))
        });
        let judgement = from_verification(&verification);
        if judgement.integrity != Integrity::Intact {
            return Err(judgement.reasons.join("; "));
        }
        let authority = verification.signer.ok_or("no certificate of its authority")?;
        let inside = embedded(token.signed_data());
        let decision = trust::decide(&authority, inside, context, Purpose::TimeStamping, context.existed_at);
        match decision.trust {
            Trust::Trusted => Ok(token.info().gen_time),
            _ => Err(decision.reasons.join("; ")),
        }
    }
}

struct Token(TimeStampToken);

impl OpenContainer for Token {
    fn kind(&self) -> Kind {
        Kind::DocumentTimestamp
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::from_oid(&self.0.info().imprint_algorithm).ok()
    }

    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let Ok(verification) = self.0.verify(&further(context), |_| {
            Ok::<_, std::convert::Infallible>(digest.unwrap_or_default().to_vec())
        });
        let mut judgement = from_verification(&verification);
        if judgement.integrity == Integrity::Intact
            && let Some(authority) = &verification.signer
        {
            judgement.timestamp = Some(self.0.info().gen_time);
            let inside = embedded(self.0.signed_data());
            let decision =
                trust::decide(authority, inside, context, Purpose::TimeStamping, context.existed_at);
            apply(&mut judgement, decision);
        }
        judgement
    }
}

/// Certificates from the document's store and from the caller, among which a signer's may be.
fn further(context: &Context<'_>) -> Vec<Certificate> {
    context.certificates.iter().chain(context.options.untrusted).cloned().collect()
}

fn from_verification(verification: &Verification) -> Judgement {
    let (indication, sub_indication) = verification.integrity.indication();
    Judgement {
        integrity: match verification.integrity {
            CmsIntegrity::Intact => Integrity::Intact,
            CmsIntegrity::Broken(_) => Integrity::Broken,
            CmsIntegrity::Unknown(_) => Integrity::Unknown,
        },
        trust: Trust::Undecided,
        indication: if verification.integrity.is_intact() { Indication::Indeterminate } else { indication },
        sub_indication,
        reasons: verification.integrity.reasons(),
        signer: verification.signer.clone(),
        baseline: false,
        timestamp: None,
        long_term: false,
    }
}

fn embedded(data: &SignedData) -> Embedded<'_> {
    Embedded { certificates: data.certificates(), crls: data.crls(), ocsp: data.ocsp_responses() }
}

fn apply(judgement: &mut Judgement, decision: Decision) {
    judgement.trust = decision.trust;
    judgement.indication = decision.indication;
    judgement.sub_indication = decision.sub_indication;
    judgement.reasons.extend(decision.reasons);
}
