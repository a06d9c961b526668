//! What is told of a verification: one model for the script, which gets it as JSON, and for the page without a script.

use pdf::report::{About, Row, Simple, Tone as ReportTone};
use pdf::verify::Report;
use serde::Serialize;

use super::words::Both;
use crate::licences::verification::{self, Code, Facts, FileCode, Verdict};

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
    /// What is told of a licence.
    pub(super) fn of_licence(verdict: &Verdict, way: &str) -> Self {
        // A file that fails is not the licence, whatever the licence is.
        let fails = verdict.file.is_some_and(|file| file != FileCode::Pass);
        let tone = match verdict.code {
            Code::Valid if fails => Tone::Bad,
            Code::Valid => Tone::Good,
            Code::NotYetActive | Code::Suspended => Tone::Warn,
            Code::Void | Code::Mismatch | Code::NotFound => Tone::Bad,
            Code::Incomplete => Tone::Unknown,
        };
        let reasons = verdict.reasons.iter().take(MOST);
        let mut checked = vec![match way {
            "file" => Both::new(
                "文件与签发时是否一致、印章是否有效",
                "Whether the file is as it was issued, and its seal holds",
            ),
            "symbol" | "presentation" => {
                Both::new("签发者的数字签名", "The digital signature of whoever issued it")
            }
            "code" => Both::new("持证人出示的亮证码", "The code that the holder showed"),
            _ => Both::new("填写内容与证照是否一致", "Whether what was entered matches the licence"),
        }];
        checked.push(Both::new("证照当前状态和有效期", "Where the licence stands now, and its validity"));
        let at = verdict
            .verified
            .parse()
            .map_or_else(|_| verdict.verified.clone(), |at: jiff::Timestamp| moment(at.as_second()));
        Self {
            tone,
            code: Some(verdict.code.number()),
            verdict: match verdict.code {
                Code::Valid if fails => {
                    Both::new("文件核验不通过", "The file is not the licence that it shows")
                }
                _ => Both::new(verdict.zh.as_str(), verdict.en.as_str()),
            },
            reasons: reasons.map(|reason| Both::new(reason.zh.as_str(), sentence(&reason.en))).collect(),
            facts: verdict.licence.as_ref().map(facts).unwrap_or_default(),
            checked,
            origin: verdict.origin.as_ref().map(|origin| Both::new(origin.zh.as_str(), origin.en.as_str())),
            at,
        }
    }

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

/// What may be shown of a licence, as rows.
fn facts(of: &Facts) -> Vec<Fact> {
    let row = |zh: &str, en: &str, text: Both| Fact { label: Both::new(zh, en), text, tone: None };
    let day = |time: &str| Both::same(local(time));
    let mut rows = vec![
        row(
            "证照名称",
            "Licence",
            Both::new(of.type_name.as_str(), of.type_name_en.as_deref().unwrap_or(&of.type_name)),
        ),
        row("证照标识", "Identifier", Both::same(of.identifier.as_str())),
    ];
    rows.extend(of.issuer.as_deref().map(|issuer| row("颁发机构", "Issued by", Both::same(issuer))));
    let state = Both::new(of.state_zh.as_str(), of.state_en.as_str());
    let tone = (of.state != "active").then_some(Tone::Warn);
    rows.push(Fact { tone, ..row("证照状态", "State", state) });
    rows.push(row("有效期自", "Valid from", day(&of.valid_from)));
    let end = of.valid_to.as_deref().map_or_else(|| Both::new("长期", "no end"), day);
    rows.push(row("有效期至", "Valid until", end));
    rows.extend(of.present.as_deref().map(|present| row("现行版本", "Present version", Both::same(present))));
    let shown = |field: &verification::Shown| {
        let text = field.value.as_str().map_or_else(|| field.value.to_string(), ToOwned::to_owned);
        row(&field.zh, &field.en, Both::same(text))
    };
    rows.extend(of.fields.iter().take(64).map(shown));
    rows
}

/// A time as RFC 3339, as it is told here; a midnight is a day.
fn local(time: &str) -> String {
    let Ok(at) = time.parse::<jiff::Timestamp>() else { return time.to_owned() };
    // Licences are dated in China, wherever the machine stands.
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let there = at.to_zoned(zone);
    let midnight = (there.hour(), there.minute(), there.second()) == (0, 0, 0);
    there.strftime(if midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

/// With a capital and an end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
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
