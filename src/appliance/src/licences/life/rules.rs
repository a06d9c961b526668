//! Which operations the type of a licence allows.

use licence::life::Operation;

use super::LifeError;
use crate::app::App;
use crate::licences::catalogue::{self, CatalogueError, Published};
use crate::licences::library::Licence;

/// The operations of a type, and the version of its row that says so: the unit of work guards that.
#[derive(Debug)]
pub(super) struct Rules {
    pub operations: Vec<Operation>,
    pub type_version: i64,
}

/// The rules that a licence is under: those of the definition in force; of a retired type those that it was made by, for what
/// was issued has to be ended all the same.
pub(super) async fn rules(app: &App, licence: &Licence) -> Result<Rules, LifeError> {
    let code = licence.type_code();
    let kind = match catalogue::in_force(app, code).await {
        Err(CatalogueError::Retired(_)) => catalogue::at(app, code, licence.type_number()).await?,
        found => found?,
    };
    Ok(Rules::of(&kind))
}

impl Rules {
    fn of(kind: &Published) -> Self {
        Self { operations: kind.compiled.definition().operations.clone(), type_version: kind.version }
    }
}
