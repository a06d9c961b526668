//! Files beyond 2^31 octets: read in small pieces, once, and appended to where they stand.
//!
//! Made sparse, so that they take no room; `tests/e2e/large.rs` measures what the command line holds in memory.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cinnabar_pdf::sign::{CmsSigner, Prepared, prepare, sign};
use cinnabar_pdf::syntax::{Document, Limits, Source};
use cinnabar_pdf::verify::{Coverage, Integrity, Verdict, verify};
use crypto::DigestAlgorithm;

use super::peers::{at, keys, options, request, run};

/// Octets of the one large stream.
const BODY: u64 = 2_200_000_000;

/// A file that counts what is read of it and how much at once.
struct Counting {
    file: File,
    read: AtomicU64,
    largest: AtomicU64,
}

impl Counting {
    fn open(path: &Path) -> Self {
        Self { file: File::open(path).unwrap(), read: 0.into(), largest: 0.into() }
    }

    /// Reads at most once, beside `more` octets, and never more than 1 MiB at a time.
    fn assert_lean(&self, more: u64) {
        let (read, largest) = (self.read.load(Ordering::Relaxed), self.largest.load(Ordering::Relaxed));
        assert!(read <= self.len() + more, "read {read} of {}", self.len());
        assert!(largest <= 1 << 20, "{largest} at once");
    }
}

impl Source for Counting {
    fn len(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.largest.fetch_max(buf.len() as u64, Ordering::Relaxed);
        self.file.read_exact_at(buf, offset)
    }
}

/// A page behind a stream of zeros nobody wrote to the disk, so that everything else stands beyond 2^31.
fn make(path: &Path, stream_section: bool) {
    let mut file = File::create(path).unwrap();
    write!(file, "%PDF-1.7\n1 0 obj\n<</Length {BODY}>>\nstream\n").unwrap();
    file.seek(SeekFrom::Current(BODY.try_into().unwrap())).unwrap();
    file.write_all(b"\nendstream\nendobj\n").unwrap();
    let mut offsets = vec![9];
    for (number, body) in [
        "<</Type/Catalog/Pages 3 0 R>>",
        "<</Type/Pages/Kids[4 0 R]/Count 1>>",
        "<</Type/Page/Parent 3 0 R/MediaBox[0 0 300 400]/Attached 1 0 R>>",
    ]
    .iter()
    .enumerate()
    {
        offsets.push(file.stream_position().unwrap());
        write!(file, "{} 0 obj\n{body}\nendobj\n", number + 2).unwrap();
    }
    let section = file.stream_position().unwrap();
    if stream_section {
        offsets.push(section);
        let rows: Vec<u8> = offsets.iter().flat_map(|at| [&[1][..], &at.to_be_bytes()].concat()).collect();
        write!(
            file,
            "5 0 obj\n<</Type/XRef/Size 6/Index[1 5]/W[1 8 0]/Root 2 0 R/Length {}>>\nstream\n",
            rows.len()
        )
        .unwrap();
        file.write_all(&rows).unwrap();
        write!(file, "\nendstream\nendobj\n").unwrap();
    } else {
        write!(file, "xref\n0 5\n0000000000 65535 f \n").unwrap();
        for at in offsets {
            writeln!(file, "{at:010} 00000 n ").unwrap();
        }
        writeln!(file, "trailer\n<</Size 5/Root 2 0 R>>").unwrap();
    }
    write!(file, "startxref\n{section}\n%%EOF\n").unwrap();
}

fn append(path: &Path, tail: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(tail).unwrap();
}

#[test]
fn more_than_two_gigabytes_are_signed_in_two_phases_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    for stream_section in [false, true] {
        let path = folder.path().join("large.pdf");
        make(&path, stream_section);
        let source = Counting::open(&path);
        assert!(source.len() > 1 << 31);
        let document = Document::open(&source, &Limits::default()).unwrap();
        // Prepared by one, digested by the key's holder: only the stored preparation travels.
        let prepared = prepare(&document, &request(at(1, 10.0, 10.0, 20.0, 20.0)), 2_000).unwrap();
        let digest = prepared.digest(&source, DigestAlgorithm::Sha256).unwrap();
        source.assert_lean(1 << 20);
        let stored = serde_json::to_vec(&prepared).unwrap();
        assert!(stored.len() < 64 << 10);
        let cms = CmsSigner::sign(&keys().signer, &digest).unwrap();
        let tail = serde_json::from_slice::<Prepared>(&stored).unwrap().embed(&cms).unwrap().tail;
        append(&path, &tail);
        let source = Counting::open(&path);
        let report = verify(&source, &options(), &Limits::default()).unwrap();
        assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
        assert_eq!(report.signatures[0].coverage, Coverage::File);
        source.assert_lean(1 << 20);
        let (status, said) = run("qpdf", &[&"--show-xref", &path]);
        assert!(status == 0 && said.contains("4/0: uncompressed; offset = 22000"), "{said}");
        if stream_section {
            continue;
        }
        // A second one in one go; the first stays what it was.
        let source = Counting::open(&path);
        let tail = sign(&source, &request(None), &keys().signer).unwrap().tail;
        source.assert_lean(1 << 20);
        append(&path, &tail);
        let source = Counting::open(&path);
        let report = verify(&source, &options(), &Limits::default()).unwrap();
        assert!(report.signatures.iter().all(|s| s.integrity == Integrity::Intact && s.changes_allowed));
        assert_eq!(report.signatures.len(), 2);
        source.assert_lean(1 << 20);
    }
}
