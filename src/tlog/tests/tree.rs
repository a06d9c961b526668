//! The tree against published vectors and against a second, naive implementation of RFC 9162's definitions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use tlog::edge::Edge;
use tlog::nodes::{Plan, TileSet, compact_range, consistency_proof, inclusion_proof};
use tlog::verify::{verify_consistency, verify_inclusion};
use tlog::{Batch, CompactRange, Hash, Tile, leaf_hash, node_hash};

/// RFC 9162 §2.1.1, read aloud.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tlog::tree::empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
        }
    }
}

/// RFC 9162 §2.1.3.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return vec![];
    }
    let k = leaves.len().next_power_of_two() / 2;
    if m < k {
        [path(m, &leaves[..k]), vec![mth(&leaves[k..])]].concat()
    } else {
        [path(m - k, &leaves[k..]), vec![mth(&leaves[..k])]].concat()
    }
}

/// RFC 9162 §2.1.4.1.
fn subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![mth(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    if m <= k {
        [subproof(m, &leaves[..k], whole), vec![mth(&leaves[k..])]].concat()
    } else {
        [subproof(m - k, &leaves[k..], false), vec![mth(&leaves[..k])]].concat()
    }
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn range(leaves: &[Hash]) -> CompactRange {
    let mut range = CompactRange::empty();
    leaves.iter().for_each(|leaf| range.append(*leaf).unwrap());
    range
}

/// Every tile of the tree, by the definition in C2SP tlog-tiles.
fn tiles(leaves: &[Hash]) -> TileSet {
    let mut set = TileSet::default();
    let mut level: Vec<Hash> = leaves.to_vec();
    for number in 0..8 {
        for (index, hashes) in (0..).zip(level.chunks(256)) {
            set.insert(Tile::new(number, index, hashes.len() as u16).unwrap(), hashes.to_vec());
        }
        level = level.chunks_exact(256).map(mth).collect();
    }
    set
}

/// The reference inputs of Certificate Transparency (RFC 6962's authors), whose hashing RFC 9162 §2.1 keeps.
const INPUTS: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn roots_are_the_published_ones() {
    let leaves: Vec<Hash> = INPUTS.iter().map(|input| leaf_hash(&hex::decode(input).unwrap())).collect();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex::encode(range(&leaves[..size]).root()), *root, "size {size}");
        assert_eq!(hex::encode(mth(&leaves[..size])), *root, "size {size}");
    }
}

#[test]
fn proofs_of_seven_leaves_are_those_of_rfc_9162_section_2_1_5() {
    let d = leaves(7);
    let [a, b, c, _, e, f, j] = d[..] else { panic!() };
    let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d[3]), node_hash(&e, &f));
    let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
    let reader = tiles(&d);
    let inclusion = |m| inclusion_proof(m, 7, &reader).unwrap();
    assert_eq!(inclusion(0), [b, h, l]);
    assert_eq!(inclusion(3), [c, g, l]);
    assert_eq!(inclusion(4), [f, j, k]);
    assert_eq!(inclusion(6), [i, k]);
    let consistency = |m| consistency_proof(m, 7, &reader).unwrap();
    assert_eq!(consistency(3), [c, d[3], g, l]);
    assert_eq!(consistency(4), [l]);
    assert_eq!(consistency(6), [i, j, k]);
}

#[test]
fn every_proof_of_every_size_verifies_from_tiles() {
    let all = leaves(600);
    let reader = tiles(&all);
    let roots: Vec<Hash> = (0..=600).map(|size| range(&all[..size]).root()).collect();
    // Every size to 130 and around the tiles' borders; the properties below draw from all sizes to 600.
    let sizes = (1..=130_u64).chain(254..=258).chain(510..=514).chain([600]);
    for size in sizes {
        assert_eq!(compact_range(size, &reader).unwrap(), range(&all[..size as usize]));
        for index in 0..size {
            let proof = inclusion_proof(index, size, &reader).unwrap();
            verify_inclusion(index, size, &all[index as usize], &proof, &roots[size as usize]).unwrap();
        }
        for old in 0..=size {
            let proof = consistency_proof(old, size, &reader).unwrap();
            verify_consistency(old, size, &proof, &roots[old as usize], &roots[size as usize]).unwrap();
        }
    }
}

#[test]
fn proofs_equal_the_definition() {
    let all = leaves(530);
    let reader = tiles(&all);
    for size in [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 530] {
        for index in 0..size {
            assert_eq!(
                inclusion_proof(index as u64, size as u64, &reader).unwrap(),
                path(index, &all[..size])
            );
            let old = index + 1;
            assert_eq!(
                consistency_proof(old as u64, size as u64, &reader).unwrap(),
                subproof(old, &all[..size], true)
            );
        }
    }
}

#[test]
fn batches_of_every_cut_give_the_definitions_proofs() {
    let all = leaves(70);
    for old in 0..70 {
        for size in old..=70 {
            let batch = Batch::append(&range(&all[..old]), all[old..size].to_vec()).unwrap();
            assert_eq!(batch.range(), &range(&all[..size]));
            assert_eq!(batch.root(), mth(&all[..size]));
            for index in 0..=70 {
                let expected = (old..size).contains(&index).then(|| path(index, &all[..size]));
                assert_eq!(batch.inclusion_proof(index as u64), expected, "{old} {size} {index}");
            }
        }
    }
}

#[test]
fn a_batch_beyond_the_largest_tree_is_refused() {
    let old = CompactRange::new(u64::MAX - 1, vec![[1; 32]; 63]).unwrap();
    assert!(Batch::append(&old, vec![[2; 32]]).is_ok());
    assert!(Batch::append(&old, vec![[2; 32]; 2]).is_err());
}

#[test]
fn a_missing_or_short_tile_is_named() {
    let all = leaves(300);
    let mut set = TileSet::default();
    set.insert(Tile::new(0, 0, 256).unwrap(), all[..256].to_vec());
    set.insert(Tile::new(0, 1, 40).unwrap(), all[256..296].to_vec());
    assert!(inclusion_proof(5, 256, &set).is_ok());
    let error = inclusion_proof(299, 300, &set).unwrap_err().to_string();
    assert_eq!(error, "tile/0/001.p/44 holds only 40 hashes");
    let error = inclusion_proof(299, 300, &TileSet::default()).unwrap_err().to_string();
    assert!(error.contains("is missing"), "{error}");
}

#[test]
fn a_proof_needs_few_tiles_even_in_a_huge_tree() {
    let plan = Plan::inclusion(123_456_789, 1 << 40).unwrap();
    assert_eq!(plan.tiles().len(), 5);
    assert!(Plan::consistency(123_456_789, u64::MAX).unwrap().tiles().len() <= 24);
}

/// Every way to change one thing in a proof.
fn mutations(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[[9; 32]]].concat(), [&[[9; 32]], proof].concat()];
    for position in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[position][position % 32] ^= 1;
        all.push(changed);
        let mut shorter = proof.to_vec();
        shorter.remove(position);
        all.push(shorter);
        let mut doubled = proof.to_vec();
        doubled.insert(position, proof[position]);
        all.push(doubled);
        if position > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(position, position - 1);
            all.push(swapped);
        }
    }
    all
}

proptest! {
    // Each case tries every proof or mutation of its tree.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_series_of_batches_gives_verifying_proofs_and_the_right_tiles(
        cuts in prop::collection::vec(0_usize..700, 1..12)
    ) {
        let all = leaves(cuts.iter().sum());
        let (mut old, mut edge, mut stored) = (CompactRange::empty(), Edge::empty(), TileSet::default());
        let (mut start, mut full) = (0, 0);
        for cut in cuts {
            let end = start + cut;
            let batch = Batch::append(&old, all[start..end].to_vec()).unwrap();
            let root = range(&all[..end]).root();
            prop_assert_eq!(batch.root(), root);
            for (leaf, index) in all[start..end].iter().zip(start as u64..) {
                verify_inclusion(index, end as u64, leaf, &batch.inclusion_proof(index).unwrap(), &root).unwrap();
            }
            let (next, completed) = edge.extended(&batch).unwrap();
            full += completed.len();
            completed.into_iter().for_each(|(tile, hashes)| stored.insert(tile, hashes));
            prop_assert_eq!(&Edge::load(end as u64, &tiles(&all[..end])).unwrap(), &next);
            old = batch.range().clone();
            edge = next;
            start = end;
        }
        prop_assert_eq!(full, start / 256 + start / 65_536);
        // The stored tiles and the edge alone answer everything.
        edge.partial_tiles().for_each(|(tile, hashes)| stored.insert(tile, hashes.to_vec()));
        prop_assert_eq!(&compact_range(start as u64, &stored).unwrap(), &old);
    }

    #[test]
    fn no_mutated_inclusion_proof_verifies(size in 1_usize..600, pick in any::<prop::sample::Index>()) {
        let all = leaves(size);
        let index = pick.index(size);
        let (proof, root) = (path(index, &all), mth(&all));
        let (index, size) = (index as u64, size as u64);
        let leaf = all[index as usize];
        prop_assert!(verify_inclusion(index, size, &leaf, &proof, &root).is_ok());
        for changed in mutations(&proof) {
            prop_assert!(verify_inclusion(index, size, &leaf, &changed, &root).is_err());
        }
        prop_assert!(verify_inclusion(index, size, &[1; 32], &proof, &root).is_err());
        prop_assert!(verify_inclusion(index, size, &leaf, &proof, &[1; 32]).is_err());
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(verify_inclusion(other, size, &leaf, &proof, &root).is_err());
        }
        prop_assert!(verify_inclusion(size, size, &leaf, &proof, &root).is_err());
    }

    #[test]
    fn no_mutated_consistency_proof_verifies(size in 2_usize..600, pick in any::<prop::sample::Index>()) {
        let all = leaves(size);
        let old = 1 + pick.index(size - 1);
        let (proof, old_root, root) = (subproof(old, &all, true), mth(&all[..old]), mth(&all));
        let (old, size) = (old as u64, size as u64);
        prop_assert!(verify_consistency(old, size, &proof, &old_root, &root).is_ok());
        for changed in mutations(&proof) {
            prop_assert!(verify_consistency(old, size, &changed, &old_root, &root).is_err());
        }
        prop_assert!(verify_consistency(old, size, &proof, &[1; 32], &root).is_err());
        prop_assert!(verify_consistency(old, size, &proof, &old_root, &[1; 32]).is_err());
        prop_assert!(verify_consistency(size, old, &proof, &old_root, &root).is_err());
    }
}
