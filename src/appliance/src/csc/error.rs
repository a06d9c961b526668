//! Refusals in the words of the protocol (CSC API v2 §10.1): `error` and `error_description`.
//!
//! The pipeline renders and enters them like any other problem; only the shape differs.

use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};

/// A refusal on its way to a client of the protocol.
#[derive(Debug)]
pub struct Refused(Problem);

/// What `?` carries out of these handlers.
pub type Result<T> = std::result::Result<T, Refused>;

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let word = word(self.0.kind());
        self.0.in_words_of_csc(word).into_response()
    }
}

/// The protocol's word for a kind of problem. What it has no word for is `invalid_request` when the caller can mend it.
fn word(kind: Kind) -> &'static str {
    match (kind, kind.status().as_u16()) {
        (Kind::Internal, _) => "server_error",
        (Kind::SealNotUsable, _) | (_, 403) => "access_denied",
        (_, 429 | 503) => "temporarily_unavailable",
        _ => "invalid_request",
    }
}

/// A parameter that is missing or cannot be taken.
#[must_use]
pub fn parameter(name: &str, reason: &str) -> Problem {
    Problem::new(Kind::MalformedRequest, format!("Invalid parameter {name}: {reason}"))
        .with("parameter", name)
}

/// The one answer to signature activation data that does not fit, whatever is wrong with it: it tells a guesser nothing.
#[must_use]
pub fn unfit() -> Problem {
    let text = "The SAD is not valid for this caller, credential and these hashes, or has expired or been used; call \
                credentials/authorize again.";
    Problem::new(Kind::MalformedRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_problem_has_a_word_of_the_protocol() {
        const WORDS: [&str; 4] =
            ["access_denied", "temporarily_unavailable", "server_error", "invalid_request"];
        for kind in Kind::ALL {
            let word = word(*kind);
            assert!(WORDS.contains(&word));
            assert_eq!(word == "server_error", *kind == Kind::Internal, "{}", kind.name());
            assert_eq!(
                word == "temporarily_unavailable",
                matches!(kind.status().as_u16(), 503 | 429),
                "{}",
                kind.name()
            );
        }
    }
}
