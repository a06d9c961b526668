//! A table as spreadsheets write it: encoding, separator, header, rows of text.
//!
//! Pure. UTF-8 with or without a byte order mark, or GB 18030, which Chinese spreadsheets still write; separated by comma,
//! semicolon or tabulator. The first line names the columns, in Chinese or English. A row that does not fit is told by its
//! line and does not stop the others; a header that is not understood stops everything, for nobody knows what its columns are.

use std::collections::HashMap;

use crate::tables;

/// The columns there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Identifier of the seal.
    Seal,
    /// Identifier of the organisation.
    Organisation,
    /// Name of the seal.
    Name,
    /// What it is for.
    Kind,
    /// Level of government.
    Level,
    /// Organisation or person.
    HolderKind,
    /// Number of the holder.
    HolderNumber,
    /// Name of the holder.
    HolderName,
    /// Administrative division of its code.
    Division,
    /// Cryptographic suite.
    Suite,
    /// Shape of the picture.
    Shape,
    /// What stands along the arc.
    Inscription,
    /// Purpose line.
    Purpose,
    /// Middle line of an oval.
    Centre,
    /// Code along the lower arc.
    Code,
    /// Millimetres.
    Width,
    /// Millimetres.
    Height,
    /// Until when.
    ValidTo,
    /// Why.
    Reason,
}

/// A row: its line in the file, and what stands in its columns; empty cells are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Line of the file, from 1.
    pub line: u64,
    cells: HashMap<Column, String>,
}

/// Why a table is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It is neither UTF-8 nor GB 18030.
    #[error("the table is neither UTF-8 nor GB 18030; save it as `CSV UTF-8`")]
    Encoding,
    /// It has no rows.
    #[error("the table has no row below its header")]
    Empty,
    /// A column is not known.
    #[error("`{0}` is no column of the table; leave it out, or name it as the documentation does")]
    Unknown(String),
    /// A column is there twice.
    #[error("the column `{0}` is there twice; leave one out")]
    Twice(String),
    /// A column is needed.
    #[error("the column `{english}` ({chinese}) is missing")]
    Missing {
        /// Its name.
        english: &'static str,
        /// Its name in Chinese.
        chinese: &'static str,
    },
    /// It has too many rows.
    #[error("the table has more than {0} rows; divide it")]
    Rows(usize),
    /// Its quotation marks do not fit.
    #[error("line {0} of the table cannot be read; look for a quotation mark without its second")]
    Broken(u64),
}

/// Why a row is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It has more or fewer cells than the header.
    #[error("the row has {found} cells, the header {wanted}")]
    Cells {
        /// How many it has.
        found: usize,
        /// How many the header has.
        wanted: usize,
    },
    /// A cell is too long.
    #[error("a cell has more than {0} characters")]
    Long(usize),
}

impl Cells {
    /// What stands in a column; `None` where nothing does.
    #[must_use]
    pub fn get(&self, column: Column) -> Option<&str> {
        self.cells.get(&column).map(String::as_str)
    }

    /// All of it as one text, the same for the same row wherever it stands.
    #[must_use]
    pub fn canonical(&self) -> String {
        let cell = |(column, names): &(Column, &[&str])| {
            Some(format!("{}={:?}\n", names.first()?, self.get(*column)?))
        };
        NAMES.iter().filter_map(cell).collect()
    }
}

/// A row, or why it does not fit, with its line.
pub type Numbered = (u64, Result<Cells, RowError>);

/// Reads a table of at most `most` rows; a row that does not fit stands as its error, with its line.
///
/// # Errors
/// [`TableError`], when the table as a whole is not understood.
pub fn read(octets: &[u8], most: usize) -> Result<Vec<Numbered>, TableError> {
    let text = tables::decoded(octets).ok_or(TableError::Encoding)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(tables::separator(&text))
        .from_reader(text.as_bytes());
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record =
            record.map_err(|error| TableError::Broken(error.position().map_or(0, csv::Position::line)))?;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if columns.is_empty() {
            columns = header(&record)?;
            continue;
        }
        if rows.len() == most {
            return Err(TableError::Rows(most));
        }
        let line = record.position().map_or(0, |position| line(&text, position));
        rows.push((line, row(line, &columns, &record)));
    }
    if rows.is_empty() { Err(TableError::Empty) } else { Ok(rows) }
}

/// The line a record begins in: the reader counts the empty lines before it to the record.
fn line(text: &str, position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let empty = rest.iter().take_while(|octet| matches!(octet, b'\r' | b'\n'));
    (position.line()..)
        .zip(empty.filter(|octet| **octet == b'\n'))
        .map(|(line, _)| line + 1)
        .last()
        .unwrap_or(position.line())
}

fn header(record: &csv::StringRecord) -> Result<Vec<Column>, TableError> {
    let mut columns = Vec::with_capacity(record.len());
    for cell in record {
        // Headers of forms carry remarks and marks: `印章名称*`, `名称（必填）`.
        let name = cell.trim().trim_end_matches('*');
        let name = name.split(['（', '(']).next().unwrap_or_default().trim().to_lowercase();
        let known = NAMES.iter().find(|(_, names)| names.contains(&name.as_str()));
        let (column, _) = known.ok_or_else(|| TableError::Unknown(cell.chars().take(40).collect()))?;
        if columns.contains(column) {
            return Err(TableError::Twice(cell.chars().take(40).collect()));
        }
        columns.push(*column);
    }
    for (column, names) in NAMES.iter().filter(|(column, _)| NEEDED.contains(column)) {
        if !columns.contains(column)
            && let [english, chinese, ..] = names
        {
            return Err(TableError::Missing { english, chinese });
        }
    }
    Ok(columns)
}

fn row(line: u64, columns: &[Column], record: &csv::StringRecord) -> Result<Cells, RowError> {
    // Spreadsheets write trailing empty cells, or leave them out.
    let filled = record
        .iter()
        .zip(1..)
        .filter(|(cell, _)| !cell.trim().is_empty())
        .map(|(_, at)| at)
        .last()
        .unwrap_or(0);
    if filled > columns.len() {
        return Err(RowError::Cells { found: record.len(), wanted: columns.len() });
    }
    let mut cells = HashMap::new();
    for (column, cell) in columns.iter().zip(record) {
        let text = plain(cell);
        if text.chars().count() > MOST_CHARACTERS {
            return Err(RowError::Long(MOST_CHARACTERS));
        }
        if !text.is_empty() {
            cells.insert(*column, text.to_owned());
        }
    }
    Ok(Cells { line, cells })
}

/// A cell without what spreadsheets put around numbers to keep them as they are: `="0123"`, `'0123`.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    let quoted = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    quoted.or_else(|| cell.strip_prefix('\'')).unwrap_or(cell).trim()
}

/// Names of the columns: English, Chinese, and what else they are called.
const NAMES: &[(Column, &[&str])] = &[
    (Column::Seal, &["seal", "印章标识", "标识"]),
    (Column::Organisation, &["organisation", "单位标识", "组织标识", "organization"]),
    (Column::Name, &["name", "印章名称", "名称"]),
    (Column::Kind, &["kind", "印章类型", "类型"]),
    (Column::Level, &["level", "级别", "层级"]),
    (Column::HolderKind, &["holder_kind", "持有人类型"]),
    (Column::HolderNumber, &["holder_number", "统一社会信用代码", "持有人证件号码", "证件号码"]),
    (Column::HolderName, &["holder_name", "持有人名称", "单位名称", "姓名"]),
    (Column::Division, &["division", "行政区划代码", "行政区划"]),
    (Column::Suite, &["suite", "密码套件", "算法"]),
    (Column::Shape, &["shape", "形状"]),
    (Column::Inscription, &["inscription", "印文"]),
    (Column::Purpose, &["purpose", "用途"]),
    (Column::Centre, &["centre", "中部文字", "center"]),
    (Column::Code, &["code", "印文编码"]),
    (Column::Width, &["width_mm", "宽度", "直径"]),
    (Column::Height, &["height_mm", "高度"]),
    (Column::ValidTo, &["valid_to", "有效期至"]),
    (Column::Reason, &["reason", "申请理由", "备注"]),
];

/// Columns without which nothing can be applied for.
const NEEDED: [Column; 3] = [Column::Seal, Column::Organisation, Column::Name];
/// Characters of a cell.
const MOST_CHARACTERS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "印章标识,单位标识,印章名称*,级别（可空）\ngov-seal,gov,示范县人民政府,县级\n\ntax,tax-bureau,\"示范县税务局\n\",\n";

    fn cells(rows: &[(u64, Result<Cells, RowError>)]) -> Vec<(u64, String)> {
        rows.iter().map(|(line, row)| (*line, row.as_ref().unwrap().canonical())).collect()
    }

    #[test]
    fn a_table_reads_the_same_in_every_encoding_and_with_every_separator() {
        let wanted = read(TABLE.as_bytes(), 10).unwrap();
        assert_eq!(wanted.len(), 2);
        let first = wanted[0].1.as_ref().unwrap();
        assert_eq!((first.line, first.get(Column::Level)), (2, Some("县级")));
        let second = wanted[1].1.as_ref().unwrap();
        assert_eq!(
            (second.line, second.get(Column::Name), second.get(Column::Level)),
            (4, Some("示范县税务局"), None)
        );
        let (gb, _, wrong) = encoding_rs::GB18030.encode(TABLE);
        assert!(!wrong && std::str::from_utf8(&gb).is_err());
        for octets in [
            [b"\xEF\xBB\xBF".as_slice(), TABLE.as_bytes()].concat(),
            gb.to_vec(),
            TABLE.replace(',', ";").into_bytes(),
            TABLE.replace(',', "\t").into_bytes(),
            TABLE.replace('\n', "\r\n").replace("税务局\r\n", "税务局\n").into_bytes(),
            TABLE.replace("印章标识", "Seal").replace("单位标识", "organisation").into_bytes(),
        ] {
            assert_eq!(cells(&read(&octets, 10).unwrap()), cells(&wanted));
        }
    }

    #[test]
    fn what_spreadsheets_put_around_numbers_is_taken_off() {
        let table =
            "seal,organisation,name,统一社会信用代码\na,b,c,\"=\"\"91350100M000100Y43\"\"\"\na,b,c,'0123\n";
        let rows = read(table.as_bytes(), 10).unwrap();
        let number =
            |at: usize| rows[at].1.as_ref().unwrap().get(Column::HolderNumber).map(ToOwned::to_owned);
        assert_eq!((number(0).as_deref(), number(1).as_deref()), (Some("91350100M000100Y43"), Some("0123")));
    }

    #[test]
    fn a_bad_row_stands_with_its_line_and_does_not_stop_the_others() {
        let long = "x".repeat(501);
        let table = format!("seal,organisation,name\na,b,c,d\na,b,c,,\n{long},b,c\na,b\n");
        let rows = read(table.as_bytes(), 10).unwrap();
        let found: Vec<_> = rows.iter().map(|(line, row)| (*line, row.is_ok())).collect();
        assert_eq!(found, [(2, false), (3, true), (4, false), (5, true)]);
        assert_eq!(rows[0].1, Err(RowError::Cells { found: 4, wanted: 3 }));
        assert_eq!(rows[2].1, Err(RowError::Long(500)));
    }

    #[test]
    fn a_table_that_is_not_understood_is_refused_as_a_whole() {
        let error = |octets: &[u8]| read(octets, 2).unwrap_err();
        assert_eq!(error(b"\xFF\xFEs\0e\0"), TableError::Encoding);
        assert_eq!(error(b"seal\n\x81"), TableError::Encoding);
        assert_eq!(error(b""), TableError::Empty);
        assert_eq!(error(b"seal,organisation,name\n\n"), TableError::Empty);
        assert_eq!(error(b"seal,organisation,colour\na,b,c"), TableError::Unknown("colour".to_owned()));
        assert_eq!(error("seal,organisation,name,标识\na".as_bytes()), TableError::Twice("标识".to_owned()));
        assert_eq!(
            error(b"seal,name\na,b"),
            TableError::Missing { english: "organisation", chinese: "单位标识" }
        );
        assert_eq!(error(b"seal,organisation,name\na,b,c\na,b,c\na,b,c"), TableError::Rows(2));
    }

    #[test]
    fn the_same_row_is_the_same_wherever_it_stands() {
        let one = read(b"seal,organisation,name\na,b,c\n", 5).unwrap();
        let other = read(b"name,level,organisation,seal\nx,,y,z\nc,,b,a\n", 5).unwrap();
        assert_eq!(one[0].1.as_ref().unwrap().canonical(), other[1].1.as_ref().unwrap().canonical());
    }
}
