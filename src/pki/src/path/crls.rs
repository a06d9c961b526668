//! What CRLs say of a certificate (RFC 5280 §6.3.3): distribution points, scopes, indirect and delta lists.
//!
//! An entry that says the certificate is revoked counts from any list that is authentic and speaks of the certificate,
//! stale ones included; that it is not listed counts only from lists that are current and together cover every reason.

use std::cmp::Reverse;

use super::{
    CanonicalName,
    build::Outcome,
    revocation::{By, Context, Source, Status},
};
use crate::{
    certificate::Certificate,
    crl::{Crl, Reason, Revoked},
    extensions::{GeneralName, KeyUsage},
};

/// ReasonFlags bits 1 to 8 (RFC 5280 §4.2.1.13); bit 0 is unused.
const ALL_REASONS: u16 = 0x1FE;

/// A distribution point as the certificate gives it, or the one it has without saying so: its issuer's own list.
struct Point {
    names: Option<Vec<GeneralName>>,
    reasons: u16,
    /// Empty: the certificate's issuer.
    issuers: Vec<CanonicalName>,
}

pub(super) fn status(certificate: &Certificate, issuer: &Certificate, context: &mut Context<'_>) -> Status {
    let request = context.request;
    let points = points(certificate);
    let mut why = "no CRL of its issuer";
    let mut matched = 0;
    let mut covered = 0_u16;
    let mut freshest: Option<Source> = None;
    let mut stale: Option<Source> = None;
    let mut held: Option<(Revoked, Source)> = None;
    // The newest list that was there at the time first; what came later is asked last.
    let mut lists: Vec<&Crl> = request.crls.iter().filter(|crl| !crl.is_delta()).collect();
    lists.sort_by_key(|crl| {
        let later = crl.this_update() > request.at;
        (later, if later { crl.this_update() } else { 0 }, Reverse(crl.this_update()))
    });
    for crl in lists {
        let mut points = points.iter().filter(|point| is_issuer(point, crl, certificate)).peekable();
        if points.peek().is_none() || !context.admits(|| By::Crl(crl.clone())) {
            continue;
        }
        if matched == MAX_LISTS {
            context.budget.exhausted = true;
            return Status::unknown("more CRLs than can be looked at");
        }
        matched += 1;
        let reasons =
            points.find_map(|point| names(point, crl)).ok_or("CRL is for another distribution point");
        let reasons = match reasons.and_then(|reasons| in_scope(crl, certificate).map(|()| reasons)) {
            Ok(reasons) => reasons,
            Err(reason) => {
                why = reason;
                continue;
            }
        };
        let deltas = deltas(crl, context);
        let listed = crl.lookup_of(certificate.canonical_issuer(), certificate.serial()).is_some()
            || deltas
                .iter()
                .any(|delta| delta.lookup_of(certificate.canonical_issuer(), certificate.serial()).is_some());
        if !listed && reasons & !covered == 0 {
            continue;
        }
        let signer = match signer(crl, certificate, issuer, context) {
            Ok(signer) => signer,
            Err(reason) => {
                why = reason;
                continue;
            }
        };
        let delta =
            deltas.into_iter().find(|delta| context.budget.list_signed_by(delta, &signer) == Outcome::Holds);
        let entry = entry(crl, delta, certificate);
        let newest = delta.unwrap_or(crl);
        let source = Source {
            by: By::Crl(newest.clone()),
            this_update: newest.this_update(),
            next_update: crl.next_update().max(newest.next_update()),
            signer,
        };
        match entry {
            // Revoked by that time; or on a list of that time, whatever the entry's date is said to be.
            Some(revoked)
                if revoked.time <= request.at
                    || newest.this_update() <= request.at && !request.policy.later_evidence =>
            {
                if revoked.reason != Some(Reason::CertificateHold) {
                    return Status::Revoked(revoked, source);
                }
                if reasons & !covered != 0 && held.is_none() {
                    held = Some((revoked, source));
                }
                continue;
            }
            _ => {}
        }
        let current = |list: &Crl| list.next_update().is_some_and(|next| next >= request.at);
        let newer =
            |other: &Option<Source>| other.as_ref().is_none_or(|o| o.this_update < source.this_update);
        if !current(crl) && !delta.is_some_and(current) {
            why = "CRL is out of date";
            let speaks = newest.this_update() <= certificate.not_after() && !crl.has_duplicates();
            if speaks && reasons == ALL_REASONS && newer(&stale) {
                stale = Some(source);
            }
        } else if entry.is_none() && newest.this_update() > request.at && !request.policy.later_evidence {
            why = "CRL was issued after the time in question";
        } else if newest.this_update() > certificate.not_after() {
            // Expired certificates may have left the list (RFC 5280 §3.3).
            why = "CRL was issued after the certificate expired";
        } else if crl.has_duplicates() || delta.is_some_and(Crl::has_duplicates) {
            why = "CRL lists a certificate twice";
        } else {
            covered |= reasons;
            if newer(&freshest) {
                freshest = Some(source);
            }
        }
    }
    match (held, freshest) {
        (Some((revoked, source)), _) => Status::Revoked(revoked, source),
        (None, Some(source)) if covered == ALL_REASONS => Status::Good(source),
        (None, Some(_)) => Status::unknown("CRLs cover only some reasons"),
        (None, None) => Status::Unknown { why, stale },
    }
}

/// Where the certificate's status is to be found. Its issuer's own list counts besides those it names (§6.3.3, last
/// paragraph).
fn points(certificate: &Certificate) -> Vec<Point> {
    let implicit = Point {
        names: Some(vec![GeneralName::Directory(certificate.issuer().clone())]),
        reasons: ALL_REASONS,
        issuers: Vec::new(),
    };
    let named = certificate.extensions().distribution_points.iter().map(|point| {
        let directory = |name: &GeneralName| match name {
            GeneralName::Directory(name) => Some(name.clone()),
            _ => None,
        };
        let issuers: Vec<_> = point.crl_issuer.iter().filter_map(directory).collect();
        let base = issuers.first().unwrap_or(certificate.issuer());
        Point {
            names: match &point.name {
                Some(name) => Some(name.resolve(base)),
                None => Some(point.crl_issuer.clone()),
            },
            reasons: point.reasons.map_or(ALL_REASONS, |reasons| reasons & ALL_REASONS),
            issuers: issuers.iter().map(CanonicalName::new).collect(),
        }
    });
    named.chain([implicit]).collect()
}

/// §6.3.3 (b) (1).
fn is_issuer(point: &Point, crl: &Crl, certificate: &Certificate) -> bool {
    if point.issuers.is_empty() {
        crl.canonical_issuer() == certificate.canonical_issuer()
    } else {
        crl.scope().indirect && point.issuers.contains(crl.canonical_issuer())
    }
}

/// §6.3.3 (b) (2) (i) and (d): the reasons for which this list is the one the point means, if it is.
fn names(point: &Point, crl: &Crl) -> Option<u16> {
    let scope = crl.scope();
    if let (Some(list), Some(wanted)) = (&scope.names, &point.names)
        && !list.iter().any(|name| wanted.iter().any(|other| same(name, other)))
    {
        return None;
    }
    Some(point.reasons & scope.reasons.unwrap_or(ALL_REASONS))
}

fn same(left: &GeneralName, right: &GeneralName) -> bool {
    match (left, right) {
        (GeneralName::Directory(left), GeneralName::Directory(right)) => {
            left == right || CanonicalName::new(left) == CanonicalName::new(right)
        }
        _ => left == right,
    }
}

/// §6.3.3 (b) (2) (ii) to (iv), and §5.2 on what is critical and unknown.
fn in_scope(crl: &Crl, certificate: &Certificate) -> Result<(), &'static str> {
    let scope = crl.scope();
    if !crl.unprocessed_critical_extensions().is_empty() {
        return Err("CRL has an unknown critical extension");
    }
    let is_ca = certificate.is_ca();
    if scope.only_attribute || (scope.only_user && is_ca) || (scope.only_ca && !is_ca) {
        return Err("CRL does not cover this kind of certificate");
    }
    Ok(())
}

/// §6.3.3 (c): deltas that fit the base, the newest first.
fn deltas<'a>(base: &Crl, context: &Context<'a>) -> Vec<&'a Crl> {
    let request = context.request;
    let fits = |delta: &&Crl| {
        let (Some(from), Some(number), Some(base_number)) =
            (delta.base_number(), delta.number(), base.number())
        else {
            return false;
        };
        delta.canonical_issuer() == base.canonical_issuer()
            && delta.scope() == base.scope()
            && delta.authority_key_id() == base.authority_key_id()
            && delta.unprocessed_critical_extensions().is_empty()
            && at_most(from, base_number)
            && !at_most(number, base_number)
            && (delta.this_update() <= request.at || request.policy.later_evidence)
            && delta.next_update().is_some_and(|next| next >= request.at)
            && context.admits(|| By::Crl((*delta).clone()))
    };
    let mut deltas: Vec<_> = request.crls.iter().filter(fits).take(MAX_DELTAS).collect();
    deltas.sort_by_key(|delta| Reverse(delta.this_update()));
    deltas
}

/// Whether one CRL number is at most the other; minimally encoded, never negative.
fn at_most(left: &[u8], right: &[u8]) -> bool {
    let plain = |number: &[u8]| {
        number
            .iter()
            .position(|byte| *byte != 0)
            .map_or(Vec::new(), |at| number.iter().skip(at).copied().collect())
    };
    let (left, right): (Vec<u8>, Vec<u8>) = (plain(left), plain(right));
    (left.len(), left) <= (right.len(), right)
}

/// §6.3.3 (i) to (k).
fn entry(crl: &Crl, delta: Option<&Crl>, certificate: &Certificate) -> Option<Revoked> {
    let of = |list: &Crl| list.lookup_of(certificate.canonical_issuer(), certificate.serial());
    delta.and_then(of).or_else(|| of(crl)).filter(|revoked| revoked.reason != Some(Reason::RemoveFromCrl))
}

/// §6.3.3 (f), (g): whoever signed the list, with a path to the same anchor.
fn signer(
    crl: &Crl,
    certificate: &Certificate,
    issuer: &Certificate,
    context: &mut Context<'_>,
) -> Result<Certificate, &'static str> {
    let request = context.request;
    let direct = crl.canonical_issuer() == certificate.canonical_issuer();
    let others = context.path.iter().chain(request.anchors.certificates()).chain(request.untrusted);
    let others = others.filter(|other| other.canonical_subject() == crl.canonical_issuer());
    let candidates: Vec<&Certificate> = direct.then_some(issuer).into_iter().chain(others).collect();
    let mut tried: Vec<&Certificate> = Vec::new();
    let mut why = if direct { "CRL signature does not verify" } else { "no certificate of the CRL's issuer" };
    for candidate in candidates {
        if tried.len() >= MAX_SIGNERS || tried.contains(&candidate) {
            continue;
        }
        if let (Some(wanted), Some(found)) = (crl.authority_key_id(), candidate.subject_key_id())
            && wanted != found
        {
            continue;
        }
        tried.push(candidate);
        if candidate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::CRL_SIGN)) {
            why = "its issuer may not sign CRLs";
            continue;
        }
        match context.budget.list_signed_by(crl, candidate) {
            Outcome::Holds if context.trusts(candidate, crl.this_update()) => return Ok(candidate.clone()),
            Outcome::Holds => why = "the signer of the CRL has no path to the anchor",
            Outcome::Fails => why = "CRL signature does not verify",
            Outcome::Weak(_) | Outcome::Unsupported(_) => {
                why = "CRL signature is of an unsupported algorithm"
            }
            Outcome::Spent => return Err("signature budget spent"),
        }
    }
    Err(why)
}

/// Lists of one issuer looked at for one certificate: an authority with more shards than this hands each one its own.
const MAX_LISTS: usize = 1024;

/// Deltas of one list; more than a few are current at once nowhere.
const MAX_DELTAS: usize = 16;

/// Certificates of one name tried as signers of one list.
const MAX_SIGNERS: usize = 8;
