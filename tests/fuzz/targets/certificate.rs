//! Certificates from anywhere: DER and PEM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::certificate::Certificate;

fuzz_target!(|data: &[u8]| {
    let _ = Certificate::from_pem_or_der(data);
    let Ok(certificate) = Certificate::from_der(data) else { return };
    assert_eq!(certificate.der(), data);
    let _ = (certificate.common_name(), certificate.subject().to_string(), certificate.issuer().to_string());
    let _ = (certificate.uri_sans().count(), certificate.dns_sans().count(), certificate.ip_sans().count());
    let _ = (certificate.key_usage(), certificate.basic_constraints(), certificate.name_constraints());
    let _ = certificate.verify_signature(certificate.spki());
    let again = Certificate::from_pem(certificate.to_pem().as_bytes()).expect("our own PEM");
    assert_eq!(again.first().map(Certificate::der), Some(data));
});
