//! From a version on record to a verdict: where the licence stands now, and what whoever asks may see of it.

use licence::life::{Ground, ResultCode, State};
use serde_json::Value as Json;

use super::fields;
use super::record::Version;
use super::verdict::{Code, Facts, Origin, Reason, Shown, Verdict, instant};
use crate::app::App;
use crate::licences::catalogue::Published;

/// The verdict on a version that was found and whose proof was right. `now` is microseconds.
pub(super) async fn verdict(app: &App, version: &Version, now: i64) -> Verdict {
    let seconds = now.div_euclid(1_000_000);
    let standing = Standing::of(version, seconds);
    let mut verdict = Verdict::new(standing.code, now);
    verdict.reasons.extend(standing.reason(version));
    if version.taken_over {
        verdict.reasons.push(Reason::new(
            "taken-over",
            "该证照由颁发机构从原有系统入库，并非由本平台签发",
            "the issuing body took this licence over from elsewhere; it was not made here",
        ));
    }
    if version.erased {
        verdict.reasons.push(Reason::new(
            "erased",
            "该证照的个人信息已依法删除，仅可告知其状态",
            "what was personal of this licence was erased; where it stands is all that is told",
        ));
    }
    let published = fields::at(app, &version.type_code, version.type_number).await;
    let published = published.as_deref();
    verdict.licence = Some(Facts {
        type_name_en: published.map(|published| published.compiled.definition().name.en.clone()),
        fields: shown(published, version),
        ..facts(version, standing)
    });
    verdict.origin = Some(Origin::own());
    verdict
}

/// Where a version stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The result code.
    pub code: Code,
    /// As it is seen; none for a version that a newer one has replaced.
    state: Option<State>,
}

impl Standing {
    /// At `now`, Unix seconds.
    pub(super) fn of(version: &Version, now: i64) -> Self {
        if version.superseded {
            return Self { code: Code::Void, state: None };
        }
        let code = match version.state.result_code(version.valid_from, version.valid_to, now) {
            ResultCode::Valid => Code::Valid,
            ResultCode::NotYetActive => Code::NotYetActive,
            ResultCode::Suspended => Code::Suspended,
            ResultCode::Void => Code::Void,
        };
        Self { code, state: Some(version.state.at(version.valid_to, now)) }
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        self.state.map_or(("superseded", "已变更（旧版本）", "replaced by a newer version"), |state| {
            (state.as_str(), state.word_zh(), state.word_en())
        })
    }

    fn reason(self, version: &Version) -> Option<Reason> {
        let (name, zh, en) = self.words();
        match (self.code, self.state) {
            (Code::Valid, _) => None,
            (Code::NotYetActive, _) => {
                let from = instant(version.valid_from);
                Some(Reason::new(
                    "not-yet-active",
                    format!("自 {from} 起生效"),
                    format!("in force from {from}"),
                ))
            }
            (_, None) => {
                let present = &version.present;
                Some(Reason::new(
                    name,
                    format!("该版本已被新版本取代，现行版本：{present}"),
                    format!("a newer version has replaced this one; the present one is {present}"),
                ))
            }
            _ => {
                let ground = version.ground.as_deref().and_then(Ground::parse);
                let (why_zh, why_en) = ground.map_or_else(Default::default, |ground| {
                    (format!("（{}）", ground.word_zh()), format!(" ({})", ground.word_en()))
                });
                Some(Reason::new(
                    name,
                    format!("证照状态：{zh}{why_zh}"),
                    format!("the licence is {en}{why_en}"),
                ))
            }
        }
    }
}

fn facts(version: &Version, standing: Standing) -> Facts {
    let (state, zh, en) = standing.words();
    Facts {
        identifier: version.identifier.clone(),
        type_code: version.type_code.clone(),
        type_name: version.type_name.clone(),
        type_name_en: None,
        issuer: Some(version.issuer.clone()),
        issuer_code: version.issuer_code.clone(),
        state: state.to_owned(),
        state_zh: zh.to_owned(),
        state_en: en.to_owned(),
        valid_from: instant(version.valid_from),
        valid_to: version.valid_to.map(instant),
        present: version.superseded.then(|| version.present.clone()),
        fields: Vec::new(),
    }
}

/// The fields that no tag protects.
fn shown(published: Option<&Published>, version: &Version) -> Vec<Shown> {
    let open: serde_json::Map<String, Json> = serde_json::from_str(&version.fields).unwrap_or_default();
    open.into_iter().map(|(name, value)| named(published, name, value)).collect()
}

/// A field with its titles.
pub(super) fn named(published: Option<&Published>, name: String, value: Json) -> Shown {
    let (zh, en) = fields::titles(published, &name);
    Shown { name, zh, en, value }
}
