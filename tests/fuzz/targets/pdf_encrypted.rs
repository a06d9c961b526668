//! Encrypted documents: whatever opens with the empty password is read, signed and read again; what was written encrypted
//! decrypts to what was asked for, and a signature's contents stand in the clear.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pdf::sign::{ClaimedTime, SignatureRequest, prepare};
use pdf::syntax::{Document, Limits, Object, ObjectId};

const REASON: &str = "准予行政许可";

fuzz_target!(|data: &[u8]| {
    let limits = Limits {
        inflated_total: 8 << 20,
        stream_bytes: 1 << 20,
        scanned_bytes: 16 << 20,
        ..Limits::default()
    };
    let Ok(document) = Document::open(&data, &limits) else { return };
    if !document.is_encrypted() {
        return;
    }
    for number in 0..document.next_object_number().min(64) {
        if let Ok(Object::Stream(stream)) = document.object(ObjectId { number, generation: 0 }) {
            let _ = document.stream_data(&stream, 1 << 18);
        }
    }
    let time = ClaimedTime { unix_seconds: 1_767_225_600, offset_minutes: 480 };
    let request = SignatureRequest { reason: Some(REASON.into()), ..SignatureRequest::new(time) };
    let Ok(prepared) = prepare(&document, &request, 64) else { return };
    let signed = prepared.embed(&[0x30, 0x82, 0x01, 0x00]).expect("the hole holds what was reserved");
    let whole = [data, &signed.tail].concat();
    let again = Document::open(&whole, &limits).expect("what was signed opens again");
    assert!(again.is_encrypted());
    // The signature is the first new object.
    let id = ObjectId { number: document.next_object_number(), generation: 0 };
    let signature = again.object(id).expect("what was written is read");
    let signature = signature.as_dictionary().expect("a signature dictionary");
    let text = |key: &[u8]| signature.get(key).and_then(Object::as_string).expect("a string").to_vec();
    assert_eq!(pdf::write::decode_text(&text(b"Reason")), REASON);
    assert!(text(b"Contents").starts_with(&[0x30, 0x82, 0x01, 0x00, 0]));
});
