//! A question as JSON, the same from the platform API and the public page: exactly one way to verify.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::credential::{Challenge, by_presentation, by_qr};
use super::identifier::by_identifier;
use super::show_code::by_show_code;
use super::verdict::{Audience, Verdict};
use crate::app::App;
use crate::problem::{Kind, Problem, Result};

/// What is to be verified: `identifier` with `field` and `value`, or one of `code`, `qr` and `presentation`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The licence's identifier (GB/T 36904), with or without its object identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Name of a field that stands on the licence and that its type lets verifiers name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// That field's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// A show-code that the holder showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text of the offline QR symbol, `CNB1:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
    /// An SD-JWT VC presentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presentation: Option<String>,
    /// To whom the presentation is shown (`aud`), as the asker told the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What makes the presentation fresh (`nonce`), as the asker told the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values and codes are for nobody's log.
        f.debug_struct("Question").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// A problem that says what a question is made of.
    pub fn read(json: &[u8]) -> Result<Self> {
        let text = "Send JSON with `identifier`, `field` and `value`, or with one of `code`, `qr` and `presentation`.";
        serde_json::from_slice(json).map_err(|error| Problem::new(Kind::MalformedRequest, text).log(error))
    }

    /// What the text of a symbol asks: an offline credential, an address with a show-code, or a presentation.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let one = || Some(text.to_owned());
        if text.starts_with(licence::credential::qr::PREFIX) {
            return Some(Self { qr: one(), ..Self::default() });
        }
        if let Some((_, code)) = text.split_once("#s=") {
            return Some(Self { code: Some(code.to_owned()), ..Self::default() });
        }
        let presentation = text.contains('~') && text.matches('.').count() >= 2;
        presentation.then(|| Self { presentation: one(), ..Self::default() })
    }

    /// Answers it.
    ///
    /// # Errors
    /// A problem when it asks in no way or several, limits are reached, the appliance is sealed, or the store does not answer.
    pub async fn answer(&self, app: &Arc<App>, audience: &Audience<'_>) -> Result<Verdict> {
        let known = (self.field.is_some() || self.value.is_some()).then_some("");
        let asked = self.identifier.as_deref().or(known);
        let challenge = match (&self.audience, &self.nonce) {
            (Some(audience), Some(nonce)) => Some(Challenge { audience, nonce }),
            (None, None) => None,
            _ => return Err(several("Give `audience` and `nonce` together, as the holder was told them.")),
        };
        if challenge.is_some() && self.presentation.is_none() {
            return Err(several("`audience` and `nonce` go with a `presentation`."));
        }
        match (asked, &self.code, &self.qr, &self.presentation) {
            (Some(identifier), None, None, None) => {
                let (field, value) =
                    (self.field.as_deref().unwrap_or_default(), self.value.as_deref().unwrap_or_default());
                by_identifier(app, audience, identifier, field, value).await
            }
            (None, Some(code), None, None) => by_show_code(app, audience, code).await,
            (None, None, Some(qr), None) => by_qr(app, audience, qr).await,
            (None, None, None, Some(presentation)) => {
                by_presentation(app, audience, presentation, challenge).await
            }
            _ => Err(several("Ask in exactly one way: by `identifier`, `code`, `qr` or `presentation`.")),
        }
    }
}

fn several(text: &'static str) -> Problem {
    Problem::new(Kind::InvalidParameter, text)
}

/// Octets that a question has at most: a presentation with many disclosures.
pub const LONGEST: usize = 256 * 1024;
