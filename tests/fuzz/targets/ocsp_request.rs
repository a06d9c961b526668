//! OCSP requests, which anybody may send, and responses, which path validation takes from elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::ocsp::{BasicResponse, MAX_NONCE, Request, RequestBuilder};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = Request::from_der(data) {
        assert!(!request.ids().is_empty() && request.ids().len() <= 64);
        assert!(request.nonce().is_none_or(|nonce| (1..=MAX_NONCE).contains(&nonce.len())));
        // What was read can be asked again, and reads the same.
        let again =
            RequestBuilder { ids: request.ids().to_vec(), nonce: request.nonce().map(<[u8]>::to_vec) };
        let again = Request::from_der(&again.to_der().expect("within the limits")).expect("a request");
        assert_eq!((again.ids(), again.nonce()), (request.ids(), request.nonce()));
    }
    for response in
        [BasicResponse::from_response_der(data), BasicResponse::from_der(data)].into_iter().flatten()
    {
        for certificate in response.certificates() {
            let _ = response.verify(certificate, response.produced_at());
            let _ = response.about(certificate, certificate);
        }
    }
});
