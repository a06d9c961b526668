//! What the author of an empty field demands of its signature: seed values (ISO 32000-2 §12.7.5.5, table 237).
//!
//! Entries whose bit in /Ff is not set are hints and left alone; a demand is met or refused by name, never
//! passed over. /MDP has no bit: it says which kind of signature the field is for.

use crypto::DigestAlgorithm;

use super::PrepareError;
use super::form::Field;
use super::request::{Container, DocMdp, SignatureRequest};
use crate::syntax::{Dictionary, Document, Object};
use crate::write::decode_text;

/// Holds `request` against the field's demands; answers the digests that are allowed, all if `None`.
pub(super) fn check(
    document: &Document<'_>,
    field: &Field,
    request: &SignatureRequest,
) -> Result<Option<Vec<DigestAlgorithm>>, PrepareError> {
    let Object::Dictionary(seed) = document.entry(&field.dictionary, b"SV")? else { return Ok(None) };
    let refuse = |demand| PrepareError::SeedValue { name: field.name.clone(), demand };
    let flags = document.entry(&seed, b"Ff")?.as_integer().unwrap_or(0);
    let required = |bit: i64| flags & bit != 0;
    if flags & !KNOWN != 0 {
        return Err(refuse("something that no standard describes"));
    }
    let container = request.container;
    if required(FILTER) && document.entry(&seed, b"Filter")?.as_name() != Some(container.filter().as_bytes())
    {
        return Err(refuse(match container {
            Container::Pades => "a signature handler other than Adobe.PPKLite",
            Container::Other { .. } => "another signature handler than that of this format",
        }));
    }
    if required(SUB_FILTER) {
        let listed = names(document, &seed, b"SubFilter")?;
        if !listed.is_empty() && !listed.iter().any(|name| name == container.sub_filter().as_bytes()) {
            return Err(refuse(match container {
                Container::Pades => "an encoding other than ETSI.CAdES.detached",
                Container::Other { .. } => "another encoding than that of this format",
            }));
        }
    }
    // 1 is PDF 1.5, 2 is PDF 1.7, 3 is PDF 2.0.
    if required(VERSION) && document.entry(&seed, b"V")?.as_number().is_some_and(|version| version > 3.0) {
        return Err(refuse("a newer version of seed values"));
    }
    if required(REASONS) {
        reasons(document, &seed, request)?.map_err(refuse)?;
    }
    if required(REVOCATION_INFO) && document.entry(&seed, b"AddRevInfo")? == Object::Boolean(true) {
        return Err(refuse("Adobe's attribute of revocation data, which PAdES forbids"));
    }
    if required(LEGAL) && request.certify.is_some() {
        return Err(refuse("a legal attestation"));
    }
    if required(APPEARANCE) && !matches!(document.entry(&seed, b"AppearanceFilter")?, Object::Null) {
        return Err(refuse("an appearance of its own"));
    }
    if required(LOCK_DOCUMENT) {
        lock_document(document, &seed, field, request)?.map_err(refuse)?;
    }
    kind(document, &seed, request)?.map_err(refuse)?;
    for (key, demand) in
        [(b"Cert".as_slice(), "a certain certificate"), (b"TimeStamp", "a time-stamp of a certain server")]
    {
        if let Object::Dictionary(constraint) = document.entry(&seed, key)?
            && document.entry(&constraint, b"Ff")?.as_integer().unwrap_or(0) != 0
        {
            return Err(refuse(demand));
        }
    }
    if !required(DIGEST) {
        return Ok(None);
    }
    let listed = digests(document, &seed)?;
    if listed.as_ref().is_some_and(Vec::is_empty) {
        return Err(refuse("a digest that is no longer safe"));
    }
    Ok(listed)
}

/// Whether a demand is met, or what is demanded.
type Met = Result<(), &'static str>;

/// /Reasons: one of them, or none at all where the only one is a full stop.
fn reasons(
    document: &Document<'_>,
    seed: &Dictionary,
    request: &SignatureRequest,
) -> Result<Met, PrepareError> {
    let Object::Array(reasons) = document.entry(seed, b"Reasons")? else { return Ok(Ok(())) };
    let mut listed = Vec::new();
    for reason in reasons.iter().take(MAX_LISTED) {
        listed.extend(document.resolve(reason)?.as_string().map(decode_text));
    }
    Ok(match (listed.as_slice(), &request.reason) {
        ([], _) => Ok(()),
        ([only], None) if only == "." => Ok(()),
        ([only], Some(_)) if only == "." => Err("a signature without a reason"),
        (listed, Some(reason)) if listed.contains(reason) => Ok(()),
        _ => Err("one of the reasons it lists"),
    })
}

/// /LockDocument: whether the signature is the document's last word.
fn lock_document(
    document: &Document<'_>,
    seed: &Dictionary,
    field: &Field,
    request: &SignatureRequest,
) -> Result<Met, PrepareError> {
    let locks = request.certify == Some(DocMdp::NoChanges)
        || match document.entry(&field.dictionary, b"Lock")? {
            Object::Dictionary(lock) => document.entry(&lock, b"P")?.as_integer() == Some(1),
            _ => false,
        };
    Ok(match document.entry(seed, b"LockDocument")?.as_name() {
        Some(b"true") if !locks => Err("a signature that locks the document"),
        Some(b"false") if locks => Err("a signature that leaves the document open"),
        _ => Ok(()),
    })
}

/// /MDP: 0 wants an approval signature, 1 to 3 a certification of that level.
fn kind(document: &Document<'_>, seed: &Dictionary, request: &SignatureRequest) -> Result<Met, PrepareError> {
    let Object::Dictionary(wanted) = document.entry(seed, b"MDP")? else { return Ok(Ok(())) };
    let certified = request.certify.map(DocMdp::level);
    Ok(match (document.entry(&wanted, b"P")?.as_integer(), certified) {
        (None, _) | (Some(0), None) => Ok(()),
        (Some(0), Some(_)) => Err("an approval signature, not a certification"),
        (Some(level), Some(certified)) if level == certified => Ok(()),
        (Some(1), _) => Err("a certification that allows no changes"),
        (Some(2), _) => Err("a certification that allows forms and signatures"),
        (Some(_), _) => Err("a certification that allows annotations"),
    })
}

/// /DigestMethod: those of the listed digests that a signature may still be made with.
fn digests(document: &Document<'_>, seed: &Dictionary) -> Result<Option<Vec<DigestAlgorithm>>, PrepareError> {
    let Object::Array(listed) = document.entry(seed, b"DigestMethod")? else { return Ok(None) };
    let mut allowed = Vec::new();
    for method in listed.iter().take(MAX_LISTED) {
        let method = document.resolve(method)?;
        let method = method.as_string().or(method.as_name()).unwrap_or_default();
        allowed.extend(METHODS.iter().find(|(name, _)| *name == method).map(|(_, digest)| *digest));
    }
    Ok(Some(allowed))
}

fn names(document: &Document<'_>, seed: &Dictionary, key: &[u8]) -> Result<Vec<Vec<u8>>, PrepareError> {
    let Object::Array(listed) = document.entry(seed, key)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for name in listed.iter().take(MAX_LISTED) {
        names.extend(document.resolve(name)?.as_name().map(<[u8]>::to_vec));
    }
    Ok(names)
}

/// Bits of /Ff (table 237).
const FILTER: i64 = 1;
const SUB_FILTER: i64 = 1 << 1;
const VERSION: i64 = 1 << 2;
const REASONS: i64 = 1 << 3;
const LEGAL: i64 = 1 << 4;
const REVOCATION_INFO: i64 = 1 << 5;
const DIGEST: i64 = 1 << 6;
const LOCK_DOCUMENT: i64 = 1 << 7;
const APPEARANCE: i64 = 1 << 8;
const KNOWN: i64 = (1 << 9) - 1;
/// Names of /DigestMethod that a signature may still be made with (ISO 32000-2 table 237); SM3 has none.
pub(super) const METHODS: [(&[u8], DigestAlgorithm); 3] = [
    (b"SHA256", DigestAlgorithm::Sha256),
    (b"SHA384", DigestAlgorithm::Sha384),
    (b"SHA512", DigestAlgorithm::Sha512),
];
/// Methods or encodings listed; there are not that many.
const MAX_LISTED: usize = 64;
