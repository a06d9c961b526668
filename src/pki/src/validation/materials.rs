//! The cryptographic constraints put to everything that is signed (EN 319 102-1 §5.2.8.4.1, §5.5.4 step 10): which of its
//! algorithms were no longer reliable, and until when they were.

use crypto::SignatureScheme;

use super::{
    cryptography::{Algorithm, Cryptography, DigestName, Reliability},
    report::{AlgorithmUsed, Material, ObjectKind},
};
use crate::{
    certificate::Certificate,
    path::{By, Source},
};

/// A signed object whose algorithm was not reliable at the time asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Weakness {
    pub kind: ObjectKind,
    pub object: [u8; 32],
    pub algorithm: &'static str,
    pub bits: Option<u32>,
    pub reliable: Reliability,
}

impl Weakness {
    pub(super) fn describe(&self) -> String {
        let what = match self.kind {
            ObjectKind::Signature => "the signature",
            ObjectKind::TimeStamp => "the time-stamp",
            ObjectKind::Certificate => "a certificate",
            ObjectKind::Crl => "a revocation list",
            ObjectKind::Ocsp => "an OCSP response",
        };
        let bits = self.bits.map(|bits| format!(" with {bits} bits")).unwrap_or_default();
        match self.reliable {
            Reliability::Until { until } => {
                let (year, month, day) = crate::time::date(until.div_euclid(86_400));
                format!(
                    "{} of {what} is reliable no longer{bits}: it ended on {year:04}-{month:02}-{day:02}",
                    self.algorithm
                )
            }
            _ => format!("{} of {what}{bits} is not accepted", self.algorithm),
        }
    }
}

/// Asks about objects, and keeps what was asked.
pub(super) struct Examiner<'e> {
    cryptography: &'e Cryptography,
    material: &'e mut Material,
}

impl<'e> Examiner<'e> {
    pub(super) const fn new(cryptography: &'e Cryptography, material: &'e mut Material) -> Self {
        Self { cryptography, material }
    }

    /// A signature by `scheme` with the key in `spki`: what was not reliable at the time.
    pub(super) fn scheme(
        &mut self,
        kind: ObjectKind,
        object: [u8; 32],
        scheme: SignatureScheme,
        spki: &[u8],
        at: i64,
    ) -> Vec<Weakness> {
        let algorithms = self.cryptography.scheme(scheme, spki);
        algorithms.into_iter().flatten().filter_map(|one| self.one(kind, object, one, at)).collect()
    }

    pub(super) fn digest(
        &mut self,
        kind: ObjectKind,
        object: [u8; 32],
        digest: DigestName,
        at: i64,
    ) -> Option<Weakness> {
        let reliable = self.cryptography.digest(digest);
        self.one(kind, object, Algorithm { name: digest.name(), bits: None, reliable }, at)
    }

    /// A certificate, by its issuer's key.
    pub(super) fn certificate(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: i64,
    ) -> Vec<Weakness> {
        let object = *certificate.sha256_fingerprint();
        self.signed(ObjectKind::Certificate, object, certificate.signature_algorithm(), issuer.spki(), at)
    }

    /// Revocation evidence, by whoever signed it.
    pub(super) fn evidence(&mut self, source: &Source, at: i64) -> Vec<Weakness> {
        let (kind, object, algorithm) = match &source.by {
            By::Crl(crl) => (ObjectKind::Crl, *crl.sha256_fingerprint(), crl.signature_algorithm()),
            By::Ocsp(response) => {
                (ObjectKind::Ocsp, *response.sha256_fingerprint(), response.signature_algorithm())
            }
        };
        self.signed(kind, object, algorithm, source.signer.spki(), at)
    }

    fn signed(
        &mut self,
        kind: ObjectKind,
        object: [u8; 32],
        algorithm: &[u8],
        spki: &[u8],
        at: i64,
    ) -> Vec<Weakness> {
        // Its signature held, so the algorithm is one that can be read.
        match SignatureScheme::from_algorithm(algorithm, spki) {
            Ok(scheme) => self.scheme(kind, object, scheme, spki, at),
            Err(_) => vec![Weakness {
                kind,
                object,
                algorithm: "an unknown algorithm",
                bits: None,
                reliable: Reliability::Never,
            }],
        }
    }

    fn one(&mut self, kind: ObjectKind, object: [u8; 32], algorithm: Algorithm, at: i64) -> Option<Weakness> {
        let Algorithm { name, bits, reliable } = algorithm;
        let secure = reliable.holds_at(at);
        let used = AlgorithmUsed { kind, object, algorithm: name, bits, reliable, secure };
        if !self.material.algorithms.contains(&used) {
            self.material.algorithms.push(used);
        }
        (!secure).then_some(Weakness { kind, object, algorithm: name, bits, reliable })
    }
}

/// The latest second at which everything was reliable; `None` when something never was, and when nothing ends.
pub(super) fn reliable_until(weaknesses: &[Weakness]) -> Option<i64> {
    let ends = weaknesses.iter().map(|weakness| match weakness.reliable {
        Reliability::Until { until } => Some(until.saturating_sub(1)),
        Reliability::Never | Reliability::Open => None,
    });
    ends.min().flatten()
}
