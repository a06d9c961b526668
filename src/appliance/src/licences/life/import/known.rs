//! Whether a licence that is brought was taken over before, as it is brought now.

use licence::life::{Ground, Operation, State};

use super::service::{Taken, last_second};
use super::{Import, ImportError};
use crate::app::{App, Unsealed};
use crate::identity::Caller;
use crate::licences::catalogue::Published;
use crate::licences::library::records::{self, int, text};
use crate::licences::library::{self, LibraryError};
use crate::licences::life::Event;

/// The identifier of a licence that this body took over before with this very content, whatever befell it since; `None` where
/// there is none, or where what was brought then differs in anything.
///
/// # Errors
/// [`ImportError`].
pub async fn known(
    app: &App,
    unsealed: &Unsealed,
    caller: &Caller,
    kind: &Published,
    order: &Import,
) -> Result<Option<String>, ImportError> {
    let taken = Taken::of(app, kind, caller, order).await?;
    let Some(licence) = records::licence(&app.db, &taken.identifier.licence_id()).await? else {
        return Ok(None);
    };
    let Some(version) = records::version(&app.db, &taken.written).await? else { return Ok(None) };
    let own = licence.organisation() == caller.organisation
        && text(&version.row, "operation") == Operation::Import.as_str()
        && (int(&version.row, "valid_from"), int(&version.row, "valid_to"))
            == (Some(taken.validity.0), taken.validity.1);
    if !own {
        return Ok(None);
    }
    let key = match library::data_key(unsealed, &licence) {
        // Nobody can tell any more what it was.
        Err(LibraryError::Erased(_)) => return Ok(None),
        key => key?,
    };
    if library::opened_content(&key, &version)?.fields != taken.fields {
        return Ok(None);
    }
    let events = records::events(&app.db, licence.id()).await?;
    let of = |operation: Operation| {
        events.iter().find(move |event| text(event, "operation") == operation.as_str())
    };
    let Some(row) = of(Operation::Import) else { return Ok(None) };
    let event = Event::of(row).with_words(row, &key)?;
    let source =
        event.words.as_ref().and_then(|words| words.get("source")).and_then(|source| source.as_str());
    // The day that it came with is the licence's own until the first check.
    let checked = of(Operation::Check).is_some()
        || int(&licence.row, "checked_to") == order.checked_to.and_then(last_second);
    let same = event.after == order.state.unwrap_or(State::Active).as_str()
        && event.ground.as_deref() == order.ground.map(Ground::as_str)
        && (event.basis.as_deref(), event.item.as_deref(), event.case_number.as_deref())
            == (order.basis.as_deref(), order.item.as_deref(), order.case_number.as_deref())
        && source == order.source.as_deref()
        && checked;
    Ok(same.then_some(taken.written))
}
