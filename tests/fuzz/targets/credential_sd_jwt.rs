//! SD-JWT presentations, which anybody may hand over: as they are, and with each line of the input encoded as a part, so that the
//! structure of digests is reached.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use licence::credential::Trust;
use licence::credential::sd_jwt::{Expected, Presentation, present};
use pki::path::TrustAnchors;

fuzz_target!(|text: &str| {
    judged(text);
    let mut lines = text.lines().map(|line| URL_SAFE_NO_PAD.encode(line));
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"dc+sd-jwt"}"#);
    let mut encoded = format!("{header}.{}.AAAA~", lines.next().unwrap_or_default());
    for line in lines {
        encoded.push_str(&line);
        encoded.push('~');
    }
    judged(&encoded);
});

fn judged(text: &str) {
    let _ = present(text, &["name"], None);
    if let Ok(presentation) = Presentation::parse(text) {
        let expected = Expected { audience: "a", nonce: "n" };
        let anchors = TrustAnchors::default();
        let verdict = presentation.verify(&Trust::new(&anchors), 1_795_305_600, Some(&expected));
        assert!(verdict.is_err(), "nobody is trusted");
    }
}
