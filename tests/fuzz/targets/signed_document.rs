//! Signed catalogues and trust lists, which are fetched from other regions: as they are, and as a payload in a frame.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use licence::credential::Trust;
use licence::credential::signed::Document;
use pki::path::TrustAnchors;

const TYPE: &str = "cinnabar-trust-list+jwt";

fuzz_target!(|text: &str| {
    judged(text);
    let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","typ":"{TYPE}"}}"#));
    judged(&format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(text)));
});

fn judged(text: &str) {
    if let Ok(document) = Document::parse(text, TYPE) {
        let _ = document.claimed();
        let anchors = TrustAnchors::default();
        assert!(document.verify(&Trust::new(&anchors), 1_795_305_600).is_err(), "nobody is trusted");
    }
}
