//! Requests of the protocol: JSON objects, read whole within a bound. Members nobody asked for are passed over, as the
//! protocol's clients send `userID`, `lang` and `clientData` where they please.

use axum::body::{Body, to_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::DigestAlgorithm;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::parameter;
use crate::problem::{Kind, Problem, Result};

/// Octets of a request that carries no documents.
pub const SMALL: usize = 256 * 1024;

/// Reads a request.
///
/// # Errors
/// The problem to answer.
pub async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body, limit: usize) -> Result<T> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let text = "Send the request as `Content-Type: application/json`.";
        return Err(Problem::new(Kind::UnsupportedMediaType, text));
    }
    let octets = to_bytes(body, limit).await.map_err(|error| {
        let text = format!("The request broke off or is longer than {limit} octets.");
        Problem::new(Kind::BodyTooLarge, text).log(error)
    })?;
    // An empty body is an empty object: `info` is often asked that way.
    let octets: &[u8] = if octets.is_empty() { b"{}" } else { &octets };
    serde_json::from_slice(octets).map_err(|error| {
        Problem::new(Kind::MalformedRequest, format!("The request is no JSON of its kind: {error}."))
    })
}

/// Octets that came in base 64, padded or not.
///
/// # Errors
/// The problem that names the parameter.
pub fn octets(name: &str, text: &str) -> Result<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    let padded = format!("{bare}{}", "=".repeat((4 - bare.len() % 4) % 4));
    STANDARD.decode(padded).map_err(|_| parameter(name, "write Base64"))
}

/// Base 64 with padding.
#[must_use]
pub fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// The digest algorithm of an object identifier in dotted form.
///
/// # Errors
/// The problem that names the parameter.
pub fn digest_algorithm(name: &str, dotted: &str) -> Result<DigestAlgorithm> {
    let identifier = der::asn1::ObjectIdentifier::new(dotted)
        .map_err(|_| parameter(name, "write the object identifier of a digest algorithm"))?;
    DigestAlgorithm::from_oid(&identifier).map_err(|error| parameter(name, &error.to_string()))
}

/// Hashes of one length.
///
/// # Errors
/// The problem that names the parameter.
pub fn hashes(name: &str, given: &[String], most: usize) -> Result<Vec<Vec<u8>>> {
    if given.is_empty() || given.len() > most {
        return Err(parameter(name, &format!("name 1 to {most} hashes")));
    }
    let hashes = given.iter().map(|hash| octets(name, hash)).collect::<Result<Vec<_>>>()?;
    let length = hashes.first().map_or(0, Vec::len);
    if !matches!(length, 32 | 48 | 64) || hashes.iter().any(|hash| hash.len() != length) {
        return Err(parameter(name, "write hashes of 32, 48 or 64 octets, all of one algorithm"));
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (text, length) in [("AAAA", 3), ("AAA=", 2), ("AAA", 2), ("AA==", 1), ("", 0)] {
            assert_eq!(octets("hash", text).unwrap().len(), length, "{text}");
        }
        assert!(octets("hash", "A!==").is_err());
    }

    #[test]
    fn hashes_are_of_one_algorithm_and_not_too_many() {
        let (short, long) = (base64(&[1; 32]), base64(&[1; 48]));
        assert_eq!(hashes("hash", &[short.clone(), short.clone()], 2).unwrap().len(), 2);
        for wrong in [vec![], vec![short.clone(), long], vec![short; 3], vec![base64(&[1; 20])]] {
            assert!(hashes("hash", &wrong, 2).is_err());
        }
    }
}
