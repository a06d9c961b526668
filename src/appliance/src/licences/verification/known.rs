//! Comparing what a verifier says of a licence with what is known of it: keyed hashes of the fields marked `x-known`
//! (`licence_versions.known`, written by `library::holder`), never the values (decision 30).

use std::collections::BTreeMap;

/// A keyed hash.
pub type Hash = [u8; 32];

/// Reads the column `known`: by field, the hexadecimal hash. What cannot be read as one is left out, so that nothing ever
/// equals it.
#[must_use]
pub fn read(column: &str) -> Vec<(Box<str>, Hash)> {
    let members: BTreeMap<String, String> = serde_json::from_str(column).unwrap_or_default();
    members.into_iter().filter_map(|(field, text)| Some((field.into_boxed_str(), hash(&text)?))).collect()
}

/// Reads a hexadecimal hash.
#[must_use]
pub fn hash(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// Whether two hashes are equal; takes the same time whatever they are.
#[must_use]
pub fn same(one: &Hash, other: &Hash) -> bool {
    let different = one.iter().zip(other).fold(0, |different, (one, other)| different | (one ^ other));
    std::hint::black_box(different) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_hash_equals_nothing() {
        let written = format!(r#"{{"a":"{}","b":"07","c":"{}"}}"#, "07".repeat(32), "zz".repeat(32));
        let read = read(&written);
        assert_eq!(read.len(), 1);
        assert!(same(&read[0].1, &[7; 32]) && !same(&read[0].1, &[8; 32]));
        assert!(super::read("no json").is_empty());
    }
}
