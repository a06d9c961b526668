//! Whether a finished certificate is its profile's, by reading both.

use super::{Lint, Report, raw::Raw};
use crate::{
    certificate::Certificate,
    issue::IssuerRef,
    key::PublicKey,
    oids,
    profile::{IssuedBy, NameKind, Profile, Source, SubjectRules},
};

pub(super) fn check(
    certificate: &Certificate,
    raw: &Raw<'_>,
    profile: &Profile,
    issuer: IssuerRef<'_>,
    report: &mut Report,
) {
    let itself = matches!(issuer, IssuerRef::SelfSigned);
    report.expect(itself == (profile.issuer() == IssuedBy::Itself), Lint::ProfileIssuer, String::new);
    if let Ok(key) = PublicKey::from_spki(certificate.spki()) {
        let taken = profile.keys().iter().any(|wanted| key.algorithm().meets(*wanted));
        report.expect(taken, Lint::ProfileKey, || key.algorithm().to_string());
    }
    // Both ends are inclusive (RFC 5280 §4.1.2.5).
    let seconds = certificate.not_after() - certificate.not_before() + 1;
    let longest = i64::from(profile.validity().longest_days) * 86_400;
    report.expect(seconds <= longest, Lint::ProfileValidity, || format!("{seconds} seconds"));
    subject(certificate, profile, report);
    names(certificate, profile, report);
    let usage = certificate.key_usage();
    report.expect(usage == Some(profile.key_usage()), Lint::ProfileKeyUsage, String::new);
    let purposes = profile.purposes();
    let found = certificate.extended_key_usages().unwrap_or_default();
    let critical = raw.extension(oids::EXTENDED_KEY_USAGE).is_some_and(|extension| extension.critical);
    report.expect(
        found == purposes.oids && critical == purposes.critical,
        Lint::ProfilePurposes,
        String::new,
    );
    authority(certificate, profile, report);
    policies(raw, profile, report);
    revocation(certificate, raw, profile, report);
}

fn subject(certificate: &Certificate, profile: &Profile, report: &mut Report) {
    let SubjectRules::Attributes(rules) = profile.subject() else { return };
    let found = certificate.subject().attributes();
    let known = found.iter().all(|(kind, _)| rules.iter().any(|rule| rule.kind == *kind));
    report.expect(known, Lint::ProfileSubject, || "an attribute the profile does not have".into());
    let places = found.iter().filter_map(|(kind, _)| rules.iter().position(|rule| rule.kind == *kind));
    report.expect(places.is_sorted(), Lint::ProfileSubject, || "another order".into());
    for rule in rules {
        let value = found.iter().find(|(kind, _)| *kind == rule.kind).map(|(_, value)| value.as_str());
        let fits = match &rule.from {
            Source::Fixed(fixed) => value == Some(fixed),
            _ => value.is_some() || !rule.required,
        };
        report.expect(fits, Lint::ProfileSubject, || rule.name.to_owned());
    }
}

fn names(certificate: &Certificate, profile: &Profile, report: &mut Report) {
    let rules = profile.names();
    let names = certificate.subject_alt_names();
    for name in names {
        let known = NameKind::of(name).is_some_and(|kind| rules.kinds.iter().any(|rule| rule.kind == kind));
        report.expect(known, Lint::ProfileNames, || name.kind().to_owned());
    }
    for rule in &rules.kinds {
        let count = names.iter().filter(|name| NameKind::of(name) == Some(rule.kind)).count();
        report.expect((rule.least..=rule.most).contains(&count), Lint::ProfileNames, || {
            format!("{count} of kind `{}`", rule.kind)
        });
    }
    report.expect(names.len() >= rules.least, Lint::ProfileNames, || format!("{} in all", names.len()));
    let critical = certificate.extension_criticality(oids::SUBJECT_ALT_NAME).unwrap_or(rules.critical);
    // A profile whose subject may be empty makes the extension critical exactly when it is.
    let fits = !critical || rules.critical;
    report.expect(fits, Lint::ProfileNames, || "critical".into());
}

fn authority(certificate: &Certificate, profile: &Profile, report: &mut Report) {
    let constraints = certificate.basic_constraints();
    match profile.authority() {
        None => report.expect(constraints.is_none(), Lint::ProfileAuthority, || "basic constraints".into()),
        Some(rules) => {
            let fits = constraints
                .is_some_and(|constraints| constraints.ca && constraints.path_len == rules.path_length);
            report.expect(fits, Lint::ProfileAuthority, || "basic constraints".into());
        }
    }
    let wanted = profile.authority().and_then(|rules| rules.constraints.as_ref());
    report.expect(certificate.name_constraints() == wanted, Lint::ProfileAuthority, || {
        "name constraints".into()
    });
}

fn policies(raw: &Raw<'_>, profile: &Profile, report: &mut Report) {
    let found = raw.policies().unwrap_or_default();
    let wanted = profile.policies();
    let fits = found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(found, wanted)| {
            let cps: Vec<&[u8]> = wanted.cps.iter().map(String::as_bytes).collect();
            found.oid == wanted.oid && found.cps == cps
        });
    report.expect(fits, Lint::ProfilePolicies, String::new);
}

fn revocation(certificate: &Certificate, raw: &Raw<'_>, profile: &Profile, report: &mut Report) {
    let wanted = profile.revocation();
    for (name, found, wanted) in [
        ("CRL", certificate.crl_distribution_points().len(), wanted.crl),
        ("OCSP", certificate.ocsp_uris().len(), wanted.ocsp),
        ("CA issuers", certificate.ca_issuer_uris().len(), wanted.ca_issuers),
        ("noRevAvail", usize::from(raw.has(oids::NO_REV_AVAIL)), wanted.no_rev_avail),
        ("ocsp-nocheck", usize::from(raw.has(oids::OCSP_NOCHECK)), wanted.ocsp_nocheck),
    ] {
        report.expect(found == usize::from(wanted), Lint::ProfileRevocation, || format!("{found} {name}"));
    }
}
