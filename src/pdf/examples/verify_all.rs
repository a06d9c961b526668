//! Verifies the PDF files named on the command line, trusting nobody, and prints one line for each
//! signature: `find / -name '*.pdf' | xargs cargo run --release -p cinnabar-pdf --example verify_all`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, verify};
use pki::path::{RevocationPolicy, TrustAnchors};

fn main() {
    let anchors = TrustAnchors::default();
    let mut options = Options::new(&anchors, 1_795_305_600);
    options.revocation = RevocationPolicy::Waived;
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let start = std::time::Instant::now();
        match verify(&bytes, &options, &Limits::default()) {
            Err(error) => println!("{path}: unreadable: {error} ({:?})", start.elapsed()),
            Ok(report) => {
                println!(
                    "{path}: {} in {:?}, {} revisions, odd {:?}, warnings {:?}",
                    serde_json::to_string(&report.verdict).unwrap(),
                    start.elapsed(),
                    report.file.revisions,
                    report.file.oddities,
                    report.warnings
                );
                for s in &report.signatures {
                    println!(
                        "    {:?} {:?} {:?} {:?} allowed {} level {:?} {:?} {:?}",
                        s.field,
                        s.integrity,
                        s.coverage,
                        s.changes,
                        s.changes_allowed,
                        s.level,
                        s.sub_indication,
                        s.reasons
                    );
                }
            }
        }
    }
}
