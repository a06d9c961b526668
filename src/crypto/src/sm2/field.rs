//! The field that SM2's curve is over: numbers modulo p = 2^256 - 2^224 - 2^96 + 2^64 - 1 (GB/T 32918.5).
//!
//! Everything here takes the same time for every value: no branch and no address depends on one. Elements are in
//! Montgomery form (Montgomery, "Modular multiplication without trial division", 1985) with R = 2^256, as four 64-bit
//! limbs, least first. Because p is -1 modulo 2^64, the factor of each reduction step is the limb to be cleared itself,
//! and because of p's shape its multiple takes shifts and subtractions only.

/// A number modulo p.
// INVARIANT: the limbs are below p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element([u64; 4]);

impl Element {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([1, 0xFFFF_FFFF, 0, 0x1_0000_0000]);

    /// An element from limbs in Montgomery form.
    pub(super) const fn from_limbs(limbs: [u64; 4]) -> Self {
        Self(limbs)
    }

    /// Reads 32 octets, big-endian; `None` for p and above.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = limbs(bytes);
        let (_, below) = subtract(limbs, P);
        below.then(|| Self(limbs).mul(&R_SQUARED))
    }

    /// The number as 32 octets, big-endian.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let [a, b, c, d] = self.0;
        octets(reduce([a, b, c, d, 0, 0, 0, 0]).0)
    }

    pub(super) fn is_zero(self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        let (a, carry) = a.carrying_add(e, false);
        let (b, carry) = b.carrying_add(f, carry);
        let (c, carry) = c.carrying_add(g, carry);
        let (d, carry) = d.carrying_add(h, carry);
        once_less([a, b, c, d], carry)
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        let (difference, borrow) = subtract(self.0, other.0);
        let mask = 0_u64.wrapping_sub(borrow as u64);
        let [a, b, c, d] = difference;
        let [e, f, g, h] = P;
        let (a, carry) = a.carrying_add(e & mask, false);
        let (b, carry) = b.carrying_add(f & mask, carry);
        let (c, carry) = c.carrying_add(g & mask, carry);
        let (d, _) = d.carrying_add(h & mask, carry);
        Self([a, b, c, d])
    }

    pub(super) fn double(&self) -> Self {
        self.add(self)
    }

    /// Three times the number.
    pub(super) fn triple(&self) -> Self {
        self.add(self).add(self)
    }

    pub(super) fn negate(&self) -> Self {
        Self::ZERO.sub(self)
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        let (t0, carry) = a.carrying_mul(e, 0);
        let (t1, carry) = b.carrying_mul(e, carry);
        let (t2, carry) = c.carrying_mul(e, carry);
        let (t3, t4) = d.carrying_mul(e, carry);

        let (t1, carry) = a.carrying_mul_add(f, t1, 0);
        let (t2, carry) = b.carrying_mul_add(f, t2, carry);
        let (t3, carry) = c.carrying_mul_add(f, t3, carry);
        let (t4, t5) = d.carrying_mul_add(f, t4, carry);

        let (t2, carry) = a.carrying_mul_add(g, t2, 0);
        let (t3, carry) = b.carrying_mul_add(g, t3, carry);
        let (t4, carry) = c.carrying_mul_add(g, t4, carry);
        let (t5, t6) = d.carrying_mul_add(g, t5, carry);

        let (t3, carry) = a.carrying_mul_add(h, t3, 0);
        let (t4, carry) = b.carrying_mul_add(h, t4, carry);
        let (t5, carry) = c.carrying_mul_add(h, t5, carry);
        let (t6, t7) = d.carrying_mul_add(h, t6, carry);
        reduce([t0, t1, t2, t3, t4, t5, t6, t7])
    }

    pub(super) fn square(&self) -> Self {
        let [a, b, c, d] = self.0;
        // The products of different limbs, which count twice.
        let (t1, carry) = a.carrying_mul(b, 0);
        let (t2, carry) = a.carrying_mul(c, carry);
        let (t3, t4) = a.carrying_mul(d, carry);
        let (t3, carry) = b.carrying_mul_add(c, t3, 0);
        let (t4, t5) = b.carrying_mul_add(d, t4, carry);
        let (t5, t6) = c.carrying_mul_add(d, t5, 0);
        let t7 = t6 >> 63;
        let t6 = t6 << 1 | t5 >> 63;
        let t5 = t5 << 1 | t4 >> 63;
        let t4 = t4 << 1 | t3 >> 63;
        let t3 = t3 << 1 | t2 >> 63;
        let t2 = t2 << 1 | t1 >> 63;
        let t1 = t1 << 1;

        let (t0, high) = a.carrying_mul(a, 0);
        let (t1, carry) = t1.carrying_add(high, false);
        let (low, high) = b.carrying_mul(b, 0);
        let (t2, carry) = t2.carrying_add(low, carry);
        let (t3, carry) = t3.carrying_add(high, carry);
        let (low, high) = c.carrying_mul(c, 0);
        let (t4, carry) = t4.carrying_add(low, carry);
        let (t5, carry) = t5.carrying_add(high, carry);
        let (low, high) = d.carrying_mul(d, 0);
        let (t6, carry) = t6.carrying_add(low, carry);
        let (t7, _) = t7.carrying_add(high, carry);
        reduce([t0, t1, t2, t3, t4, t5, t6, t7])
    }

    /// The number to the power of 2^times.
    fn squared(&self, times: u32) -> Self {
        (0..times).fold(*self, |power, _| power.square())
    }

    /// The inverse, by Fermat's little theorem; zero for zero.
    pub(super) fn invert(&self) -> Self {
        // p - 2 = 31 ones, a zero, 128 ones, 32 zeros, 62 ones, a zero, a one. `onesN` is self^(2^N - 1).
        let ones2 = self.square().mul(self);
        let ones3 = ones2.square().mul(self);
        let ones6 = ones3.squared(3).mul(&ones3);
        let ones12 = ones6.squared(6).mul(&ones6);
        let ones15 = ones12.squared(3).mul(&ones3);
        let ones30 = ones15.squared(15).mul(&ones15);
        let ones31 = ones30.square().mul(self);
        let ones32 = ones31.square().mul(self);
        let ones62 = ones31.squared(31).mul(&ones31);
        let mut power = ones31.squared(1);
        for _ in 0..4 {
            power = power.squared(32).mul(&ones32);
        }
        power.squared(32).squared(62).mul(&ones62).squared(2).mul(self)
    }

    /// `self` where the mask is all zeros, `other` where it is all ones.
    pub(super) fn select(&self, other: &Self, mask: u64) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a ^ mask & (a ^ e), b ^ mask & (b ^ f), c ^ mask & (c ^ g), d ^ mask & (d ^ h)])
    }

    /// `self`, or what was gathered from other candidates whose masks were all zeros but at most one.
    pub(super) fn gather(&self, candidate: &Self, mask: u64) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, candidate.0);
        Self([a | e & mask, b | f & mask, c | g & mask, d | h & mask])
    }
}

/// 32 octets, big-endian, as limbs.
pub(super) fn limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0; 4];
    for (limb, octets) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*octets);
    }
    limbs
}

fn octets(limbs: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (octets, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(limbs.iter().rev()) {
        *octets = limb.to_be_bytes();
    }
    bytes
}

fn subtract(from: [u64; 4], what: [u64; 4]) -> ([u64; 4], bool) {
    let ([a, b, c, d], [e, f, g, h]) = (from, what);
    let (a, borrow) = a.borrowing_sub(e, false);
    let (b, borrow) = b.borrowing_sub(f, borrow);
    let (c, borrow) = c.borrowing_sub(g, borrow);
    let (d, borrow) = d.borrowing_sub(h, borrow);
    ([a, b, c, d], borrow)
}

/// A number below 2p, whose 257th bit is the carry, modulo p.
fn once_less(limbs: [u64; 4], carry: bool) -> Element {
    let (less, borrow) = subtract(limbs, P);
    // The number was below p when subtracting borrowed more than the carry gives.
    let keep = 0_u64.wrapping_sub((borrow & !carry) as u64);
    Element(less).select(&Element(limbs), keep)
}

/// A number below p · 2^256, divided by 2^256 modulo p.
fn reduce(product: [u64; 8]) -> Element {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = product;
    let ([t1, t2, t3, t4], over) = step(t0, [t1, t2, t3, t4], 0);
    let ([t2, t3, t4, t5], over) = step(t1, [t2, t3, t4, t5], over);
    let ([t3, t4, t5, t6], over) = step(t2, [t3, t4, t5, t6], over);
    let ([t4, t5, t6, t7], over) = step(t3, [t4, t5, t6, t7], over);
    once_less([t4, t5, t6, t7], over != 0)
}

/// Adds `lowest · p` to a number whose lowest limb is `lowest`, and drops that limb, which is then zero: what comes to the
/// next four is lowest · (2^192 - 2^160 - 2^32 + 1). `over` is what the step before carried out of its last limb.
fn step(lowest: u64, rest: [u64; 4], over: u64) -> ([u64; 4], u64) {
    let (low, high) = (lowest << 32, lowest >> 32);
    let (m0, borrow) = lowest.borrowing_sub(low, false);
    let (m1, borrow) = 0_u64.borrowing_sub(high, borrow);
    let (m2, borrow) = 0_u64.borrowing_sub(low, borrow);
    let (m3, _) = lowest.borrowing_sub(high, borrow);
    let [a, b, c, d] = rest;
    let (a, carry) = a.carrying_add(m0, false);
    let (b, carry) = b.carrying_add(m1, carry);
    let (c, carry) = c.carrying_add(m2, carry);
    let (d, carry) = d.carrying_add(m3, carry);
    let (d, again) = d.carrying_add(over, false);
    ([a, b, c, d], carry as u64 + again as u64)
}

const P: [u64; 4] =
    [0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_0000_0000, 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFE_FFFF_FFFF];
/// 2^512 modulo p: multiplying by it gives the Montgomery form.
const R_SQUARED: Element =
    Element([0x0000_0002_0000_0003, 0x0000_0002_FFFF_FFFF, 0x0000_0001_0000_0001, 0x0000_0004_0000_0002]);
