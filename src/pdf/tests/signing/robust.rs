//! Damaged input: an error or a signature, never a panic.

use cinnabar_pdf::appearance::Placement;
use cinnabar_pdf::sign::{SignatureRequest, sign};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::peers::{at, keys, read, request};

/// Octets overwritten by chance, with a liking for digits and delimiters.
fn damage() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let octet = prop_oneof![any::<u8>(), proptest::sample::select(b"0123456789<>[]()/ RnfqQ".to_vec())];
    proptest::collection::vec(
        (any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20)), octet),
        1..12,
    )
}

fn requests() -> Vec<SignatureRequest> {
    let keyword = Placement::Keyword {
        text: "盖章".to_owned(),
        occurrence: -1,
        dx_mm: 3.0,
        dy_mm: -3.0,
        width_mm: 40.0,
        height_mm: 40.0,
    };
    vec![request(None), request(at(1, 20.0, 20.0, 20.0, 20.0)), request(Some(keyword))]
}

#[test]
fn damaged_files_never_panic() {
    let requests = requests();
    for name in ["reportlab-single", "rotated", "form", "leading-junk", "ghostscript", "certified-pyhanko"] {
        let original = read(name);
        let mut runner =
            TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&damage(), |places| {
            let mut data = original.clone();
            for (at, octet) in places {
                let at = at % data.len();
                data[at] = octet;
            }
            for request in &requests {
                let _ = sign(&data, request, &keys().signer);
            }
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_truncation_is_an_error_or_a_signature() {
    let original = read("form");
    let requests = requests();
    for end in (0..original.len()).step_by(97) {
        for request in &requests {
            let _ = sign(&&original[..end], request, &keys().signer);
        }
    }
}
