//! Section `[timestamps]`: the time-stamping authority (RFC 3161); off when the section is absent.

use der::asn1::ObjectIdentifier;
use serde::{Deserialize, Serialize};

/// What the authority promises and to whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamps {
    /// The policy that tokens are issued under unless another is asked for, as dotted numbers. The appliance cannot
    /// choose it: it names the rules that the operator keeps (EN 319 421; its own best-practices policy is
    /// `0.4.0.2023.1.1`).
    pub policy: Oid,
    /// Further policies that may be asked for.
    #[serde(default)]
    pub policies: Vec<Oid>,
    /// How far a token's time may be off, in milliseconds; EN 319 421 asks for a second or less.
    #[serde(default = "second")]
    pub accuracy_milliseconds: u32,
    /// Digest algorithms that are stamped. SHA-1 and MD5 cannot be listed.
    #[serde(default = "all")]
    pub digests: Vec<Digest>,
    /// Whether tokens name the authority in `tsa`.
    #[serde(default = "yes")]
    pub named: bool,
    /// Whether anybody may ask over the public listener (`POST /tsa`); registered callers always may.
    #[serde(default = "yes")]
    pub public: bool,
    /// Sustained requests per second of one peer address on the public listener.
    #[serde(default = "per_second")]
    pub requests_per_second: u32,
    /// Requests a peer address may send at once above the sustained rate.
    #[serde(default = "burst")]
    pub request_burst: u32,
}

/// A digest algorithm that may be stamped (TS 119 312, GB/T 32905).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Digest {
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "sha-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "sha-512")]
    Sha512,
    /// SM3 (GB/T 32905); stamped by the unit of the ShangMi suite where the hierarchy has one.
    #[serde(rename = "sm3")]
    Sm3,
}

impl From<Digest> for crypto::DigestAlgorithm {
    fn from(digest: Digest) -> Self {
        match digest {
            Digest::Sha256 => Self::Sha256,
            Digest::Sha384 => Self::Sha384,
            Digest::Sha512 => Self::Sha512,
            Digest::Sm3 => Self::Sm3,
        }
    }
}

/// An object identifier as dotted numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(pub ObjectIdentifier);

impl TryFrom<String> for Oid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        ObjectIdentifier::new(&text)
            .map(Self)
            .map_err(|_| format!("`{text}` is no object identifier; write dotted numbers"))
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0.to_string()
    }
}

const fn second() -> u32 {
    1000
}

fn all() -> Vec<Digest> {
    vec![Digest::Sha256, Digest::Sha384, Digest::Sha512, Digest::Sm3]
}

const fn yes() -> bool {
    true
}

const fn per_second() -> u32 {
    20
}

const fn burst() -> u32 {
    100
}
