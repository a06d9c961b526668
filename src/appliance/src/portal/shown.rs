//! What is told of a verification: one model for the script, which gets it as JSON, and for the page without a script.

use pdf::report::{About, Row, Simple, Tone as ReportTone};
use pdf::verify::Report;
use serde::Serialize;

use super::words::Both;

/// A result in words.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// How it is meant; never without the words.
    pub tone: Tone,
    /// The result code of GB/T 36906, of a licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// The verdict in one sentence.
    pub verdict: Both,
    /// Why.
    pub reasons: Vec<Both>,
    /// What may be shown of it.
    pub facts: Vec<Fact>,
    /// What was looked at.
    pub checked: Vec<Both>,
    /// Whose it is: this platform, or the region that is recognised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Both>,
    /// When, in local time.
    pub at: String,
}

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// It holds.
    Good,
    /// It holds with a reservation, or cannot be relied on now.
    Warn,
    /// It does not hold.
    Bad,
    /// Nobody can say.
    Unknown,
}

impl Tone {
    /// As the page's style has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }
}

/// A labelled line.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// What it is about.
    pub label: Both,
    /// What is said.
    pub text: Both,
    /// Set where it is meant as a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tone: Option<Tone>,
}

impl Shown {
    /// What is told of a document that is no licence: its seals and signatures.
    pub(super) fn of_document(report: &Report, at: i64) -> Self {
        let about = About { name: "PDF", at, offset_minutes: offset(at), policy: "default" };
        let simple = Simple::new(report, &about);
        let tone = match simple.tone {
            ReportTone::Good => Tone::Good,
            ReportTone::Bad => Tone::Bad,
            ReportTone::Warn | ReportTone::Plain if report.signatures.is_empty() => Tone::Warn,
            ReportTone::Warn | ReportTone::Plain => Tone::Unknown,
        };
        let several = simple.entries.len() > 1;
        let mut reasons = Vec::new();
        let mut facts = Vec::new();
        for entry in simple.entries.into_iter().take(MOST) {
            let title = Both::from(entry.title);
            let found = Both::from(entry.found);
            reasons.push(match several {
                true => {
                    Both::new(format!("{}：{}", title.zh, found.zh), format!("{}: {}", title.en, found.en))
                }
                false => found,
            });
            facts.extend(entry.rows.into_iter().take(MOST).map(|row| fact(several.then_some(&title), row)));
        }
        Self {
            tone,
            code: None,
            verdict: simple.verdict.into(),
            reasons,
            facts,
            checked: vec![
                Both::new(
                    "文件内容与盖章或签名时是否一致",
                    "Whether the content is what was sealed or signed",
                ),
                Both::new(
                    "证书的签发机构、有效期和吊销状态",
                    "Who issued the certificates, their validity and revocation",
                ),
                Both::new("印章登记状态", "The state of the seals in the register"),
            ],
            origin: None,
            at: moment(at),
        }
    }
}

fn fact(of: Option<&Both>, row: Row) -> Fact {
    let label = Both::from(row.label);
    let label = match of {
        Some(title) => {
            Both::new(format!("{} · {}", title.zh, label.zh), format!("{} · {}", title.en, label.en))
        }
        None => label,
    };
    let tone = match row.tone {
        ReportTone::Bad => Some(Tone::Bad),
        ReportTone::Warn => Some(Tone::Warn),
        ReportTone::Good | ReportTone::Plain => None,
    };
    Fact { label, text: row.text.into(), tone }
}

/// Minutes east of Greenwich where this appliance stands.
fn offset(at: i64) -> i32 {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_second(at).map_or(0, |at| zone.to_offset(at).seconds() / 60)
}

/// A time where this appliance stands, to the second.
pub(super) fn moment(at: i64) -> String {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_second(at)
        .map_or_else(|_| at.to_string(), |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// Most seals, and most lines of each, that are told of.
const MOST: usize = 16;
