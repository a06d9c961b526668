//! A small sample of the robustness run (`tests/robustness` does all of it over every PDF of the machine).

use super::peers::{names, read};
use super::robustness::{Outcome, case, damaged};

#[test]
fn files_of_the_corpus_and_damaged_copies_neither_panic_nor_are_signed_wrongly() {
    let (mut signed, mut refused) = (0, 0);
    for name in ["plain", "signed", "encrypted", "damaged"].iter().flat_map(|kind| names(kind)) {
        let bytes = read(&name);
        if bytes.len() > 200_000 {
            continue;
        }
        for number in 0..13 {
            // The first as it is.
            let bytes = if number == 0 { bytes.clone() } else { damaged(&bytes, number - 1) };
            match case(&bytes).outcome {
                Outcome::Signed(_) => signed += 1,
                Outcome::Refused(_) | Outcome::Unjudged => refused += 1,
                Outcome::Wrong(what) => panic!("{name} {number}: {what}"),
            }
        }
    }
    assert!(signed > 100 && refused > 100, "{signed} signed, {refused} refused");
}
