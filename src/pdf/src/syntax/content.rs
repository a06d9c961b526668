//! Content streams as operations (ISO 32000-2 §7.8.2), for whoever searches text on a page.

use super::Object;
use super::parser::{Parser, SyntaxError, is_regular, is_space};

/// One operator with the operands before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The operands, in order.
    pub operands: Vec<Object>,
    /// The operator, such as `Tj`; an inline image comes as one `EI` without its data.
    pub operator: Vec<u8>,
}

/// An iterator over the operations of a decoded content stream.
///
/// Lenient where viewers are: what is no token is skipped, operands before a skipped one are kept. Ends at
/// the end of the data, whatever stands there; never fails.
pub struct Tokens<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Tokens<'a> {
    /// Reads `data`, a decoded content stream (or several joined by white space).
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0 }
    }

    /// An inline image's data ends at white space, `EI`, white space or the end (§8.9.7).
    fn skip_inline_image(&mut self) {
        let mut from = self.pos;
        while let Some(at) = memchr::memmem::find(self.data.get(from..).unwrap_or_default(), b"EI") {
            let (start, end) = (from + at, from + at + 2);
            let before = start.checked_sub(1).and_then(|i| self.data.get(i)).is_some_and(|b| is_space(*b));
            if before && self.data.get(end).is_none_or(|b| is_space(*b)) {
                self.pos = end;
                return;
            }
            from = end;
        }
        self.pos = self.data.len();
    }
}

impl Iterator for Tokens<'_> {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        let mut operands: Vec<Object> = Vec::new();
        loop {
            let mut parser = Parser::new(self.data, self.pos, MAX_DEPTH, MAX_VALUES);
            parser.skip_space();
            self.pos = parser.position();
            let first = parser.peek()?;
            match parser.operand() {
                Ok(operand) => {
                    self.pos = parser.position();
                    if operands.len() < MAX_OPERANDS {
                        operands.push(operand);
                    }
                }
                Err(SyntaxError::Budget(_)) => return None,
                Err(SyntaxError::Unexpected { .. }) => {
                    let starved = parser.starved();
                    let rest = self.data.get(self.pos..).unwrap_or_default();
                    let length = rest.iter().position(|b| !is_regular(*b)).unwrap_or(rest.len());
                    let operator = rest.get(..length).unwrap_or_default().to_vec();
                    if length == 0 && starved {
                        return None; // a string or array without an end; looking on would be quadratic
                    }
                    self.pos += length.max(1);
                    if length == 0 || first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.') {
                        continue; // a stray delimiter or a malformed number
                    }
                    if operator == b"ID" {
                        self.skip_inline_image();
                        return Some(Operation { operands, operator: b"EI".to_vec() });
                    }
                    return Some(Operation { operands, operator });
                }
            }
        }
    }
}

/// Values one operation may hold, arrays included.
const MAX_VALUES: usize = 1 << 20;
/// Nesting within operands; viewers stop far earlier.
const MAX_DEPTH: usize = 64;
/// No operator takes more but inline images' dictionaries and colour components.
const MAX_OPERANDS: usize = 1 << 12;
