//! What making seals and making signatures share: DER alone, and nothing leaves that the reader would object to.

use crypto::{DigestAlgorithm, SignatureScheme};

use crate::{
    asn1::{self, bits, join, tlv},
    read::{Read, StructureError},
    seal::Extension,
};

/// The OBJECT IDENTIFIER of a scheme, as signAlgID and signatureAlgID hold it: 1.2.156.10197.1.501 (SM2 with SM3, GB/T
/// 33560), 1.2.840.10045.4.3.2 (ecdsa-with-SHA256), …
/// `None` for a scheme that says nothing without parameters.
pub(crate) fn algorithm_oid(scheme: SignatureScheme) -> Option<Vec<u8>> {
    scheme.signature_oid().map(|oid| tlv(asn1::OID, oid.as_bytes()))
}

/// GeneralizedTime in UTC, whole seconds (X.690 §11.7); `None` outside the years 0 to 9999.
pub(crate) fn generalized_time(seconds: i64) -> Option<Vec<u8>> {
    let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days.checked_add(719_468)?;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let of_era_years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_years + of_era_years / 4 - of_era_years / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = of_era_years + era * 400 + i64::from(month <= 2);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let text =
        format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", clock / 3600, clock / 60 % 60, clock % 60);
    Some(tlv(asn1::GENERALIZED_TIME, text.as_bytes()))
}

/// ExtensionDatas.
pub(crate) fn extensions(extensions: &[Extension]) -> Vec<u8> {
    let one = |extension: &Extension| {
        let critical = if extension.critical { tlv(asn1::BOOLEAN, &[0xFF]) } else { Vec::new() };
        join(
            asn1::SEQUENCE,
            &[
                &tlv(asn1::OID, extension.id.as_bytes()),
                &critical,
                &tlv(asn1::OCTET_STRING, &extension.value),
            ],
        )
    };
    let all: Vec<_> = extensions.iter().map(one).collect();
    join(asn1::SEQUENCE, &all.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// `timeStamp [0] EXPLICIT BIT STRING`.
pub(crate) fn time_stamp(token: &[u8]) -> Vec<u8> {
    tlv(asn1::CONTEXT_0, &bits(token))
}

/// What CertDigestObj calls a digest; a PrintableString.
pub(crate) const fn digest_name(digest: DigestAlgorithm) -> &'static str {
    digest.name()
}

/// Printable ASCII.
pub(crate) fn is_ia5(text: &str) -> bool {
    text.bytes().all(|octet| (0x20..0x7F).contains(&octet))
}

/// What was written, as the reader sees it: without deviations.
pub(crate) fn sound<T>(read: Result<Read<T>, StructureError>) -> Result<T, String> {
    let read = read.map_err(|error| error.to_string())?;
    match read.deviations.first() {
        None => Ok(read.value),
        Some(deviation) => Err(deviation.to_string()),
    }
}
