//! The one list of state tables, and of the columns that row digests leave out. Each capability re-exports its
//! own from its `records.rs`; the journal and the audit walk [`ALL`].
//!
//! A table added here gets its columns in a migration of both folders; the contract suite compares them.

use super::value::{Column, Table};

/// Every table, referenced ones before those that refer to them (the journal inserts in this order).
pub static ALL: &[&Table] =
    &[&ORGANISATIONS, &CALLERS, &PROPOSALS, &CERTIFICATES, &SEALS, &SEAL_USES, &IDEMPOTENCY];

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
