//! What a file is, and taking it out of its envelope: PEM armour, bare base64, a time-stamp response, a ContentInfo.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use pki::cms::{Message, TimeStampToken, element_len};
use pki::tsp::TimeStampResp;
use pki::validation::Poes;
use serde::Serialize;

use super::PlainError;
use crate::syntax::{ReadError, Source};
use crate::verify::Unreadable;
use crate::verify::container::{ContainerError, OpenContainer, SignatureContainer};
use crate::verify::report::Kind;

/// What a file is, by its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A PDF, or at least nothing else that is known here.
    Pdf,
    /// CMS signed data (RFC 5652), DER, BER or PEM.
    Cms,
    /// A time-stamp token or response (RFC 3161).
    Timestamp,
    /// What an electronic seal signed (SES_Signature), by a container verifier outside this crate.
    SesSignature,
    /// An electronic seal (SESeal), by a container verifier outside this crate.
    Seal,
}

/// What a file outside of PDFs may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of the file, content inside it included; it is held in memory.
    pub file: usize,
    /// Octets of content for a signature without signed attributes, which is held in memory too. With them, content is
    /// hashed as it is read and may have any length.
    pub unattributed: usize,
}

impl Default for Limits {
    /// 64 MiB each.
    fn default() -> Self {
        Self { file: 64 << 20, unattributed: 64 << 20 }
    }
}

impl Format {
    /// Whether `source` is CMS, a time-stamp or what one of `containers` recognises, rather than a PDF; in DER, PEM or
    /// base64.
    ///
    /// A PDF may have anything before its header, and signed content may be a PDF: what decides is how the file begins,
    /// because that is what a program for CMS looks at.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_plain(source: &dyn Source, containers: &[&dyn SignatureContainer]) -> Result<bool, ReadError> {
        let length = usize::try_from(source.len()).unwrap_or(usize::MAX);
        let mut start = vec![0; length.min(START)];
        source.read_at(0, &mut start)?;
        if armour(&start).is_some() {
            return Ok(true);
        }
        let octets = bare_base64(&start, start.len() < length).unwrap_or(start);
        let response = is_response(&octets);
        Ok(is_signed_data(&octets) || response || containers.iter().any(|one| one.recognises(&octets)))
    }
}

/// Whether it begins as ContentInfo with signed data does, by the identifier of RFC 5652 §5.1 or of GM/T 0010.
pub(crate) fn is_signed_data(octets: &[u8]) -> bool {
    let inner = content_at(octets).and_then(|at| octets.get(at..)).unwrap_or_default();
    inner.starts_with(SIGNED_DATA) || inner.starts_with(GM_SIGNED_DATA)
}

/// TimeStampResp begins with a PKIStatusInfo, whose first field is INTEGER 0 to 5, and nothing but text and BIT STRING
/// follows that in it.
fn is_response(octets: &[u8]) -> bool {
    let Some(inner) = content_at(octets).and_then(|at| octets.get(at..)) else { return false };
    inner.first() == Some(&SEQUENCE)
        && content_at(inner)
            .and_then(|at| inner.get(at..))
            .is_some_and(|info| matches!(info, [INTEGER, 1, status, ..] if *status <= 5))
}

/// What stands inside the envelope.
pub(super) enum Signed {
    /// A message with its signers, perhaps none.
    Message(Message),
    /// A time-stamp, and SHA-256 of its octets.
    TimeStamp(Box<TimeStampToken>, [u8; 32]),
    /// What a container verifier outside this crate opened.
    Contained(Box<dyn OpenContainer>),
    /// A response without a token.
    Nothing,
}

/// A file taken apart.
pub(super) struct Envelope {
    pub(super) signed: Signed,
    /// Octets after the end of the element.
    pub(super) trailing: u64,
    pub(super) warnings: Vec<String>,
}

impl Envelope {
    pub(super) fn read(
        source: &dyn Source,
        containers: &[&dyn SignatureContainer],
        limits: &Limits,
    ) -> Result<Self, Unreadable> {
        let length = usize::try_from(source.len()).ok().filter(|length| *length <= limits.file);
        let length = length.ok_or(ReadError::TooComplex { budget: "octets of a file that is no PDF" })?;
        let mut octets = vec![0; length];
        source.read_at(0, &mut octets).map_err(ReadError::from)?;
        if armour(octets.get(..START).unwrap_or(&octets)).is_some() {
            octets = unarmoured(&octets)?;
        } else if let Some(decoded) = bare_base64(&octets, false) {
            octets = decoded;
        }
        let end = element_len(&octets).map_err(|error| PlainError::Cms(error.into()))?;
        let trailing = (octets.len() - end.min(octets.len())) as u64;
        octets.truncate(end);
        if let Some(container) = containers.iter().find(|container| container.recognises(&octets)) {
            let opened = container.open(&octets).map_err(|error| match error {
                ContainerError::TooComplex { budget } => Unreadable::TooComplex { budget },
                ContainerError::Malformed(reason) => PlainError::Container { reason }.into(),
            })?;
            return Ok(Self { signed: Signed::Contained(opened), trailing, warnings: Vec::new() });
        }
        let (signed, warnings) = open(&octets, limits)?;
        Ok(Self { signed, trailing, warnings })
    }

    pub(super) fn format(&self) -> Format {
        match &self.signed {
            Signed::Contained(container) if container.kind() == Kind::Seal => Format::Seal,
            Signed::Contained(_) => Format::SesSignature,
            Signed::Message(_) => Format::Cms,
            Signed::TimeStamp(..) | Signed::Nothing => Format::Timestamp,
        }
    }
}

fn open(octets: &[u8], limits: &Limits) -> Result<(Signed, Vec<String>), PlainError> {
    let bounds = pki::cms::Limits { max_len: limits.file, ..pki::cms::Limits::default() };
    let inner = content_at(octets).and_then(|at| octets.get(at)).copied();
    if inner == Some(SEQUENCE) {
        let response = TimeStampResp::parse(octets).map_err(pki::cms::CmsError::from)?;
        let Some(token) = response.token else {
            let words = response.text.join("; ");
            let warning = format!("the response carries no time-stamp: the authority refused {words}");
            return Ok((Signed::Nothing, vec![warning.trim_end().to_owned()]));
        };
        let digest = Poes::digest(&token);
        let token = TimeStampToken::parse(&token, &bounds)?;
        return Ok((Signed::TimeStamp(Box::new(token), digest), Vec::new()));
    }
    if let Ok(token) = TimeStampToken::parse(octets, &bounds) {
        return Ok((Signed::TimeStamp(Box::new(token), Poes::digest(octets)), Vec::new()));
    }
    Ok((Signed::Message(Message::parse(octets, &bounds)?), Vec::new()))
}

/// The label of the first PEM block that a line of `start` begins, unless a PDF begins before it.
fn armour(start: &[u8]) -> Option<&'static str> {
    let find = |label: &&&'static str| {
        let line = format!("-----BEGIN {label}-----");
        let at = start.windows(line.len()).position(|window| window == line.as_bytes())?;
        let begins = at == 0 || start.get(at - 1).is_some_and(|before| matches!(before, b'\n' | b'\r'));
        let text = start.get(..at)?;
        let pdf = text.windows(5).any(|window| window == b"%PDF-") || text.contains(&0);
        (begins && !pdf).then_some(())
    };
    (start.len() >= 16).then(|| LABELS.iter().find(|label| find(label).is_some()).copied()).flatten()
}

/// What a text of nothing but base64 says, as products hand seals around; `cut` when the text goes on.
fn bare_base64(text: &[u8], cut: bool) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    // A SEQUENCE of more than 127 octets, whatever else it is.
    let first = text.iter().position(|c| !c.is_ascii_whitespace())?;
    if text.get(first) != Some(&b'M') {
        return None;
    }
    let mut digits: Vec<u8> = text.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
    if cut {
        digits.truncate(digits.len() / 4 * 4);
    }
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(&digits).ok()
}

fn unarmoured(text: &[u8]) -> Result<Vec<u8>, PlainError> {
    let mut blocks = Vec::new();
    for label in LABELS {
        match pki::pem::decode(text, label) {
            Ok(found) => blocks.extend(found),
            Err(pki::pem::PemError::Missing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match blocks.len() {
        0 => Err(PlainError::NoPem),
        1 => Ok(blocks.pop().unwrap_or_default()),
        count => Err(PlainError::SeveralPem { count }),
    }
}

/// Where the content of the SEQUENCE at the start of `octets` begins.
fn content_at(octets: &[u8]) -> Option<usize> {
    match octets {
        [SEQUENCE, 0..=0x80, ..] => Some(2),
        [SEQUENCE, long @ 0x81..=0x88, ..] => Some(2 + usize::from(long & 0x7F)),
        _ => None,
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// OBJECT IDENTIFIER id-signedData, encoded.
const SIGNED_DATA: &[u8] = &[6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
/// OBJECT IDENTIFIER 1.2.156.10197.6.1.4.2.2 (GM/T 0010 §6), encoded.
const GM_SIGNED_DATA: &[u8] = &[6, 10, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 6, 1, 4, 2, 2];
/// RFC 7468 §9 and what came before it.
const LABELS: [&str; 3] = ["CMS", "PKCS7", "PKCS #7 SIGNED DATA"];
/// How much of a file is looked at: text may stand before PEM.
const START: usize = 4_096;
