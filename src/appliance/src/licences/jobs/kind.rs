//! What batch work there is, and what a line of each asks for.

use licence::life::{Ground, State};
use serde_json::{Map, Value};

use crate::licences::issue::Order;
use crate::licences::life::import::Import;

/// What a job does with its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// Issue licences.
    #[default]
    Issue,
    /// Take licences over that exist already, with the identifiers they have.
    Import,
}

/// What a line asks for.
#[derive(Debug)]
pub enum Task {
    /// A licence to be issued.
    Issue(Box<Order>),
    /// A licence to be taken over.
    Import(Box<Import>),
}

impl JobKind {
    /// The word in rows and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Import => "import",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Issue, Self::Import].into_iter().find(|kind| kind.as_str() == word)
    }

    /// What is made of the members of a line; `None` where one of them is not of its kind.
    pub(super) fn task(self, members: Map<String, Value>) -> Option<Task> {
        let members = Value::Object(members);
        Some(match self {
            Self::Issue => Task::Issue(serde_json::from_value(members).ok()?),
            Self::Import => Task::Import(serde_json::from_value(members).ok()?),
        })
    }

    /// The members that a line may have.
    pub(super) const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Issue => {
                &["type", "fields", "valid_from", "item", "case_number", "basis", "serial", "holder_key"]
            }
            Self::Import => &[
                "identifier",
                "fields",
                "valid_from",
                "valid_to",
                "long_term",
                "state",
                "ground",
                "checked_to",
                "item",
                "case_number",
                "basis",
                "source",
            ],
        }
    }

    /// The members that no line is without, each as something of its kind.
    pub(super) fn needed(self) -> Map<String, Value> {
        let (fields, text) = (Value::Object(Map::new()), |text: &str| Value::from(text));
        let needed = match self {
            Self::Issue => vec![("type", text("")), ("fields", fields)],
            Self::Import => {
                vec![("identifier", text("")), ("valid_from", text("2000-01-01")), ("fields", fields)]
            }
        };
        needed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Columns beside the fields of the type: the member, and its title in Chinese.
    pub(super) const fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Issue => &[
                ("item", "事项编码"),
                ("case_number", "办件编号"),
                ("serial", "流水号"),
                ("valid_from", "生效日期"),
                ("basis", "依据"),
            ],
            Self::Import => &[
                ("identifier", "证照标识"),
                ("valid_from", "有效期起"),
                ("valid_to", "有效期止"),
                ("long_term", "长期有效"),
                ("state", "证照状态"),
                ("ground", "状态原因"),
                ("checked_to", "年检有效期止"),
                ("item", "事项编码"),
                ("case_number", "办件编号"),
                ("basis", "依据"),
                ("source", "来源"),
            ],
        }
    }

    /// A cell beside the fields as the member that it stands for. Spreadsheets of offices write `长期` where an end would stand,
    /// days as `2024/3/1` and `2024年3月1日`, and states and grounds in Chinese.
    pub(super) fn cell(self, column: &'static str, cell: &str) -> (&'static str, Value) {
        match (self, column) {
            (Self::Import, "valid_to") if matches!(cell, "长期" | "永久" | "长期有效") => {
                ("long_term", true.into())
            }
            (Self::Import, "valid_from" | "valid_to" | "checked_to") => {
                (column, day(cell).map_or_else(|| cell.into(), Value::from))
            }
            (Self::Import, "long_term") => (
                column,
                match cell {
                    "是" | "true" | "1" | "yes" => true.into(),
                    "否" | "false" | "0" | "no" => false.into(),
                    other => other.into(),
                },
            ),
            (Self::Import, "state") => {
                let named = State::ALL.into_iter().find(|state| state.word_zh() == cell);
                (column, named.map_or(cell, |state| state.as_str()).into())
            }
            (Self::Import, "ground") => {
                let named = Ground::ALL.into_iter().find(|ground| ground.word_zh() == cell);
                (column, named.map_or(cell, |ground| ground.as_str()).into())
            }
            _ => (column, cell.into()),
        }
    }
}

/// A day with its year first, however it is divided, as `YYYY-MM-DD`.
fn day(cell: &str) -> Option<String> {
    let parts = cell.split(['-', '/', '.', '年', '月', '日']).filter(|part| !part.is_empty());
    let parts = parts.map(|part| part.parse::<u16>().ok()).collect::<Option<Vec<_>>>()?;
    match *parts.as_slice() {
        [year @ 1000..=9999, month @ 1..=12, day @ 1..=31] => Some(format!("{year}-{month:02}-{day:02}")),
        _ => None,
    }
}

impl Task {
    /// As it is kept, encrypted, until it is done.
    ///
    /// # Errors
    /// None that is known.
    pub(super) fn octets(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Issue(order) => serde_json::to_vec(order),
            Self::Import(order) => serde_json::to_vec(order),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_offices_spreadsheets_is_understood_and_nothing_is_guessed() {
        let import = |column, cell| JobKind::Import.cell(column, cell);
        for cell in ["2024-03-01", "2024/3/1", "2024年3月1日", "2024.03.01"] {
            assert_eq!(import("valid_from", cell), ("valid_from", "2024-03-01".into()), "{cell}");
        }
        for cell in ["01/03/2024", "45352", "2024-13-01", "990101199003070015", "2024年3月"] {
            assert_eq!(import("valid_to", cell), ("valid_to", cell.into()), "{cell}");
        }
        assert_eq!(import("valid_to", "长期"), ("long_term", true.into()));
        assert_eq!(import("state", "暂扣"), ("state", "suspended".into()));
        assert_eq!(import("ground", "行政处罚"), ("ground", "penalty".into()));
        assert_eq!(import("state", "不明"), ("state", "不明".into()));
        assert_eq!(JobKind::Issue.cell("valid_from", "2024/3/1"), ("valid_from", "2024/3/1".into()));
    }

    #[test]
    fn the_least_that_a_line_has_is_a_task_of_its_kind() {
        for kind in [JobKind::Issue, JobKind::Import] {
            assert!(kind.task(kind.needed()).is_some(), "{kind:?}");
            assert!(kind.needed().keys().all(|name| kind.members().contains(&name.as_str())), "{kind:?}");
            for name in kind.needed().keys() {
                let mut less = kind.needed();
                less.remove(name);
                assert!(kind.task(less).is_none(), "{kind:?} {name}");
            }
            assert!(kind.columns().iter().all(|(name, _)| kind.members().contains(name)), "{kind:?}");
        }
    }
}
