//! Objects from bytes: the lexical rules of ISO 32000-2 §7.2 and §7.3 over one contiguous slice.
//!
//! Works on a window of the file, on a decoded object stream, on a content stream. A window that ends in
//! the middle of a token is not an error: [`Parser::starved`] tells the caller to come back with more.
//! Knows nothing of cross-references.

use std::ops::Range;

use super::{Dictionary, Object, ObjectId, PdfString};

/// What went wrong, relative to the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyntaxError {
    /// Not an object.
    Unexpected { what: &'static str, at: usize },
    /// Nested deeper, or more values, than allowed.
    Budget(&'static str),
}

/// A recursive-descent parser with a depth and a value budget.
pub(crate) struct Parser<'a> {
    data: &'a [u8],
    pos: usize,
    depth: usize,
    nodes: usize,
    allowed: usize,
    starved: bool,
    /// Where the values of the outermost dictionary stand in the slice.
    spans: Vec<(Vec<u8>, Range<usize>)>,
    record: bool,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    pub(crate) fn new(data: &'a [u8], pos: usize, depth: usize, nodes: usize) -> Self {
        Self { data, pos, depth, nodes, allowed: nodes, starved: false, spans: Vec::new(), record: false }
    }

    /// Remembers the spans of the values of the outermost dictionary.
    pub(crate) fn recording(mut self) -> Self {
        self.record = true;
        self
    }

    pub(crate) fn into_spans(self) -> Vec<(Vec<u8>, Range<usize>)> {
        self.spans
    }

    /// How many values were parsed.
    pub(crate) fn values(&self) -> usize {
        self.allowed.saturating_sub(self.nodes)
    }

    /// Where the next octet is.
    pub(crate) fn position(&self) -> usize {
        self.pos
    }

    pub(crate) fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// Whether the end of the slice was looked at, so that more data could change the result.
    pub(crate) fn starved(&self) -> bool {
        self.starved
    }

    pub(crate) fn peek(&mut self) -> Option<u8> {
        let byte = self.data.get(self.pos).copied();
        self.starved |= byte.is_none();
        byte
    }

    fn peek_at(&mut self, ahead: usize) -> Option<u8> {
        let byte = self.data.get(self.pos + ahead).copied();
        self.starved |= byte.is_none();
        byte
    }

    fn unexpected<T>(&self, what: &'static str) -> Parsed<T> {
        Err(SyntaxError::Unexpected { what, at: self.pos })
    }

    /// Skips white space and comments (§7.2.3, §7.2.4).
    pub(crate) fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if is_space(byte) {
                self.pos += 1;
            } else if byte == b'%' {
                let rest = self.data.get(self.pos..).unwrap_or_default();
                match memchr::memchr2(b'\r', b'\n', rest) {
                    Some(end) => self.pos += end,
                    None => {
                        self.pos = self.data.len();
                        self.starved = true;
                    }
                }
            } else {
                return;
            }
        }
    }

    /// Consumes `word` if it stands here as a whole token.
    pub(crate) fn keyword(&mut self, word: &[u8]) -> bool {
        let end = self.pos + word.len();
        match self.data.get(self.pos..end) {
            Some(found) if found == word => {}
            Some(_) => return false,
            None => {
                self.starved = true;
                return false;
            }
        }
        let old = std::mem::replace(&mut self.pos, end);
        if self.peek().is_none_or(|byte| !is_regular(byte)) {
            return true;
        }
        self.pos = old;
        false
    }

    /// An unsigned decimal integer, without a sign or a point.
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let start = self.pos;
        let mut value = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0')))
            else {
                self.pos = start;
                return None;
            };
            value = next;
            self.pos += 1;
        }
        (self.pos > start).then_some(value)
    }

    /// One object; references are recognised.
    pub(crate) fn object(&mut self) -> Parsed<Object> {
        self.value(0, true)
    }

    /// One operand of a content stream: no references there.
    pub(crate) fn operand(&mut self) -> Parsed<Object> {
        self.value(0, false)
    }

    fn value(&mut self, depth: usize, references: bool) -> Parsed<Object> {
        self.nodes = self.nodes.checked_sub(1).ok_or(SyntaxError::Budget("values in one object"))?;
        self.skip_space();
        match self.peek() {
            Some(b'/') => self.name().map(Object::Name),
            Some(b'(') => self.literal().map(Object::String),
            Some(b'<') if self.peek_at(1) == Some(b'<') => {
                self.dictionary(depth, references).map(Object::Dictionary)
            }
            Some(b'<') => self.hexadecimal().map(Object::String),
            Some(b'[') => self.array(depth, references),
            Some(b'0'..=b'9') if references => self.integer_or_reference(),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number(),
            Some(b't') if self.keyword(b"true") => Ok(Object::Boolean(true)),
            Some(b'f') if self.keyword(b"false") => Ok(Object::Boolean(false)),
            Some(b'n') if self.keyword(b"null") => Ok(Object::Null),
            _ => self.unexpected("no object"),
        }
    }

    fn integer_or_reference(&mut self) -> Parsed<Object> {
        let number = self.number()?;
        let Object::Integer(first) = number else { return Ok(number) };
        let Some(object) = u32::try_from(first).ok().filter(|n| *n > 0) else { return Ok(number) };
        let after = self.pos;
        self.skip_space();
        if self.pos > after
            && let Some(generation) = self.unsigned().and_then(|g| u16::try_from(g).ok())
        {
            let gap = self.pos;
            self.skip_space();
            if self.pos > gap && self.keyword(b"R") {
                return Ok(Object::Reference(ObjectId { number: object, generation }));
            }
        }
        self.pos = after;
        Ok(number)
    }

    fn number(&mut self) -> Parsed<Object> {
        let start = self.pos;
        let negative = self.peek() == Some(b'-');
        if negative || self.peek() == Some(b'+') {
            self.pos += 1;
        }
        let magnitude = self.pos;
        let mut digits = 0_usize;
        let mut integer = Some(0_i64);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            integer = integer.and_then(|v| v.checked_mul(10)?.checked_add(i64::from(digit - b'0')));
            digits += 1;
            self.pos += 1;
        }
        let mut fraction = false;
        if self.peek() == Some(b'.') {
            fraction = true;
            self.pos += 1;
            while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
                digits += 1;
                self.pos += 1;
            }
        }
        if digits == 0 || self.peek().is_some_and(is_regular) {
            self.pos = start;
            return self.unexpected("not a number");
        }
        if let (Some(value), false) = (integer, fraction) {
            return Ok(Object::Integer(if negative { -value } else { value }));
        }
        // The nearest number there is, so that writing it again gives the same number.
        let spelled = self.data.get(magnitude..self.pos).and_then(|digits| std::str::from_utf8(digits).ok());
        let real: f64 = spelled.and_then(|digits| digits.parse().ok()).unwrap_or_default();
        Ok(Object::Real(if negative { -real } else { real }))
    }

    fn name(&mut self) -> Parsed<Vec<u8>> {
        self.pos += 1;
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_regular(*byte)).unwrap_or_else(|| {
            self.starved = true;
            rest.len()
        });
        let raw = rest.get(..length).unwrap_or_default();
        self.pos += length;
        if !raw.contains(&b'#') {
            return Ok(raw.to_vec());
        }
        let mut name = Vec::with_capacity(raw.len());
        let mut bytes = raw.iter().copied();
        while let Some(byte) = bytes.next() {
            let mut ahead = bytes.clone();
            if byte == b'#'
                && let (Some(high), Some(low)) =
                    (ahead.next().and_then(hex_digit), ahead.next().and_then(hex_digit))
            {
                name.push(high << 4 | low);
                bytes = ahead;
            } else {
                name.push(byte);
            }
        }
        Ok(name)
    }

    fn literal(&mut self) -> Parsed<PdfString> {
        self.pos += 1;
        let mut bytes = Vec::new();
        let mut open = 1_usize;
        loop {
            let Some(byte) = self.peek() else { return self.unexpected("string without an end") };
            self.pos += 1;
            match byte {
                b'(' => {
                    open += 1;
                    bytes.push(byte);
                }
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Ok(PdfString { bytes, hexadecimal: false });
                    }
                    bytes.push(byte);
                }
                b'\r' => {
                    if self.peek() == Some(b'\n') {
                        self.pos += 1;
                    }
                    bytes.push(b'\n');
                }
                b'\\' => self.escape(&mut bytes),
                _ => bytes.push(byte),
            }
        }
    }

    /// §7.3.4.2, table 3.
    fn escape(&mut self, bytes: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.pos += 1;
        match byte {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.pos += 1;
                }
            }
            b'\n' => {}
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    self.pos += 1;
                }
                bytes.push((value & 0xff) as u8); // high-order overflow is ignored, says the table
            }
            other => bytes.push(other),
        }
    }

    fn hexadecimal(&mut self) -> Parsed<PdfString> {
        self.pos += 1;
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'>', rest) else {
            self.starved = true;
            return self.unexpected("hexadecimal string without an end");
        };
        let mut bytes = Vec::with_capacity(length / 2 + 1);
        let mut high = None;
        for byte in rest.get(..length).unwrap_or_default() {
            match (hex_digit(*byte), high) {
                (Some(digit), None) => high = Some(digit),
                (Some(digit), Some(first)) => {
                    bytes.push(first << 4 | digit);
                    high = None;
                }
                (None, _) if is_space(*byte) => {}
                (None, _) => return self.unexpected("not a hexadecimal digit"),
            }
        }
        if let Some(first) = high {
            bytes.push(first << 4);
        }
        self.pos += length + 1;
        Ok(PdfString { bytes, hexadecimal: true })
    }

    fn deeper(&self, depth: usize) -> Parsed<usize> {
        if depth >= self.depth { Err(SyntaxError::Budget("nesting")) } else { Ok(depth + 1) }
    }

    fn array(&mut self, depth: usize, references: bool) -> Parsed<Object> {
        let depth = self.deeper(depth)?;
        self.pos += 1;
        let mut elements = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == Some(b']') {
                self.pos += 1;
                return Ok(Object::Array(elements));
            }
            elements.push(self.value(depth, references)?);
        }
    }

    fn dictionary(&mut self, depth: usize, references: bool) -> Parsed<Dictionary> {
        let outermost = depth == 0 && self.record;
        let depth = self.deeper(depth)?;
        self.pos += 2;
        let mut dictionary = Dictionary::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'>') if self.peek_at(1) == Some(b'>') => {
                    self.pos += 2;
                    dictionary.read_whole();
                    return Ok(dictionary);
                }
                Some(b'/') => {}
                _ => return self.unexpected("dictionary key is not a name"),
            }
            let key = self.name()?;
            self.skip_space();
            let start = self.pos;
            let value = self.value(depth, references)?;
            if outermost {
                self.spans.push((key.clone(), start..self.pos));
            }
            dictionary.push(key, value);
        }
    }
}

/// White space of §7.2.3, table 1.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

/// Neither white space nor delimiter.
pub(crate) fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
