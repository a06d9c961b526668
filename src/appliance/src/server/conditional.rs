//! Changes to the very version that was read (RFC 9110 §13.1.1): what `If-Match` says. Called by every capability that changes a
//! record; which words a refusal has is theirs to choose.

use http::{HeaderMap, header};

use crate::problem::{Kind, Problem, Result};

/// The entity tag of a version.
#[must_use]
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What `If-Match` says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It names this version, or any.
    This,
    /// It names others.
    Another,
    /// There is none.
    Absent,
}

impl Match {
    /// What the headers of a request say.
    #[must_use]
    pub fn of(headers: &HeaderMap, version: i64) -> Self {
        let Some(given) = headers.get(header::IF_MATCH) else { return Self::Absent };
        let (given, tag) = (given.to_str().unwrap_or_default(), tag(version));
        let named = given.trim() == "*" || given.split(',').any(|one| one.trim() == tag);
        if named { Self::This } else { Self::Another }
    }
}

/// That `If-Match` names this version; `act` is what is to be repeated where it does not: the change, the step.
///
/// # Errors
/// The problem to answer: 428 without the header, 412 for another version.
pub fn matching(headers: &HeaderMap, version: i64, act: &str) -> Result<()> {
    match Match::of(headers, version) {
        Match::This => Ok(()),
        Match::Absent => {
            let detail = "Send `If-Match` with the `ETag` of what you read.";
            Err(Problem::new(Kind::PreconditionRequired, detail))
        }
        Match::Another => {
            let detail = format!("It was changed meanwhile; read it again and repeat the {act}.");
            Err(Problem::new(Kind::PreconditionFailed, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_its_tag_or_with_all() {
        let of = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, given.parse().unwrap());
            Match::of(&headers, 7)
        };
        for given in ["*", "\"7\"", " \"6\" , \"7\""] {
            assert_eq!(of(given), Match::This, "{given}");
        }
        for given in ["7", "\"6\"", "W/\"7\"", ""] {
            assert_eq!(of(given), Match::Another, "{given}");
        }
        assert_eq!(Match::of(&HeaderMap::new(), 7), Match::Absent);
        let (absent, other) =
            (HeaderMap::new(), HeaderMap::from_iter([(header::IF_MATCH, "\"6\"".parse().unwrap())]));
        assert_eq!(matching(&absent, 7, "step").unwrap_err().kind(), Kind::PreconditionRequired);
        assert_eq!(matching(&other, 7, "step").unwrap_err().kind(), Kind::PreconditionFailed);
    }
}
