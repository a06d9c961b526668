//! CMaps (ISO 32000-2 §9.7.5, §9.10.3): codes to characters, codes to CIDs, how long codes are.
//!
//! Reads the operators that occur in ToUnicode and embedded CMaps; everything else is skipped.
//! Ranges stay ranges, so a hostile `<0000> <FFFF>` costs one entry.

/// A character map.
#[derive(Debug, Default)]
pub(super) struct CMap {
    /// Code length and the lowest and highest code.
    spaces: Vec<(usize, u32, u32)>,
    /// Lowest code, highest code and what the lowest maps to; sorted by lowest code.
    texts: Vec<(u32, u32, Vec<u16>)>,
    /// Lowest code, highest code and the lowest's CID; sorted by lowest code.
    cids: Vec<(u32, u32, u32)>,
}

impl CMap {
    /// Reads a CMap's decoded stream; what cannot be understood is left out.
    pub(super) fn parse(data: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer { data, at: 0 };
        let mut operands: Vec<Token> = Vec::new();
        while let Some(token) = lexer.next() {
            let Token::Word(word) = token else {
                if operands.len() < MAX_OPERANDS {
                    operands.push(token);
                }
                continue;
            };
            match word {
                b"endcodespacerange" => map.code_spaces(&operands),
                b"endbfchar" => map.characters(&operands),
                b"endbfrange" => map.ranges(&operands),
                b"endcidchar" => map.cid_characters(&operands),
                b"endcidrange" => map.cid_ranges(&operands),
                _ => {}
            }
            operands.clear();
            if map.texts.len() + map.cids.len() + map.spaces.len() > MAX_ENTRIES {
                break;
            }
        }
        map.texts.sort_by_key(|(low, ..)| *low);
        map.cids.sort_by_key(|(low, ..)| *low);
        map
    }

    /// Whether the map says how long its codes are.
    pub(super) fn has_spaces(&self) -> bool {
        !self.spaces.is_empty()
    }

    /// The code at the start of `bytes` and its length: the first code space it fits, else as long as
    /// the shortest (ISO 32000-2 §9.7.6.3, simplified).
    pub(super) fn code(&self, bytes: &[u8]) -> (u32, usize) {
        let mut code = 0u32;
        for (i, &byte) in bytes.iter().take(4).enumerate() {
            code = code << 8 | u32::from(byte);
            if self.spaces.iter().any(|&(length, low, high)| length == i + 1 && low <= code && code <= high) {
                return (code, i + 1);
            }
        }
        let length =
            self.spaces.iter().map(|(length, ..)| *length).min().unwrap_or(1).clamp(1, bytes.len().max(1));
        (bytes.iter().take(length).fold(0, |code, &byte| code << 8 | u32::from(byte)), length)
    }

    /// What a code stands for, if the map knows.
    pub(super) fn text(&self, code: u32) -> Option<String> {
        let (low, _, text) = find(&self.texts, code, |(low, high, _)| (*low, *high))?;
        let mut units = text.clone();
        if let Some(last) = units.last_mut() {
            *last = last.wrapping_add(u16::try_from(code - low).ok()?);
        }
        String::from_utf16(&units).ok()
    }

    /// The CID of a code, if the map knows.
    pub(super) fn cid(&self, code: u32) -> Option<u32> {
        let (low, _, cid) = find(&self.cids, code, |(low, high, _)| (*low, *high))?;
        cid.checked_add(code - low)
    }

    fn code_spaces(&mut self, operands: &[Token]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::String(low), Token::String(high)] = pair {
                self.spaces.push((low.len().clamp(1, 4), code_of(low), code_of(high)));
            }
        }
    }

    fn characters(&mut self, operands: &[Token]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::String(code), Token::String(text)] = pair {
                let code = code_of(code);
                self.texts.push((code, code, units_of(text)));
            }
        }
    }

    fn ranges(&mut self, operands: &[Token]) {
        let mut rest = operands;
        while let [Token::String(low), Token::String(high), target, behind @ ..] = rest {
            let (low, high) = (code_of(low), code_of(high));
            rest = behind;
            match target {
                Token::String(text) => self.texts.push((low, high, units_of(text))),
                Token::Open => {
                    let mut code = low;
                    while let [element, behind @ ..] = rest {
                        rest = behind;
                        match element {
                            Token::String(text) if code <= high => {
                                self.texts.push((code, code, units_of(text)));
                                code = code.saturating_add(1);
                            }
                            Token::Close => break,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn cid_characters(&mut self, operands: &[Token]) {
        for pair in operands.chunks_exact(2) {
            if let [Token::String(code), Token::Number(cid)] = pair {
                let code = code_of(code);
                self.cids.push((code, code, *cid));
            }
        }
    }

    fn cid_ranges(&mut self, operands: &[Token]) {
        for triple in operands.chunks_exact(3) {
            if let [Token::String(low), Token::String(high), Token::Number(cid)] = triple {
                self.cids.push((code_of(low), code_of(high), *cid));
            }
        }
    }
}

/// The entry whose range holds `code`, among entries sorted by their lowest code.
fn find<T>(entries: &[T], code: u32, range: impl Fn(&T) -> (u32, u32)) -> Option<&T> {
    let behind = entries.partition_point(|entry| range(entry).0 <= code);
    // Ranges may overlap where a later one is wrong; look a few entries back.
    entries.get(behind.saturating_sub(4)..behind)?.iter().rev().find(|entry| range(entry).1 >= code)
}

fn code_of(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, &byte| code << 8 | u32::from(byte))
}

fn units_of(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks(2)
        .take(MAX_TEXT)
        .map(|unit| unit.iter().fold(0, |u, &byte| u << 8 | u16::from(byte)))
        .collect()
}

enum Token<'a> {
    String(Vec<u8>),
    Number(u32),
    Open,
    Close,
    /// Names and whatever is none of our operands: they keep the operands' places.
    Other,
    Word(&'a [u8]),
}

struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn take_while(&mut self, test: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| !test(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.take_while(|byte| byte.is_ascii_whitespace() || byte == 0);
            let byte = self.peek()?;
            self.at += 1;
            return Some(match byte {
                b'%' => {
                    self.take_while(|byte| byte != b'\n' && byte != b'\r');
                    continue;
                }
                b'<' if self.peek() == Some(b'<') => {
                    self.at += 1;
                    Token::Other
                }
                b'<' => {
                    let digits = self.take_while(|byte| byte != b'>');
                    self.at += 1;
                    Token::String(unhex(digits))
                }
                b'>' => continue,
                b'[' => Token::Open,
                b']' => Token::Close,
                b'/' => {
                    self.take_while(is_regular);
                    Token::Other
                }
                b'(' => {
                    self.take_while(|byte| byte != b')');
                    self.at += 1;
                    Token::Other
                }
                _ if !is_regular(byte) => continue,
                _ => {
                    self.at -= 1;
                    let word = self.take_while(is_regular);
                    match std::str::from_utf8(word).ok().and_then(|text| text.parse().ok()) {
                        Some(number) => Token::Number(number),
                        None => Token::Word(word),
                    }
                }
            });
        }
    }
}

fn is_regular(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && byte != 0 && !b"()<>[]{}/%".contains(&byte)
}

fn unhex(digits: &[u8]) -> Vec<u8> {
    let nibbles: Vec<u8> = digits
        .iter()
        .filter_map(|&digit| char::from(digit).to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    nibbles
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => high << 4 | low,
            [high] => high << 4,
            _ => 0,
        })
        .collect()
}

/// Entries of one map: four times the Basic Multilingual Plane.
const MAX_ENTRIES: usize = 1 << 18;
/// Operands of one operator; the specification allows 100 entries of three.
const MAX_OPERANDS: usize = 1 << 17;
/// UTF-16 units one code may stand for.
const MAX_TEXT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const TO_UNICODE: &[u8] = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap
        /CMapName /X def 1 begincodespacerange <0000> <FFFF> endcodespacerange
        2 beginbfchar <0003> <0020> <0010> <D842DFB7> endbfchar
        2 beginbfrange <0100> <0102> <76D6> <0200> <0201> [<7AE0> <00660069>] endbfrange endcmap";

    #[test]
    fn characters_ranges_and_arrays_map() {
        let map = CMap::parse(TO_UNICODE);
        assert_eq!(map.text(0x3).as_deref(), Some(" "));
        assert_eq!(map.text(0x10).as_deref(), Some("𠮷"));
        assert_eq!(map.text(0x101).as_deref(), Some("盗"));
        assert_eq!(map.text(0x200).as_deref(), Some("章"));
        assert_eq!(map.text(0x201).as_deref(), Some("fi"));
        assert_eq!(map.text(0x202), None);
        assert_eq!(map.code(&[1, 2, 3]), (0x102, 2));
        assert_eq!(map.code(&[9]), (9, 1));
    }

    #[test]
    fn embedded_maps_have_codes_of_several_lengths() {
        let map = CMap::parse(
            b"2 begincodespacerange <00> <80> <8140> <FEFE> endcodespacerange
            1 begincidrange <20> <7e> 814 endcidrange 1 begincidchar <B8C7> 7 endcidchar",
        );
        assert_eq!(map.code(b"A"), (0x41, 1));
        assert_eq!(map.code(&[0xB8, 0xC7]), (0xB8C7, 2));
        assert_eq!(map.cid(0x21), Some(815));
        assert_eq!(map.cid(0xB8C7), Some(7));
        assert_eq!(map.cid(0xB8C8), None);
    }

    #[test]
    fn rubbish_is_left_out() {
        for data in [
            &b"<"[..],
            b"<12",
            b"[<1> endbfrange",
            b"(((",
            b"beginbfchar <zz> endbfchar",
            b"<1> <2> [ endbfrange",
        ] {
            CMap::parse(data);
        }
        let map = CMap::parse(b"<0000> <FFFFFFFF> <FFFF> endbfrange");
        assert_eq!(map.text(0xFFFF_0000), None);
        assert_eq!(CMap::default().code(&[]), (0, 1));
    }
}
