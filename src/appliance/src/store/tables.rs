//! The one list of state tables, and of the columns that row digests leave out. Each capability re-exports its
//! own from its `records.rs`; the journal and the audit walk [`ALL`].
//!
//! A table added here gets its columns in a migration of both folders; the contract suite compares them.

use super::value::{Column, Table};

mod licences;

pub use licences::*;

/// Every table, referenced ones before those that refer to them (the journal inserts in this order).
pub static ALL: &[&Table] = &[
    &ORGANISATIONS,
    &CALLERS,
    &PROPOSALS,
    &CERTIFICATES,
    &CERTIFICATE_NAMES,
    &EXPIRY_WARNINGS,
    &INTENTS,
    &CERTIFICATE_REQUESTS,
    &CERTIFICATE_APPROVALS,
    &ENROLMENT_SECRETS,
    &AUTHORITIES,
    &ACME_BINDINGS,
    &ACME_ACCOUNTS,
    &ACME_ORDERS,
    &ACME_AUTHORIZATIONS,
    &ACME_NONCES,
    &CRLS,
    &SEALS,
    &SEAL_APPLICATIONS,
    &SEAL_VERSIONS,
    &SEAL_DOCUMENTS,
    &SEAL_NUMBERS,
    &SEAL_RULES,
    &SEAL_RULE_COUNTERS,
    &SEAL_DELEGATIONS,
    &SEAL_USE_REQUESTS,
    &SEAL_USE_WORDS,
    &SEAL_PAUSES,
    &SEAL_USES,
    &CSC_AUTHORIZATIONS,
    &LICENCE_TYPES,
    &LICENCE_TYPE_VERSIONS,
    &LICENCE_NUMBERS,
    &LICENCES,
    &LICENCE_VERSIONS,
    &LICENCE_EXPIRY_WARNINGS,
    &LICENCE_ARTEFACTS,
    &LICENCE_HOLDERS,
    &LICENCE_STATUS_LISTS,
    &LICENCE_STATUSES,
    &LICENCE_EVENTS,
    &LICENCE_JOBS,
    &LICENCE_JOB_ROWS,
    &LICENCE_DELEGATIONS,
    &LICENCE_SHOW_CODES,
    &LICENCE_QUERIES,
    &LICENCE_COPIES,
    &LICENCE_USES,
    &TRUST_LISTS,
    &IDEMPOTENCY,
];

/// The table of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.name == name)
}

/// Registered organisations.
pub static ORGANISATIONS: Table = Table::new(
    "organisations",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("name"),
        Column::text("kind"),
        Column::text("state"),
    ],
);

/// Registered callers: machines, officers, operators.
pub static CALLERS: Table = Table::new(
    "callers",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("kind"),
        Column::text("uri"),
        Column::text("organisation"),
        Column::text("person"),
        Column::text("roles"),
        Column::text("state"),
        Column::int("created"),
    ],
);

/// What one officer proposed and another must approve (decision 12).
pub static PROPOSALS: Table = Table::new(
    "proposals",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("caller"),
        Column::text("proposer"),
        Column::text("person"),
        Column::text("roles"),
        Column::text("state"),
        Column::int("created"),
        Column::text("approver"),
        Column::text("key"),
    ],
);

/// Certificates that our authorities issued. `id` is the hexadecimal SHA-256 fingerprint.
pub static CERTIFICATES: Table = Table::new(
    "certificates",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("issuer"),
        Column::text("serial"),
        Column::text("subject"),
        Column::text("profile"),
        Column::text("caller"),
        Column::int("not_before"),
        Column::int("not_after"),
        Column::bytes("der"),
        Column::text("state"),
        Column::int("revoked_at"),
        Column::text("reason"),
        Column::text("organisation"),
        Column::text("requester"),
        // Hexadecimal SHA-256 of the SubjectPublicKeyInfo.
        Column::text("key"),
        // The CRL shard that its distribution point names; NULL and 0 are the authority's first.
        Column::int("shard"),
        // RFC 5280 §5.3.2: since when the key is known or suspected to be compromised.
        Column::int("invalid_from"),
        // When its state changed last.
        Column::int("changed"),
        // Fingerprint of the certificate that it renews.
        Column::text("replaces"),
        // Of the newest entry about it; filled in by the journal.
        Column::int("leaf").exempt(),
    ],
);

/// Electronic seals.
pub static SEALS: Table = Table::new(
    "seals",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("name"),
        Column::text("organisation"),
        Column::text("owner"),
        Column::bytes("picture"),
        Column::int("width_um"),
        Column::int("height_um"),
        Column::text("certificate"),
        Column::text("key_label"),
        Column::text("state"),
        // From here on NULL where a seal was made before it had a life of its own.
        Column::text("code"),
        Column::int("kind"),
        Column::text("level"),
        Column::text("holder_kind"),
        Column::text("holder_number"),
        Column::text("holder_number_hash"),
        Column::bytes("holder_sealed"),
        Column::text("suite"),
        Column::int("number"),
        Column::text("filing"),
        Column::int("valid_from"),
        Column::int("valid_to"),
        Column::int("governed"),
        Column::int("updated"),
        Column::text("ground"),
    ],
);

/// Applications for seals: what was applied for, who approved it, who carried it out.
pub static SEAL_APPLICATIONS: Table = Table::new(
    "seal_applications",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("operation"),
        Column::text("seal"),
        Column::text("organisation"),
        Column::text("state"),
        Column::text("wanted"),
        Column::bytes("picture"),
        Column::text("holder_number_hash"),
        Column::bytes("holder_sealed"),
        Column::text("applicant"),
        Column::text("applicant_person"),
        Column::text("approver"),
        Column::text("approver_person"),
        Column::text("maker"),
        Column::text("maker_person"),
        Column::text("reason"),
        Column::int("created"),
        Column::int("decided"),
        Column::int("carried_out"),
        Column::text("made"),
        Column::text("request_key"),
        Column::text("request_digest"),
    ],
);

/// Each making of a seal. `id` is `SEAL.NUMBER`.
pub static SEAL_VERSIONS: Table = Table::new(
    "seal_versions",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("seal"),
        Column::int("number"),
        Column::text("name"),
        Column::bytes("picture"),
        Column::text("picture_type"),
        Column::bytes("png"),
        Column::int("width_um"),
        Column::int("height_um"),
        Column::text("certificate"),
        Column::text("key_label"),
        Column::text("suite"),
        Column::bytes("eseal"),
        Column::text("eseal_digest"),
        Column::int("valid_from"),
        Column::int("valid_to"),
        Column::text("filing"),
        Column::text("application"),
        Column::text("state"),
        Column::int("made_at"),
        Column::int("ended_at"),
    ],
);

/// What was handed in with an application for a seal, encrypted.
pub static SEAL_DOCUMENTS: Table = Table::new(
    "seal_documents",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("application"),
        Column::text("kind"),
        Column::text("name"),
        Column::text("media_type"),
        Column::int("length"),
        Column::text("sha256"),
        Column::bytes("sealed"),
        Column::text("caller"),
        Column::int("added"),
    ],
);

/// Running numbers that never repeat: of seal codes by division, of filings by year.
pub static SEAL_NUMBERS: Table =
    Table::new("seal_numbers", &[Column::text("id"), Column::int("version"), Column::int("next")]);

/// When seals were out of use.
pub static SEAL_PAUSES: Table = Table::new(
    "seal_pauses",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("seal"),
        Column::text("ground"),
        Column::int("since"),
        Column::int("ended"),
    ],
);

/// Each use of a seal.
pub static SEAL_USES: Table = Table::new(
    "seal_uses",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("seal"),
        Column::text("caller"),
        Column::int("time"),
        // Known only when the row's own entry has its place in the log, hence outside of the digest.
        Column::int("leaf").exempt(),
        Column::text("original_digest"),
        Column::text("result_digest"),
        Column::int("original_length"),
        Column::int("result_length"),
        Column::text("case_number"),
        Column::text("item"),
        Column::text("placement"),
        // `two-phase` where the document stayed with the caller; its result is then not known and the columns empty.
        Column::text("kind"),
        Column::text("level"),
        Column::text("signed_digest"),
        // The organisation of the seal at that time.
        Column::text("organisation"),
        // SHA-256 of the document as it came, where that is not `original_digest`.
        Column::text("document_digest"),
        Column::text("document_kind"),
        Column::int("page"),
        Column::text("format"),
        // The rule that admitted the use, and the request whose approvals it consumed.
        Column::text("rule"),
        Column::text("approval"),
    ],
);

/// Rules of use of seals.
pub static SEAL_RULES: Table = Table::new(
    "seal_rules",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("seal"),
        Column::text("name"),
        Column::text("terms"),
        Column::text("state"),
        Column::text("officer"),
        Column::int("created"),
        Column::int("changed"),
        // Of the newest entry about it; filled in by the journal. Likewise below.
        Column::int("leaf").exempt(),
    ],
);

/// How often a rule was used. `id` is the rule's.
pub static SEAL_RULE_COUNTERS: Table = Table::new(
    "seal_rule_counters",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::int("total"),
        Column::int("start"),
        Column::int("since"),
    ],
);

/// Officers of a rule who let others decide in their place.
pub static SEAL_DELEGATIONS: Table = Table::new(
    "seal_delegations",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("rule"),
        Column::text("officer"),
        Column::text("person"),
        Column::text("delegate"),
        Column::text("delegate_person"),
        Column::int("until"),
        Column::text("state"),
        Column::int("created"),
        Column::int("leaf").exempt(),
    ],
);

/// Requests that officers approve one use of a seal on one document.
pub static SEAL_USE_REQUESTS: Table = Table::new(
    "seal_use_requests",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("rule"),
        Column::text("seal"),
        Column::text("organisation"),
        Column::text("caller"),
        Column::text("person"),
        Column::text("document_digest"),
        Column::text("document_kind"),
        Column::text("item"),
        Column::text("case_number"),
        Column::text("state"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("seal_use"),
        Column::int("leaf").exempt(),
    ],
);

/// What was said about such a request. `id` is `REQUEST:PERSON`, or `REQUEST::asked`.
pub static SEAL_USE_WORDS: Table = Table::new(
    "seal_use_words",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("request"),
        Column::text("caller"),
        Column::text("person"),
        Column::text("word"),
        Column::text("seat"),
        Column::text("delegation"),
        Column::int("time"),
        Column::int("leaf").exempt(),
    ],
);

/// Signature activation data given out (CSC API). `id` is the hash of the data.
pub static CSC_AUTHORIZATIONS: Table = Table::new(
    "csc_authorizations",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("caller"),
        Column::text("certificate"),
        Column::text("seal"),
        // Digest over the hashes in their order, each behind its length.
        Column::text("hashes"),
        Column::int("count"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("state"),
    ],
);

/// Answers kept for `Idempotency-Key` replays (decision 32). `id` is a keyed hash of caller, route and key.
pub static IDEMPOTENCY: Table = Table::cache(
    "idempotency",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("request_digest"),
        Column::bytes("response"),
        Column::int("expires"),
    ],
);

/// Names to search certificates by (a cache). `id` is `CERTIFICATE:N`.
pub static CERTIFICATE_NAMES: Table = Table::cache(
    "certificate_names",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("certificate"),
        Column::text("kind"),
        Column::text("value"),
    ],
);

/// Warnings that a certificate runs out. `id` is `CERTIFICATE:DAYS`.
pub static EXPIRY_WARNINGS: Table = Table::new(
    "expiry_warnings",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("certificate"),
        Column::int("days"),
        Column::int("time"),
    ],
);

/// Certificates about to be signed. `id` is `ISSUER:SERIAL`.
pub static INTENTS: Table = Table::new(
    "intents",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("issuer"),
        Column::text("serial"),
        Column::text("profile"),
        Column::text("subject"),
        Column::text("tbs_digest"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::int("created"),
        Column::text("state"),
    ],
);

/// Requests for certificates that await approvals.
pub static CERTIFICATE_REQUESTS: Table = Table::new(
    "certificate_requests",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("profile"),
        Column::bytes("csr"),
        Column::text("wish"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::text("requester"),
        Column::text("person"),
        Column::int("needed"),
        Column::text("state"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("certificate"),
        Column::text("reason"),
        // Of the newest entry about it; filled in by the journal.
        Column::int("leaf").exempt(),
    ],
);

/// One officer's word on a request. `id` is `REQUEST:PERSON`.
pub static CERTIFICATE_APPROVALS: Table = Table::new(
    "certificate_approvals",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("request"),
        Column::text("officer"),
        Column::text("person"),
        Column::text("decision"),
        Column::int("time"),
    ],
);

/// One-time secrets for a first enrolment (RFC 7030 §3.2.3), hashed.
pub static ENROLMENT_SECRETS: Table = Table::new(
    "enrolment_secrets",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("hash"),
        Column::text("caller"),
        Column::text("profile"),
        Column::text("issued"),
        Column::int("created"),
        Column::int("expires"),
        Column::int("used_at"),
        Column::text("state"),
    ],
);

/// Which key and certificate serve a place of the hierarchy, and which did before.
pub static AUTHORITIES: Table = Table::new(
    "authorities",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("slot"),
        Column::text("role"),
        Column::text("key_label"),
        Column::text("certificate"),
        Column::bytes("request"),
        Column::text("crosses"),
        Column::text("state"),
        Column::text("proposer"),
        Column::text("person"),
        Column::int("created"),
        Column::int("changed"),
    ],
);

/// Keys for external account binding (RFC 8555 §7.3.4), sealed.
pub static ACME_BINDINGS: Table = Table::new(
    "acme_bindings",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::bytes("sealed_key"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::text("profile"),
        Column::text("names"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("state"),
    ],
);

/// ACME accounts.
pub static ACME_ACCOUNTS: Table = Table::new(
    "acme_accounts",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("thumbprint"),
        Column::text("jwk"),
        Column::text("contact"),
        Column::text("binding"),
        Column::int("created"),
        Column::text("state"),
    ],
);

/// ACME orders.
pub static ACME_ORDERS: Table = Table::new(
    "acme_orders",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("account"),
        Column::text("identifiers"),
        Column::text("authorizations"),
        Column::int("not_before"),
        Column::int("not_after"),
        Column::text("replaces"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("certificate"),
        Column::text("error"),
        Column::text("state"),
        Column::bytes("csr"),
        // The request that awaits officers' approvals.
        Column::text("request"),
        // When any node may take up the work that is under way.
        Column::int("due"),
    ],
);

/// ACME authorizations with their challenges.
pub static ACME_AUTHORIZATIONS: Table = Table::new(
    "acme_authorizations",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("account"),
        Column::text("identifier"),
        Column::int("wildcard"),
        Column::text("challenges"),
        Column::int("created"),
        Column::int("expires"),
        Column::text("state"),
        // When any node may take up the validation that is under way.
        Column::int("due"),
    ],
);

/// Nonces that were used (a cache; RFC 8555 §6.5).
pub static ACME_NONCES: Table =
    Table::cache("acme_nonces", &[Column::text("id"), Column::int("version"), Column::int("expires")]);

/// The newest revocation lists (a cache). `id` is `ISSUER:SHARD:full` or `:delta`.
pub static CRLS: Table = Table::cache(
    "crls",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::int("number"),
        Column::int("base"),
        Column::int("this_update"),
        Column::int("next_update"),
        Column::int("revision"),
        Column::bytes("der"),
    ],
);
