//! `GET /v1/seal-status`: how things stand with a seal, for verifiers.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::Timestamp;
use pdf::verify::StateWord;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{By, Standing, find};
use crate::app::App;
use crate::documents::model::BadParameter;
use crate::journal::CommitError;
use crate::policy::{AskSealStatus, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The routes.
#[must_use]
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(status))
}

/// Which seal; exactly one of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StatusQuery {
    /// Its code: 6 digits of the division and 8 of the seal. Asks about the version in force.
    pub code: Option<String>,
    /// SHA-256 of a signer's certificate, hexadecimal. Asks about the version that it belongs to.
    pub certificate: Option<String>,
    /// SHA-256 of a SESeal, hexadecimal. Asks about that very version.
    pub seal: Option<String>,
    /// Also tell how things stood then (RFC 3339), when a document was sealed, say.
    pub at: Option<String>,
}

/// How things stand with a seal.
#[derive(Debug, Serialize, ToSchema)]
pub struct SealStatus {
    /// Its code; older seals have none.
    pub code: Option<String>,
    /// Its name. A personal seal's is left out where only its code was asked for: codes can be counted through.
    pub name: Option<String>,
    /// Name of the organisation whose it is.
    pub organisation: String,
    /// Number of its kind: 0 to 6, or 99.
    pub kind: Option<u8>,
    /// Its kind in Chinese.
    pub kind_name: Option<String>,
    /// The version asked about, the first being 1.
    pub version: Option<i64>,
    /// Whether it is the version in force, or a newer one has replaced it.
    pub current: bool,
    /// From when it may be used (RFC 3339).
    pub valid_from: Option<String>,
    /// Until when (RFC 3339).
    pub valid_to: Option<String>,
    /// How things stand now.
    pub now: StateAt,
    /// How things stood at the time asked for.
    pub then: Option<StateAt>,
}

/// A state at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateAt {
    /// `active`, `not-yet-valid`, `expired`, `suspended`, `superseded` or `cancelled`.
    pub state: String,
    /// The state in Chinese.
    pub state_name: String,
    /// The time (RFC 3339).
    pub at: String,
    /// Since when it is so (RFC 3339), where that is known.
    pub since: Option<String>,
}

/// Ask how things stand with a seal.
///
/// By its code, by its signer's certificate, or by the seal itself; the least that a verifier needs is told.
#[utoipa::path(
    get,
    path = "/v1/seal-status",
    params(StatusQuery),
    responses(
        (status = 200, description = "How things stand", body = SealStatus),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json"),
    ),
    tag = "seals"
)]
async fn status(
    State(app): State<Arc<App>>,
    session: Session,
    query: std::result::Result<Query<StatusQuery>, QueryRejection>,
) -> Result<Json<SealStatus>> {
    let unsealed = app.unsealed()?;
    let Query(query) = query?;
    let by = asked(&query)?;
    let then = query.at.as_deref().map(time).transpose()?;
    session.permit::<AskSealStatus>(Resource::appliance())?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let Some(standing) = find(&app.db, by).await? else {
        return Err(Problem::new(
            Kind::NotFound,
            "No seal on record answers to that; compare what was sent.",
        ));
    };
    Ok(Json(answer(&standing, by, now, then)))
}

fn asked(query: &StatusQuery) -> std::result::Result<By<'_>, BadParameter> {
    match (&query.code, &query.certificate, &query.seal) {
        (Some(code), None, None) if code.len() == 14 && code.bytes().all(|digit| digit.is_ascii_digit()) => {
            Ok(By::Code(code))
        }
        (Some(_), None, None) => Err(BadParameter { name: "code", reason: "write 14 digits" }),
        (None, Some(certificate), None) if is_digest(certificate) => Ok(By::Certificate(certificate)),
        (None, Some(_), None) => Err(BadParameter { name: "certificate", reason: DIGEST }),
        (None, None, Some(seal)) if is_digest(seal) => Ok(By::Seal(seal)),
        (None, None, Some(_)) => Err(BadParameter { name: "seal", reason: DIGEST }),
        _ => {
            let reason = "name exactly one of `code`, `certificate` and `seal`";
            Err(BadParameter { name: "code", reason })
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn time(text: &str) -> std::result::Result<i64, BadParameter> {
    let reason = "write a time as RFC 3339, `2026-11-22T08:00:00+08:00` say";
    text.parse::<Timestamp>().map(Timestamp::as_microsecond).map_err(|_| BadParameter { name: "at", reason })
}

fn answer(standing: &Standing, by: By<'_>, now: i64, then: Option<i64>) -> SealStatus {
    let counted = matches!(by, By::Code(_)) && standing.is_personal();
    SealStatus {
        code: standing.code.clone(),
        name: (!counted).then(|| standing.name.clone()),
        organisation: standing.organisation.clone(),
        kind: standing.kind.map(super::SealKind::number),
        kind_name: standing.kind.map(|kind| kind.zh().to_owned()),
        version: standing.number,
        current: !standing.superseded,
        valid_from: standing.valid_from.map(instant),
        valid_to: standing.valid_to.map(instant),
        now: state(standing, now),
        then: then.map(|then| state(standing, then)),
    }
}

fn state(standing: &Standing, at: i64) -> StateAt {
    let found = standing.at(at);
    StateAt {
        state: found.word.word().to_owned(),
        state_name: chinese(found.word).to_owned(),
        at: instant(at),
        since: found.since.map(instant),
    }
}

fn chinese(word: StateWord) -> &'static str {
    match word {
        StateWord::Active => "正常",
        StateWord::NotYetValid => "尚未生效",
        StateWord::Expired => "已过有效期",
        StateWord::Suspended => "已停用",
        StateWord::Superseded => "已被新版本取代",
        StateWord::Cancelled => "已注销",
        StateWord::Unknown => "不知道",
    }
}

/// Whole seconds in UTC.
fn instant(micros: i64) -> String {
    let seconds = Timestamp::from_second(micros.div_euclid(1_000_000));
    seconds.map_or_else(|_| micros.to_string(), |time| time.to_string())
}

const DIGEST: &str = "write the 64 hexadecimal digits of a SHA-256, in lower case";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_seal_is_asked_for() {
        let digest = "ab".repeat(32);
        let query = |code: Option<&str>, certificate: Option<&str>, seal: Option<&str>| StatusQuery {
            code: code.map(Into::into),
            certificate: certificate.map(Into::into),
            seal: seal.map(Into::into),
            at: None,
        };
        assert_eq!(asked(&query(Some("37030000001721"), None, None)), Ok(By::Code("37030000001721")));
        assert_eq!(asked(&query(None, Some(&digest), None)), Ok(By::Certificate(&digest)));
        assert_eq!(asked(&query(None, None, Some(&digest))), Ok(By::Seal(&digest)));
        for (query, name) in [
            (query(None, None, None), "code"),
            (query(Some("37030000001721"), Some(&digest), None), "code"),
            (query(Some("3703000000172X"), None, None), "code"),
            (query(None, Some("ab"), None), "certificate"),
            (query(None, None, Some(&digest.to_uppercase())), "seal"),
        ] {
            assert_eq!(asked(&query).unwrap_err().name, name);
        }
        assert!(time("2026-11-22T08:00:00+08:00").is_ok() && time("soon").is_err());
    }
}
