//! The PDF reader: any bytes, everything it offers asked of them, under small budgets. Neither panic nor endless work.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::syntax::content::Tokens;
use pdf::syntax::{Document, Limits, Object, ObjectId};

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let Ok(document) = Document::open(&data, &limits) else { return };
    let _ = (
        document.trailer(),
        document.startxref(),
        document.xref_kind(),
        document.version(),
        document.oddities(),
    );
    let _ = document.catalog();
    for index in 0..document.page_count().unwrap_or(0).min(8) {
        let Ok(page) = document.page(index) else { continue };
        let _ = document.entry(&page.dictionary, b"Contents");
    }
    for number in 0..document.next_object_number().min(64) {
        let id = ObjectId { number, generation: 0 };
        let _ = document.is_in_object_stream(id);
        let Ok(object) = document.object(id) else { continue };
        let _ = document.resolve(&object);
        if let Object::Stream(stream) = &object
            && let Ok(content) = document.stream_data(stream, 1 << 18)
        {
            let _ = Tokens::new(&content).take(4096).count();
        }
    }
    let _ = pdf::text::find(&document, "盖章", 1);
});
