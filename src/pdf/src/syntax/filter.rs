//! Stream filters (ISO 32000-2 §7.4), each with a cap on what comes out.
//!
//! Image filters are not here: nothing that signs or verifies looks at pixels.

use flate2::{Decompress, FlushDecompress, Status};

use super::input::Input;
use super::parser::{hex_digit, is_space};
use super::{Dictionary, Object, ReadError};

/// Decodes `raw` by the `/Filter` and `/DecodeParms` of `dictionary`, both direct, within the document's
/// cap for one stream.
pub(crate) fn decode_direct(
    input: &Input<'_>,
    dictionary: &Dictionary,
    raw: Vec<u8>,
) -> Result<Vec<u8>, ReadError> {
    decode(input, dictionary, raw, input.limits.stream_bytes)
}

/// As [`decode_direct`], with at most `max` octets out of each filter.
pub(crate) fn decode(
    input: &Input<'_>,
    dictionary: &Dictionary,
    raw: Vec<u8>,
    max: usize,
) -> Result<Vec<u8>, ReadError> {
    let listed = |key: &[u8], short: &[u8]| match dictionary.get(key).or_else(|| dictionary.get(short)) {
        None | Some(Object::Null) => Vec::new(),
        Some(Object::Array(items)) => items.clone(),
        Some(single) => vec![single.clone()],
    };
    let (filters, parameters) = (listed(b"Filter", b"F"), listed(b"DecodeParms", b"DP"));
    if filters.len() > MAX_FILTERS {
        return Err(ReadError::TooComplex { budget: "filters on one stream" });
    }
    let max = max.min(input.limits.stream_bytes);
    let mut data = raw;
    for (i, filter) in filters.iter().enumerate() {
        let cap = max.min(input.inflatable());
        let empty = Dictionary::new();
        let parameters = parameters.get(i).and_then(Object::as_dictionary).unwrap_or(&empty);
        data = match filter.as_name() {
            Some(b"FlateDecode" | b"Fl") => unpredict(flate(&data, cap)?, parameters)?,
            Some(b"LZWDecode" | b"LZW") => {
                let early = parameters.get(b"EarlyChange").and_then(Object::as_integer) != Some(0);
                unpredict(lzw(&data, early, cap)?, parameters)?
            }
            Some(b"ASCIIHexDecode" | b"AHx") => ascii_hex(&data)?,
            Some(b"ASCII85Decode" | b"A85") => ascii_85(&data, cap)?,
            Some(b"RunLengthDecode" | b"RL") => run_length(&data, cap)?,
            // The first filter, undone before the others; see `security`.
            Some(b"Crypt") if i == 0 => continue,
            Some(b"Crypt") => return Err(ReadError::Unsupported { what: "encrypted stream" }),
            _ => return Err(ReadError::Unsupported { what: "stream filter" }),
        };
        input.spend_inflated(data.len())?;
    }
    Ok(data)
}

fn broken(what: &'static str, at: usize) -> ReadError {
    ReadError::Malformed { what, offset: at as u64 }
}

fn bomb() -> ReadError {
    ReadError::TooComplex { budget: "decoded octets" }
}

fn flate(data: &[u8], cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut inflater = Decompress::new(true);
    let mut out =
        Vec::with_capacity(data.len().saturating_mul(3).clamp(256, 1 << 20).min(cap.saturating_add(1)));
    loop {
        let consumed = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let before = (inflater.total_in(), inflater.total_out());
        let rest = data.get(consumed..).unwrap_or_default();
        let status = inflater
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|_| broken("deflate data", consumed))?;
        if out.len() > cap {
            return Err(bomb());
        }
        if status == Status::StreamEnd {
            return Ok(out);
        }
        if out.len() == out.capacity() {
            // One octet past the cap is enough to notice a bomb.
            let more = out.capacity().min(cap.saturating_add(1) - out.len()).max(1);
            out.reserve_exact(more);
        } else if before == (inflater.total_in(), inflater.total_out()) {
            return Err(broken("deflate data ends early", consumed));
        }
    }
}

/// §7.4.4.3; codes of 9 to 12 bits, most significant first.
fn lzw(data: &[u8], early: bool, cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut out: Vec<u8> = Vec::new();
    // Each code beyond 257 is a piece of the output: (start, length).
    let mut table: Vec<(usize, usize)> = Vec::with_capacity(4096);
    let mut previous: Option<(usize, usize)> = None;
    let (mut bits, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    for (at, byte) in data.iter().enumerate() {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = (bits >> held) as usize;
        bits &= (1 << held) - 1;
        match code {
            256 => {
                table.clear();
                previous = None;
                width = 9;
                continue;
            }
            257 => return Ok(out),
            _ => {}
        }
        let start = out.len();
        match (code, previous) {
            (0..=255, _) => out.push(code as u8),
            (code, previous) => {
                let piece = match (table.get(code - 258), previous) {
                    (Some(piece), _) => *piece,
                    (None, Some((from, length))) if code - 258 == table.len() => (from, length + 1),
                    _ => return Err(broken("LZW code out of range", at)),
                };
                // The one code not yet in the table may reach into what it appends: copy octet by octet.
                for i in piece.0..piece.0 + piece.1 {
                    let octet = out.get(i).copied().ok_or_else(|| broken("LZW code out of range", at))?;
                    out.push(octet);
                }
            }
        }
        if out.len() > cap {
            return Err(bomb());
        }
        if let Some((from, length)) = previous
            && table.len() < 4096 - 258
        {
            table.push((from, length + 1));
        }
        previous = Some((start, out.len() - start));
        let next = table.len() + 258 + 1 + usize::from(early);
        width = match next {
            0..=512 => 9,
            513..=1024 => 10,
            1025..=2048 => 11,
            _ => 12,
        };
    }
    Ok(out)
}

fn ascii_hex(data: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut out = Vec::with_capacity(data.len() / 2);
    let mut high = None;
    for (at, byte) in data.iter().enumerate() {
        match (hex_digit(*byte), high) {
            (Some(digit), None) => high = Some(digit),
            (Some(digit), Some(first)) => {
                out.push(first << 4 | digit);
                high = None;
            }
            (None, _) if *byte == b'>' => break,
            (None, _) if is_space(*byte) => {}
            (None, _) => return Err(broken("hexadecimal data", at)),
        }
    }
    out.extend(high.map(|first: u8| first << 4));
    Ok(out)
}

fn ascii_85(data: &[u8], cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut out = Vec::with_capacity(data.len() / 5 * 4);
    let (mut value, mut digits) = (0_u32, 0_usize);
    for (at, byte) in data.iter().enumerate() {
        match byte {
            b'z' if digits == 0 => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                let next = value.checked_mul(85).and_then(|v| v.checked_add(u32::from(byte - b'!')));
                value = next.ok_or_else(|| broken("base-85 data", at))?;
                digits += 1;
                if digits == 5 {
                    out.extend_from_slice(&value.to_be_bytes());
                    (value, digits) = (0, 0);
                }
            }
            b'~' => break,
            _ if is_space(*byte) => {}
            _ => return Err(broken("base-85 data", at)),
        }
        if out.len() > cap {
            return Err(bomb());
        }
    }
    if digits == 1 {
        return Err(broken("base-85 data ends early", data.len()));
    }
    if digits > 1 {
        for _ in digits..5 {
            value = value.wrapping_mul(85).wrapping_add(84);
        }
        out.extend(value.to_be_bytes().into_iter().take(digits - 1));
    }
    Ok(out)
}

fn run_length(data: &[u8], cap: usize) -> Result<Vec<u8>, ReadError> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(length) = data.get(at) {
        let length = usize::from(*length);
        match length {
            0..=127 => {
                let part = data.get(at + 1..at + 2 + length).ok_or_else(|| broken("run-length data", at))?;
                out.extend_from_slice(part);
                at += 2 + length;
            }
            128 => break,
            _ => {
                let byte = *data.get(at + 1).ok_or_else(|| broken("run-length data", at))?;
                out.resize(out.len() + 257 - length, byte);
                at += 2;
            }
        }
        if out.len() > cap {
            return Err(bomb());
        }
    }
    Ok(out)
}

/// Undoes the predictors of §7.4.4.4: PNG filters, and TIFF 2 for octet components.
fn unpredict(data: Vec<u8>, parameters: &Dictionary) -> Result<Vec<u8>, ReadError> {
    let number = |key: &[u8], default: i64, most: i64| {
        let value = parameters.get(key).and_then(Object::as_integer).unwrap_or(default);
        usize::try_from(value)
            .ok()
            .filter(|_| (1..=most).contains(&value))
            .ok_or_else(|| broken("predictor", 0))
    };
    let predictor = number(b"Predictor", 1, 15)?;
    if predictor == 1 {
        return Ok(data);
    }
    let (colors, bits) = (number(b"Colors", 1, 32)?, number(b"BitsPerComponent", 8, 16)?);
    let columns = number(b"Columns", 1, 1 << 24)?;
    let pixel = (colors * bits).div_ceil(8);
    let row = (colors * bits * columns).div_ceil(8);
    if predictor == 2 {
        return if bits == 8 {
            Ok(tiff(data, row, colors))
        } else {
            Err(ReadError::Unsupported { what: "predictor" })
        };
    }
    if predictor < 10 {
        return Err(broken("predictor", 0));
    }
    let mut out: Vec<u8> = Vec::with_capacity(data.len());
    // Where the line above starts in `out`; before the first line it is all zeros. Nothing is sized by what the
    // dictionary says: a file may claim rows of a gigabyte.
    let mut above: Option<usize> = None;
    for line in data.chunks(row + 1) {
        let Some((kind, raw)) = line.split_first() else { break };
        let start = out.len();
        for (i, byte) in raw.iter().enumerate() {
            let before = |from: usize, back: usize| {
                i.checked_sub(back).and_then(|i| out.get(from + i)).copied().unwrap_or(0)
            };
            let left = before(start, pixel);
            let up = above.map_or(0, |above| before(above, 0));
            let guess = match kind {
                0 => 0,
                1 => left,
                2 => up,
                3 => u16::midpoint(u16::from(left), u16::from(up)) as u8,
                4 => paeth(left, up, above.map_or(0, |above| before(above, pixel))),
                _ => return Err(broken("PNG predictor", out.len())),
            };
            out.push(byte.wrapping_add(guess));
        }
        above = Some(start);
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

fn tiff(mut data: Vec<u8>, row: usize, colors: usize) -> Vec<u8> {
    for line in data.chunks_mut(row) {
        for i in colors..line.len() {
            let left = line.get(i - colors).copied().unwrap_or(0);
            if let Some(slot) = line.get_mut(i) {
                *slot = slot.wrapping_add(left);
            }
        }
    }
    data
}

/// Nobody chains more filters than this but the makers of bombs.
const MAX_FILTERS: usize = 8;
