//! Time-stamp requests of anybody, and responses of foreign authorities: any bytes are read; a request that reads is
//! written again as it was understood.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::tsp::{TimeStampReq, TimeStampResp, check_response};

fuzz_target!(|data: &[u8]| {
    let _ = TimeStampResp::parse(data);
    let Ok(request) = TimeStampReq::parse(data) else { return };
    assert!(data.len() <= TimeStampReq::LARGEST);
    assert_eq!(request.imprint.digest().len(), request.imprint.algorithm().output_len());
    let again = TimeStampReq::parse(&request.to_der()).expect("what was written reads");
    assert_eq!(again, request);
    let _ = check_response(data, &request, &[]);
});
