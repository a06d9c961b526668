//! Certificates and revocation lists the document brings along (DSS, ISO 32000-2 §12.8.4.3).

use pki::Certificate;
use pki::crl::Crl;

use crate::syntax::{Object, ReadError, View};

/// What a document security store holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) crls: Vec<Crl>,
    /// How many OCSP responses there are.
    pub(crate) ocsp_responses: usize,
    pub(crate) warnings: Vec<String>,
}

impl Evidence {
    /// Reads the store of one state of the document; what cannot be read is left out and said.
    pub(crate) fn of(view: View<'_, '_>) -> Result<Self, ReadError> {
        let mut evidence = Self::default();
        let (_, catalog) = view.catalog()?;
        let Object::Dictionary(store) = view.entry(&catalog, b"DSS")? else { return Ok(evidence) };
        for der in streams(view, &view.entry(&store, b"Certs")?, &mut evidence.warnings)? {
            match Certificate::from_der(&der) {
                Ok(certificate) => evidence.certificates.push(certificate),
                Err(error) => {
                    evidence.warn(format!("a certificate of the security store is unreadable: {error}"))
                }
            }
        }
        for der in streams(view, &view.entry(&store, b"CRLs")?, &mut evidence.warnings)? {
            match Crl::from_der(&der) {
                Ok(crl) => evidence.crls.push(crl),
                Err(error) => {
                    evidence.warn(format!("a revocation list of the security store is unreadable: {error}"))
                }
            }
        }
        if let Object::Array(responses) = view.entry(&store, b"OCSPs")? {
            evidence.ocsp_responses = responses.len();
        }
        Ok(evidence)
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }
}

fn streams(view: View<'_, '_>, list: &Object, warnings: &mut Vec<String>) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut found = Vec::new();
    for item in list.as_array().unwrap_or_default().iter().take(MAX_ITEMS) {
        let decoded = match view.resolve(item) {
            Ok(Object::Stream(stream)) => view.stream_data(&stream, MAX_ITEM),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match decoded {
            Ok(data) => found.push(data),
            Err(error @ (ReadError::Io(_) | ReadError::TooComplex { .. })) => return Err(error),
            Err(error) if warnings.len() < MAX_WARNINGS => {
                warnings.push(format!("an entry of the security store is unreadable: {error}"));
            }
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Entries looked at per list.
const MAX_ITEMS: usize = 4_096;
/// Largest single certificate or CRL; national CRLs reach some 10 MB.
const MAX_ITEM: usize = 64 << 20;
const MAX_WARNINGS: usize = 8;
