//! The key that a proposal binds a new person to: what it looks like, and who is proposed with one. Which key was
//! approved is the register's; called by the rules in `service`.

use crate::identity::CallerKind;
use crate::problem::{Kind, Problem, Result};

/// That a person is proposed with its key, which the second officer approves with it.
pub(super) fn keyed(kind: CallerKind, key: Option<&str>) -> Result<()> {
    let hash = |key: &str| key.len() == 64 && key.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match (kind, key) {
        (CallerKind::Machine, None) => Ok(()),
        (CallerKind::Machine, Some(_)) => {
            Err(Problem::new(Kind::InvalidParameter, "A machine's `key` is not approved; leave it out."))
        }
        (_, Some(key)) if hash(key) => Ok(()),
        _ => {
            let detail = "Send in `key` the SHA-256 of the person's SubjectPublicKeyInfo, 64 of 0-9 and a-f.";
            Err(Problem::new(Kind::InvalidParameter, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificates::key_hash;

    #[test]
    fn a_person_is_proposed_with_a_key_and_a_machine_without() {
        let good = key_hash(b"spki");
        assert!(keyed(CallerKind::Officer, Some(&good)).is_ok());
        assert!(keyed(CallerKind::Operator, Some(&good)).is_ok());
        assert!(keyed(CallerKind::Machine, None).is_ok());
        assert!(keyed(CallerKind::Machine, Some(&good)).is_err());
        for bad in [None, Some(""), Some(&good[1..]), Some(&*good.to_uppercase()), Some(&*"g".repeat(64))] {
            assert!(keyed(CallerKind::Officer, bad).is_err(), "{bad:?}");
        }
    }
}
