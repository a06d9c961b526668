//! Paths from anything: certificates, revocation lists and OCSP responses in one input, each behind its length in two
//! octets. The first certificate is asked about, the second one trusted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pki::certificate::Certificate;
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::{Policy, PolicyInputs, Purpose, Request, RevocationPolicy, TrustAnchors, examine};

fuzz_target!(|data: &[u8]| {
    let Some((&flags, mut rest)) = data.split_first() else { return };
    let (mut certificates, mut crls, mut ocsp) = (Vec::new(), Vec::new(), Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (one, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)).min(tail.len()));
        rest = tail;
        certificates.extend(Certificate::from_der(one));
        crls.extend(Crl::from_der(one));
        ocsp.extend(BasicResponse::from_response_der(one).or_else(|_| BasicResponse::from_der(one)));
    }
    let [leaf, anchor, untrusted @ ..] = certificates.as_slice() else { return };
    let anchors = TrustAnchors::new(vec![anchor.clone()]);
    let mut policy =
        Policy::new(if flags & 1 == 0 { RevocationPolicy::Required } else { RevocationPolicy::IfAvailable });
    policy.later_evidence = flags & 2 == 0;
    let examined = examine(&Request {
        untrusted,
        crls: &crls,
        ocsp: &ocsp,
        purpose: if flags & 4 == 0 { Purpose::Any } else { Purpose::ServerAuth },
        policies: PolicyInputs {
            require_explicit: flags & 8 != 0,
            inhibit_mapping: flags & 16 != 0,
            inhibit_any: flags & 32 != 0,
            ..PolicyInputs::default()
        },
        policy,
        ..Request::new(leaf, &anchors, leaf.not_before())
    });
    assert_eq!(examined.path.first(), Some(leaf));
    if let Some(path) = examined.verdict.path() {
        assert_eq!(path.certificates().last(), Some(anchor));
        assert_eq!(path.evidence().len() + 1, path.certificates().len());
    }
});
