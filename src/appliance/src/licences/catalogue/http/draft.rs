//! `POST /v1/licence-types`: as JSON, or as a form with the files of the templates behind the definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use licence::catalogue::TypeDefinition;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::model::{NewDraft, TypeVersion};
use super::super::records;
use super::super::service::{self, Draft};
use super::super::{CatalogueError, records::text};
use super::done;
use crate::app::App;
use crate::documents::intake::{Form, is_form, named};
use crate::documents::model::BadParameter;
use crate::documents::replay;
use crate::policy::{ClaimLicenceTypeCode, DraftLicenceType, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::seals;
use crate::server::Session;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(draft))
}

/// A draft with the files of its templates.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a multipart body, which is read part by part")]
struct DraftForm {
    /// The definition as a JSON object; comes first.
    #[schema(value_type = Object)]
    definition: Value,
    /// The organisation that keeps the type; left out: the caller's.
    organisation: Option<String>,
    /// Files of the templates with their names: `NAME.toml`, and the SVG pages they name.
    #[schema(value_type = Vec<String>, format = Binary)]
    template: Vec<Vec<u8>>,
}

/// Draft a licence type
///
/// The first version of a type, or its next one. The definition is judged at once; its faults are told by JSON pointer. A
/// draft does not change any more: hand it in for review, or take it back and draft anew. The same request under the same
/// `Idempotency-Key` is answered with the same draft. The first version of a type is drafted by the organisation whose credit
/// code its code begins with, or by a security officer.
#[utoipa::path(post, path = "/v1/licence-types", tag = "licence-types",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request find the first one's draft")),
    request_body(content((NewDraft = "application/json"), (DraftForm = "multipart/form-data"))),
    responses((status = 201, description = "The draft", body = TypeVersion),
        (status = 422, description = "The definition has faults", content_type = "application/problem+json"),
        (status = "4XX", description = "Problem details (RFC 9457)", content_type = "application/problem+json")))]
async fn draft(
    State(app): State<Arc<App>>,
    session: Session,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    app.require_unsealed()?;
    let key = replay::given(&headers)?;
    let new = if is_form(&headers) {
        form(&app, &session, &headers, body).await?
    } else {
        let octets = axum::body::to_bytes(body, LONGEST).await;
        let text = format!("The draft is too large (at most {LONGEST} octets) or broke off.");
        let octets = octets.map_err(|_| Problem::new(Kind::BodyTooLarge, text))?;
        serde_json::from_slice(&octets).map_err(|error| unread(&error))?
    };
    // A body may take its sender minutes; whoever was retired meanwhile is not who asked.
    let session = session.renewed()?;
    let json = new.definition.to_string();
    let Keeper { organisation, claims } = Keeper::of(&app, &session, &new).await?;
    let permit = session.permit::<DraftLicenceType>(Resource::organisation(&organisation))?;
    let templates = files(new.templates)?;
    let request = key.map(|key| {
        let scope = replay::digest(&[session.caller().id.as_bytes(), b"licence-types", key.as_bytes()]);
        (scope, replay::digest(&[json.as_bytes(), organisation.as_bytes(), templates.as_bytes()]))
    });
    let definition = TypeDefinition::read(json.as_bytes()).map_err(CatalogueError::Faults)?;
    let definition = definition.compile().map_err(CatalogueError::Faults)?.definition().clone();
    if claims {
        claim(&app, &session, &organisation, &definition.code).await?;
    }
    let draft = Draft { organisation, definition, templates, request };
    let made = service::draft(&app, &permit, &draft).await?;
    let mut response = done(StatusCode::CREATED, &made);
    let view = TypeVersion::bare(&made.row);
    let location = HeaderValue::try_from(format!("/v1/licence-types/{}/versions/{}", view.code, view.number));
    response.headers_mut().insert(header::LOCATION, location.map_err(Problem::internal)?);
    Ok(response)
}

/// Whose type it is.
struct Keeper {
    organisation: String,
    /// Whether it becomes theirs by this draft.
    claims: bool,
}

impl Keeper {
    /// As the first version said; where there is none, or nothing of the type stands any more, what the draft says, or the
    /// caller's organisation.
    async fn of(app: &App, session: &Session, new: &NewDraft) -> Result<Self> {
        let code = new.definition.get("code").and_then(Value::as_str).unwrap_or_default();
        if let Some(row) = records::licence_type(&app.db, code).await?
            && records::stands(&app.db, &row).await?
        {
            return Ok(Self { organisation: text(&row, "organisation").to_owned(), claims: false });
        }
        let organisation = new.organisation.clone().unwrap_or_else(|| session.caller().organisation.clone());
        Ok(Self { organisation, claims: true })
    }
}

/// That a code may become the organisation's: it begins with a credit code of its own, or somebody drafts who may have it keep
/// another body's.
async fn claim(app: &App, session: &Session, organisation: &str, code: &str) -> Result<()> {
    let body = code.get(..BODY).unwrap_or(code);
    if seals::records::is_code_of(&app.db, organisation, body).await? {
        return Ok(());
    }
    let permit = session.permit::<ClaimLicenceTypeCode>(Resource::organisation(organisation));
    permit.map(|_| ()).map_err(|denied| {
        let text = format!(
            "`{body}`, with which the code of the type begins, is no credit code of organisation `{organisation}`: none of its \
             seals is held under it. Have a security officer draft the first version for it."
        );
        let problem = Problem::new(Kind::Forbidden, text)
            .with("code", code)
            .with("zh", format!("类型代码前十八位 {body} 不是该单位的统一社会信用代码，首个版本须由安全管理员代为起草"));
        match denied.about() {
            Some(about) if denied.kind() == Kind::Forbidden => problem.act(about.clone()),
            _ => denied,
        }
    })
}

async fn form(app: &App, session: &Session, headers: &HeaderMap, body: Body) -> Result<NewDraft> {
    let mut form = Form::open(app, headers, body)?;
    let Some(field) = form.next().await? else {
        return Err(Problem::new(Kind::MalformedRequest, "The `definition` part is missing."));
    };
    named(&field, "definition")?;
    let definition = form.small(field, DEFINITION).await?;
    let definition = serde_json::from_slice(&definition).map_err(|error| unread(&error))?;
    let mut new = NewDraft { organisation: None, definition, templates: BTreeMap::new() };
    let mut asked = false;
    while let Some(field) = form.next().await? {
        match field.name() {
            Some("organisation") if !asked && new.organisation.is_none() => {
                let octets = form.small(field, 100).await?;
                new.organisation = Some(String::from_utf8_lossy(&octets).trim().to_owned());
            }
            Some("template") => {
                if !asked {
                    // No files are taken in from those who may not draft.
                    let Keeper { organisation, .. } = Keeper::of(app, session, &new).await?;
                    session.permit::<DraftLicenceType>(Resource::organisation(&organisation))?;
                    asked = true;
                }
                let name = field.file_name().unwrap_or_default().to_owned();
                let octets = form.small(field, LONGEST_FILE).await?;
                let text =
                    String::from_utf8(octets).map_err(|_| bad("a template's files are UTF-8 texts"))?;
                if new.templates.len() >= MOST_FILES || new.templates.insert(name, text).is_some() {
                    return Err(bad("send at most 40 files, each of another name").into());
                }
            }
            name => {
                let name = name.unwrap_or_default();
                let text = format!(
                    "A part `{name}` is not expected here: send `definition`, then `organisation`, then `template` files."
                );
                return Err(Problem::new(Kind::MalformedRequest, text));
            }
        }
    }
    Ok(new)
}

/// The files as they are stored, if their names and sizes can be meant.
fn files(files: BTreeMap<String, String>) -> Result<String> {
    let fits = |name: &str| {
        let (stem, extension) = name.rsplit_once('.').unwrap_or_default();
        (1..=80).contains(&stem.len())
            && stem.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
            && matches!(extension, "toml" | "svg")
    };
    if files.len() > MOST_FILES || !files.keys().all(|name| fits(name)) {
        return Err(
            bad("name the files `NAME.toml` and `PAGE.svg`: letters, digits, `-`, `_`; at most 40").into()
        );
    }
    if files.values().map(String::len).sum::<usize>() > LONGEST {
        return Err(bad("the files are too large together; at most 6 MiB").into());
    }
    serde_json::to_string(&files).map_err(Problem::internal)
}

fn bad(reason: &'static str) -> BadParameter {
    BadParameter { name: "templates", reason }
}

fn unread(error: &serde_json::Error) -> Problem {
    Problem::new(Kind::MalformedRequest, format!("The draft cannot be read: {error}."))
}

/// Characters of a type's code that are the credit code of the body that defines it (GB/T 36902).
const BODY: usize = 18;
/// Octets of a definition.
const DEFINITION: usize = 256 * 1024;
/// Octets of a file of a template.
const LONGEST_FILE: usize = 2 * 1024 * 1024;
/// Octets of all files, and of a draft as JSON.
const LONGEST: usize = 6 * 1024 * 1024;
/// Files of a draft.
const MOST_FILES: usize = 40;
