//! Trust: what the caller brings, and asking `pki` for a path.

use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::{PathVerdict, Policy, Purpose, Request, RevocationPolicy, TrustAnchors, validate};
use pki::validation::SignaturePolicy;
use pki::{Certificate, Indication, SubIndication};

use super::container::{Context, SignatureContainer};
use super::report::Trust;

/// What a verification leans on; all of it comes from the caller.
#[derive(Clone, Copy)]
pub struct Options<'o> {
    /// The time of validation, in seconds since the Unix epoch.
    pub at: i64,
    /// What is trusted.
    pub anchors: &'o TrustAnchors,
    /// Further certificates that may be on a path.
    pub untrusted: &'o [Certificate],
    /// Revocation lists from outside the document.
    pub crls: &'o [Crl],
    /// OCSP responses from outside the document.
    pub ocsp: &'o [BasicResponse],
    /// What is demanded of signatures and time-stamps (EN 319 102-1 §4.1.4).
    pub policy: &'o SignaturePolicy,
    /// What must be known about the revocation of signers' certificates, whatever the policy says.
    pub revocation: RevocationPolicy,
    /// What must be known about the revocation of CA certificates, whatever the policy says.
    pub ca_revocation: RevocationPolicy,
    /// Verifiers for further `/SubFilter` values; they are asked before the built-in ones.
    pub containers: &'o [&'o dyn SignatureContainer],
}

impl<'o> Options<'o> {
    /// Trusts `anchors` at a time, wants revocation evidence for every certificate, brings nothing else; the policy
    /// `default` for the rest.
    #[must_use]
    pub fn new(anchors: &'o TrustAnchors, at: i64) -> Self {
        Self {
            revocation: RevocationPolicy::Required,
            ca_revocation: RevocationPolicy::Required,
            ..Self::under(SignaturePolicy::default_policy(), anchors, at)
        }
    }

    /// Trusts `anchors` at a time, demands what `policy` demands, brings nothing else.
    #[must_use]
    pub fn under(policy: &'o SignaturePolicy, anchors: &'o TrustAnchors, at: i64) -> Self {
        Self {
            at,
            anchors,
            untrusted: &[],
            crls: &[],
            ocsp: &[],
            policy,
            revocation: policy.revocation().signer,
            ca_revocation: policy.revocation().authorities,
            containers: &[],
        }
    }
}

/// What a path decides.
pub(crate) struct Decision {
    pub(crate) trust: Trust,
    pub(crate) indication: Indication,
    pub(crate) sub_indication: Option<SubIndication>,
    pub(crate) reasons: Vec<String>,
}

/// What comes with one container: certificates and revocation lists inside it.
#[derive(Clone, Copy)]
pub(crate) struct Embedded<'c> {
    pub(crate) certificates: &'c [Certificate],
    pub(crate) crls: &'c [Vec<u8>],
    pub(crate) ocsp: &'c [Vec<u8>],
}

/// Whether `leaf` is trusted at the time of validation or, when there is one, at a proven time before it.
pub(crate) fn decide(
    leaf: &Certificate,
    embedded: Embedded<'_>,
    context: &Context<'_>,
    purpose: Purpose,
    proven: Option<i64>,
) -> Decision {
    let verdict = path(leaf, embedded, context, purpose, proven, true);
    let (indication, sub_indication) = verdict.indication();
    Decision {
        trust: match verdict {
            PathVerdict::Trusted(_) => Trust::Trusted,
            PathVerdict::Undecided(_) => Trust::Undecided,
            PathVerdict::Rejected(_) => Trust::Untrusted,
        },
        indication,
        sub_indication,
        reasons: verdict.failure().map(ToString::to_string).into_iter().collect(),
    }
}

/// Whether the document alone brings all that validation needs, revocation lists included (level B-LT).
pub(crate) fn is_self_contained(
    leaf: &Certificate,
    embedded: Embedded<'_>,
    context: &Context<'_>,
    proven: Option<i64>,
) -> bool {
    if context.certificates.is_empty() && context.crls.is_empty() && context.ocsp.is_empty() {
        return false;
    }
    matches!(path(leaf, embedded, context, Purpose::DocumentSigning, proven, false), PathVerdict::Trusted(_))
}

fn path(
    leaf: &Certificate,
    embedded: Embedded<'_>,
    context: &Context<'_>,
    purpose: Purpose,
    proven: Option<i64>,
    outside: bool,
) -> PathVerdict {
    let options = context.options;
    let mut untrusted = [embedded.certificates, context.certificates].concat();
    let mut crls: Vec<Crl> = embedded.crls.iter().filter_map(|der| Crl::from_der(der).ok()).collect();
    crls.extend_from_slice(context.crls);
    let mut ocsp: Vec<BasicResponse> =
        embedded.ocsp.iter().filter_map(|der| BasicResponse::from_any_der(der).ok()).collect();
    ocsp.extend_from_slice(context.ocsp);
    let mut policy = Policy::new(options.revocation);
    policy.ca_revocation = options.ca_revocation;
    policy.existence_proven = proven.is_some();
    if outside {
        untrusted.extend_from_slice(options.untrusted);
        crls.extend_from_slice(options.crls);
        ocsp.extend_from_slice(options.ocsp);
    } else {
        (policy.revocation, policy.ca_revocation) = (RevocationPolicy::Required, RevocationPolicy::Required);
    }
    validate(&Request {
        untrusted: &untrusted,
        crls: &crls,
        ocsp: &ocsp,
        purpose,
        policy,
        ..Request::new(leaf, options.anchors, proven.unwrap_or(options.at))
    })
}
