//! Verifies the PDF files named on the command line and prints one line for each signature; files named
//! `*.pem` are trust anchors. Revocation is not looked at, the time is now.
//! `find / -name '*.pdf' | xargs cargo run --release -p cinnabar-pdf --example verify_all root.pem`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, verify};
use pki::Certificate;
use pki::path::{RevocationPolicy, TrustAnchors};

fn main() {
    let (anchors, paths): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|path| path.ends_with(".pem"));
    let anchors =
        anchors.iter().flat_map(|path| Certificate::from_pem(&std::fs::read(path).unwrap()).unwrap());
    let anchors = TrustAnchors::new(anchors.collect());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut options = Options::new(&anchors, i64::try_from(now).unwrap());
    options.revocation = RevocationPolicy::Waived;
    options.ca_revocation = RevocationPolicy::Waived;
    for path in paths {
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
