//! The order in which the places of a list are given out: a permutation that only its seed tells.
//!
//! A place says nothing about when it was taken, and yet none is given out twice: the n-th is computed from n by a Feistel network
//! over the next power of four, walked until it falls into the list. Pure.

use crypto::DigestAlgorithm;

/// An order of the numbers below `size`.
#[derive(Debug, Clone)]
pub(super) struct Order {
    seed: Vec<u8>,
    size: u32,
    /// Bits of each half.
    half: u32,
}

impl Order {
    /// The order of `size` places under a seed. A list has at least one place and at most 2^24.
    pub(super) fn new(seed: Vec<u8>, size: u32) -> Self {
        let size = size.clamp(1, 1 << 24);
        let bits = u32::BITS - (size - 1).leading_zeros();
        Self { seed, size, half: bits.div_ceil(2).max(1) }
    }

    /// The n-th place, for n below the size.
    pub(super) fn place(&self, n: u32) -> u32 {
        let mut value = n % self.size;
        // A permutation comes back to where it began, so this ends; on average after fewer than four steps.
        loop {
            value = self.permuted(value);
            if value < self.size {
                return value;
            }
        }
    }

    fn permuted(&self, value: u32) -> u32 {
        let mask = (1 << self.half) - 1;
        let (mut left, mut right) = (value >> self.half, value & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (self.round(round, right) & mask));
        }
        (left << self.half) | right
    }

    fn round(&self, round: u8, half: u32) -> u32 {
        let input = [&self.seed[..], &[round], &half.to_be_bytes()].concat();
        let digest = DigestAlgorithm::Sha256.digest(&input);
        digest.iter().take(4).fold(0, |sum, octet| (sum << 8) | u32::from(*octet))
    }
}

const ROUNDS: u8 = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_place_is_given_out_once_and_in_no_order() {
        for size in [1, 2, 3, 4, 5, 100, 1024, 5000] {
            let order = Order::new(vec![7; 32], size);
            let places: Vec<u32> = (0..size).map(|n| order.place(n)).collect();
            assert_eq!(places.iter().collect::<HashSet<_>>().len(), size as usize, "{size}");
            assert!(places.iter().all(|place| *place < size));
            assert!(size < 100 || !places.is_sorted());
            assert_eq!(places, (0..size).map(|n| order.place(n)).collect::<Vec<_>>());
        }
        let of = |seed| Order::new(vec![seed; 32], 1 << 20);
        assert!((0..100).any(|n| of(1).place(n) != of(2).place(n)));
        // The first thousand lie all over the list.
        let first: Vec<u32> = (0..1000).map(|n| of(1).place(n)).collect();
        let in_quarter = |quarter: u32| first.iter().filter(|place| **place >> 18 == quarter).count();
        assert!((0..4).all(|quarter| (150..350).contains(&in_quarter(quarter))));
    }
}
