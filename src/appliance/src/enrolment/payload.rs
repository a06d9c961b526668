//! EST's payloads: DER in base64, however its lines are broken (RFC 8951 §3.1).
//!
//! `Content-Transfer-Encoding` is not looked at: HTTP has no such field, and EST's bodies are base64 whatever it says
//! (RFC 8951 §3). Answers still carry it, because clients of RFC 7030 alone look for it.

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use pki::Certificate;

use crate::problem::{Kind, Problem, Result};

/// The DER of a PKCS#10 request that came as a body.
///
/// # Errors
/// A problem: another media type, or not base64.
pub fn request(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/pkcs10") {
        let detail =
            "Send the request as `application/pkcs10`, DER in base64 (RFC 7030 §4.2.1, RFC 8951 §3.1).";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    decode(body)
}

fn decode(body: &[u8]) -> Result<Vec<u8>> {
    let wrong = |detail| Problem::new(Kind::MalformedRequest, detail);
    let text: Vec<u8> =
        body.iter().copied().filter(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'\n')).collect();
    if text.is_empty() {
        return Err(wrong("The body is empty; send a PKCS#10 request, DER in base64."));
    }
    if text.starts_with(b"-----") {
        return Err(wrong("Send base64 alone, without the lines that PEM has around it (RFC 8951 §3.1)."));
    }
    LENIENT
        .decode(&text)
        .map_err(|error| wrong("Send the DER of the request in base64 (RFC 8951 §3.1).").log(error))
}

/// An answer of certificates alone.
#[must_use]
pub fn certificates(certificates: &[Certificate], kind: &'static str) -> Response {
    encoded(&pki::cms::certs_only(certificates), kind)
}

/// An answer of this DER.
#[must_use]
pub fn encoded(der: &[u8], kind: &'static str) -> Response {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    // Lines of 64 with CRLF: what clients that read MIME expect, and RFC 8951 §3.1 lets anybody else skip.
    let mut body = String::with_capacity(text.len() + text.len() / 32 + 2);
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            body.push_str("\r\n");
        }
        body.push(letter);
    }
    body.push_str("\r\n");
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("base64"));
    response
}

/// Of certificates to trust (RFC 7030 §4.1.3).
pub const CERTIFICATES: &str = "application/pkcs7-mime";
/// Of certificates that were issued (RFC 7030 §4.2.3).
pub const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";
/// Of CSR attributes (RFC 7030 §4.5.2).
pub const CSR_ATTRIBUTES: &str = "application/csrattrs";

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &str) -> std::result::Result<Vec<u8>, Kind> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        headers.insert("content-transfer-encoding", "binary".parse().unwrap());
        request(&headers, body.as_bytes()).map_err(|problem| problem.kind())
    }

    #[test]
    fn base64_is_read_with_white_space_or_without_and_the_transfer_encoding_ignored() {
        for body in ["AAECAw==", "AAEC\r\nAw==\r\n", " A A\tECAw= = ", "AAECAw", "AAECAw==\n"] {
            assert_eq!(read("application/pkcs10", body), Ok(vec![0, 1, 2, 3]), "{body:?}");
        }
        assert!(read("application/PKCS10; charset=us-ascii", "AAEC").is_ok());
    }

    #[test]
    fn whatever_else_is_told_apart() {
        for body in
            ["", "\r\n", "%%%%", "AAEC*w==", "A", "\u{30}\u{82}", "-----BEGIN CERTIFICATE REQUEST-----\nAAEC"]
        {
            assert_eq!(read("application/pkcs10", body), Err(Kind::MalformedRequest), "{body:?}");
        }
        assert_eq!(read("application/json", "AAEC"), Err(Kind::UnsupportedMediaType));
        assert_eq!(read("", "AAEC"), Err(Kind::UnsupportedMediaType));
    }

    #[tokio::test]
    async fn answers_are_base64_in_lines_and_say_what_they_are() {
        let der: Vec<u8> = (0..200).collect();
        let response = encoded(&der, CSR_ATTRIBUTES);
        assert_eq!(response.headers()["content-type"], "application/csrattrs");
        assert_eq!(response.headers()["content-transfer-encoding"], "base64");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        assert!(body.split(|octet| *octet == b'\n').all(|line| line.len() <= 65));
        assert_eq!(decode(&body).unwrap(), der);
    }
}
