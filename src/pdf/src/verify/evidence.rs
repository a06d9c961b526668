//! What the document brings along for its own validation: the security store (DSS, ISO 32000-2 §12.8.4.3).
//!
//! Certificates, CRLs and OCSP responses of the newest store, those that only a VRI entry names included; VRI says
//! for which signature something was collected, which no validation needs to know. Where each object stands is
//! kept, because a document time-stamp proves that everything before it existed by then (EN 319 142-1 §5.4.2).
//! Nothing is trusted for standing here.

use std::collections::HashSet;

use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::validation::Poes;
use pki::{Asn1Error, Certificate, CertificateError};

use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View};

/// What a document security store holds; each object once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) crls: Vec<Crl>,
    pub(crate) ocsp: Vec<BasicResponse>,
    /// Where each of them stands.
    pub(crate) places: Vec<Place>,
    pub(crate) warnings: Vec<String>,
}

/// Where in the file an object stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// SHA-256 of the object.
    pub(crate) digest: [u8; 32],
    /// Where its octets end.
    pub(crate) end: u64,
}

impl Evidence {
    /// Reads the store of one state of the document; what cannot be read is left out and said.
    pub(crate) fn of(view: View<'_, '_>) -> Result<Self, ReadError> {
        let (_, catalog) = view.catalog()?;
        let Object::Dictionary(store) = view.entry(&catalog, b"DSS")? else { return Ok(Self::default()) };
        let mut reader =
            StoreReader { view, evidence: Self::default(), seen: HashSet::new(), known: HashSet::new() };
        reader.lists(&store, [b"Certs", b"CRLs", b"OCSPs"])?;
        if let Object::Dictionary(entries) = view.entry(&store, b"VRI")? {
            for (_, entry) in entries.iter().take(MAX_ITEMS) {
                if let Object::Dictionary(entry) = view.resolve(entry)? {
                    reader.lists(&entry, [b"Cert", b"CRL", b"OCSP"])?;
                }
            }
        }
        Ok(reader.evidence)
    }

    /// What of it ends before `end`.
    pub(crate) fn until(&self, end: u64) -> Self {
        let places: Vec<Place> = self.places.iter().filter(|place| place.end < end).copied().collect();
        let kept: HashSet<[u8; 32]> = places.iter().map(|place| place.digest).collect();
        let certificates = self.certificates.iter().filter(|one| kept.contains(one.sha256_fingerprint()));
        let crls = self.crls.iter().filter(|one| kept.contains(one.sha256_fingerprint()));
        let ocsp = self.ocsp.iter().filter(|one| kept.contains(one.sha256_fingerprint()));
        Self {
            certificates: certificates.cloned().collect(),
            crls: crls.cloned().collect(),
            ocsp: ocsp.cloned().collect(),
            places,
            warnings: Vec::new(),
        }
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }
}

/// Why an object of the store is of no use.
enum Unusable {
    Unreadable(String),
    TooComplex(&'static str),
}

struct StoreReader<'d, 'a> {
    view: View<'d, 'a>,
    evidence: Evidence,
    /// Streams read already, and the objects that were in them.
    seen: HashSet<ObjectId>,
    known: HashSet<[u8; 32]>,
}

impl StoreReader<'_, '_> {
    /// Reads the three lists of a store or of a VRI entry: certificates, CRLs, OCSP responses.
    fn lists(&mut self, holder: &Dictionary, [certs, crls, ocsps]: [&[u8]; 3]) -> Result<(), ReadError> {
        self.list(holder, certs, "a certificate", |evidence, der| {
            let certificate = Certificate::from_der(der).map_err(|error| match error {
                CertificateError::TooLarge { .. }
                | CertificateError::Malformed(Asn1Error::TooComplex { .. }) => {
                    Unusable::TooComplex("certificates of the security store")
                }
                error => Unusable::Unreadable(error.to_string()),
            })?;
            evidence.certificates.push(certificate);
            Ok(Vec::new())
        })?;
        self.list(holder, crls, "a revocation list", |evidence, der| {
            let crl = Crl::from_der(der).map_err(|error| Unusable::Unreadable(error.to_string()))?;
            evidence.crls.push(crl);
            Ok(Vec::new())
        })?;
        self.list(holder, ocsps, "an OCSP response", |evidence, der| {
            let response =
                BasicResponse::from_any_der(der).map_err(|error| Unusable::Unreadable(error.to_string()))?;
            // Inside: the response without its envelope, and its signer's certificate.
            let signers = response.certificates().iter().map(|one| *one.sha256_fingerprint());
            let inside = signers.chain([*response.sha256_fingerprint()]).collect();
            evidence.ocsp.push(response);
            Ok(inside)
        })
    }

    fn list(
        &mut self,
        holder: &Dictionary,
        key: &[u8],
        what: &str,
        mut take: impl FnMut(&mut Evidence, &[u8]) -> Result<Vec<[u8; 32]>, Unusable>,
    ) -> Result<(), ReadError> {
        let list = self.view.entry(holder, key)?;
        for item in list.as_array().unwrap_or_default() {
            if item.as_reference().is_some_and(|id| !self.seen.insert(id)) {
                continue;
            }
            if self.seen.len() > MAX_ITEMS {
                return Err(ReadError::TooComplex { budget: "objects of the security store" });
            }
            let Some((der, end)) = self.octets(item)? else { continue };
            let digest = Poes::digest(&der);
            if !self.known.insert(digest) {
                continue;
            }
            match take(&mut self.evidence, &der) {
                Ok(inside) => {
                    let places = inside.into_iter().chain([digest]).map(|digest| Place { digest, end });
                    self.evidence.places.extend(places);
                }
                Err(Unusable::TooComplex(budget)) => return Err(ReadError::TooComplex { budget }),
                Err(Unusable::Unreadable(error)) => {
                    self.evidence.warn(format!("{what} of the security store is unreadable: {error}"));
                }
            }
        }
        Ok(())
    }

    /// The decoded octets of a stream, and where it ends in the file.
    fn octets(&mut self, item: &Object) -> Result<Option<(Vec<u8>, u64)>, ReadError> {
        let decoded = match self.view.resolve(item) {
            Ok(Object::Stream(stream)) => {
                let end = stream.offset.saturating_add(stream.length);
                self.view.stream_data(&stream, MAX_ITEM).map(|data| (data, end))
            }
            Ok(_) => return Ok(None),
            Err(error) => Err(error),
        };
        match decoded {
            Ok(found) => Ok(Some(found)),
            Err(error @ (ReadError::Io(_) | ReadError::TooComplex { .. })) => Err(error),
            Err(error) => {
                self.evidence.warn(format!("an entry of the security store is unreadable: {error}"));
                Ok(None)
            }
        }
    }
}

/// Objects read from one store.
const MAX_ITEMS: usize = 4_096;
/// Largest single certificate, CRL or response; national CRLs reach some 10 MB.
const MAX_ITEM: usize = 64 << 20;
const MAX_WARNINGS: usize = 8;
