//! The same jobs done by pyHanko and by PDFBox with BouncyCastle, on the same files, in the same run.
//!
//! Each peer works in a process of its own that measures its own processor time after warming up; starting it does not count.

use std::path::Path;

use support::tools::{self, Credential, PASSWORD};
use support::{corpus, process};

use crate::{Figure, pdf};

/// File of the corpus, its name in figures, rounds.
const SIGNED: [(&str, [&str; 2], u32); 3] = [
    ("plain-31k", ["peer.pyhanko.sign.31k.cpu_ms", "peer.pdfbox.sign.31k.cpu_ms"], 100),
    ("image-1m", ["peer.pyhanko.sign.1m.cpu_ms", "peer.pdfbox.sign.1m.cpu_ms"], 100),
    ("image-20m", ["peer.pyhanko.sign.20m.cpu_ms", "peer.pdfbox.sign.20m.cpu_ms"], 20),
];

/// File of the corpus, how many signatures, its name in figures, rounds.
const VERIFIED: [(&str, usize, [&str; 2], u32); 3] = [
    ("plain-31k", 1, ["peer.pyhanko.verify.31k.cpu_ms", "peer.pdfbox.verify.31k.cpu_ms"], 100),
    ("image-20m", 1, ["peer.pyhanko.verify.20m.cpu_ms", "peer.pdfbox.verify.20m.cpu_ms"], 20),
    ("image-20m", 3, ["peer.pyhanko.verify.3sig.20m.cpu_ms", "peer.pdfbox.verify.3sig.20m.cpu_ms"], 10),
];

pub fn figures() -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name, measure: Box<dyn Fn() -> f64>| figures.push(Figure { name, unit: "ms", measure });
    for (file, [pyhanko, pdfbox], rounds) in SIGNED {
        add(pyhanko, Box::new(move || signing(file, rounds, with_pyhanko)));
        add(pdfbox, Box::new(move || signing(file, rounds, with_pdfbox)));
    }
    for (file, signatures, [pyhanko, pdfbox], rounds) in VERIFIED {
        add(pyhanko, Box::new(move || judging(file, signatures, rounds, with_pyhanko)));
        add(pdfbox, Box::new(move || judging(file, signatures, rounds, with_pdfbox)));
    }
    figures
}

/// Runs one of the peers with its arguments and takes its figure.
type Peer = fn(&str, &[&Path], &[&str]) -> f64;

/// P-256 signatures, as ours are.
fn signing(file: &str, rounds: u32, peer: Peer) -> f64 {
    let folder = corpus::scratch();
    let credential = Credential::make(folder.path(), "ec:prime256v1");
    let document = corpus::named(file).path();
    peer("sign", &[&document, &credential.p12], &[PASSWORD, &rounds.to_string()])
}

/// Documents that we signed: the same octets our own figures are taken on.
fn judging(file: &str, signatures: usize, rounds: u32, peer: Peer) -> f64 {
    let folder = corpus::scratch();
    let (document, root) = (folder.path().join("signed.pdf"), folder.path().join("root.pem"));
    let (bytes, root_pem) = pdf::signed(file, signatures);
    std::fs::write(&document, bytes).expect("the document");
    std::fs::write(&root, root_pem).expect("the root");
    peer("judge", &[&document, &root], &[&rounds.to_string()])
}

fn with_pyhanko(job: &str, files: &[&Path], more: &[&str]) -> f64 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/measure/bench_with_pyhanko.py");
    let mut command = std::process::Command::new(corpus::python().join("python"));
    command.arg(script).arg(job).args(files).args(more);
    figure(&process::finish(command))
}

fn with_pdfbox(job: &str, files: &[&Path], more: &[&str]) -> f64 {
    let job = format!("bench-{job}");
    let files = files.iter().map(|file| file.as_os_str());
    let arguments = [job.as_ref()].into_iter().chain(files).chain(more.iter().map(std::ffi::OsStr::new));
    figure(&tools::java_for_benchmarks(arguments))
}

fn figure(done: &process::Done) -> f64 {
    done.json()["cpu_ms"].as_f64().unwrap_or_else(|| panic!("no figure: {}", done.told()))
}
