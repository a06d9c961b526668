//! Reads every object and page of the PDF files named on the command line and says what failed:
//! `find / -name '*.pdf' | xargs cargo run --release -p cinnabar-pdf --example read_all`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use cinnabar_pdf::syntax::{Document, Entry, Limits, ObjectId, Source};

/// A file read in place.
struct File(std::fs::File, u64);

impl Source for File {
    fn len(&self) -> u64 {
        self.1
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buf, offset)
    }
}

fn main() {
    let (mut files, mut failed) = (0, 0);
    for path in std::env::args().skip(1) {
        files += 1;
        let file = std::fs::File::open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        let source = File(file, length);
        match Document::open(&source, &Limits::default()) {
            Err(error) => {
                failed += 1;
                println!("{path}: {error}");
            }
            Ok(document) => {
                let (mut objects, mut wrong) = (0, Vec::new());
                for number in 1..document.next_object_number() {
                    let generation = match document.view().locate(number) {
                        Some(Entry::Offset { generation, .. }) => generation,
                        Some(Entry::Packed { .. }) => 0,
                        _ => continue,
                    };
                    objects += 1;
                    if let Err(error) = document.object(ObjectId { number, generation }) {
                        wrong.push(format!("{number}: {error}"));
                    }
                }
                let pages = document.page_count();
                let last = pages.as_ref().map(|n| document.page(n.saturating_sub(1)).map(|p| p.media_box));
                if !wrong.is_empty() || !matches!(last, Ok(Ok(_))) || !document.oddities().is_empty() {
                    println!(
                        "{path}: {objects} objects, pages {pages:?}, last {last:?}, odd {:?}, wrong {:?}",
                        document.oddities(),
                        wrong.iter().take(3).collect::<Vec<_>>()
                    );
                }
            }
        }
    }
    println!("{files} files, {failed} not opened");
}
