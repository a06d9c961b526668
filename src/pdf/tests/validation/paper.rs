//! PDF files written revision by revision: signatures, document time-stamps and security stores at will.

use crypto::DigestAlgorithm;

use super::forge::{Cms, Party, clock};
use super::support::{Writer, one_page};

/// A file and what its next revision has to know.
#[derive(Clone)]
pub struct Paper {
    pub bytes: Vec<u8>,
    last_xref: usize,
    next: u32,
    fields: Vec<u32>,
    certs: Vec<u32>,
    crls: Vec<u32>,
    ocsps: Vec<u32>,
    /// Further entries of the store's dictionary.
    pub store_entries: String,
    /// Further entries of signature dictionaries to come.
    signature_entries: String,
}

impl Paper {
    /// An unsigned page.
    pub fn new() -> Self {
        let page = one_page();
        Self {
            bytes: page.bytes,
            last_xref: page.last_xref,
            next: 5,
            fields: Vec::new(),
            certs: Vec::new(),
            crls: Vec::new(),
            ocsps: Vec::new(),
            store_entries: String::new(),
            signature_entries: String::new(),
        }
    }

    /// An unsigned page whose signature dictionaries have further entries.
    pub fn saying(signature_entries: &str) -> Self {
        Self { signature_entries: signature_entries.into(), ..Self::new() }
    }

    /// The catalog as it has to be written now.
    fn catalog(&self) -> String {
        let list = |numbers: &[u32]| numbers.iter().map(|n| format!("{n} 0 R ")).collect::<String>();
        let form = if self.fields.is_empty() {
            String::new()
        } else {
            format!("/AcroForm << /Fields [{}] /SigFlags 3 >>", list(&self.fields))
        };
        let stored = [("Certs", &self.certs), ("CRLs", &self.crls), ("OCSPs", &self.ocsps)];
        let stored: String = stored
            .iter()
            .filter(|(_, numbers)| !numbers.is_empty())
            .map(|(key, numbers)| format!("/{key} [{}] ", list(numbers)))
            .collect();
        let store = if stored.is_empty() && self.store_entries.is_empty() {
            String::new()
        } else {
            format!("/DSS << /Type /DSS {stored} {} >>", self.store_entries)
        };
        format!("<< /Type /Catalog /Pages 2 0 R {form} {store} >>")
    }

    fn take(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn finish(&mut self, mut w: Writer) {
        w.object(1, &self.catalog()).table(&format!("/Size {} /Root 1 0 R", self.next));
        self.last_xref = w.last_xref;
        self.bytes = w.bytes;
    }

    /// A revision with more validation material: certificates, CRLs, OCSP responses (DER).
    pub fn store(mut self, certs: &[&Party], crls: &[&[u8]], ocsps: &[&[u8]]) -> Self {
        let mut w = Writer::after(&self.bytes, self.last_xref);
        for party in certs {
            let number = self.take();
            w.stream(number, "", party.certificate.der());
            self.certs.push(number);
        }
        for der in crls {
            let number = self.take();
            w.stream(number, "", der);
            self.crls.push(number);
        }
        for der in ocsps {
            let number = self.take();
            w.stream(number, "", der);
            self.ocsps.push(number);
        }
        self.finish(w);
        self
    }

    /// A revision with more in the store's `/Certs`, whatever it is.
    pub fn store_raw(mut self, certs: &[&[u8]]) -> Self {
        let mut w = Writer::after(&self.bytes, self.last_xref);
        for der in certs {
            let number = self.take();
            w.stream(number, "", der);
            self.certs.push(number);
        }
        self.finish(w);
        self
    }

    /// A revision with streams that only `/VRI` of the store names, under the key of no signature at hand.
    pub fn store_in_vri(mut self, cert: &Party, crl: &[u8], ocsp: &[u8]) -> Self {
        let mut w = Writer::after(&self.bytes, self.last_xref);
        let numbers = [self.take(), self.take(), self.take()];
        w.stream(numbers[0], "", cert.certificate.der());
        w.stream(numbers[1], "", crl);
        w.stream(numbers[2], "", ocsp);
        self.store_entries = format!(
            "/VRI << /{} << /Type /VRI /Cert [{} 0 R] /CRL [{} 0 R] /OCSP [{} 0 R] >> >>",
            "A".repeat(40),
            numbers[0],
            numbers[1],
            numbers[2]
        );
        self.finish(w);
        self
    }

    /// Signs, claiming `claimed`; the CMS is made from the digest of what is signed.
    pub fn sign_with(
        self,
        claimed: i64,
        digest: DigestAlgorithm,
        cms: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Self {
        self.fill("/Sig", "/ETSI.CAdES.detached", claimed, digest, cms)
    }

    /// Signs as `cms` says.
    pub fn sign(self, claimed: i64, cms: &Cms<'_>) -> Self {
        let digest = crypto::Signer::scheme(&*cms.signer.key).cms_digest();
        self.sign_with(claimed, digest, |digest| cms.sign(digest))
    }

    /// A document time-stamp by `authority` at `at`.
    pub fn stamp(self, authority: &Party, at: i64, chain: &[&Party]) -> Self {
        self.fill("/DocTimeStamp", "/ETSI.RFC3161", at, DigestAlgorithm::Sha256, |digest| {
            authority.token_over(digest, at, chain)
        })
    }

    fn fill(
        mut self,
        kind: &str,
        sub_filter: &str,
        claimed: i64,
        digest: DigestAlgorithm,
        cms: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Self {
        let (field, value) = (self.take(), self.take());
        self.fields.push(field);
        let mut w = Writer::after(&self.bytes, self.last_xref);
        let empty = "0".repeat(HOLE);
        let time = if kind == "/Sig" { format!("/M (D:{})", clock(claimed)) } else { String::new() };
        w.object(
            field,
            &format!(
                "<< /FT /Sig /T (s{field}) /V {value} 0 R /Type /Annot /Subtype /Widget /F 132 /Rect [0 0 0 0] /P 3 0 R >>"
            ),
        );
        w.object(
            value,
            &format!(
                "<< /Type {kind} /Filter /Adobe.PPKLite /SubFilter {sub_filter} {RANGE} /Contents <{empty}> {time} {} >>",
                self.signature_entries
            ),
        );
        self.finish(w);
        let hex = memchr::memmem::rfind(&self.bytes, empty.as_bytes()).unwrap();
        let (start, end) = (hex - 1, hex + HOLE + 1);
        let range = format!("/ByteRange [0 {start} {end} {}]", self.bytes.len() - end);
        let at = memchr::memmem::rfind(&self.bytes, RANGE.as_bytes()).unwrap();
        self.bytes[at..at + RANGE.len()]
            .copy_from_slice(format!("{range:<width$}", width = RANGE.len()).as_bytes());
        let mut hasher = digest.hasher();
        hasher.update(&self.bytes[..start]);
        hasher.update(&self.bytes[end..]);
        let filled = hex::encode(cms(&hasher.finish()));
        assert!(filled.len() <= HOLE, "{} hexadecimal digits of CMS", filled.len());
        self.bytes[hex..hex + filled.len()].copy_from_slice(filled.as_bytes());
        self
    }
}

/// Hexadecimal digits reserved for a container.
const HOLE: usize = 40_000;
/// As long as any range needs.
const RANGE: &str = "/ByteRange [0 0000000000 0000000000 0000000000]";
