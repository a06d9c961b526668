//! Issuing by constants, as it was before profiles were files. Goes when nobody calls it any more.

use crypto::Signer;

pub use super::former_lint::FormerLint;
pub use super::former_profile::Profile;
use super::{
    IssueError, IssuerRef, assemble, authority_key_identifier, distribution_point, extension, former_lint,
};
use crate::{
    asn1::{self, BOOLEAN, OCTET_STRING, SEQUENCE},
    extensions::GeneralName,
    key::key_identifier,
    name::Subject,
    oids, time,
};

/// What a new certificate shall say. The profile decides everything not written here.
#[derive(Clone, Debug)]
pub struct Template {
    /// Which kind of certificate.
    pub profile: Profile,
    /// Whose it is.
    pub subject: Subject,
    /// Further names; clients need exactly one URI, servers at least one DNS name or address.
    pub subject_alt_names: Vec<GeneralName>,
    /// The subject's public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// First second of validity, Unix time.
    pub not_before: i64,
    /// Last second of validity, Unix time.
    pub not_after: i64,
    /// Serial number; see [`serial_from_random`].
    pub serial: [u8; 20],
    /// Where the issuer's CRL is found; must equal the CRL shard's issuingDistributionPoint byte for byte.
    pub crl_distribution_point: Option<String>,
    /// The issuer's OCSP responder.
    pub ocsp_uri: Option<String>,
    /// Where the issuer's certificate is found.
    pub ca_issuers_uri: Option<String>,
}

/// Issues a certificate and returns its DER.
///
/// # Errors
/// [`IssueError`]; nothing is signed unless every lint passes.
pub fn issue(template: &Template, issuer: IssuerRef<'_>, signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let issuer_key = match issuer {
        IssuerRef::SelfSigned => template.public_key.as_slice(),
        IssuerRef::Ca(certificate) => certificate.spki(),
    };
    if issuer_key != signer.public_key() {
        return Err(IssueError::WrongKey);
    }
    let algorithm = signer.scheme().algorithm_identifier();
    let tbs = to_be_signed(template, issuer, &algorithm)?;
    let linted = former_lint::check(tbs, &algorithm, template.profile, issuer)?;
    let signature = signer.sign(linted.tbs())?;
    Ok(assemble(linted.tbs(), &algorithm, &signature))
}

fn to_be_signed(template: &Template, issuer: IssuerRef<'_>, algorithm: &[u8]) -> Result<Vec<u8>, IssueError> {
    let subject = template.subject.to_name();
    let (issuer_name, authority) = match issuer {
        IssuerRef::SelfSigned => (&subject, None),
        IssuerRef::Ca(certificate) => (certificate.subject(), authority_key_identifier(certificate)),
    };
    let validity = [
        time::encode(template.not_before).ok_or(IssueError::Time)?,
        time::encode(template.not_after).ok_or(IssueError::Time)?,
    ];
    let extensions = extensions(template, authority.as_deref())?;
    Ok(asn1::join(
        SEQUENCE,
        &[
            asn1::tlv(0xA0, &[0x02, 0x01, 0x02]),
            asn1::unsigned(&template.serial),
            algorithm.to_vec(),
            issuer_name.der().to_vec(),
            asn1::join(SEQUENCE, &validity),
            subject.der().to_vec(),
            template.public_key.clone(),
            asn1::tlv(0xA3, &asn1::join(SEQUENCE, &extensions)),
        ],
    ))
}

fn extensions(template: &Template, authority: Option<&[u8]>) -> Result<Vec<Vec<u8>>, IssueError> {
    let profile = template.profile;
    let mut out = Vec::new();
    if let Some(value) = authority {
        out.push(extension(oids::AUTHORITY_KEY_IDENTIFIER, false, value));
    }
    let key_id = key_identifier(&template.public_key).ok_or(IssueError::MalformedKey)?;
    out.push(extension(oids::SUBJECT_KEY_IDENTIFIER, false, &asn1::tlv(OCTET_STRING, &key_id)));
    out.push(extension(oids::KEY_USAGE, true, &asn1::named_bits(profile.key_usage().bits())));
    if profile.is_ca() {
        let path_len =
            profile.path_len().map(|length| asn1::unsigned(&length.to_be_bytes())).unwrap_or_default();
        let constraints = asn1::join(SEQUENCE, &[asn1::tlv(BOOLEAN, &[0xFF]), path_len]);
        out.push(extension(oids::BASIC_CONSTRAINTS, true, &constraints));
    }
    let purposes: Vec<_> = profile.purposes().iter().copied().map(asn1::oid).collect();
    if !purposes.is_empty() {
        let critical = profile == Profile::TimeStamp;
        out.push(extension(oids::EXTENDED_KEY_USAGE, critical, &asn1::join(SEQUENCE, &purposes)));
    }
    if !template.subject_alt_names.is_empty() {
        let names = template.subject_alt_names.iter().map(GeneralName::encode).collect::<Option<Vec<_>>>();
        let names = asn1::join(SEQUENCE, &names.ok_or(IssueError::AlternativeName)?);
        out.push(extension(oids::SUBJECT_ALT_NAME, false, &names));
    }
    if let Some(uri) = &template.crl_distribution_point {
        let points = asn1::tlv(SEQUENCE, &asn1::tlv(SEQUENCE, &distribution_point(uri)));
        out.push(extension(oids::CRL_DISTRIBUTION_POINTS, false, &points));
    }
    let access: Vec<_> = [(oids::OCSP, &template.ocsp_uri), (oids::CA_ISSUERS, &template.ca_issuers_uri)]
        .into_iter()
        .filter_map(|(method, uri)| {
            let uri = asn1::tlv(0x86, uri.as_ref()?.as_bytes());
            Some(asn1::join(SEQUENCE, &[asn1::oid(method), uri]))
        })
        .collect();
    if !access.is_empty() {
        out.push(extension(oids::AUTHORITY_INFO_ACCESS, false, &asn1::join(SEQUENCE, &access)));
    }
    if profile == Profile::Ocsp {
        out.push(extension(oids::OCSP_NOCHECK, false, &[asn1::NULL, 0]));
    }
    Ok(out)
}
