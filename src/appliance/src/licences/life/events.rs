//! What befell a licence: one row for each step, and how it is told.

use jiff::Timestamp;
use licence::life::{ErasureGround, Ground, Operation, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::licences::library::keys::kinds;
use crate::licences::library::records::{int, text};
use crate::licences::library::{DataKey, LibraryError, erased};
use crate::store::tables::LICENCE_EVENTS;
use crate::store::{Row, Value};

/// What the row of a step is made of.
#[derive(Debug)]
pub struct Step<'a> {
    /// The licence.
    pub licence: &'a str,
    /// Identifier of the version that is the present one after it.
    pub identifier: &'a str,
    /// What was done.
    pub operation: Operation,
    /// The stored state before; none for what brought it into being.
    pub before: Option<State>,
    /// The stored state after.
    pub after: State,
    /// On which ground.
    pub ground: Option<Ground>,
    /// By which provision.
    pub basis: Option<&'a str>,
    /// Code of the service item.
    pub item: Option<&'a str>,
    /// Number of the case.
    pub case_number: Option<&'a str>,
    /// Words that may name somebody, JSON; encrypted here.
    pub words: Option<&'a serde_json::Value>,
    /// Registration of whoever did it.
    pub caller: &'a str,
    /// Microseconds.
    pub time: i64,
}

/// The row of a step, its words encrypted under the licence's key.
///
/// # Errors
/// [`LibraryError`].
pub fn event_row(step: &Step<'_>, key: &DataKey) -> Result<Row, LibraryError> {
    let id = uuid::Uuid::now_v7().to_string();
    let words =
        step.words.map(|words| key.seal(&id, kinds::WORDS, words.to_string().as_bytes())).transpose()?;
    Ok(Row::new(&LICENCE_EVENTS, vec![Value::Null; LICENCE_EVENTS.columns.len()])
        .with("id", id)
        .with("version", 1)
        .with("licence", step.licence)
        .with("identifier", step.identifier)
        .with("operation", step.operation.as_str())
        .with("before", step.before.map(State::as_str))
        .with("after", step.after.as_str())
        .with("ground", step.ground.map(Ground::as_str))
        .with("basis", step.basis)
        .with("item", step.item)
        .with("case_number", step.case_number)
        .with("words", words)
        .with("caller", step.caller)
        .with("time", step.time))
}

/// A step of a licence's life, as it is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Event {
    /// Identifier.
    pub id: String,
    /// What was done.
    pub operation: String,
    /// In Chinese.
    pub operation_zh: &'static str,
    /// Identifier of the version that is the present one after it.
    pub identifier: String,
    /// The state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The state after.
    pub after: String,
    /// On which ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// The ground in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground_zh: Option<&'static str>,
    /// By which provision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Code of the service item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Number of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_number: Option<String>,
    /// The reason and what else was said, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub words: Option<serde_json::Value>,
    /// Who did it.
    pub caller: String,
    /// When, RFC 3339.
    pub time: String,
    /// Leaf of the log that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<i64>,
}

impl Event {
    /// An event from its row, its words left where they are.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let operation = text(row, "operation");
        let operation_zh = match Operation::parse(operation) {
            Some(operation) => operation.word_zh(),
            None if operation == erased::STEP => erased::STEP_ZH,
            None => "其他",
        };
        let ground = text(row, "ground");
        let erasing = || ErasureGround::parse(ground).filter(|_| operation == erased::STEP);
        let ground_zh = erasing().map(ErasureGround::word_zh);
        let ground_zh = ground_zh.or_else(|| Ground::parse(ground).map(Ground::word_zh));
        let time = Timestamp::from_microsecond(int(row, "time").unwrap_or_default()).unwrap_or_default();
        Self {
            id: row.id().to_owned(),
            operation: operation.to_owned(),
            operation_zh,
            identifier: text(row, "identifier").to_owned(),
            before: some(row, "before"),
            after: text(row, "after").to_owned(),
            ground: some(row, "ground"),
            ground_zh,
            basis: some(row, "basis"),
            item: some(row, "item"),
            case_number: some(row, "case_number"),
            words: None,
            caller: text(row, "caller").to_owned(),
            time: time.to_string(),
            leaf: int(row, "leaf"),
        }
    }

    /// The same with its words.
    ///
    /// # Errors
    /// [`LibraryError`], when they were altered.
    pub fn with_words(self, row: &Row, key: &DataKey) -> Result<Self, LibraryError> {
        let Some(sealed) = row.value("words").as_bytes() else { return Ok(self) };
        let open = key.open(row.id(), kinds::WORDS, sealed)?;
        let words = serde_json::from_slice(&open)
            .map_err(|error| LibraryError::Damaged { id: row.id().to_owned(), fault: error.to_string() })?;
        Ok(Self { words: Some(words), ..self })
    }
}

fn some(row: &Row, column: &str) -> Option<String> {
    row.value(column).as_text().map(ToOwned::to_owned)
}
