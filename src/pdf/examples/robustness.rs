//! The robustness run over PDF files, whole and damaged: `tests/robustness` calls it and asks foreign judges afterwards.
//!
//! `robustness OUT DAMAGES < LIST`: reads paths line by line, makes DAMAGES damaged copies of each, prints figures and what
//! went wrong, and leaves a sample of what was signed in OUT as N.pdf beside N.original.pdf. Exit status 1 if
//! anything went wrong.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a tool for developers"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[path = "../tests/support/robustness.rs"]
mod robustness;

use robustness::{Outcome, case, damaged};

#[derive(Default)]
struct Figures {
    files: u64,
    octets: u64,
    signed: u64,
    too_complex: u64,
    unjudged: u64,
    refused: BTreeMap<String, u64>,
    wrong: Vec<String>,
    slowest: (Duration, String),
}

impl Figures {
    /// Takes in a case; the signed file, if there is one.
    fn take(&mut self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let case = case(bytes);
        self.files += 1;
        self.octets += bytes.len() as u64;
        self.too_complex += u64::from(case.too_complex);
        if case.longest > self.slowest.0 {
            self.slowest = (case.longest, name.to_owned());
        }
        if case.longest > LONGEST {
            self.wrong.push(format!("{name}: took {:?}", case.longest));
        }
        match case.outcome {
            Outcome::Signed(whole) => {
                self.signed += 1;
                return Some(whole);
            }
            Outcome::Unjudged => self.unjudged += 1,
            Outcome::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            Outcome::Wrong(what) => self.wrong.push(format!("{name}: {what}")),
        }
        None
    }

    fn print(&self, what: &str) {
        println!("{what}: {} files, {} MB", self.files, self.octets >> 20);
        println!("  signed and intact: {}", self.signed);
        println!("  too complex: {}", self.too_complex);
        println!("  signed, unreadable to the verifier before and after: {}", self.unjudged);
        println!("  refused: {}", self.refused.values().sum::<u64>());
        for (reason, count) in &self.refused {
            println!("    {count:>7}  {reason}");
        }
        println!("  slowest step: {:?} ({})", self.slowest.0, self.slowest.1);
        println!("  wrong: {}", self.wrong.len());
        self.wrong.iter().for_each(|wrong| println!("    {wrong}"));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (out, damages): (PathBuf, u64) = (PathBuf::from(&arguments[1]), arguments[2].parse().unwrap());
    std::panic::set_hook(Box::new(|_| {})); // counted, not printed
    let (mut whole, mut broken) = (Figures::default(), Figures::default());
    let mut kept = 0;
    let mut keep = |original: &[u8], signed: &[u8]| {
        kept += 1;
        std::fs::write(out.join(format!("{kept}.original.pdf")), original).unwrap();
        std::fs::write(out.join(format!("{kept}.pdf")), signed).unwrap();
    };
    for path in std::io::stdin().lines().map(Result::unwrap) {
        // A file that vanished or may not be read is none of ours.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if let Some(signed) = whole.take(&path, &bytes)
            && bytes.len() < LARGE
        {
            keep(&bytes, &signed);
        }
        // As many octets of damaged copies for a large file as for a small one.
        let damages = if bytes.len() < LARGE { damages } else { damages / 50 };
        for number in 0..damages {
            let copy = damaged(&bytes, number);
            let signed = broken.take(&format!("{path} #{number}"), &copy);
            if let Some(signed) = signed.filter(|_| number % SAMPLE == 0 || number % SAMPLE == 5) {
                keep(&copy, &signed);
            }
        }
    }
    whole.print("as they are");
    broken.print("damaged");
    if !whole.wrong.is_empty() || !broken.wrong.is_empty() {
        std::process::exit(1);
    }
}

/// No step may take longer: an unoptimised build on a busy machine has its share in it.
const LONGEST: Duration = Duration::from_secs(20);
/// Files from this size on are damaged less often, and not handed to the judges.
const LARGE: usize = 2 << 20;
/// Two of so many damaged copies go to the foreign judges.
const SAMPLE: u64 = 30;
