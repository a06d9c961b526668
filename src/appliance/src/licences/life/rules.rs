//! Which operations the type of a licence allows.

use licence::catalogue::TypeDefinition;
use licence::life::Operation;

use super::LifeError;
use crate::app::App;
use crate::licences::library::Licence;
use crate::licences::library::records::{int, text};
use crate::store::tables::{LICENCE_TYPE_VERSIONS, LICENCE_TYPES};

/// The operations of a type, and the version of its row that says so: the unit of work guards that.
#[derive(Debug)]
pub(super) struct Rules {
    pub operations: Vec<Operation>,
    pub type_version: i64,
}

/// The rules that a licence is under: those of the definition in force; of a retired type those that it was made by, for what
/// was issued has to be ended all the same.
pub(super) async fn rules(app: &App, licence: &Licence) -> Result<Rules, LifeError> {
    let code = licence.text("type");
    let unread = || LifeError::Definition(code.to_owned());
    let row = app.db.row(&LICENCE_TYPES, code).await?.ok_or_else(unread)?;
    let made_by = int(&licence.row, "type_number");
    let published = int(&row, "published").filter(|_| text(&row, "state") == "published");
    let number = published.or(made_by).ok_or_else(unread)?;
    let version =
        app.db.row(&LICENCE_TYPE_VERSIONS, &format!("{code}.{number}")).await?.ok_or_else(unread)?;
    let definition: TypeDefinition =
        serde_json::from_str(text(&version, "definition")).map_err(|_| unread())?;
    Ok(Rules { operations: definition.operations, type_version: row.version() })
}
