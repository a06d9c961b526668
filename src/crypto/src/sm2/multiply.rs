//! Multiplying points by numbers: the base point by a secret number, and `[s]G + [t]P` for public ones.
//!
//! The multiples of the base point that both need are computed once per process, in about a millisecond.

use std::hint::black_box;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::field;
use super::point::{Affine, GENERATOR, Jacobian, Projective};

/// `[k]G` for a secret k in [1, n-1], big-endian, in constant time: every table entry of a window is read and masked, and the
/// additions are the same for every k. `None` for a k of zero modulo n.
///
/// k is cut into 52 signed digits of five bits, -16 to 15, and the table holds the 16 multiples of each digit's weight.
pub(super) fn base_secret(k: &[u8; 32]) -> Option<Affine> {
    let mut rest = Zeroizing::new(field::limbs(k));
    let mut carry = 0;
    let mut sum = Projective::INFINITY;
    for window in &tables().windows {
        let [lowest, ..] = *rest;
        let digit = (lowest & 31) + carry;
        // From 16 on the digit is taken as negative, and one is carried.
        carry = (digit + 16) >> 5;
        *rest = shifted(*rest);
        let negative = all_ones_if(carry);
        let magnitude = (digit ^ negative).wrapping_sub(negative).wrapping_add(negative & 32);
        let entry = look_up(window, magnitude, negative);
        // A digit of zero adds nothing.
        let something = all_ones_if((magnitude | magnitude.wrapping_neg()) >> 63);
        sum = sum.select(&sum.add(&entry), something);
    }
    sum.to_affine()
}

/// `[s]G + [t]P` for public numbers, big-endian: one chain of doublings for both (Straus), with the digits of each in
/// non-adjacent form (Möller, "Algorithms for multi-exponentiation", 2001).
pub(super) fn joint(s: &[u8; 32], t: &[u8; 32], point: &Affine) -> Jacobian {
    let base = &tables().odd;
    let multiples = odd_multiples::<POINT_MULTIPLES>(point);
    let (of_base, of_point) = (digits(s, BASE_WINDOW), digits(t, POINT_WINDOW));
    let mut sum = Jacobian::INFINITY;
    for (of_base, of_point) in of_base.iter().zip(&of_point).rev() {
        sum = sum.double();
        if let Some(entry) = base.get(usize::from(of_base.unsigned_abs() / 2)).filter(|_| *of_base != 0) {
            sum = sum.add_affine(&if *of_base < 0 { entry.negate() } else { *entry });
        }
        if let Some(entry) =
            multiples.get(usize::from(of_point.unsigned_abs() / 2)).filter(|_| *of_point != 0)
        {
            sum = sum.add(&if *of_point < 0 { entry.negate() } else { *entry });
        }
    }
    sum
}

struct Tables {
    /// For each of the 52 weights 2^(5i), its multiples 1 to 16.
    windows: Vec<[Affine; 16]>,
    /// 1, 3, 5, … times the base point.
    odd: Vec<Affine>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut multiples = Vec::with_capacity(52 * 16);
        let mut weight = Jacobian::from(GENERATOR);
        for _ in 0..52 {
            let mut multiple = weight;
            for _ in 0..16 {
                multiples.push(multiple);
                multiple = multiple.add(&weight);
            }
            weight = (0..5).fold(weight, |weight, _| weight.double());
        }
        Tables {
            windows: Jacobian::to_affine(&multiples).as_chunks::<16>().0.to_vec(),
            odd: Jacobian::to_affine(&odd_multiples::<BASE_MULTIPLES>(&GENERATOR)),
        }
    })
}

/// 1, 3, 5, … times a point.
fn odd_multiples<const COUNT: usize>(point: &Affine) -> [Jacobian; COUNT] {
    let mut multiple = Jacobian::from(*point);
    let twice = multiple.double();
    let mut multiples = [multiple; COUNT];
    for entry in multiples.iter_mut().skip(1) {
        multiple = multiple.add(&twice);
        *entry = multiple;
    }
    multiples
}

/// The entry of that magnitude, negated where `negative` is all ones; nonsense for a magnitude of zero.
fn look_up(window: &[Affine; 16], magnitude: u64, negative: u64) -> Affine {
    let mut found = Affine { x: field::Element::ZERO, y: field::Element::ZERO };
    for (number, entry) in (1_u64..).zip(window) {
        let other = number ^ magnitude;
        let equal = !all_ones_if((other | other.wrapping_neg()) >> 63);
        found.x = found.x.gather(&entry.x, equal);
        found.y = found.y.gather(&entry.y, equal);
    }
    found.y = found.y.select(&found.y.negate(), negative);
    found
}

/// All ones for 1, zero for 0. The compiler is kept from knowing that there are only these two, out of which it would
/// make a branch.
fn all_ones_if(bit: u64) -> u64 {
    black_box(0_u64.wrapping_sub(bit))
}

/// The number without its lowest five bits.
const fn shifted(limbs: [u64; 4]) -> [u64; 4] {
    let [a, b, c, d] = limbs;
    [a >> 5 | b << 59, b >> 5 | c << 59, c >> 5 | d << 59, d >> 5]
}

/// A public number in non-adjacent form: digits that are zero or odd and below 2^(window-1) in magnitude, least first, of
/// which at least `window - 1` zeros follow each that is not.
fn digits(number: &[u8; 32], window: u32) -> [i16; 257] {
    let mut rest = field::limbs(number);
    let mut digits = [0; 257];
    let mut carry = 0;
    let mut skip = 0;
    for digit in &mut digits {
        let low = (rest[0] & ((1 << window) - 1)) + carry;
        if skip > 0 {
            skip -= 1;
        } else if low & 1 == 1 {
            // In the upper half the digit is negative, and one is carried to what follows the window.
            let value = i16::try_from(low).unwrap_or(0);
            let full = 1_i16 << window;
            carry = u64::from(value > full / 2);
            *digit = if carry == 1 { value - full } else { value };
            skip = window - 1;
        }
        // Else the lowest bit and the carry are alike, and what they add up to is carried on: the carry stays.
        let [a, b, c, d] = rest;
        rest = [a >> 1 | b << 63, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1];
    }
    digits
}

const BASE_WINDOW: u32 = 8;
const BASE_MULTIPLES: usize = 1 << (BASE_WINDOW - 2);
const POINT_WINDOW: u32 = 5;
const POINT_MULTIPLES: usize = 1 << (POINT_WINDOW - 2);
