//! What must hold of a version beyond its own definition before it is reviewed and published: issuers and seals that are on
//! record, a level that this appliance reaches, templates that fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use licence::catalogue::{Compiled, Fault, TypeDefinition};

use super::CatalogueError;
use super::records::text;
use crate::app::App;
use crate::licences::templates;
use crate::problem::Problem;
use crate::store::tables::{ORGANISATIONS, SEALS};
use crate::store::{Row, StoreError};

/// The definition of a stored version.
///
/// # Errors
/// [`CatalogueError::Faults`], when rules became stricter since it was drafted.
pub(super) fn compiled(row: &Row) -> Result<Compiled, CatalogueError> {
    TypeDefinition::read(text(row, "definition").as_bytes())
        .and_then(TypeDefinition::compile)
        .map_err(CatalogueError::Faults)
}

/// The files of its templates.
pub(super) fn files(row: &Row) -> BTreeMap<String, String> {
    serde_json::from_str(text(row, "templates")).unwrap_or_default()
}

/// Everything that keeps a version from being published.
///
/// # Errors
/// [`CatalogueError`]: the store failed, or the configured fonts cannot be used.
pub(super) async fn faults(app: &Arc<App>, row: &Row) -> Result<Vec<Fault>, CatalogueError> {
    let compiled = match compiled(row) {
        Ok(compiled) => compiled,
        Err(CatalogueError::Faults(faults)) => return Ok(faults),
        Err(error) => return Ok(vec![Fault::new("", "定义无法读取", error.to_string())]),
    };
    let mut faults = Vec::new();
    register(app, &compiled, &mut faults).await?;
    level(app, &compiled, &mut faults);
    faults.extend(pages(app, compiled.definition().clone(), files(row)).await?);
    Ok(faults)
}

/// Templates that read, place every field, and hold the longest texts that the schema lets through.
async fn pages(
    app: &Arc<App>,
    definition: TypeDefinition,
    files: BTreeMap<String, String>,
) -> Result<Vec<Fault>, CatalogueError> {
    let app = app.clone();
    // Templates come from offices: bounded work, but work, on a thread that nobody else waits for.
    let judged = tokio::task::spawn_blocking(move || {
        let templates = match templates::read(&definition, &files) {
            Ok(templates) => templates,
            Err((name, error)) => {
                let fault = Fault::new(
                    format!("/templates/{name}"),
                    "模板无法使用",
                    format!("this template cannot be used: {error}"),
                );
                return Ok(vec![fault]);
            }
        };
        let fonts = templates::fonts(&app)?;
        let findings = templates::check(&definition, &templates, &fonts, false);
        let told = findings.into_iter().map(|(name, finding)| {
            Fault::new(format!("/templates/{name}/{}", finding.place), finding.zh, finding.en)
        });
        Ok::<_, templates::FontsError>(told.collect())
    });
    let judged = judged.await.map_err(|error| CatalogueError::Refused(Problem::internal(error)))?;
    judged.map_err(|error| CatalogueError::Refused(Problem::internal(error)))
}

/// Issuers are registered organisations, their seals are there and may be used by them.
async fn register(app: &App, compiled: &Compiled, faults: &mut Vec<Fault>) -> Result<(), StoreError> {
    let definition = compiled.definition();
    if definition.issuers.is_empty() {
        faults.push(Fault::new(
            "/issuers",
            "至少指定一个颁发机构",
            "name at least one issuing organisation, and its seal in `seals`",
        ));
    }
    for (index, issuer) in definition.issuers.iter().enumerate() {
        let row = app.db.row(&ORGANISATIONS, issuer).await?;
        if row.is_none_or(|row| text(&row, "state") != "active") {
            faults.push(Fault::new(
                format!("/issuers/{index}"),
                "颁发机构未登记或已停用",
                "this organisation is not registered or not active; register it first",
            ));
        }
    }
    for (organisation, seal) in &definition.seals {
        let at = format!("/seals/{organisation}");
        match app.db.row(&SEALS, seal).await? {
            None => {
                faults.push(Fault::new(at, "没有该印章", "there is no such seal; name it by its identifier"))
            }
            Some(row) if text(&row, "state") == "cancelled" => {
                faults.push(Fault::new(at, "该印章已注销", "this seal is cancelled; name another"));
            }
            Some(row) if organisation != "*" && text(&row, "organisation") != organisation => {
                faults.push(Fault::new(
                    at,
                    "该印章不属于此颁发机构",
                    "this seal belongs to another organisation; name one of its own, or one for all under `*`",
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Levels above B-B take time-stamps.
fn level(app: &App, compiled: &Compiled, faults: &mut Vec<Fault>) {
    if compiled.definition().level != "b-b" && app.timestamps.is_none() && app.config.timestamps.is_none() {
        faults.push(Fault::new(
            "/level",
            "未配置时间戳服务，只能使用b-b级别",
            "there is no time-stamp service here for levels above b-b; use `b-b`, or have the operator add `[timestamps]`",
        ));
    }
}
