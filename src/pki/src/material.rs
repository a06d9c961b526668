//! Validation material: what one certificate's path uses, and what it lacks, so that it can be validated for decades
//! without asking anyone (EN 319 142-1 §5.4, EN 319 102-1 §5.2.5).
//!
//! `path` says whether a path holds; this module says which of the certificates, CRLs and OCSP responses at hand it holds
//! by, which are to be kept, and where to ask for what is not there: issuers by caIssuers, OCSP by its access method, CRLs
//! by their distribution points. Nothing is fetched here. Called by `pdf::ltv` and by the appliance's levels.

use crate::{
    certificate::Certificate,
    crl::Crl,
    ocsp::{BasicResponse, VerifiedBy},
    path::{
        PathFailure, PathVerdict, Policy, PolicyInputs, Purpose, Request, RevocationPolicy, TrustAnchors,
        validate,
    },
};

/// What there is to pick from.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Certificates that may be on a path.
    pub certificates: &'a [Certificate],
    /// Revocation lists.
    pub crls: &'a [Crl],
    /// OCSP responses.
    pub ocsp: &'a [BasicResponse],
    /// What is trusted.
    pub anchors: &'a TrustAnchors,
}

/// What a path uses and lacks.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The path, end certificate first, anchor last; then signers of revocation lists that are not on it.
    pub certificates: Vec<Certificate>,
    /// Places in [`Known::crls`].
    pub crls: Vec<usize>,
    /// Places in [`Known::ocsp`].
    pub ocsp: Vec<usize>,
    /// What is not there.
    pub lacking: Vec<Lack>,
}

/// Something that a path needs and nobody brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// The certificate of an issuer.
    Issuer {
        /// Whose issuer.
        of: Certificate,
        /// Where it may be fetched.
        urls: Vec<String>,
    },
    /// Evidence that a certificate is not revoked, at the time in question.
    Revocation {
        /// Whose.
        of: Certificate,
        /// Its issuer.
        issuer: Certificate,
        /// Where to send an OCSP request about it.
        ocsp: Vec<String>,
        /// Where its revocation list may be fetched.
        crls: Vec<String>,
    },
}

impl Lack {
    /// The certificate that something is lacking about.
    #[must_use]
    pub const fn of(&self) -> &Certificate {
        match self {
            Self::Issuer { of, .. } | Self::Revocation { of, .. } => of,
        }
    }

    /// Whether there is any address to ask.
    #[must_use]
    pub fn is_findable(&self) -> bool {
        match self {
            Self::Issuer { urls, .. } => !urls.is_empty(),
            Self::Revocation { ocsp, crls, .. } => !ocsp.is_empty() || !crls.is_empty(),
        }
    }
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = self.of().subject();
        match self {
            Self::Issuer { .. } => write!(f, "the issuer's certificate of `{subject}`"),
            Self::Revocation { .. } => write!(f, "revocation information about `{subject}`"),
        }
    }
}

/// Finds the path of `leaf` at a time (Unix seconds) and what shows that nothing on it was revoked then.
///
/// # Errors
/// [`PathFailure`] where no further material can mend it: revoked, expired, not for this purpose, or without a path when
/// the last certificate found names nobody to ask.
pub fn of(leaf: &Certificate, known: Known<'_>, at: i64, purpose: Purpose) -> Result<Material, PathFailure> {
    let request = Request {
        untrusted: known.certificates,
        crls: known.crls,
        ocsp: known.ocsp,
        purpose,
        policy: Policy { existence_proven: true, ..Policy::new(RevocationPolicy::IfAvailable) },
        ..Request::new(leaf, known.anchors, at)
    };
    let path = match validate(&request) {
        PathVerdict::Trusted(path) => path,
        PathVerdict::Undecided(failure @ PathFailure::NoPath { .. }) => {
            let top = top(leaf, known.certificates);
            let urls = top.ca_issuer_uris().to_vec();
            if urls.is_empty() || top.is_self_issued() {
                return Err(failure);
            }
            return Ok(Material { lacking: vec![Lack::Issuer { of: top, urls }], ..Material::default() });
        }
        PathVerdict::Undecided(failure) | PathVerdict::Rejected(failure) => return Err(failure),
    };
    let mut material = Material { certificates: path.certificates().to_vec(), ..Material::default() };
    let links = path.certificates().windows(2).filter_map(|pair| <&[Certificate; 2]>::try_from(pair).ok());
    let mut links: Vec<[Certificate; 2]> = links.cloned().collect();
    // Delegated responders without id-pkix-ocsp-nocheck are asked about in their turn, once.
    let mut next = 0;
    while let Some([certificate, issuer]) = links.get(next).cloned() {
        next += 1;
        if certificate.has_no_rev_avail() && !certificate.is_ca() {
            continue;
        }
        match evidence(&certificate, &issuer, known, at) {
            Some(Found::Response(place, responder)) => {
                material.take_response(place);
                if let Some(responder) = responder.filter(|_| next <= MAX_LINKS)
                    && !links.iter().any(|[known, _]| *known == responder)
                {
                    links.push([responder, issuer]);
                }
            }
            Some(Found::Lists(places)) => {
                for place in places {
                    material.take_list(place, &issuer, known);
                }
            }
            None => material.lacking.push(Lack::Revocation {
                ocsp: certificate.ocsp_uris().to_vec(),
                crls: certificate.crl_distribution_points().to_vec(),
                of: certificate,
                issuer,
            }),
        }
    }
    Ok(material)
}

impl Material {
    fn take_response(&mut self, place: usize) {
        if !self.ocsp.contains(&place) {
            self.ocsp.push(place);
        }
    }

    fn take_list(&mut self, place: usize, issuer: &Certificate, known: Known<'_>) {
        if self.crls.contains(&place) {
            return;
        }
        self.crls.push(place);
        let Some(list) = known.crls.get(place) else { return };
        // A list that names a delta is not all there is to say, and some validators then ask for the delta.
        let deltas = known.crls.iter().enumerate().filter(|(_, other)| {
            !list.freshest_uris().is_empty()
                && other.is_delta()
                && other.issuer() == list.issuer()
                && other.scope() == list.scope()
        });
        if let Some((delta, _)) = deltas.max_by_key(|(_, delta)| delta.this_update())
            && !self.crls.contains(&delta)
        {
            self.crls.push(delta);
        }
        if list.issuer() == issuer.subject() {
            return;
        }
        // An indirect list: whoever signed it belongs to the material.
        let signers = known.certificates.iter().filter(|other| other.subject() == list.issuer());
        for signer in signers {
            if !self.certificates.contains(signer) {
                self.certificates.push(signer.clone());
            }
        }
    }
}

enum Found {
    /// One response, and its delegated signer unless nothing needs to be known about that.
    Response(usize, Option<Certificate>),
    /// Lists that together speak of the certificate.
    Lists(Vec<usize>),
}

/// The evidence to keep about one certificate: the newest response that suffices alone, else the newest list that does, else
/// all lists of its issuer together (several scopes, or a delta with its base).
fn evidence(certificate: &Certificate, issuer: &Certificate, known: Known<'_>, at: i64) -> Option<Found> {
    let anchors = TrustAnchors::new(vec![issuer.clone()]);
    let suffices = |crls: &[Crl], ocsp: &[BasicResponse]| {
        let request = Request {
            untrusted: known.certificates,
            crls,
            ocsp,
            purpose: Purpose::Any,
            policies: PolicyInputs::default(),
            policy: Policy {
                ca_revocation: RevocationPolicy::IfAvailable,
                existence_proven: true,
                ..Policy::new(RevocationPolicy::Required)
            },
            ..Request::new(certificate, &anchors, at)
        };
        validate(&request).path().is_some()
    };
    let mut responses: Vec<_> = known.ocsp.iter().enumerate().collect();
    responses.retain(|(_, response)| response.about(certificate, issuer).is_some());
    responses.sort_by_key(|(_, response)| std::cmp::Reverse(response.produced_at()));
    for (place, response) in responses.into_iter().take(MAX_TRIES) {
        if suffices(&[], std::slice::from_ref(response)) {
            let signer = response.verify(issuer, response.produced_at());
            let responder = match signer {
                Ok(VerifiedBy::Delegate(responder)) if !responder.has_no_rev_avail() => Some(responder),
                _ => None,
            };
            return Some(Found::Response(place, responder));
        }
    }
    let mut lists: Vec<_> = known.crls.iter().enumerate().collect();
    let named = [issuer.subject()];
    lists.retain(|(_, list)| named.contains(&list.issuer()) || list.scope().indirect);
    lists.sort_by_key(|(_, list)| std::cmp::Reverse(list.this_update()));
    lists.truncate(MAX_TRIES);
    if let Some((place, _)) = lists.iter().find(|(_, list)| suffices(std::slice::from_ref(*list), &[])) {
        return Some(Found::Lists(vec![*place]));
    }
    let all: Vec<Crl> = lists.iter().map(|(_, list)| (*list).clone()).collect();
    (lists.len() > 1 && suffices(&all, &[]))
        .then(|| Found::Lists(lists.into_iter().map(|(place, _)| place).collect()))
}

/// The last certificate that can be reached from `leaf` by names.
fn top(leaf: &Certificate, among: &[Certificate]) -> Certificate {
    let mut top = leaf.clone();
    for _ in 0..MAX_LINKS {
        let issuer = among.iter().find(|other| {
            other.subject() == top.issuer() && **other != top && top.verify_signature(other.spki()).is_ok()
        });
        match issuer {
            Some(issuer) if !top.is_self_issued() => top = issuer.clone(),
            _ => break,
        }
    }
    top
}

/// Certificates looked at above one another; `Policy::max_path` is 8.
const MAX_LINKS: usize = 16;
/// Responses and lists tried for one certificate; several versions of one list are what one store may hold.
const MAX_TRIES: usize = 16;
