//! Signature wrapping: the octets that were signed stay, others come to stand where nobody looks.

use super::{Attack, EVIL, Forgery, attack};

/// The byte range of the last signature, read from its text.
fn range(bytes: &[u8]) -> [usize; 4] {
    let at = memchr::memmem::rfind(bytes, b"/ByteRange").unwrap();
    let open = at + bytes[at..].iter().position(|b| *b == b'[').unwrap();
    let close = open + bytes[open..].iter().position(|b| *b == b']').unwrap();
    let text = String::from_utf8(bytes[open + 1..close].to_vec()).unwrap();
    let numbers: Vec<usize> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// `bytes` with another byte range, padded to the old one's length.
fn with_range(mut bytes: Vec<u8>, numbers: [usize; 4]) -> Vec<u8> {
    let at = memchr::memmem::rfind(&bytes, b"/ByteRange").unwrap();
    let open = at + bytes[at..].iter().position(|b| *b == b'[').unwrap();
    let close = open + bytes[open..].iter().position(|b| *b == b']').unwrap();
    let text = numbers.map(|n| n.to_string()).join(" ");
    let padded = format!("{text:<width$}", width = close - open - 1);
    assert_eq!(padded.len(), close - open - 1, "no room for {text}");
    bytes.splice(open + 1..close, padded.bytes());
    bytes
}

pub fn attacks() -> Vec<Attack> {
    let gap = "the gap of the byte range is not exactly";
    // Signed by their signer like this: only the rule about the gap speaks against them.
    let shifted = |name: &str, shift: [i64; 4], because: &'static str| {
        attack("wrapping", name, Forgery { shift, ..Forgery::none() }.make(), because)
    };
    let mut made = vec![
        shifted("gap-one-wider-before", [0, -1, 0, 0], gap),
        shifted("gap-one-wider-behind", [0, 0, 1, -1], gap),
        shifted("gap-one-narrower-before", [0, 1, 0, 0], gap),
        shifted("gap-one-narrower-behind", [0, 0, -1, 1], gap),
        shifted("gap-with-its-key", [0, -10, 0, 0], gap),
        shifted("range-from-one", [1, -1, 0, 0], "does not start at 0"),
        shifted("range-one-short-of-the-end", [0, 0, 0, -8], "does not end where a revision ends"),
    ];
    let in_the_gap =
        Forgery { more: "/Reason (nobody signed this reason)", shift: [0, 0, 37, -37], ..Forgery::none() };
    made.push(attack("wrapping", "gap-with-another-entry", in_the_gap.make(), gap));
    // With room behind the signature, whatever its length.
    let bytes = Forgery::none().make();
    let [_, start, end, tail] = range(&bytes);
    // Behind the digits, inside the gap.
    for (name, filler) in [("comment", "%00 "), ("entry", "/Reason (x)"), ("space", "  ")] {
        let mut forged = bytes.clone();
        forged[end - 1 - filler.len()] = b'>';
        forged[end - filler.len()..end].copy_from_slice(filler.as_bytes());
        let because = if name == "comment" { "cannot be read" } else { gap };
        made.push(attack("wrapping", &format!("{name}-behind-the-contents"), forged, because));
    }
    let mut spaced = bytes.clone();
    spaced[end - 9..end - 1].copy_from_slice(b" \n \n \n \n");
    made.push(attack("wrapping", "white-space-in-the-contents", spaced, "more than hexadecimal digits"));
    let mut odd = bytes.clone();
    odd[start + 1] = b' ';
    made.push(attack("wrapping", "white-space-before-the-digits", odd, ""));
    for (name, octets) in [("zero-padding-with-data", "deadbeef"), ("padding-with-asn1", "30030201")] {
        let mut forged = bytes.clone();
        forged[end - 9..end - 1].copy_from_slice(octets.as_bytes());
        made.push(attack("wrapping", name, forged, "holds data after the signature"));
    }
    // New content between the parts, where the second part was moved up; then a table that knows it.
    let between = [&b"\n4 0 obj\n<< /Length 32 >>\nstream\n"[..], EVIL, b"\nendstream\nendobj\n"].concat();
    let mut moved = bytes[..end].to_vec();
    moved.extend_from_slice(&between);
    moved.extend_from_slice(&bytes[end..]);
    let moved = with_range(moved, [0, start, end + between.len(), tail]);
    made.push(attack("wrapping", "content-between-the-parts", moved, "malformed document").exits(6));
    // The signed tail is repeated at the end, behind what an update of the attacker says.
    let mut repeated = bytes.clone();
    let position = repeated.len();
    repeated.extend_from_slice(&between);
    repeated.extend_from_slice(&bytes[end..]);
    let repeated = with_range(repeated, [0, start, position + between.len(), tail]);
    made.push(attack("wrapping", "second-part-repeated-at-the-end", repeated, ""));
    made
}
