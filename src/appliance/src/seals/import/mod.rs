//! `POST /v1/seal-applications/batch`: the seals of a whole county, applied for with one table.
//!
//! Each row is an application of its own, with its own permit, entry and answer; a row that does not fit does not stop
//! the others. A table sent again finds the applications of the first time: a row is known by what stands in it and by who
//! sends it, wherever in the table it stands. Approval and making stay what they are, one by one, by other persons.

pub mod row;
pub mod table;

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use eseal::picture::Font;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, header};
use ring::digest::{Context, SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::row::{Wanted, WantedError};
use self::table::{Cells, Column, RowError, TableError};
use super::drawing::font;
use super::service::{self, Subject};
use crate::app::App;
use crate::journal::Unit;
use crate::policy::{ApplyForSeal, ImportSeals, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The route.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(batch))
}

/// What became of a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportedRow {
    /// Number of the row, from 1, the header left out.
    row: usize,
    /// Its line in the file.
    line: u64,
    /// The seal it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
    /// `applied`: entered now; `known`: entered when the same row was sent before; `failed`.
    status: &'static str,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    /// Leaf of the log that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<u64>,
    /// Why it failed: problem details (RFC 9457).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Value>,
}

/// Apply for many seals with one table
///
/// The body is a table as spreadsheets write it (UTF-8 or GB 18030; comma, semicolon or tabulator) of at most 5,000 rows and 4
/// MiB. Columns, in Chinese or English: `seal` 印章标识, `organisation` 单位标识, `name` 印章名称 are needed; `kind` 印章类型,
/// `level` 级别, `holder_kind` 持有人类型, `holder_number` 统一社会信用代码, `holder_name` 持有人名称, `division` 行政区划代码,
/// `suite` 密码套件, `shape` 形状, `inscription` 印文, `purpose` 用途, `centre` 中部文字, `code` 印文编码, `width_mm` 宽度,
/// `height_mm` 高度, `valid_to` 有效期至, `reason` 申请理由 may be left out. Pictures are drawn. The answer is a line of JSON for
/// each row, or CSV with `Accept: text/csv`.
#[utoipa::path(
    post,
    path = "/v1/seal-applications/batch",
    request_body(content = Vec<u8>, content_type = "text/csv"),
    responses(
        (status = 200, description = "What became of each row, in their order", body = ImportedRow, content_type = "application/x-ndjson"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn batch(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let unsealed = app.unsealed()?;
    let permit = session.permit::<ImportSeals>(Resource::organisation(&session.caller().organisation))?;
    let form = Form::of(&headers);
    let octets = axum::body::to_bytes(body, MOST_OCTETS).await.map_err(|_| {
        let text = format!("A table has at most {MOST_OCTETS} octets; divide it.");
        Problem::new(Kind::BodyTooLarge, text).with("limit", MOST_OCTETS)
    })?;
    let rows = table::read(&octets, MOST_ROWS)?;
    let terms = app.config.documents.clone();
    let font = tokio::task::spawn_blocking(move || font(terms.font.as_deref(), terms.font_index));
    let font = font.await.map_err(Problem::internal)??;
    let facts = json!({ "table": hex::encode(digest(&SHA256, &octets)), "rows": rows.len() });
    unsealed.journal.commit(Unit::new(permit.act()).facts(facts)).await?;
    let batch = Arc::new(Batch { app, session, fonts: vec![font], form });
    let mut response = Response::new(Body::from_stream(batch.answer(rows)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A table under way.
struct Batch {
    app: Arc<App>,
    session: Session,
    fonts: Vec<Font>,
    form: Form,
}

type ReadRow = (u64, std::result::Result<Cells, RowError>);

impl Batch {
    fn answer(
        self: Arc<Self>,
        rows: Vec<ReadRow>,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let (form, repeated) = (self.form, repetitions(&rows));
        let rows = rows.into_iter().zip(repeated).enumerate();
        let lines = futures_util::stream::iter(rows)
            .map(move |(at, ((line, cells), repeats))| self.clone().row(at + 1, line, cells, repeats))
            .buffered(AT_ONCE)
            .map(move |row| Ok(form.line(&row)));
        futures_util::stream::iter([Ok(form.head())]).chain(lines)
    }

    async fn row(
        self: Arc<Self>,
        row: usize,
        line: u64,
        cells: std::result::Result<Cells, RowError>,
        repeats: Option<u64>,
    ) -> ImportedRow {
        let seal = cells.as_ref().ok().and_then(|cells| cells.get(Column::Seal)).map(ToOwned::to_owned);
        let mut out =
            ImportedRow { row, line, seal, status: "failed", application: None, leaf: None, problem: None };
        let applied = match (cells, repeats) {
            (Err(error), _) => Err(error.into()),
            (Ok(_), Some(first)) => Err(repetition(first)),
            (Ok(cells), None) => self.applied(&cells).await,
        };
        match applied {
            Ok((application, leaf)) => {
                out.status = if leaf.is_some() { "applied" } else { "known" };
                (out.application, out.leaf) = (Some(application), leaf);
            }
            Err(problem) => out.problem = Some(self.refused(&problem).await),
        }
        out
    }

    /// The application that a row comes to, and its leaf where it is new.
    async fn applied(&self, cells: &Cells) -> Result<(String, Option<u64>)> {
        // Whoever was revoked since the last row, or lost a role, gets no further.
        let session = self.session.renewed()?;
        let Wanted { mut application, drawing } = Wanted::of(cells)?;
        let fonts = self.fonts.clone();
        let drawn = tokio::task::spawn_blocking(move || drawing.draw(None, &fonts));
        let drawn = drawn.await.map_err(Problem::internal)??;
        application.width_mm = Some(drawn.width_mm());
        application.height_mm = Some(drawn.height_mm());
        let checked = application.check()?;
        let subject = Subject::find(&self.app, &checked, &session.caller().organisation).await?;
        let permit = session.permit::<ApplyForSeal>(Resource::organisation(&subject.organisation))?;
        let picture = drawn.svg().as_bytes().to_vec();
        let row = cells.canonical();
        let request = (key(&session.caller().id, &row), hex::encode(digest(&SHA256, row.as_bytes())));
        let none = |_: &str, _: i64| Ok::<_, service::LifeError>(Vec::new());
        let applied =
            service::apply(&self.app, &permit, subject, checked, Some(picture), none, Some(request)).await?;
        Ok((applied.row.id().to_owned(), applied.committed.map(|committed| committed.leaf)))
    }

    /// A refusal inside an answer is entered like any other.
    async fn refused(&self, problem: &Problem) -> Value {
        if let Some(refusal) = self.session.refusal(problem, ROUTE)
            && let Err(fault) = self.app.refused(refusal).await
        {
            tracing::error!(request_id = self.session.request_id(), %fault, "a refusal could not be entered");
        }
        if let Some(cause) = problem.log_message() {
            tracing::warn!(request_id = self.session.request_id(), cause, "a row of a table failed");
        }
        problem.document(None)
    }
}

/// The idempotency key of a row: its digest with its sender's name, so that it is found whatever table it stands in.
fn key(caller: &str, row: &str) -> String {
    let mut hash = Context::new(&SHA256);
    for part in ["seal-import", caller, row] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finish())
}

/// For each row the line of an earlier one that asks for the same seal.
fn repetitions(rows: &[ReadRow]) -> Vec<Option<u64>> {
    let mut first: HashMap<&str, u64> = HashMap::new();
    rows.iter()
        .map(|(line, row)| {
            let seal = row.as_ref().ok()?.get(Column::Seal)?;
            match first.get(seal) {
                Some(known) => Some(*known),
                None => {
                    first.insert(seal, *line);
                    None
                }
            }
        })
        .collect()
}

fn repetition(first: u64) -> Problem {
    Problem::new(Kind::InvalidParameter, format!("Line {first} asks for the same seal; leave one out."))
        .with("zh", format!("与第{first}行的印章标识重复"))
}

/// In which form the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A line of JSON for each row.
    Lines,
    /// A table, with the mark by which spreadsheets know UTF-8.
    Table,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.to_ascii_lowercase().contains("text/csv") { Self::Table } else { Self::Lines }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Lines => "application/x-ndjson",
            Self::Table => "text/csv; charset=utf-8; header=present",
        }
    }

    fn head(self) -> Bytes {
        match self {
            Self::Lines => Bytes::new(),
            Self::Table => "\u{FEFF}row,line,seal,status,application,leaf,problem,detail,原因\r\n".into(),
        }
    }

    fn line(self, row: &ImportedRow) -> Bytes {
        match self {
            // A row holds text and numbers alone, which JSON can always say.
            Self::Lines => serde_json::to_string(row).map(|line| line + "\n").unwrap_or_default().into(),
            Self::Table => {
                let of = |name: &str| {
                    let problem = row.problem.as_ref()?;
                    Some(problem.get(name)?.as_str()?.to_owned())
                };
                let kind = of("type").map(|urn| urn.rsplit(':').next().unwrap_or_default().to_owned());
                let cells = [
                    row.row.to_string(),
                    row.line.to_string(),
                    row.seal.clone().unwrap_or_default(),
                    row.status.to_owned(),
                    row.application.clone().unwrap_or_default(),
                    row.leaf.map(|leaf| leaf.to_string()).unwrap_or_default(),
                    kind.unwrap_or_default(),
                    of("detail").unwrap_or_default(),
                    of("zh").unwrap_or_default(),
                ];
                let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
                format!("{}\r\n", cells.join(",")).into()
            }
        }
    }
}

/// A cell of the answer (RFC 4180). What would begin a formula in a spreadsheet is kept from being one: a seal's identifier
/// and messages come from whoever wrote the table.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        let zh = match &error {
            TableError::Encoding => "表格编码须为UTF-8或GB 18030".to_owned(),
            TableError::Empty => "表格没有数据行".to_owned(),
            TableError::Unknown(name) => format!("无法识别列“{name}”"),
            TableError::Twice(name) => format!("列“{name}”重复"),
            TableError::Missing { chinese, .. } => format!("缺少列“{chinese}”"),
            TableError::Rows(most) => format!("表格超过{most}行，请拆分"),
            TableError::Broken(line) => format!("第{line}行无法读取，请检查引号"),
        };
        Self::new(Kind::InvalidParameter, error.to_string()).with("zh", zh)
    }
}

impl From<RowError> for Problem {
    fn from(error: RowError) -> Self {
        let zh = match error {
            RowError::Cells { found, wanted } => format!("该行有{found}列，表头有{wanted}列"),
            RowError::Long(most) => format!("单元格超过{most}个字符"),
        };
        Self::new(Kind::InvalidParameter, error.to_string()).with("zh", zh)
    }
}

impl From<WantedError> for Problem {
    fn from(error: WantedError) -> Self {
        let (parameter, zh) = match &error {
            WantedError::Empty(column) => (*column, "必填项为空".to_owned()),
            WantedError::Word { column, value, .. } => (*column, format!("“{value}”不是有效的取值")),
            WantedError::Number(error) => ("holder_number", error.zh().to_owned()),
        };
        Self::new(Kind::InvalidParameter, error.to_string()).with("parameter", parameter).with("zh", zh)
    }
}

const ROUTE: &str = "seal-applications/batch";
/// Octets of a table.
const MOST_OCTETS: usize = 4 << 20;
/// Rows of a table: a county has some hundred organisations.
const MOST_ROWS: usize = 5_000;
/// Rows worked on at the same time.
const AT_ONCE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_ask_for_the_same_seal_are_found() {
        let rows = table::read(b"seal,organisation,name\na,b,c\nd,b,c\na,b,e\n", 5).unwrap();
        assert_eq!(repetitions(&rows), [None, None, Some(2)]);
    }

    #[test]
    fn a_key_is_a_senders_own() {
        assert_eq!(key("a", "row"), key("a", "row"));
        assert_ne!(key("a", "row"), key("b", "row"));
        assert_ne!(key("a", "row"), key("ar", "ow"));
    }

    #[test]
    fn an_answer_as_a_table_holds_no_formula() {
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        let problem = Problem::from(TableError::Encoding).document(None);
        let row = ImportedRow {
            row: 1,
            line: 2,
            seal: Some("@seal".to_owned()),
            status: "failed",
            application: None,
            leaf: None,
            problem: Some(problem),
        };
        let line = String::from_utf8(Form::Table.line(&row).to_vec()).unwrap();
        assert!(
            line.starts_with("\"1\",\"2\",\"'@seal\",\"failed\",\"\",\"\",\"invalid-parameter\","),
            "{line}"
        );
        assert!(line.contains("GB 18030") && line.ends_with("\r\n"));
        assert_eq!(Form::Table.head().iter().filter(|octet| **octet == b',').count(), 8);
        let line = Form::Lines.line(&row);
        assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["status"], "failed");
    }
}
