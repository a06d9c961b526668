//! Which fields a verifier may name, and what fields are called: the type's definition, which is public.

use std::sync::Arc;

use crate::app::App;
use crate::licences::catalogue::{self, CatalogueError, Published};
use crate::problem::Result;

use super::verdict::Reason;

/// A field that may be named beside an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Askable {
    /// Its name in the schema.
    pub name: String,
    /// Its title in Chinese.
    pub zh: String,
    /// Its title in English.
    pub en: String,
}

/// The fields that may be named beside an identifier, by the type it is of; empty for a type that is not in the catalogue.
///
/// # Errors
/// A problem when the store does not answer.
pub async fn askable(app: &App, identifier: &licence::identifier::Identifier) -> Result<Vec<Askable>> {
    let published = of_type(app, identifier.type_code()).await?;
    let known =
        published.iter().flat_map(|published| published.compiled.fields()).filter(|field| field.tags.known);
    Ok(known
        .map(|field| Askable {
            name: field.name.clone(),
            zh: field.title.zh.clone(),
            en: field.title.en.clone(),
        })
        .collect())
}

/// A type's definition: the one in force, or the last one where it is retired.
pub(super) async fn of_type(app: &App, code: &str) -> Result<Option<Arc<Published>>> {
    match catalogue::in_force(app, code).await {
        Ok(published) => Ok(Some(published)),
        Err(CatalogueError::Unknown(_)) => Ok(None),
        Err(CatalogueError::Retired(_)) => {
            let sql = "SELECT published FROM licence_types WHERE id = $1";
            let last = app.db.fetch_optional(sql, &[code.into()]).await?;
            match last.map(|last| last.opt_int("published")).transpose()?.flatten() {
                Some(number) => Ok(at(app, code, number).await),
                None => Ok(None),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The definition that a version was made by, where it can be read; a verdict is given without titles rather than not.
pub(super) async fn at(app: &App, code: &str, number: i64) -> Option<Arc<Published>> {
    let found = catalogue::at(app, code, number).await;
    found.inspect_err(|error| tracing::warn!(%error, code, number, "a definition cannot be read")).ok()
}

/// The fields to compare: the one that is named, or all that may be.
///
/// # Errors
/// What is wrong with the name, and which there are.
pub(super) fn named(published: Option<&Published>, field: &str) -> std::result::Result<Vec<String>, Reason> {
    let all = published.into_iter().flat_map(|published| published.compiled.fields());
    let known: Vec<_> = all.filter(|field| field.tags.known).collect();
    if field.is_empty() {
        return Ok(known.into_iter().map(|field| field.name.clone()).collect());
    }
    if published.is_none() || known.iter().any(|known| known.name == field) {
        return Ok(vec![field.to_owned()]);
    }
    let names: Vec<_> = known.iter().map(|field| field.name.as_str()).collect();
    let titles: Vec<_> = known.iter().map(|field| field.title.zh.as_str()).collect();
    Err(Reason::new(
        "field",
        format!("请填写下列信息之一：{}", titles.join("、")),
        format!("name one of these fields: {}", names.join(", ")),
    ))
}

/// What a field is called in both languages; its name where nobody says.
pub(super) fn titles(published: Option<&Published>, name: &str) -> (String, String) {
    let field = published.and_then(|published| published.compiled.field(name));
    field.map_or_else(
        || (name.to_owned(), name.to_owned()),
        |field| (field.title.zh.clone(), field.title.en.clone()),
    )
}
