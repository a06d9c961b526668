//! Why no certificate was issued, and how that reaches whoever asked.

use crypto::{SchemeError, VerifyError};
use custody::CustodyError;
use pki::SignatureError;
use pki::issue::{IssueError, WishError};
use pki::request::RequestError;

use crate::app::StartError;
use crate::documents::replay::ReplayError;
use crate::journal::{CommitError, JournalError};
use crate::policy::Denied;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The process is sealed.
    #[error("the appliance is sealed")]
    Sealed,
    /// There is no such profile.
    #[error("there is no certificate profile `{0}`")]
    Profile(String),
    /// The profile cannot be asked for that way.
    #[error("certificates of profile `{profile}` cannot be asked for by `{way}`")]
    Way {
        /// Its name.
        profile: String,
        /// The way.
        way: &'static str,
    },
    /// Officers must approve first.
    #[error("a certificate of profile `{profile}` needs {needed} approvals first")]
    Unapproved {
        /// Its name.
        profile: String,
        /// How many.
        needed: u32,
    },
    /// The hierarchy has no authority for it.
    #[error("no authority issues certificates of profile `{0}`")]
    Issuer(String),
    /// The hierarchy has nobody for keys of that suite.
    #[error(
        "no authority of this appliance issues certificates of profile `{profile}` for keys of suite `{suite}`; ask \
         with a key of another suite, or set up a hierarchy that holds both (`keys/both-suites.toml`)"
    )]
    Suite {
        /// Name of the profile.
        profile: String,
        /// The suite of the key asked for.
        suite: &'static str,
    },
    /// The request is not sound, or not signed by its key.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The profile does not allow what was asked for, or the result breaks a rule.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// An authority's certificate cannot be read.
    #[error(transparent)]
    Authority(#[from] Box<StartError>),
    /// The key does not serve.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The system gives no random octets.
    #[error("the system's random source failed")]
    Random,
    /// The work was cut off.
    #[error("the work was cut off: {0}")]
    CutOff(String),
    /// It could not be recorded, so it does not leave.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The policies do not let the appliance's own work.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The log could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An answer to a repeated request could not be kept or found.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A rule of the register forbids it.
    #[error("{}", .0.detail())]
    Refused(Problem),
}

impl From<StartError> for CertificateError {
    fn from(error: StartError) -> Self {
        Self::Authority(Box::new(error))
    }
}

impl From<Problem> for CertificateError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<CertificateError> for Problem {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Refused(problem) => problem,
            CertificateError::Sealed => {
                Self::new(Kind::Sealed, "An operator must unseal the appliance.").retry_after(30)
            }
            CertificateError::Profile(_) => {
                let detail = format!("{error}; `/v1/certificate-profiles` lists them.");
                Self::new(Kind::ProfileForbids, detail).with("parameter", "profile")
            }
            CertificateError::Way { .. } | CertificateError::Issuer(_) | CertificateError::Suite { .. } => {
                Self::new(Kind::ProfileForbids, format!("{error}."))
            }
            CertificateError::Unapproved { .. } => Self::new(Kind::Forbidden, format!("{error}.")),
            CertificateError::Request(error) => unsound(&error),
            CertificateError::Issue(IssueError::Sign(error)) => error.into(),
            CertificateError::Issue(error) => not_given(error),
            CertificateError::Custody(error) => error.into(),
            CertificateError::Commit(error) => error.into(),
            CertificateError::Store(error) => error.into(),
            CertificateError::Denied(error) => error.into(),
            CertificateError::Journal(error) => error.into(),
            CertificateError::Replay(error) => error.into(),
            CertificateError::Authority(_) | CertificateError::Random | CertificateError::CutOff(_) => {
                Self::internal(error)
            }
        }
    }
}

/// A request that is not what it claims, each fault by its own type.
fn unsound(error: &RequestError) -> Problem {
    let problem = match error {
        RequestError::TooLarge { .. } => {
            Problem::new(Kind::BodyTooLarge, "Send a certification request of at most 64 KiB.")
        }
        RequestError::ProofOfPossession(SignatureError::Verify(VerifyError::KeySize { bits })) => {
            Problem::new(Kind::RequestKey, format!("An RSA key of {bits} bits is refused; use 2048 to 8192."))
        }
        RequestError::ProofOfPossession(SignatureError::Verify(VerifyError::BadSignature)) => Problem::new(
            Kind::RequestUnproven,
            "Sign the request with the key it names; it was altered, or another key signed it, or an SM2 key \
             under another signer identifier than 1234567812345678.",
        ),
        RequestError::ProofOfPossession(SignatureError::Verify(VerifyError::KeyMismatch))
        | RequestError::ProofOfPossession(SignatureError::Scheme(SchemeError::Contradiction)) => {
            Problem::new(
                Kind::RequestUnproven,
                "Sign the request with the key it names; its algorithm belongs to another kind of key.",
            )
        }
        RequestError::ProofOfPossession(_) => Problem::new(
            Kind::RequestKey,
            "Use a key on P-256 or P-384, SM2, Ed25519, or RSA with 2048 bits or more, and SHA-256, SM3 or stronger.",
        ),
        RequestError::Key(_) => Problem::new(Kind::RequestKey, format!("{error}.")),
        RequestError::Subject { .. }
        | RequestError::NameForm { .. }
        | RequestError::NameSyntax { .. }
        | RequestError::TooManyNames { .. } => Problem::new(Kind::RequestNames, format!("{error}.")),
        RequestError::Several { .. }
        | RequestError::CriticalExtension { .. }
        | RequestError::AttributeTwice { .. } => Problem::new(Kind::RequestUnsound, format!("{error}.")),
        _ => Problem::new(
            Kind::RequestUnsound,
            "Send a PKCS#10 request (RFC 2986) signed with its own key, DER or PEM.",
        ),
    };
    problem.log(error)
}

/// A wish that the profile does not grant.
fn not_given(error: IssueError) -> Problem {
    let told = |kind: Kind, error: &dyn std::fmt::Display| Problem::new(kind, format!("{error}.")).log(error);
    match &error {
        IssueError::Wish(wish) => match wish {
            WishError::Key(_) | WishError::KeyAlgorithm { .. } => told(Kind::RequestKey, wish),
            WishError::ValidityFixed { .. }
            | WishError::TooLong { .. }
            | WishError::Period { .. }
            | WishError::IssuerEnded => told(Kind::ProfileForbids, wish),
            _ => told(Kind::RequestNames, wish),
        },
        IssueError::Lint { .. } => told(Kind::RequestNames, &error),
        IssueError::MalformedKey => told(Kind::RequestKey, &error),
        IssueError::AlternativeName => told(Kind::RequestNames, &error),
        _ => Problem::internal(error),
    }
}
