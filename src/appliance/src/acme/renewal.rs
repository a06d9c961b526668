//! Renewal information (RFC 9773): how certificates are named there, and when they should be renewed.
//!
//! Pure; [`super::http`] looks the certificate up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::Certificate;

/// A certificate as RFC 9773 §4.1 names it: its issuer's key identifier and its serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateId {
    /// The AuthorityKeyIdentifier's keyIdentifier.
    pub authority: Vec<u8>,
    /// The serial's octets as DER encodes them, the sign octet included.
    pub serial: Vec<u8>,
}

impl CertificateId {
    /// Reads `AKI.SERIAL`, both base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (authority, serial) = text.split_once('.')?;
        let octets =
            |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|octets| (1..=64).contains(&octets.len()));
        Some(Self { authority: octets(authority)?, serial: octets(serial)? })
    }

    /// That of a certificate; none if it names no authority key.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let authority = certificate.authority_key_id()?.to_vec();
        Some(Self { authority, serial: certificate.serial().to_vec() })
    }

    /// `AKI.SERIAL`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}.{}", URL_SAFE_NO_PAD.encode(&self.authority), URL_SAFE_NO_PAD.encode(&self.serial))
    }
}

/// When a certificate should be renewed: from, to, in seconds since the epoch.
///
/// A third of the life is left at the window's middle, and the window is a ninth of the life wide (at least a
/// minute), so that many clients spread. What is revoked should have been renewed already: its window is past, which
/// clients read as "at once" (RFC 9773 §4.2).
#[must_use]
pub fn window(not_before: i64, not_after: i64, revoked: Option<i64>, now: i64) -> (i64, i64) {
    if let Some(revoked) = revoked {
        let end = revoked.min(now - 1).max(1);
        return (end - 3600, end);
    }
    let life = (not_after - not_before).max(0);
    let middle = not_after - life / 3;
    let half = (life / 18).max(30);
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifier_of_the_standards_example_reads() {
        // RFC 9773 §4.1.
        let id = CertificateId::parse("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE").unwrap();
        assert_eq!(hex::encode(&id.authority), "69885b6b87464041e1b37b847ba0ae2cde01c8d4");
        assert_eq!(hex::encode(&id.serial), "0087654321");
        assert_eq!(id.text(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        for text in ["", "a", ".", "aYhb.", ".aYhb", "a+b.AIdl", "aYhb.AIdl.x", "aYhb=.AIdl"] {
            assert!(CertificateId::parse(text).is_none(), "{text}");
        }
        assert!(CertificateId::parse(&format!("aYhb.{}", "A".repeat(200))).is_none());
    }

    #[test]
    fn the_window_lies_before_the_end_and_in_the_past_for_the_revoked() {
        let day = 86_400;
        let (from, to) = window(0, 90 * day, None, 10 * day);
        assert!((from, to) == (55 * day, 65 * day));
        let (from, to) = window(0, 90 * day, Some(5 * day), 10 * day);
        assert!(from < to && to <= 5 * day);
        let (from, to) = window(0, 60, None, 0);
        assert!(from < to);
    }
}
