//! What a leaf holds in place of what it must not show (decision 4): a random nonce, so that leaf hashes cannot be
//! guessed, and a salted commitment to the personal detail that lives in an erasable side record. Randomness comes in
//! from the caller.

use ring::digest::{Context, SHA256};
use serde_json::Value;

use crate::canonical::{self, CanonicalError};
use crate::tree::{Hash, finish};

/// 128 random bits, fresh for each leaf.
pub type Nonce = [u8; 16];
/// 256 random bits, fresh for each side record and kept inside it.
pub type Salt = [u8; 32];

/// A nonce as leaves write it: 32 lower-case hexadecimal digits.
#[must_use]
pub fn nonce_text(nonce: &Nonce) -> String {
    hex::encode(nonce)
}

/// `SHA-256(salt ‖ canonical detail)`.
///
/// # Errors
/// When the detail has no canonical form.
pub fn detail_commitment(salt: &Salt, detail: &Value) -> Result<Hash, CanonicalError> {
    Ok(commitment_over(salt, &canonical::to_vec(detail)?))
}

/// The same over detail that is canonical already.
#[must_use]
pub fn commitment_over(salt: &Salt, canonical_detail: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(canonical_detail);
    finish(context)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commitment_is_sha256_of_salt_and_canonical_detail() {
        // printf: 32 bytes 0x07, then {"a":1,"b":"x"}
        let message = [[7_u8; 32].as_slice(), b"{\"a\":1,\"b\":\"x\"}"].concat();
        let expected = ring::digest::digest(&SHA256, &message);
        let commitment = detail_commitment(&[7; 32], &json!({ "b": "x", "a": 1 })).unwrap();
        assert_eq!(commitment.as_slice(), expected.as_ref());
        assert_ne!(commitment, detail_commitment(&[8; 32], &json!({ "b": "x", "a": 1 })).unwrap());
    }

    #[test]
    fn nonce_is_hexadecimal() {
        assert_eq!(nonce_text(&[0xab; 16]), "ab".repeat(16));
    }
}
