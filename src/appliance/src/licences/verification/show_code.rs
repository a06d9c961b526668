//! By show-code: what a holder lets a checker see. The look is counted and entered by `showing` before anything is told.

use std::sync::Arc;

use super::identifier::clock;
use super::verdict::{Audience, Code, Facts, Origin, Reason, Shown, Verdict};
use crate::app::App;
use crate::licences::showing::model::{Redeeming, ShownLicence};
use crate::licences::showing::redeem::{Viewer, redeem};
use crate::problem::{Kind, Result};

/// Redeems a show-code, and says where the licence stands. A code that shows nothing (unknown, used up, over) is a verdict.
///
/// # Errors
/// A problem when limits are reached, the policies forbid it, the appliance is sealed, or the store does not answer.
pub async fn by_show_code(app: &Arc<App>, audience: &Audience<'_>, code: &str) -> Result<Verdict> {
    let service = &app.licences.verification;
    service.limits.ask(audience)?;
    let now = clock(app)?;
    let viewer = match audience {
        Audience::Stranger { address, request } => Viewer::stranger(*address, request),
        Audience::Verifier(permit) => Viewer::permitted(permit),
    };
    let asked = Redeeming { code: code.to_owned(), item: None, case_number: None, operator: None };
    let verdict = match redeem(app, &viewer, &asked).await {
        Ok(shown) => told(shown, now),
        Err(problem) if problem.kind() == Kind::ShowCodeUnusable => {
            let reason = Reason::new(
                "show-code",
                "该亮证码无效、已过期或已用完，请持证人重新出示",
                "the code is unknown, over or used up; have the holder show a new one",
            );
            Verdict::refused(audience, Code::NotFound, now).because(reason)
        }
        Err(problem) => return Err(problem),
    };
    service.tally.count(audience, verdict.code, now);
    Ok(verdict)
}

fn told(shown: ShownLicence, now: i64) -> Verdict {
    let code = match shown.state.as_str() {
        "active" if shown.in_force => Code::Valid,
        "active" => Code::NotYetActive,
        "suspended" | "lost" => Code::Suspended,
        _ => Code::Void,
    };
    let mut verdict = Verdict::new(code, now);
    if code != Code::Valid {
        let (zh, en) = (&shown.state_zh, &shown.state_en);
        verdict = verdict.because(Reason::new(
            &shown.state,
            format!("证照状态：{zh}"),
            format!("the licence is {en}"),
        ));
    }
    if shown.by_agent {
        let reason = Reason::new("by-agent", "由受托人代为出示", "shown by an agent in the holder's place");
        verdict = verdict.because(reason);
    }
    let fields = shown.fields.into_iter().map(|field| Shown {
        name: field.name,
        zh: field.zh,
        en: field.en,
        value: field.value,
    });
    verdict.licence = Some(Facts {
        identifier: shown.identifier,
        type_code: shown.type_code,
        type_name: shown.type_name.zh,
        type_name_en: Some(shown.type_name.en),
        issuer: Some(shown.issuer),
        issuer_code: shown.issuer_code,
        state: shown.state,
        state_zh: shown.state_zh,
        state_en: shown.state_en,
        valid_from: shown.valid_from,
        valid_to: shown.valid_to,
        present: None,
        fields: fields.collect(),
    });
    verdict.origin = Some(Origin::own());
    verdict
}
