//! Telling seals and what they signed from everything else, by how their octets begin.
//!
//! A structure is told by its first elements alone, whatever its length, encoding rules and deviations: nothing else that is
//! signed begins with a SEQUENCE in a SEQUENCE in a SEQUENCE that starts with a short string (the header's `ES`). A CMS
//! starts with an identifier, a time-stamp response and a revocation list with a number, a certificate with a tag of its own.

/// What octets begin as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `SESeal { eSealInfo { header { ID …`
    Seal,
    /// `SES_Signature { toSign { version, eseal { eSealInfo { header { ID …`
    Signature,
}

impl Shape {
    /// The shape of `octets`, of which the beginning is enough.
    pub(super) fn of(octets: &[u8]) -> Option<Self> {
        let first = inside(octets)?;
        match *first.first()? {
            SEQUENCE => {
                let second = inside(first)?;
                match *second.first()? {
                    SEQUENCE => is_header(second).then_some(Self::Seal),
                    INTEGER => {
                        let seal = behind_number(second)?;
                        let info = inside(seal)?;
                        let header = inside(info)?;
                        is_header(header).then_some(Self::Signature)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// `SEQUENCE { string, INTEGER, …`: SES_Header.
fn is_header(octets: &[u8]) -> bool {
    let Some([tag, length, rest @ ..]) = inside(octets) else { return false };
    let strings = [IA5_STRING, UTF8_STRING, PRINTABLE_STRING];
    let behind = rest.get(usize::from(*length)..).and_then(<[u8]>::first);
    strings.contains(tag) && *length <= MOST && behind == Some(&INTEGER)
}

/// The content of the SEQUENCE that `octets` begin with.
fn inside(octets: &[u8]) -> Option<&[u8]> {
    match octets {
        [SEQUENCE, 0..=0x80, rest @ ..] => Some(rest),
        [SEQUENCE, long @ 0x81..=0x88, rest @ ..] => rest.get(usize::from(long & 0x7F)..),
        _ => None,
    }
}

/// What follows the INTEGER of one octet or a few that `octets` begin with.
fn behind_number(octets: &[u8]) -> Option<&[u8]> {
    match octets {
        [INTEGER, length @ 1..=4, rest @ ..] => rest.get(usize::from(*length)..),
        _ => None,
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// Octets of a header's identifier, which is `ES`.
const MOST: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        [vec![tag, 0x82], u16::try_from(content.len()).unwrap().to_be_bytes().to_vec(), content.to_vec()]
            .concat()
    }

    fn header(tag: u8) -> Vec<u8> {
        let parts = [vec![tag, 2, b'E', b'S'], vec![INTEGER, 1, 4], vec![IA5_STRING, 1, b'x']].concat();
        tlv(SEQUENCE, &parts)
    }

    #[test]
    fn a_seal_and_a_signature_are_told_by_their_first_elements() {
        for tag in [IA5_STRING, UTF8_STRING, PRINTABLE_STRING] {
            let seal = tlv(SEQUENCE, &tlv(SEQUENCE, &[header(tag), vec![IA5_STRING, 0]].concat()));
            assert_eq!(Shape::of(&seal), Some(Shape::Seal));
            let to_sign = tlv(SEQUENCE, &[vec![INTEGER, 1, 4], seal.clone()].concat());
            let signature = tlv(SEQUENCE, &to_sign);
            assert_eq!(Shape::of(&signature), Some(Shape::Signature));
            assert_eq!(
                Shape::of(&signature[..40.min(signature.len())]),
                Some(Shape::Signature),
                "the beginning is enough"
            );
        }
        let open = [vec![SEQUENCE, 0x80, SEQUENCE, 0x80], header(IA5_STRING)].concat();
        assert_eq!(Shape::of(&open), Some(Shape::Seal), "an open length");
    }

    #[test]
    fn nothing_else_that_is_signed_looks_like_one() {
        let number = [INTEGER, 1, 1];
        let oid = [6, 3, 0x2A, 3, 4];
        let algorithm = tlv(SEQUENCE, &oid);
        for (what, octets) in [
            ("CMS", tlv(SEQUENCE, &oid)),
            ("certificate", tlv(SEQUENCE, &tlv(SEQUENCE, &[0xA0, 3, 2, 1, 2]))),
            ("old certificate", tlv(SEQUENCE, &tlv(SEQUENCE, &[&number[..], &algorithm].concat()))),
            ("revocation list", tlv(SEQUENCE, &tlv(SEQUENCE, &[&number[..], &algorithm].concat()))),
            ("time-stamp response", tlv(SEQUENCE, &tlv(SEQUENCE, &number))),
            ("key", tlv(SEQUENCE, &[&number[..], &algorithm].concat())),
            ("names", tlv(SEQUENCE, &tlv(SEQUENCE, &tlv(SEQUENCE, &oid)))),
            ("PDF", b"%PDF-1.7".to_vec()),
            ("nothing", Vec::new()),
            ("a cut one", vec![SEQUENCE, 0x82]),
        ] {
            assert_eq!(Shape::of(&octets), None, "{what}");
        }
    }
}
