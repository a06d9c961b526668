//! Certificates wrapped as a CMS SignedData that signs nothing: "certs-only" (RFC 5652 §5.1, RFC 5751 §3.2.2).
//!
//! What EST answers with (RFC 7030 §4.1.3, §4.2.3). It proves nothing by itself; the certificates in it do.

use crate::{
    asn1::{self, SEQUENCE, SET},
    certificate::Certificate,
    oids,
};

/// The DER ContentInfo with these certificates, each once. They stand in the order of their encodings, as a SET OF
/// does in DER; who reads it builds the chains.
///
/// `SignedData ::= SEQUENCE { version 1, digestAlgorithms SET {}, encapContentInfo { id-data },
///     certificates [0] IMPLICIT SET OF Certificate, signerInfos SET {} }`
#[must_use]
pub fn certs_only(certificates: &[Certificate]) -> Vec<u8> {
    let mut encoded: Vec<Vec<u8>> = certificates.iter().map(|one| one.der().to_vec()).collect();
    encoded.sort();
    encoded.dedup();
    let empty = asn1::tlv(SET, &[]);
    let signed_data = [
        asn1::unsigned(&[1]),
        empty.clone(),
        asn1::tlv(SEQUENCE, &asn1::oid(oids::ID_DATA)),
        asn1::set_of(0xA0, encoded),
        empty,
    ];
    let content = asn1::tlv(0xA0, &asn1::join(SEQUENCE, &signed_data));
    asn1::join(SEQUENCE, &[asn1::oid(oids::ID_SIGNED_DATA), content])
}
