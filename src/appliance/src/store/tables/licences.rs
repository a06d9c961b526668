//! The tables of electronic licences.

use super::super::value::{Column, Table};

/// Licence types, by their code.
pub static LICENCE_TYPES: Table = Table::new(
    "licence_types",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("name"),
        Column::text("organisation"),
        Column::int("published"),
        Column::text("state"),
        Column::int("updated"),
    ],
);

/// Versions of licence types. `id` is `TYPE.NUMBER`.
pub static LICENCE_TYPE_VERSIONS: Table = Table::new(
    "licence_type_versions",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("type"),
        Column::int("number"),
        Column::text("state"),
        Column::text("definition"),
        Column::text("templates"),
        Column::text("digest"),
        Column::text("author"),
        Column::text("author_person"),
        Column::text("submitter"),
        Column::text("submitter_person"),
        Column::text("reviewer"),
        Column::text("reviewer_person"),
        Column::text("reason"),
        Column::int("created"),
        Column::int("submitted"),
        Column::int("decided"),
        Column::text("request_key"),
        Column::text("request_digest"),
    ],
);

/// Running numbers of licences, by series.
pub static LICENCE_NUMBERS: Table =
    Table::new("licence_numbers", &[Column::text("id"), Column::int("version"), Column::int("next")]);

/// Licences through all their versions. `id` is `TYPE.ISSUER.SERIAL`.
pub static LICENCES: Table = Table::new(
    "licences",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("type"),
        Column::int("type_number"),
        Column::text("organisation"),
        Column::text("issuer"),
        Column::int("number"),
        Column::text("identifier"),
        Column::text("holder_kind"),
        Column::text("state"),
        Column::text("ground"),
        Column::int("valid_from"),
        Column::int("valid_to"),
        Column::int("status_list"),
        Column::int("status_index"),
        Column::int("imported"),
        Column::text("warnings"),
        Column::bytes("data_key").exempt(),
        Column::text("wrapped_by").exempt(),
        Column::int("issued"),
        Column::int("updated"),
        Column::int("checked_to"),
        Column::int("leaf").exempt(),
    ],
);

/// Versions of licences, by identifier (GB/T 36904).
pub static LICENCE_VERSIONS: Table = Table::new(
    "licence_versions",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::int("number"),
        Column::int("type_number"),
        Column::text("state"),
        Column::text("fields"),
        Column::bytes("sealed"),
        Column::text("known"),
        Column::text("known_by"),
        Column::int("valid_from"),
        Column::int("valid_to"),
        Column::text("seal"),
        Column::text("document"),
        Column::text("operation"),
        Column::text("basis"),
        Column::text("item"),
        Column::text("case_number"),
        Column::text("caller"),
        Column::int("issued"),
        Column::int("ended"),
    ],
);

/// Warnings that a version runs out. `id` is its identifier.
pub static LICENCE_EXPIRY_WARNINGS: Table = Table::new(
    "licence_expiry_warnings",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::int("days"),
        Column::int("time"),
    ],
);

/// What was made of a version, encrypted. `id` is `IDENTIFIER:KIND`.
pub static LICENCE_ARTEFACTS: Table = Table::new(
    "licence_artefacts",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("identifier"),
        Column::text("kind"),
        Column::text("media_type"),
        Column::int("length"),
        Column::text("sha256"),
        Column::bytes("sealed"),
        Column::int("made"),
    ],
);

/// By whom a licence is found. `id` is `LICENCE:ROLE:KEY`.
pub static LICENCE_HOLDERS: Table = Table::new(
    "licence_holders",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("role"),
        Column::text("key"),
        Column::text("hash"),
    ],
);

/// Token status lists, by number.
pub static LICENCE_STATUS_LISTS: Table = Table::new(
    "licence_status_lists",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::int("size"),
        Column::int("taken"),
        Column::text("state"),
        Column::bytes("seed"),
        Column::int("created"),
    ],
);

/// Entries of status lists. `id` is `LIST:INDEX`.
pub static LICENCE_STATUSES: Table = Table::new(
    "licence_statuses",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::int("list"),
        Column::int("place"),
        Column::text("licence"),
        Column::int("value"),
        Column::int("updated"),
    ],
);

/// What befell licences.
pub static LICENCE_EVENTS: Table = Table::new(
    "licence_events",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("identifier"),
        Column::text("operation"),
        Column::text("before"),
        Column::text("after"),
        Column::text("ground"),
        Column::text("basis"),
        Column::text("item"),
        Column::text("case_number"),
        Column::bytes("words"),
        Column::text("caller"),
        Column::int("time"),
        Column::int("leaf").exempt(),
    ],
);

/// Batch work.
pub static LICENCE_JOBS: Table = Table::new(
    "licence_jobs",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("kind"),
        Column::text("type"),
        Column::text("organisation"),
        Column::text("caller"),
        Column::text("state"),
        Column::int("total"),
        Column::text("options"),
        Column::bytes("data_key").exempt(),
        Column::text("wrapped_by").exempt(),
        Column::text("request_key"),
        Column::text("request_digest"),
        Column::int("created"),
        Column::int("due").exempt(),
        Column::int("ended"),
    ],
);

/// Lines of batch work. `id` is `JOB:LINE`.
pub static LICENCE_JOB_ROWS: Table = Table::new(
    "licence_job_rows",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("job"),
        Column::int("line"),
        Column::text("state"),
        Column::bytes("sealed"),
        Column::text("identifier"),
        Column::text("problem"),
        Column::text("warnings"),
    ],
);

/// Who may show licences in their holders' place.
pub static LICENCE_DELEGATIONS: Table = Table::new(
    "licence_delegations",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("agent_kind"),
        Column::text("agent_key"),
        Column::text("agent_hash"),
        Column::bytes("agent_sealed"),
        Column::text("fields"),
        Column::text("items"),
        Column::int("until"),
        Column::int("granted"),
        Column::int("used"),
        Column::text("state"),
        Column::text("caller"),
        Column::int("created"),
        Column::int("ended"),
        Column::int("leaf").exempt(),
    ],
);

/// Codes by which holders show licences. `id` is the hash of the code.
pub static LICENCE_SHOW_CODES: Table = Table::new(
    "licence_show_codes",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("identifier"),
        Column::text("fields"),
        Column::int("granted"),
        Column::int("used"),
        Column::text("delegation"),
        Column::text("item"),
        Column::bytes("words"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::text("state"),
        Column::int("created"),
        Column::int("expires"),
    ],
);

/// What departments asked for by holder.
pub static LICENCE_QUERIES: Table = Table::new(
    "licence_queries",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("type"),
        Column::int("type_number"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::text("item"),
        Column::text("case_number"),
        Column::text("purpose"),
        Column::text("fields"),
        Column::int("document"),
        Column::int("found"),
        Column::int("created"),
        Column::int("expires"),
        Column::int("leaf").exempt(),
    ],
);

/// Annotated copies. `id` is `LICENCE:NUMBER`.
pub static LICENCE_COPIES: Table = Table::new(
    "licence_copies",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("identifier"),
        Column::int("number"),
        Column::text("artefact"),
        Column::text("sha256"),
        Column::bytes("words"),
        Column::text("seal"),
        Column::text("query"),
        Column::text("caller"),
        Column::text("organisation"),
        Column::int("made"),
        Column::int("until"),
        Column::int("leaf").exempt(),
    ],
);

/// Who looked at licences.
pub static LICENCE_USES: Table = Table::new(
    "licence_uses",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("licence"),
        Column::text("identifier"),
        Column::text("organisation"),
        Column::text("kind"),
        Column::text("viewer"),
        Column::text("viewer_organisation"),
        Column::text("code"),
        Column::text("delegation"),
        Column::text("query"),
        Column::text("item"),
        Column::text("case_number"),
        Column::text("purpose"),
        Column::bytes("words"),
        Column::text("fields"),
        Column::text("state"),
        Column::int("time"),
        Column::int("leaf").exempt(),
    ],
);

/// Trust lists of other regions.
pub static TRUST_LISTS: Table = Table::new(
    "trust_lists",
    &[
        Column::text("id"),
        Column::int("version"),
        Column::text("list"),
        Column::int("number"),
        Column::text("state"),
        Column::text("issuer"),
        Column::text("signer"),
        Column::text("token"),
        Column::text("digest"),
        Column::text("source"),
        Column::int("regions"),
        Column::int("next_update"),
        Column::text("importer"),
        Column::text("importer_person"),
        Column::text("reviewer"),
        Column::text("reviewer_person"),
        Column::text("reason"),
        Column::int("created"),
        Column::int("decided"),
        Column::int("ended"),
    ],
);
