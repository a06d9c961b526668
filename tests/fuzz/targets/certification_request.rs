//! Certification requests, which whoever may enrol sends: read, and what they ask for held against a profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::profile::builtin;
use pki::request::CertificationRequest;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = CertificationRequest::from_pem_or_der(data) else { return };
    let again = CertificationRequest::from_pem_or_der(request.to_pem().as_bytes()).expect("our own PEM");
    assert_eq!(again.der(), request.der());
    let shown = format!("{request:?} {}", request.subject());
    assert!(!shown.contains(['\r', '\n', '\0']), "what is shown of a request is one line");
    for name in request.subject_alt_names() {
        assert!(!name.to_string().contains(['\r', '\n', '\0', ' ']));
    }
    let _ = (request.key_algorithm(), request.key_usage(), request.extended_key_usages().len());
    for profile in builtin().iter() {
        let _ = profile.subject_from(&pki::Subject::common_name("x"), Some(request.subject())).to_name();
    }
});
