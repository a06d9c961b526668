//! CMS signatures and time-stamp tokens of documents made elsewhere: any bytes are parsed and, where they parse, judged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::cms::timestamp::TimeStampToken;
use pki::cms::{Limits, SignedData, element_len};

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok(length) = element_len(data) {
        assert!(length <= data.len(), "an element does not end after the bytes it was found in");
        let _ = SignedData::parse(&data[..length], &limits);
    }
    if let Ok(token) = TimeStampToken::parse(data, &limits) {
        let _ = token.verify::<()>(&[], |algorithm| Ok(algorithm.digest(b"")));
    }
    let Ok(signed) = SignedData::parse(data, &limits) else { return };
    assert!(signed.certificates().len() <= limits.max_certificates);
    let verification = signed.verify_message(&[], b"message");
    let _ = (
        verification.integrity.is_intact(),
        verification.integrity.indication(),
        verification.integrity.reasons(),
    );
    let _ = signed.verify_encapsulated(&[]);
    for token in signed.signature_time_stamps() {
        let _ = TimeStampToken::parse(token, &limits);
    }
});
