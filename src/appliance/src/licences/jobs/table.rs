//! A file of orders: CSV as spreadsheets write it, or one JSON object a line.
//!
//! Pure. CSV is UTF-8 or GB 18030, separated by comma, semicolon or tabulator; its header names the type's fields, by name or by
//! title in Chinese or English, and what stands beside them in an order, which is the kind of work's to say. A line that does not fit is told by its number and
//! stops no other; a header that is not understood stops everything.

use licence::catalogue::{Compiled, Kind};
use serde_json::{Map, Value};

use super::kind::{JobKind, Task};
use crate::tables;

/// A line of the file and what it asks for, or why it cannot be read.
pub type Line = (u64, Result<Task, String>);

/// Why a file is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It is neither UTF-8 nor GB 18030.
    #[error("the file is neither UTF-8 nor GB 18030; save it as `CSV UTF-8`")]
    Encoding,
    /// It has no lines.
    #[error("the file has no line with a licence")]
    Empty,
    /// A column is not known.
    #[error("`{name}` is no field of the type; name columns by fields or their titles, or as {columns}")]
    Unknown {
        /// The column.
        name: String,
        /// What may stand beside fields.
        columns: String,
    },
    /// A column that is needed is missing.
    #[error("the file has no column `{0}`, which each line needs")]
    Missing(&'static str),
    /// A column is there twice.
    #[error("the column `{0}` is there twice; leave one out")]
    Twice(String),
    /// Too many lines.
    #[error("the file has more than {0} lines; divide it")]
    Lines(usize),
    /// Quotation marks do not fit.
    #[error("line {0} of the file cannot be read; look for a quotation mark without its second")]
    Broken(u64),
}

/// What a column says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Field(usize),
    Beside(&'static str),
}

/// Reads a table.
///
/// # Errors
/// [`TableError`], when the file as a whole is not understood.
pub fn csv(octets: &[u8], job: JobKind, kind: &Compiled, most: usize) -> Result<Vec<Line>, TableError> {
    let text = tables::decoded(octets).ok_or(TableError::Encoding)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(tables::separator(&text))
        .from_reader(text.as_bytes());
    let (mut columns, mut lines): (Vec<Column>, Vec<Line>) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record =
            record.map_err(|error| TableError::Broken(error.position().map_or(0, csv::Position::line)))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if columns.is_empty() {
            columns = header(&record, job, kind)?;
            continue;
        }
        if lines.len() == most {
            return Err(TableError::Lines(most));
        }
        let line = record.position().map_or(0, csv::Position::line);
        lines.push((line, row(&columns, &record, job, kind)));
    }
    if lines.is_empty() { Err(TableError::Empty) } else { Ok(lines) }
}

/// Reads one JSON object a line: an order, whose `type` may be left out, or a licence to be taken over.
///
/// # Errors
/// [`TableError`].
pub fn json_lines(
    octets: &[u8],
    job: JobKind,
    kind: &Compiled,
    most: usize,
) -> Result<Vec<Line>, TableError> {
    let text = tables::decoded(octets).ok_or(TableError::Encoding)?;
    let mut lines: Vec<Line> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        if lines.len() == most {
            return Err(TableError::Lines(most));
        }
        lines.push((number, object(line, job, kind)));
    }
    if lines.is_empty() { Err(TableError::Empty) } else { Ok(lines) }
}

fn object(line: &str, job: JobKind, kind: &Compiled) -> Result<Task, String> {
    let code = kind.definition().code.as_str();
    let mut members: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| format!("the line is no JSON object; look at its column {}", error.column()))?;
    if job == JobKind::Issue {
        members.entry("type").or_insert_with(|| code.into());
    }
    let task = task(members, job)?;
    match &task {
        Task::Issue(order) if order.type_code != code => {
            Err(format!("the line is of another type than the job, which is of `{code}`"))
        }
        _ => Ok(task),
    }
}

/// What a line of these members asks for, or which of them does not fit. What is wrong is kept with the line in clear: it names
/// members and never repeats what stood in one, which in a column that was shifted is somebody's number.
fn task(members: Map<String, Value>, job: JobKind) -> Result<Task, String> {
    let needed = job.needed();
    if let Some(name) = needed.keys().find(|name| !members.contains_key(*name)) {
        return Err(format!("the line has no `{name}`"));
    }
    let unfit = |name: &str| {
        let mut probe = needed.clone();
        probe.extend(members.get(name).map(|value| (name.to_owned(), value.clone())));
        job.task(probe).is_none()
    };
    if let Some(name) = job.members().iter().find(|name| unfit(name)) {
        return Err(match *name {
            "valid_from" | "valid_to" | "checked_to" => format!("`{name}` is no day; write `YYYY-MM-DD`"),
            "fields" => "`fields` is no object".to_owned(),
            name => format!("`{name}` is not of its kind"),
        });
    }
    if members.keys().any(|name| !job.members().contains(&name.as_str())) {
        let known = job.members().join(", ");
        return Err(format!("the line has a member that none has; there are {known}"));
    }
    job.task(members).ok_or_else(|| "the line is no order".to_owned())
}

fn header(record: &csv::StringRecord, job: JobKind, kind: &Compiled) -> Result<Vec<Column>, TableError> {
    let mut columns = Vec::with_capacity(record.len());
    for cell in record {
        let name = cell.trim().trim_end_matches('*').trim();
        let field = kind.fields().iter().position(|field| {
            field.name == name || field.title.zh == name || field.title.en.eq_ignore_ascii_case(name)
        });
        let beside = || job.columns().iter().find(|(english, chinese)| *english == name || *chinese == name);
        let column = match field {
            Some(place) => Column::Field(place),
            None => match beside() {
                Some((english, _)) => Column::Beside(english),
                None => {
                    let columns: Vec<_> = job.columns().iter().map(|(english, _)| *english).collect();
                    return Err(TableError::Unknown { name: shortened(name), columns: columns.join(", ") });
                }
            },
        };
        if columns.contains(&column) {
            return Err(TableError::Twice(shortened(name)));
        }
        columns.push(column);
    }
    // What no line is without and no column brings would fail every line.
    let missing = job
        .columns()
        .iter()
        .map(|(name, _)| *name)
        .find(|name| job.needed().contains_key(*name) && !columns.contains(&Column::Beside(name)));
    match missing {
        Some(name) => Err(TableError::Missing(name)),
        None => Ok(columns),
    }
}

fn row(
    columns: &[Column],
    record: &csv::StringRecord,
    job: JobKind,
    kind: &Compiled,
) -> Result<Task, String> {
    if record.len() != columns.len() {
        return Err(format!("the line has {} cells, the header {}", record.len(), columns.len()));
    }
    let mut fields = Map::new();
    let mut members = Map::new();
    for (column, cell) in columns.iter().zip(record) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        match column {
            Column::Beside(name) => {
                let (name, value) = job.cell(name, cell);
                members.insert(name.to_owned(), value);
            }
            Column::Field(place) => {
                let Some(field) = kind.fields().get(*place) else { continue };
                let value = match (value(cell, &field.kind), job) {
                    (Some(value), _) => value,
                    // As it stands: what is taken over may be odd, and the warning says what about it.
                    (None, JobKind::Import) => cell.into(),
                    (None, JobKind::Issue) => {
                        return Err(format!("`{}` ({}) is not of its kind", field.name, field.title.zh));
                    }
                };
                fields.insert(field.name.clone(), value);
            }
        }
    }
    if job == JobKind::Issue {
        members.insert("type".to_owned(), kind.definition().code.as_str().into());
    }
    members.insert("fields".to_owned(), fields.into());
    task(members, job)
}

/// A cell as the schema wants it; the schema judges the value itself.
fn value(cell: &str, kind: &Kind) -> Option<Value> {
    Some(match kind {
        Kind::Text { .. } | Kind::Picture { .. } | Kind::Date | Kind::DateTime => cell.into(),
        Kind::Integer { .. } => cell.parse::<i64>().ok()?.into(),
        Kind::Number { .. } => Value::Number(serde_json::Number::from_f64(cell.parse().ok()?)?),
        Kind::Boolean => match cell {
            "是" | "true" | "1" | "yes" => true.into(),
            "否" | "false" | "0" | "no" => false.into(),
            _ => return None,
        },
        Kind::List { of, .. } => {
            let entries = cell.split([';', '；', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
            entries.map(|entry| value(entry, of)).collect::<Option<Vec<_>>>()?.into()
        }
        Kind::Record { .. } => serde_json::from_str(cell).ok().filter(Value::is_object)?,
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
