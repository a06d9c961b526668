//! Why profiles do not load, and how to mend them.

use thiserror::Error;

/// Why a text is not a profile.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// Not TOML, or an unknown, missing or ill-typed key.
    #[error("{0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// What a key says contradicts another, or a standard.
    #[error("`{key}`: {contradiction}")]
    Contradiction {
        /// The key, with its table.
        key: String,
        /// What is wrong and how to mend it.
        contradiction: Contradiction,
    },
}

/// Why files are not a set of profiles.
#[derive(Debug, Error)]
pub enum ProfilesError {
    /// One of them is not a profile.
    #[error("certificate profile `{file}`: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: ProfileError,
    },
    /// A file is named otherwise than `NAME.toml`.
    #[error(
        "certificate profile `{file}`: name the file after its profile, lower-case letters, digits and hyphens, and \
         `.toml`"
    )]
    Name {
        /// The file.
        file: String,
    },
    /// Two files for one profile.
    #[error("certificate profile `{name}` is there twice; remove one")]
    Twice {
        /// The profile.
        name: String,
    },
    /// A profile that the appliance itself issues by is not there.
    #[error("certificate profile `{name}` is missing; put `{name}.toml` back, `cinnabar init` writes one")]
    Missing {
        /// The profile.
        name: &'static str,
    },
}

/// What is wrong with a key of a profile, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// The file was written for another program.
    #[error("version {0} is unknown; this program reads version 1")]
    Version(u32),
    /// Nothing stands where something must.
    #[error("is empty; name at least one")]
    Empty,
    /// The same twice.
    #[error("`{0}` stands twice; remove one")]
    Twice(String),
    /// A word that has no meaning there.
    #[error("`{found}` is unknown; write one of {known}")]
    Unknown {
        /// The word.
        found: String,
        /// The words that are known.
        known: String,
    },
    /// Not a dotted object identifier.
    #[error("`{0}` is not an object identifier such as `1.3.6.1.4.1.99999.1`")]
    Oid(String),
    /// Validity of nothing, or of more than a century.
    #[error("{0} days; write 1 to 36500")]
    Days(u32),
    /// The longest is shorter than the usual.
    #[error("is below `validity.days`; raise it, or leave it out")]
    Longest,
    /// Nothing else can be asked for, so there is no longest.
    #[error("needs `negotiable = true`; set it, or leave `longest_days` out")]
    LongestFixed,
    /// RFC 5280 §4.1.2.5 sets no bound; a day is what the CA/Browser Forum calls reasonable, two are generous.
    #[error("{0} seconds; write at most 172800")]
    Backdate(u32),
    /// RFC 5280 §4.2.1.9: a CA without that bit cannot issue.
    #[error("an authority needs `keyCertSign`; add it, or remove `[authority]`")]
    AuthorityWithoutCertSign,
    /// RFC 5280 §4.2.1.9: the bit without `cA`.
    #[error("`keyCertSign` is an authority's alone; remove it, or add `[authority]`")]
    CertSignWithoutAuthority,
    /// RFC 5280 §4.2.1.3: CRLs of a CA are verified with its key.
    #[error("`cRLSign` is an authority's alone; remove it, or add `[authority]`")]
    CrlSignWithoutAuthority,
    /// The key cannot do that (RFC 3279 §2.3, RFC 5480 §3, RFC 8410 §5).
    #[error("keys of `{algorithm}` cannot be used for `{usage}`; remove one of the two")]
    UsageOfKey {
        /// The algorithm.
        algorithm: String,
        /// The usage.
        usage: String,
    },
    /// RFC 5280 §4.2.1.3.
    #[error("`{0}` has a meaning with `keyAgreement` only; add that, or remove it")]
    OnlyWithAgreement(&'static str),
    /// RFC 3161 §2.3.
    #[error(
        "`timeStamping` stands alone and critical: remove the others and set `extended_key_usage_critical = true`"
    )]
    TimeStamping,
    /// RFC 5280 §4.2.1.12: a critical any purpose says nothing.
    #[error("`anyExtendedKeyUsage` cannot be critical; remove one of the two")]
    AnyPurposeCritical,
    /// Critical, and not there.
    #[error("is critical but there is no extended key usage; remove it, or name one")]
    CriticalWithoutPurpose,
    /// RFC 6960 §4.2.2.2: a responder's certificate is issued for that.
    #[error("`ocsp_nocheck` is for OCSP responders: add `OCSPSigning` to `extended_key_usage`, or remove it")]
    NoCheckWithoutOcspSigning,
    /// RFC 6960 §4.2.2.2.1: not to be checked, and where to check.
    #[error("`ocsp_nocheck` says that revocation is not checked; remove it, or `{0}`")]
    NoCheckWith(&'static str),
    /// RFC 9608 §4.
    #[error("`no_rev_avail` says that there is no revocation information; remove it, or `{0}`")]
    NoRevAvailWith(&'static str),
    /// RFC 9608 §3: never in a CA's certificate.
    #[error("an authority's certificate can be revoked; remove `no_rev_avail`")]
    NoRevAvailAuthority,
    /// Nobody could learn of a revocation.
    #[error(
        "there is neither `crl` nor `ocsp`, so nobody learns of a revocation; set one, or `no_rev_avail` or `ocsp_nocheck`"
    )]
    NoRevocation,
    /// A root is not revoked by itself.
    #[error("a self-signed certificate has no issuer to ask; remove `{0}`")]
    SelfSignedWith(&'static str),
    /// Who signs itself is an authority.
    #[error("only an authority signs itself; add `[authority]`, or name another issuer")]
    SelfSignedEndEntity,
    /// A leaf has no path below it.
    #[error("only authorities have `{0}`; remove it, or add `keyCertSign` and make it one")]
    AuthorityOnly(&'static str),
    /// RFC 5280 §4.1.2.6: a CA's subject is never empty.
    #[error("an authority needs a subject: make at least one attribute `required` or `fixed`")]
    AuthorityWithoutSubject,
    /// An attribute with a fixed value names it, and no other does.
    #[error("`value` goes with `from = \"fixed\"`: add it, or remove it")]
    Value,
    /// A value that no certificate can carry.
    #[error("`{value}` is not a value of {attribute}: {reason}")]
    AttributeValue {
        /// The value.
        value: String,
        /// The attribute.
        attribute: &'static str,
        /// Why.
        reason: String,
    },
    /// The subject is copied and made.
    #[error("`copy_subject` takes the subject of another certificate; remove it, or every `[[subject]]`")]
    CopiedAndMade,
    /// Only a CA's name is copied.
    #[error("`copy_subject` is for cross-certificates of authorities; remove it, or add `[authority]`")]
    CopiedEndEntity,
    /// RFC 5280 §4.2.1.6: critical exactly when the subject is empty.
    #[error("alternative names are critical exactly when the subject may be empty; {0}")]
    NamesCritical(&'static str),
    /// More are needed than are allowed.
    #[error("needs {least} and allows {most}; raise `most`, or lower `least`")]
    Count {
        /// Needed.
        least: usize,
        /// Allowed.
        most: usize,
    },
    /// Names are needed, none are allowed.
    #[error(
        "alternative names of no kind are allowed; add `dns`, `ip`, `email` or `uri`, or remove `[names]`"
    )]
    NoKinds,
    /// Wildcards without DNS names.
    #[error("wildcards are DNS names'; add `dns`, or remove `wildcards`")]
    Wildcards,
    /// RFC 5280 §4.2.1.4.
    #[error("the any-policy stands alone; remove it, or the others")]
    AnyPolicyWithOthers,
    /// An end entity is issued under a policy, not under all.
    #[error("the any-policy is an authority's; name the policy, or remove it")]
    AnyPolicyOfEndEntity,
    /// RFC 5280 §4.2.1.4: an IA5String URI.
    #[error("`{0}` is not an http or https address of printable ASCII")]
    Cps(String),
    /// A base that no name lies within.
    #[error("`{base}` is not a base for names of kind `{kind}`: {form}")]
    Subtree {
        /// Its kind.
        kind: String,
        /// As written.
        base: String,
        /// How it is written.
        form: &'static str,
    },
    /// A holder or a protocol cannot ask for an authority.
    #[error("nobody becomes an authority by `{0}`; remove it")]
    AuthorityByProtocol(&'static str),
    /// More officers than any appliance has.
    #[error("{0} approvals; write 0 to 16")]
    Approvals(u32),
    /// The ceremony and the appliance ask nobody.
    #[error(
        "approvals need somebody who asks: add `officer`, `holder`, `est` or `acme` to `ask`, or write 0"
    )]
    ApprovalsOfNobody,
}
