//! What is said of an electronic seal: which, by whom made, its state then and now, every step and every departure from the
//! standard.

use super::simple::{Row, Tone};
use super::words::{Words, called, shown};
use super::{About, moment};
use crate::verify::{Kind, Outcome, SealReport, SealState, SealStep, SignatureReport, StateWord, ToldBy};

/// The lines about the seal behind a signature.
pub(super) fn rows(signature: &SignatureReport, seal: &SealReport, about: &About<'_>) -> Vec<Row> {
    let plain = |zh: &str, en: &str, text: Words| row(zh, en, text, Tone::Plain);
    let mut rows = vec![plain("印章", "Seal", name(seal))];
    if signature.kind != Kind::Seal
        && let Some(maker) = &seal.maker
    {
        rows.push(plain("由谁制作", "Seal made by", Words::same(called(maker))));
    }
    if let (Some(from), Some(to)) = (&seal.valid_from, &seal.valid_to) {
        let (from, to) = (moment::shown(from, about.offset_minutes), moment::shown(to, about.offset_minutes));
        let text = Words::new(format!("{} 至 {}", from.zh, to.zh), format!("{} to {}", from.en, to.en));
        rows.push(plain("印章有效期", "Seal valid", text));
    }
    if let Some(then) = &seal.then {
        rows.push(state(("盖章时的状态", "State then"), then, about));
    }
    if let Some(now) = &seal.now {
        rows.push(state(("现在的状态", "State now"), now, about));
    }
    if seal.picture.as_ref().and_then(|picture| picture.shown) == Some(false) {
        let text = Words::new(
            "页面上显示的图案不是印章里的图案。以本报告所列的印章为准。",
            "what the page shows is not the picture inside the seal; go by the seal named in this report",
        );
        rows.push(row("印章图案", "Picture", text, Tone::Warn));
    }
    rows.extend((1..).zip(&seal.steps).map(|(number, step)| of_step(number, step)));
    let departed = seal.deviations.iter().take(MOST_DEVIATIONS);
    rows.extend(departed.map(|deviation| {
        let text = Words::new(shown(&deviation.zh), shown(&deviation.en));
        row("与标准不一致", "Departs from the standard", text, Tone::Warn)
    }));
    rows.extend(
        seal.remarks
            .iter()
            .take(MOST_DEVIATIONS)
            .map(|remark| row("注意", "Note", Words::new(shown(&remark.zh), shown(&remark.en)), Tone::Warn)),
    );
    rows
}

/// What the first step that does not hold says, and else the first that nobody can tell; the standard's order is the order
/// of weight.
pub(super) fn finding(seal: &SealReport) -> Option<Words> {
    let first = |outcome| seal.steps.iter().find(|step: &&SealStep| step.outcome == outcome);
    let step = first(Outcome::Failed).or_else(|| first(Outcome::Undecided))?;
    Some(Words::new(shown(&step.zh), shown(&step.en)))
}

fn of_step(number: usize, step: &SealStep) -> Row {
    let (tone, zh, en) = match step.outcome {
        Outcome::Passed => (Tone::Good, "通过", "holds"),
        Outcome::Failed => (Tone::Bad, "不通过", "does not hold"),
        Outcome::Undecided => (Tone::Warn, "无法确定", "undecided"),
        Outcome::Warned => (Tone::Warn, "通过，但请注意", "holds, with a note"),
    };
    Row {
        label: Words::new(format!("核验步骤 {number}"), format!("Step {number}")),
        text: Words::new(format!("{zh}：{}", shown(&step.zh)), format!("{en}: {}", shown(&step.en))),
        tone,
    }
}

fn name(seal: &SealReport) -> Words {
    let (name, id) = (shown(&seal.name), shown(&seal.id));
    let (zh, en) = match &seal.code {
        Some(code) => (format!("，编码 {}", shown(code)), format!(", code {}", shown(code))),
        None => (String::new(), String::new()),
    };
    Words::new(
        format!("{name}（{}{zh}，标识 {id}）", seal.kind.zh),
        format!("{name} ({}{en}, identifier {id})", seal.kind.en),
    )
}

fn state((zh, en): (&str, &str), state: &SealState, about: &About<'_>) -> Row {
    let (word, tone) = state_words(state.word);
    let mut text = word;
    if let Some(since) = &state.since {
        let since = moment::shown(since, about.offset_minutes);
        text.zh.push_str(&format!("（自 {} 起）", since.zh));
        text.en.push_str(&format!(" (since {})", since.en));
    }
    match state.told_by {
        ToldBy::Registry => {
            text.zh.push_str("；据印章登记");
            text.en.push_str("; by the register of seals");
        }
        ToldBy::Seal => {
            text.zh.push_str("；仅据印章自身");
            text.en.push_str("; by the seal alone");
        }
    }
    row(zh, en, text, tone)
}

fn state_words(word: StateWord) -> (Words, Tone) {
    let (zh, en, tone) = match word {
        StateWord::Active => ("正常", "in force", Tone::Good),
        StateWord::NotYetValid => ("尚未生效", "not yet valid", Tone::Warn),
        StateWord::Expired => ("已过有效期", "expired", Tone::Warn),
        StateWord::Suspended => ("已停用", "suspended", Tone::Warn),
        StateWord::Superseded => ("已被新版本取代", "replaced by a newer version", Tone::Warn),
        StateWord::Cancelled => ("已注销", "cancelled", Tone::Warn),
        StateWord::Unknown => ("不知道", "not known", Tone::Warn),
    };
    (Words::new(zh, en), tone)
}

fn row(zh: &str, en: &str, text: Words, tone: Tone) -> Row {
    Row { label: Words::new(zh, en), text, tone }
}

/// Departures told of one seal; the detailed report has all.
const MOST_DEVIATIONS: usize = 12;
