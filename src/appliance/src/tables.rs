//! Tables as spreadsheets write them: their encoding, and what stands between cells. What the columns mean is their readers':
//! applications for seals, orders for licences.

/// The text of a table in UTF-8, with or without a mark at its beginning, or in GB 18030; none in any other encoding.
#[must_use]
pub fn decoded(octets: &[u8]) -> Option<String> {
    if octets.starts_with(b"\xFF\xFE") || octets.starts_with(b"\xFE\xFF") {
        return None;
    }
    let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        return Some(text.to_owned());
    }
    let (text, wrong) = encoding_rs::GB18030.decode_without_bom_handling(octets);
    (!wrong).then(|| text.into_owned())
}

/// What stands between the cells of the first line.
#[must_use]
pub fn separator(text: &str) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let count = |separator: u8| first.bytes().filter(|octet| *octet == separator).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|one| (count(*one), *one == b',')).unwrap_or(b',')
}
