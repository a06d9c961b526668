//! The number of a natural person who holds a seal: kept as a keyed hash to find it by, and encrypted.
//!
//! The hash is HMAC-SHA-256 under a key in custody that serves nothing else (decision 30): numbers of identity cards are
//! few enough to be tried, so a plain digest would hide nothing. The key is made when it is needed first.

use custody::{Algorithm, Custody, CustodyError, Usage};

/// A person's number as it is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Keyed hash, hexadecimal.
    pub hash: Option<String>,
    /// The number, encrypted.
    pub sealed: Option<Vec<u8>>,
}

/// What is kept of a number. `label` is the key that protects personal detail.
///
/// # Errors
/// [`CustodyError`] when a key does not serve.
pub(super) fn keep(
    custody: &dyn Custody,
    label: Option<&str>,
    number: Option<&str>,
) -> Result<Kept, CustodyError> {
    let Some(number) = number else { return Ok(Kept::default()) };
    let sealed = label.map(|label| custody.seal(label, number.as_bytes(), CONTEXT)).transpose()?;
    Ok(Kept { hash: Some(hash(custody, number)?), sealed })
}

/// The number of the person that `sealed` keeps, for those whose act it is to see it. `label` as in `keep`.
///
/// # Errors
/// [`CustodyError`] when the key does not serve, or what is kept was altered.
pub fn open(custody: &dyn Custody, label: &str, sealed: &[u8]) -> Result<String, CustodyError> {
    let number = custody.open(label, sealed, CONTEXT)?;
    Ok(String::from_utf8_lossy(&number).into_owned())
}

/// The keyed hash under which a person's number is found.
///
/// # Errors
/// [`CustodyError`] when the key does not serve.
pub(super) fn hash(custody: &dyn Custody, number: &str) -> Result<String, CustodyError> {
    let message = format!("citizen\u{1f}{}", number.trim().to_ascii_uppercase());
    let of = |custody: &dyn Custody| custody.mac(KEY, message.as_bytes()).map(hex::encode);
    match of(custody) {
        Ok(hash) => Ok(hash),
        Err(_) => {
            // Another request may have made it meanwhile; then the second attempt finds it.
            let made = custody.generate(KEY, Algorithm::HmacSha256, Usage::Mac);
            of(custody).map_err(|error| made.err().unwrap_or(error))
        }
    }
}

/// Label of the key of the hashes.
const KEY: &str = "seal-holders";
/// What the encryption is bound to.
const CONTEXT: &[u8] = b"seal-holder-number";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use custody::{CredentialSource, Keystore, Unlock};

    use super::*;

    #[test]
    fn a_number_is_found_by_its_hash_and_read_with_the_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let credential = folder.path().join("kek");
        std::fs::write(&credential, "thirty-two octets, not all alike").unwrap();
        std::fs::set_permissions(&credential, std::fs::Permissions::from_mode(0o600)).unwrap();
        let unlock = Unlock::Credential(CredentialSource::File(credential));
        let keystore = Keystore::create(&folder.path().join("keys"), &unlock).unwrap().keystore;
        keystore.generate("records", Algorithm::Aes256, Usage::Seal).unwrap();
        let number = "11010519491231002x";
        let kept = keep(&keystore, Some("records"), Some(number)).unwrap();
        assert_eq!(kept.hash, keep(&keystore, None, Some("11010519491231002X")).unwrap().hash);
        assert_ne!(kept.hash, keep(&keystore, None, Some("110105194912310020")).unwrap().hash);
        let sealed = kept.sealed.unwrap();
        assert!(!sealed.windows(8).any(|part| number.as_bytes().starts_with(part)));
        assert_eq!(keystore.open("records", &sealed, CONTEXT).unwrap().as_slice(), number.as_bytes());
    }
}
