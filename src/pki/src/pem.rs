//! PEM blocks (RFC 7468), as many as a file holds, with any text between them.

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

/// Why a PEM file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// A block begins and does not end, or its Base64 is wrong.
    #[error("malformed PEM block {number}")]
    Malformed {
        /// Which block, from 1.
        number: usize,
    },
    /// No block with the wanted label.
    #[error("no PEM block labelled {label}")]
    Missing {
        /// The wanted label.
        label: &'static str,
    },
}

/// All blocks with that label, decoded, in file order.
///
/// # Errors
/// [`PemError`]; other labels are skipped.
pub fn decode(text: &[u8], label: &'static str) -> Result<Vec<Vec<u8>>, PemError> {
    let text = String::from_utf8_lossy(text);
    let mut blocks = Vec::new();
    let mut number = 0;
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(found) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        number += 1;
        let end = format!("-----END {found}-----");
        let mut base64 = String::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => base64.push_str(line),
                None => return Err(PemError::Malformed { number }),
            }
        }
        if found == label {
            blocks.push(STANDARD.decode(base64).map_err(|_| PemError::Malformed { number })?);
        }
    }
    if blocks.is_empty() { Err(PemError::Missing { label }) } else { Ok(blocks) }
}

/// One block.
#[must_use]
pub fn encode(der: &[u8], label: &str) -> String {
    let base64 = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at_checked(64).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Whether a file looks like PEM rather than DER.
#[must_use]
pub fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_blocks_with_text_between_are_read_in_order() {
        let file = format!(
            "subject=x\n{}junk\n{}{}",
            encode(b"one", "A"),
            encode(b"no", "B"),
            encode(&[7; 100], "A")
        );
        assert_eq!(decode(file.as_bytes(), "A"), Ok(vec![b"one".to_vec(), vec![7; 100]]));
    }

    #[test]
    fn an_unfinished_block_and_a_missing_label_are_errors() {
        assert_eq!(decode(b"-----BEGIN A-----\nAAAA\n", "A"), Err(PemError::Malformed { number: 1 }));
        assert_eq!(decode(encode(b"x", "B").as_bytes(), "A"), Err(PemError::Missing { label: "A" }));
    }
}
