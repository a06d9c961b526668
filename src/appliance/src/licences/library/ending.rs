//! Licences that end soon, by when they end: what departments list, and what the keeper of warnings goes through.
//!
//! Two partial indexes serve it, of all licences that have not ended and of an organisation's; their condition stands word for
//! word in the statements, since only then do the databases use them. A page costs the same whatever else the library holds.

use licence::life::State;

use super::records::Licence;
use crate::problem::{Kind, Problem};
use crate::store::tables::LICENCES;
use crate::store::{Db, StoreError, Value};

/// Which licences to list; every member given must fit.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// Of this type.
    pub type_code: Option<String>,
    /// Issued by this organisation.
    pub organisation: Option<String>,
    /// In this stored state.
    pub state: Option<State>,
    /// From this moment on, Unix seconds.
    pub from: i64,
    /// For so many days.
    pub days: i64,
}

/// Why a page is not had.
#[derive(Debug, thiserror::Error)]
pub enum EndingError {
    /// The cursor is none.
    #[error("`after` is the cursor of an earlier page")]
    Cursor,
    /// More days than are looked ahead.
    #[error("`ends_within` is a number of days from 0 to {MOST_DAYS}")]
    Days,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EndingError> for Problem {
    fn from(error: EndingError) -> Self {
        let text = error.to_string();
        let parameter = |name: &str| Self::new(Kind::InvalidParameter, text.clone()).with("parameter", name);
        match error {
            EndingError::Cursor => parameter("after"),
            EndingError::Days => parameter("ends_within"),
            EndingError::Store(error) => error.into(),
        }
    }
}

impl Ending {
    /// A page after a cursor, the earliest end first, and the cursor of the next one. Type and state are judged on what the
    /// index brings, of which a page takes a bounded part: it may be short, or empty, with a next one.
    ///
    /// # Errors
    /// [`EndingError`].
    pub async fn page(
        &self,
        db: &Db,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<Licence>, Option<String>), EndingError> {
        if !(0..=MOST_DAYS).contains(&self.days) {
            return Err(EndingError::Days);
        }
        let (end, id) = match after {
            None => (self.from, String::new()),
            Some(cursor) => cursor
                .split_once(':')
                .and_then(|(end, id)| Some((end.parse::<i64>().ok()?, id.to_owned())))
                .ok_or(EndingError::Cursor)?,
        };
        // A cursor goes on from its page and not from before the first one.
        let (end, id) = if end < self.from { (self.from, String::new()) } else { (end, id) };
        let judged = self.type_code.is_some() || self.state.is_some();
        let taken = if judged { LOOKED_AT } else { limit };
        let until = self.from.saturating_add(self.days * 86_400);
        let mut parameters: Vec<Value> =
            vec![until.into(), end.into(), id.into(), i64::from(taken).saturating_add(1).into()];
        parameters.extend(self.organisation.as_deref().map(Value::from));
        let sql = if self.organisation.is_some() { OF_ONE } else { OF_ALL };
        let records = db.fetch_all(sql, &parameters).await?;
        let fits = |licence: &Licence| {
            self.type_code.as_deref().is_none_or(|code| licence.type_code() == code)
                && self.state.is_none_or(|state| licence.stored_state() == state)
        };
        let (limit, taken) = (usize::try_from(limit).unwrap_or(1), usize::try_from(taken).unwrap_or(1));
        let (mut found, mut last, mut more) = (Vec::new(), None, false);
        for (place, record) in records.iter().enumerate() {
            if place == taken || found.len() == limit {
                more = true;
                break;
            }
            let licence = Licence { row: record.to_row(&LICENCES)? };
            last = Some(format!("{}:{}", licence.valid_to().unwrap_or_default(), licence.id()));
            if fits(&licence) {
                found.push(licence);
            }
        }
        Ok((found, last.filter(|_| more)))
    }
}

/// The condition of the indexes, with `what` before it.
macro_rules! ending {
    ($of:literal) => {
        concat!(
            "SELECT id, version, type, type_number, organisation, issuer, number, identifier, holder_kind, state, ground, \
             valid_from, valid_to, status_list, status_index, imported, warnings, data_key, wrapped_by, issued, updated, \
             checked_to, leaf FROM licences WHERE ",
            $of,
            "valid_to <= $1 AND (valid_to, id) > ($2, $3) AND valid_to IS NOT NULL \
             AND state IN ('active', 'suspended', 'lost') ORDER BY valid_to, id LIMIT $4"
        )
    };
}

/// Of all: by `licences_ending`.
pub const OF_ALL: &str = ending!("");
/// Of one organisation: by `licences_ending_of`.
pub const OF_ONE: &str = ending!("organisation = $5 AND ");
/// How far ahead is looked.
const MOST_DAYS: i64 = 3660;
/// What one page looks at where type or state are judged.
const LOOKED_AT: u32 = 1000;
