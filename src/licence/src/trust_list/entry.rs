//! A region, as it is recognised.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Certificate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::TrustListError;
use super::{CERTIFICATES, SOME, TYPES};

/// A region and what it may speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its code in lists: small letters, digits and hyphens.
    pub id: String,
    /// Its name in Chinese.
    pub zh: String,
    /// Its name in English.
    pub en: String,
    /// For whom and what it speaks.
    pub scope: Scope,
    /// What its certificate paths end at.
    pub roots: Vec<Certificate>,
    /// Its issuing authorities, for paths to the roots; where their revocation lists are, they say themselves.
    pub authorities: Vec<Certificate>,
    /// Who makes its seals (制章者).
    pub seal_makers: Vec<Certificate>,
    /// Who signs its credentials and QR symbols.
    pub credentials: Vec<Certificate>,
    /// Who signs its catalogue, status lists and this entry.
    pub publishers: Vec<Certificate>,
    /// Where its signed catalogue is.
    pub catalogue: Option<String>,
    /// What the addresses of its status lists begin with, each ending in `/`.
    pub status_lists: Vec<String>,
    /// Where people verify its licences themselves.
    pub verification: Option<String>,
}

/// Within which bounds a region is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Administrative divisions of its issuing bodies (GB/T 2260): six digits, zeros at the end stand for all below, so that
    /// `430000` covers `430102`.
    pub divisions: Vec<String>,
    /// Codes of the licence types it issues (18 characters and three digits).
    pub types: Vec<String>,
}

/// As it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    zh: String,
    en: String,
    divisions: Vec<String>,
    types: Vec<String>,
    roots: Vec<String>,
    authorities: Vec<String>,
    seal_makers: Vec<String>,
    credentials: Vec<String>,
    publishers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catalogue: Option<String>,
    status_lists: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification: Option<String>,
}

impl Scope {
    /// Whether bodies of this code are the region's: a unified social credit code (GB 32100, whose third to eighth characters
    /// are the division that registered it) or the six digits of a division.
    #[must_use]
    pub fn covers_issuer(&self, code: &str) -> bool {
        let division = match code.len() {
            6 => Some(code),
            18 => code.get(2..8),
            _ => None,
        };
        let division = division.filter(|division| division.bytes().all(|digit| digit.is_ascii_digit()));
        division.is_some_and(|division| self.divisions.iter().any(|own| covers(own, division)))
    }

    /// Whether the region issues licences of this type.
    #[must_use]
    pub fn covers_type(&self, code: &str) -> bool {
        self.types.iter().any(|own| own == code)
    }

    /// The first division that both claim.
    pub(super) fn shared(&self, other: &Self) -> Option<&str> {
        let claims = |own: &&String| other.divisions.iter().any(|its| covers(its, own) || covers(own, its));
        self.divisions.iter().find(claims).map(String::as_str)
    }
}

/// Whether `wide` is `narrow` or a division above it.
fn covers(wide: &str, narrow: &str) -> bool {
    // Divisions have levels of two digits.
    let significant =
        (0..6).step_by(2).rev().find(|at| wide.get(*at..at + 2) != Some("00")).map_or(0, |at| at + 2);
    significant > 0 && wide.get(..significant) == narrow.get(..significant)
}

impl Entry {
    /// Reads an entry; `at` names it in errors. Members that frame a signed document (`iss`, `iat`, `exp`) are passed over.
    ///
    /// # Errors
    /// [`TrustListError::Member`].
    pub fn read(members: &Map<String, Value>, at: &str) -> Result<Self, TrustListError> {
        let mut members = members.clone();
        for framing in ["iss", "iat", "exp"] {
            members.remove(framing);
        }
        let written: Written = serde_json::from_value(Value::Object(members))
            .map_err(|error| fault(at, "", format!("not an entry of a trust list: {error}")))?;
        written.checked(at)
    }

    /// Its members.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let base64 = |all: &[Certificate]| all.iter().map(|one| STANDARD.encode(one.der())).collect();
        let written = Written {
            id: self.id.clone(),
            zh: self.zh.clone(),
            en: self.en.clone(),
            divisions: self.scope.divisions.clone(),
            types: self.scope.types.clone(),
            roots: base64(&self.roots),
            authorities: base64(&self.authorities),
            seal_makers: base64(&self.seal_makers),
            credentials: base64(&self.credentials),
            publishers: base64(&self.publishers),
            catalogue: self.catalogue.clone(),
            status_lists: self.status_lists.clone(),
            verification: self.verification.clone(),
        };
        match serde_json::to_value(written) {
            Ok(Value::Object(members)) => members,
            // Strings and lists of strings always are an object.
            _ => Map::new(),
        }
    }

    /// Whether a status list at this address may speak of the region's licences.
    #[must_use]
    pub fn covers_status(&self, uri: &str) -> bool {
        // No way out of the folder by `..`; a list's name is one segment (RFC 3986 §6.2.2.3).
        let name = self.status_lists.iter().find_map(|own| uri.strip_prefix(own.as_str()));
        name.is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
    }

    /// All certificates it speaks by.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        [&self.roots, &self.authorities, &self.seal_makers, &self.credentials, &self.publishers]
            .into_iter()
            .flatten()
    }
}

impl Written {
    fn checked(self, at: &str) -> Result<Entry, TrustListError> {
        let id = self.id;
        if !(1..=32).contains(&id.len())
            || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            return Err(fault(at, "id", "write 1 to 32 small letters, digits and hyphens"));
        }
        for (name, text) in [("zh", &self.zh), ("en", &self.en)] {
            if text.trim().is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
                return Err(fault(at, name, "write a name of 1 to 100 characters"));
            }
        }
        few(at, "divisions", self.divisions.len(), 1, SOME)?;
        for (number, code) in self.divisions.iter().enumerate() {
            let digits = code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit());
            if !digits || code.starts_with("00") {
                let reason = "write six digits (GB/T 2260); no region speaks for the whole country";
                return Err(fault(at, &format!("divisions[{number}]"), reason));
            }
        }
        few(at, "types", self.types.len(), 1, TYPES)?;
        for (number, code) in self.types.iter().enumerate() {
            let (body, digits) = code.split_at_checked(18).unwrap_or_default();
            let right = body.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && digits.len() == 3
                && digits.bytes().all(|digit| digit.is_ascii_digit());
            if !right {
                let reason = "write the 18 characters of the defining body and three digits (GB/T 36902)";
                return Err(fault(at, &format!("types[{number}]"), reason));
            }
        }
        few(at, "status_lists", self.status_lists.len(), 0, SOME)?;
        for (number, address) in self.status_lists.iter().enumerate() {
            if !is_address(address) || !address.ends_with('/') {
                let reason = "write the address that all of its lists begin with, `http://HOST/…/`";
                return Err(fault(at, &format!("status_lists[{number}]"), reason));
            }
        }
        for (name, address) in [("catalogue", &self.catalogue), ("verification", &self.verification)] {
            if address.as_deref().is_some_and(|address| !is_address(address)) {
                return Err(fault(
                    at,
                    name,
                    "write an address, `http://…` or `https://…`, of at most 512 characters",
                ));
            }
        }
        let roots = certificates(at, "roots", &self.roots, 1)?;
        if let Some(number) = roots.iter().position(|root| !root.is_ca() || !root.is_self_issued()) {
            return Err(fault(at, &format!("roots[{number}]"), "name certificates of root authorities"));
        }
        let authorities = certificates(at, "authorities", &self.authorities, 0)?;
        if let Some(number) = authorities.iter().position(|authority| !authority.is_ca()) {
            return Err(fault(
                at,
                &format!("authorities[{number}]"),
                "name certificates of issuing authorities",
            ));
        }
        Ok(Entry {
            roots,
            authorities,
            seal_makers: certificates(at, "seal_makers", &self.seal_makers, 0)?,
            credentials: signers(at, "credentials", &self.credentials)?,
            publishers: signers(at, "publishers", &self.publishers)?,
            id,
            zh: self.zh,
            en: self.en,
            scope: Scope { divisions: self.divisions, types: self.types },
            catalogue: self.catalogue,
            status_lists: self.status_lists,
            verification: self.verification,
        })
    }
}

/// Signers are no authorities: one that is could make further signers behind the back of whoever reviewed the list.
fn signers(at: &str, name: &str, all: &[String]) -> Result<Vec<Certificate>, TrustListError> {
    let found = certificates(at, name, all, 0)?;
    match found.iter().position(Certificate::is_ca) {
        Some(number) => {
            Err(fault(at, &format!("{name}[{number}]"), "name the signer's certificate, not an authority's"))
        }
        None => Ok(found),
    }
}

fn certificates(
    at: &str,
    name: &str,
    all: &[String],
    least: usize,
) -> Result<Vec<Certificate>, TrustListError> {
    few(at, name, all.len(), least, CERTIFICATES)?;
    let mut found: Vec<Certificate> = Vec::with_capacity(all.len());
    for (number, text) in all.iter().enumerate() {
        let der = STANDARD.decode(text).ok();
        let certificate = der.and_then(|der| Certificate::from_der(&der).ok());
        let place = format!("{name}[{number}]");
        let certificate =
            certificate.ok_or_else(|| fault(at, &place, "write a certificate, DER in base64"))?;
        if found.contains(&certificate) {
            return Err(fault(at, &place, "the certificate stands there twice"));
        }
        found.push(certificate);
    }
    Ok(found)
}

fn few(at: &str, name: &str, found: usize, least: usize, most: usize) -> Result<(), TrustListError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(fault(at, name, format!("{found} entries where {least} to {most} may stand")))
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= 512
        && rest.is_some_and(|rest| {
            let host = rest.split('/').next().unwrap_or_default();
            !host.is_empty() && !host.contains('@')
        })
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'?' | b'"' | b'<' | b'>' | b'\\'))
}

pub(super) fn fault(at: &str, name: &str, reason: impl Into<String>) -> TrustListError {
    let at = match (at.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => at.to_owned(),
        (false, false) => format!("{at}.{name}"),
    };
    TrustListError::Member { at, reason: reason.into() }
}
