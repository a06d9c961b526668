//! `POST /v1/licence-types/preview`: what licences of a type would look like. Nothing is kept, nothing is entered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use licence::catalogue::{Compiled, TypeDefinition};
use licence::template::{
    Computed, Finding, Fonts, Limits, PageData, Rendered, Template, TemplateError, Variant, worst_case,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::FontsError;
use crate::app::App;
use crate::journal::CommitError;
use crate::policy::{ReadLicenceType, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;

/// The route.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(preview))
}

/// A template to be drawn for a type, with values or without.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// The definition (GB/T 36902), as it is drafted.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// Files of its templates by name: `NAME.toml` with the settings of template NAME, and the SVG pages they name.
    pub templates: BTreeMap<String, String>,
    /// Which form is drawn; left out: the original.
    #[serde(default)]
    pub form: Form,
    /// The fields; left out: the longest that the schema lets through.
    #[schema(value_type = Option<Object>)]
    pub values: Option<Map<String, Value>>,
}

/// Which of a type's forms is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// 正本.
    #[default]
    Original,
    /// 副本.
    Duplicate,
    /// 套打: on pre-printed paper.
    Overprint,
}

impl Form {
    /// Its template in a definition, and how that is drawn.
    fn of(self, definition: &TypeDefinition) -> Option<(&str, Variant)> {
        let named = &definition.templates;
        match self {
            Self::Original => Some((named.original.as_str(), Variant::Original)),
            Self::Duplicate => Some((named.duplicate.as_deref()?, Variant::Duplicate)),
            Self::Overprint => Some((named.overprint.as_deref()?, Variant::Overprint)),
        }
    }
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The definition has faults.
    #[error("the definition has faults; see `faults`")]
    Definition(Vec<licence::catalogue::Fault>),
    /// The fields do not suit the schema.
    #[error("the values do not suit the schema; see `faults`")]
    Values(Vec<licence::catalogue::FieldFault>),
    /// The type has no such form.
    #[error("the type has no {0:?} form; name a template for it under `templates`")]
    NoForm(Form),
    /// The template cannot be used, or not with these values.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The fonts cannot be used.
    #[error(transparent)]
    Fonts(#[from] FontsError),
}

impl Preview {
    /// What is wrong with the template for the type. Bounded work, but work: for a thread that nobody else waits for.
    ///
    /// # Errors
    /// [`PreviewError`], but [`PreviewError::Values`].
    pub fn check(
        &self,
        fonts: impl FnOnce() -> std::result::Result<Fonts, FontsError>,
    ) -> std::result::Result<Vec<Finding>, PreviewError> {
        let Judged { definition, template, fonts, .. } = self.judged(fonts)?;
        Ok(template.check(definition.definition(), &fonts))
    }

    /// Draws it. Bounded work, but work: for a thread that nobody else waits for.
    ///
    /// # Errors
    /// [`PreviewError`].
    pub fn draw(
        &self,
        fonts: impl FnOnce() -> std::result::Result<Fonts, FontsError>,
        now: jiff::Timestamp,
    ) -> std::result::Result<Rendered, PreviewError> {
        let Judged { definition, template, variant, fonts } = self.judged(fonts)?;
        let (values, computed) = match &self.values {
            Some(values) => {
                definition.validate(values).map_err(PreviewError::Values)?;
                let today = now.to_zoned(jiff::tz::TimeZone::fixed(CHINA)).date();
                (values.clone(), Computed::sample(definition.definition(), values, today))
            }
            None => worst_case(definition.definition()),
        };
        let data =
            PageData { values: &values, computed: &computed, variant, watermark: Some(MARK), made: now };
        Ok(licence::template::render(&template, &data, &fonts, &Limits::default())?)
    }

    fn judged(
        &self,
        fonts: impl FnOnce() -> std::result::Result<Fonts, FontsError>,
    ) -> std::result::Result<Judged, PreviewError> {
        let definition = TypeDefinition::read(self.definition.to_string().as_bytes())
            .and_then(TypeDefinition::compile)
            .map_err(PreviewError::Definition)?;
        let (name, variant) = self.form.of(definition.definition()).ok_or(PreviewError::NoForm(self.form))?;
        let template = Template::load(&self.templates, name)?;
        Ok(Judged { variant, template, fonts: fonts()?, definition })
    }
}

struct Judged {
    definition: Compiled,
    template: Template,
    variant: Variant,
    fonts: Fonts,
}

/// Draw licences of a type without issuing any
///
/// The definition need not be drafted yet. Every page is marked as a sample. With `Accept: application/json` the answer is what
/// is wrong with the template instead of the pages.
#[utoipa::path(post, path = "/v1/licence-types/preview", tag = "licence-types",
    request_body = Preview,
    responses((status = 200, description = "The pages, PDF/A-2b; or findings, by `Accept`", content_type = "application/pdf"),
        (status = 422, description = "The template or the values cannot be used", content_type = "application/problem+json"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn preview(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let organisation = session.caller().organisation.clone();
    session.permit::<ReadLicenceType>(Resource::organisation(&organisation))?;
    let told = headers.get(header::ACCEPT).is_some_and(|accept| {
        accept.to_str().unwrap_or_default().trim_start().starts_with("application/json")
    });
    let octets = axum::body::to_bytes(body, LARGEST).await.map_err(|_| {
        let text = format!("The preview is too large (at most {LARGEST} octets) or broke off.");
        Problem::new(Kind::BodyTooLarge, text)
    })?;
    let wanted: Preview = serde_json::from_slice(&octets)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("The body is no preview: {error}.")))?;
    let limit = Duration::from_secs(app.config.licences.render_seconds);
    let at = app.clone();
    let now = app.unsealed()?.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let now = jiff::Timestamp::from_microsecond(now).map_err(Problem::internal)?;
    let work = app.desk.work(move || {
        let fonts = || super::fonts(&at);
        if told {
            wanted.check(fonts).map(Answer::Findings)
        } else {
            wanted.draw(fonts, now).map(Answer::Pages)
        }
    });
    let done = tokio::time::timeout(limit, work).await.map_err(|_| {
        let text = format!("Drawing took more than {} s; make the template simpler.", limit.as_secs());
        Problem::new(Kind::Overloaded, text).with("zh", "版式过于复杂，绘制超时")
    })?;
    let pages = match done?? {
        Answer::Findings(findings) => return Ok(Json(json!({ "findings": findings })).into_response()),
        Answer::Pages(rendered) => rendered.pdf,
    };
    let headers = [
        (header::CONTENT_TYPE, "application/pdf"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, pages).into_response())
}

enum Answer {
    Pages(Rendered),
    Findings(Vec<Finding>),
}

impl From<PreviewError> for Problem {
    fn from(error: PreviewError) -> Self {
        let text = error.to_string();
        match error {
            PreviewError::Definition(faults) => Self::new(Kind::LicenceTypeFaulty, text)
                .with("zh", format!("证照类型定义有{}处错误", faults.len()))
                .with("faults", json!(faults)),
            PreviewError::Values(faults) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "values")
                .with("zh", "字段内容不符合要求")
                .with("faults", json!(faults)),
            PreviewError::NoForm(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "form")
                .with("zh", "该类型没有此版式"),
            PreviewError::Template(_) => Self::new(Kind::InvalidParameter, text)
                .with("parameter", "templates")
                .with("zh", "版式无法使用"),
            PreviewError::Fonts(error) => Self::internal(error),
        }
    }
}

/// What is drawn across each page.
const MARK: &str = "样本 SAMPLE";
/// Octets: a few pages of a megabyte each, as JSON.
const LARGEST: usize = 12 << 20;
/// Licences are dated in China.
const CHINA: jiff::tz::Offset = jiff::tz::offset(8);
