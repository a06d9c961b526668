//! A file of orders: CSV as spreadsheets write it, or one JSON object a line.
//!
//! Pure. CSV is UTF-8 or GB 18030, separated by comma, semicolon or tabulator; its header names the type's fields, by name or by
//! title in Chinese or English, and what stands beside them in an order. A line that does not fit is told by its number and
//! stops no other; a header that is not understood stops everything.

use licence::catalogue::{Compiled, Kind};
use serde_json::{Map, Value};

use super::super::order::Order;
use crate::tables;

/// A line of the file and what it orders, or why it cannot be read.
pub type Line = (u64, Result<Order, String>);

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
    #[error(
        "`{0}` is no field of the type; name columns by fields or their titles, or as item, case_number, serial, valid_from, basis"
    )]
    Unknown(String),
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

/// Columns beside the fields: the order's member, in Chinese.
const BESIDE: [(&str, &str); 5] = [
    ("item", "事项编码"),
    ("case_number", "办件编号"),
    ("serial", "流水号"),
    ("valid_from", "生效日期"),
    ("basis", "依据"),
];

/// Reads a table.
///
/// # Errors
/// [`TableError`], when the file as a whole is not understood.
pub fn csv(octets: &[u8], kind: &Compiled, most: usize) -> Result<Vec<Line>, TableError> {
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
            columns = header(&record, kind)?;
            continue;
        }
        if lines.len() == most {
            return Err(TableError::Lines(most));
        }
        let line = record.position().map_or(0, csv::Position::line);
        lines.push((line, row(&columns, &record, kind)));
    }
    if lines.is_empty() { Err(TableError::Empty) } else { Ok(lines) }
}

/// Reads one JSON object a line: an order, whose `type` may be left out.
///
/// # Errors
/// [`TableError`].
pub fn json_lines(octets: &[u8], kind: &Compiled, most: usize) -> Result<Vec<Line>, TableError> {
    let text = tables::decoded(octets).ok_or(TableError::Encoding)?;
    let mut lines: Vec<Line> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        if lines.len() == most {
            return Err(TableError::Lines(most));
        }
        lines.push((number, object(line, kind)));
    }
    if lines.is_empty() { Err(TableError::Empty) } else { Ok(lines) }
}

fn object(line: &str, kind: &Compiled) -> Result<Order, String> {
    let code = kind.definition().code.as_str();
    let mut members: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| format!("the line is no JSON object; look at its column {}", error.column()))?;
    members.entry("type").or_insert_with(|| code.into());
    let order = order(members)?;
    if order.type_code == code {
        Ok(order)
    } else {
        Err(format!("the line is of another type than the job, which is of `{code}`"))
    }
}

/// An order of its members, or which of them does not fit. What is wrong is kept with the line in clear: it names members of
/// an order and never repeats what stood in one, which in a column that was shifted is somebody's number.
fn order(members: Map<String, Value>) -> Result<Order, String> {
    let unfit = |name: &str| {
        let mut probe =
            Map::from_iter([("type".to_owned(), "".into()), ("fields".to_owned(), Map::new().into())]);
        probe.extend(members.get(name).map(|value| (name.to_owned(), value.clone())));
        serde_json::from_value::<Order>(Value::Object(probe)).is_err()
    };
    if !members.contains_key("fields") {
        return Err("the line has no member `fields`".to_owned());
    }
    if let Some(name) = MEMBERS.into_iter().find(|name| unfit(name)) {
        return Err(match name {
            "valid_from" => "`valid_from` is no day; write `YYYY-MM-DD`".to_owned(),
            "fields" => "`fields` is no object".to_owned(),
            name => format!("`{name}` is not of its kind"),
        });
    }
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(format!("the line has a member that no order has; there are {}", MEMBERS.join(", ")));
    }
    serde_json::from_value(Value::Object(members)).map_err(|_| "the line is no order".to_owned())
}

/// Members of an order.
const MEMBERS: [&str; 8] =
    ["type", "fields", "valid_from", "item", "case_number", "basis", "serial", "holder_key"];

fn header(record: &csv::StringRecord, kind: &Compiled) -> Result<Vec<Column>, TableError> {
    let mut columns = Vec::with_capacity(record.len());
    for cell in record {
        let name = cell.trim().trim_end_matches('*').trim();
        let field = kind.fields().iter().position(|field| {
            field.name == name || field.title.zh == name || field.title.en.eq_ignore_ascii_case(name)
        });
        let beside = || BESIDE.iter().find(|(english, chinese)| *english == name || *chinese == name);
        let column = match field {
            Some(place) => Column::Field(place),
            None => match beside() {
                Some((english, _)) => Column::Beside(english),
                None => return Err(TableError::Unknown(shortened(name))),
            },
        };
        if columns.contains(&column) {
            return Err(TableError::Twice(shortened(name)));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn row(columns: &[Column], record: &csv::StringRecord, kind: &Compiled) -> Result<Order, String> {
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
            Column::Beside(name) => drop(members.insert((*name).to_owned(), cell.into())),
            Column::Field(place) => {
                let Some(field) = kind.fields().get(*place) else { continue };
                let value = value(cell, &field.kind)
                    .ok_or_else(|| format!("`{}` ({}) is not of its kind", field.name, field.title.zh))?;
                fields.insert(field.name.clone(), value);
            }
        }
    }
    members.insert("type".to_owned(), kind.definition().code.as_str().into());
    members.insert("fields".to_owned(), fields.into());
    order(members)
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
