//! SM2Signature ::= SEQUENCE { R INTEGER, S INTEGER } (GB/T 35276 §7.3), strict DER.

use der::{Decode, Sequence, asn1::UintRef};

#[derive(Sequence)]
struct Sm2Signature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// r and s, big-endian, of a DER signature; `None` for any other encoding than the one there is. Their range is the
/// verifier's to check.
pub(super) fn signature_scalars(der: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let Sm2Signature { r, s } = Sm2Signature::from_der(der).ok()?;
    Some((padded(r.as_bytes())?, padded(s.as_bytes())?))
}

/// The DER signature of r and s, big-endian.
pub(super) fn signature_der(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(72);
    out.extend_from_slice(&[0x30, 0]);
    for number in [r, s] {
        let leading = number.iter().take(31).take_while(|octet| **octet == 0).count();
        let digits = number.get(leading..).unwrap_or_default();
        // A sign octet where the number would read as negative (X.690 §8.3).
        let sign = digits.first().is_some_and(|first| *first >= 0x80);
        out.extend_from_slice(&[0x02, u8::try_from(digits.len() + usize::from(sign)).unwrap_or(0)]);
        out.extend(sign.then_some(0));
        out.extend_from_slice(digits);
    }
    let length = u8::try_from(out.len() - 2).unwrap_or(0);
    out.iter_mut().skip(1).take(1).for_each(|octet| *octet = length);
    out
}

fn padded(digits: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let start = out.len().checked_sub(digits.len())?;
    out.get_mut(start..)?.copy_from_slice(digits);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_number_is_written_and_read_back() {
        for length in 1..=32 {
            for first in [1, 0x7F, 0x80, 0xFF] {
                let mut number = [0; 32];
                number[32 - length] = first;
                let der = signature_der(&number, &[0xFF; 32]);
                assert_eq!(signature_scalars(&der), Some((number, [0xFF; 32])));
            }
        }
        assert_eq!(signature_scalars(&signature_der(&[0; 32], &[1; 32])), Some(([0; 32], [1; 32])));
    }

    #[test]
    fn anything_but_the_one_encoding_is_refused() {
        let good = [0x30, 6, 2, 1, 5, 2, 1, 7];
        assert!(signature_scalars(&good).is_some());
        let wrong: &[&[u8]] = &[
            &[],
            // A number with a needless leading zero, a negative one, an empty one.
            &[0x30, 7, 2, 2, 0, 5, 2, 1, 7],
            &[0x30, 6, 2, 1, 0x85, 2, 1, 7],
            &[0x30, 5, 2, 0, 2, 1, 7],
            // A long length form, an indefinite one, octets after the end, a third number, a missing one.
            &[0x30, 0x81, 6, 2, 1, 5, 2, 1, 7],
            &[0x30, 0x80, 2, 1, 5, 2, 1, 7, 0, 0],
            &[0x30, 6, 2, 1, 5, 2, 1, 7, 0],
            &[0x30, 9, 2, 1, 5, 2, 1, 7, 2, 1, 9],
            &[0x30, 3, 2, 1, 5],
            // Another type.
            &[0x31, 6, 2, 1, 5, 2, 1, 7],
            &[0x30, 6, 4, 1, 5, 2, 1, 7],
        ];
        for der in wrong {
            assert_eq!(signature_scalars(der), None, "{der:02x?}");
        }
        let long = [&[0x30, 38, 2, 33, 1][..], &[0; 32], &[2, 1, 7]].concat();
        assert_eq!(signature_scalars(&long), None, "33 octets");
        assert_eq!(signature_scalars(&[7; 64]), None, "the bare r ‖ s");
    }
}
