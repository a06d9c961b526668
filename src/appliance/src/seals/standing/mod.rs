//! What the register says of a seal at a time: the answer to whoever holds a document, a certificate or a seal in his hands
//! and wants to know how things stand, then and now.
//!
//! Reads the rows that the life of seals writes (`seals`, `seal_versions`, `seal_pauses`) and judges nothing. Asked by
//! `GET /v1/seal-status` and by the verification of documents.

pub mod http;

use pdf::verify::StateWord;

use super::kinds::SealKind;
use super::state::SealState;
use crate::journal::Unit;
use crate::store::tables::SEAL_PAUSES;
use crate::store::{Db, Record, Row, StoreError, Value};

/// By what a seal is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// Its code: the version in force.
    Code(&'a str),
    /// SHA-256 of a signer's certificate, hexadecimal: the version it belongs to.
    Certificate(&'a str),
    /// SHA-256 of a SESeal, hexadecimal: that very version.
    Seal(&'a str),
}

/// One version of a seal and how things stand with it. Times are microseconds.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Identifier of the seal's record.
    pub seal: String,
    /// Its code; older seals have none.
    pub code: Option<String>,
    /// Its name in this version.
    pub name: String,
    /// Name of the organisation whose it is.
    pub organisation: String,
    /// What it is for, where that is on record.
    pub kind: Option<SealKind>,
    /// Number of this version; older seals have none.
    pub number: Option<i64>,
    /// Whether a newer version has replaced it.
    pub superseded: bool,
    /// SHA-256 of its signer's certificate, hexadecimal.
    pub certificate: String,
    /// The SESeal.
    pub eseal: Option<Vec<u8>>,
    /// From when this version may be used.
    pub valid_from: Option<i64>,
    /// Until when.
    pub valid_to: Option<i64>,
    state: SealState,
    /// When the seal's row was last written.
    updated: Option<i64>,
    /// When this version was replaced or cancelled.
    ended: Option<i64>,
    pauses: Vec<Pause>,
}

/// A time in which a seal was out of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    since: i64,
    ended: Option<i64>,
}

/// A state, and since when it is so, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The state.
    pub word: StateWord,
    /// Since when, where that is known.
    pub since: Option<i64>,
}

impl Standing {
    /// How things stood at a time, microseconds.
    #[must_use]
    pub fn at(&self, time: i64) -> Found {
        let passed = |end: Option<i64>| end.filter(|end| *end <= time);
        let found = |word, since| Found { word, since };
        if self.state == SealState::Cancelled && !self.superseded {
            match self.ended.or(self.updated) {
                None => return found(StateWord::Cancelled, None),
                Some(end) if end <= time => return found(StateWord::Cancelled, Some(end)),
                Some(_) => {}
            }
        }
        if let (true, Some(end)) = (self.superseded, passed(self.ended)) {
            return found(StateWord::Superseded, Some(end));
        }
        // Times of signing are whole seconds: what was signed in the second the seal began in was signed with it.
        let second = |micros: i64| micros.div_euclid(1_000_000);
        if self.valid_from.is_some_and(|from| second(time) < second(from)) {
            return found(StateWord::NotYetValid, None);
        }
        // And what was signed in the second a pause ended in, with a seal that was in use again. In the second it began in
        // a seal counts as out of use only from that very moment on.
        let covers =
            |pause: &&Pause| pause.since <= time && pause.ended.is_none_or(|end| second(time) < second(end));
        if let Some(pause) = self.pauses.iter().find(covers) {
            return found(StateWord::Suspended, Some(pause.since));
        }
        // Suspended before pauses were kept: since when exactly, nobody wrote down.
        if self.state == SealState::Suspended && self.pauses.is_empty() {
            match self.updated {
                None => return found(StateWord::Suspended, None),
                Some(updated) if updated <= time => return found(StateWord::Suspended, Some(updated)),
                Some(_) => {}
            }
        }
        match passed(self.valid_to) {
            Some(end) => found(StateWord::Expired, Some(end)),
            None => found(StateWord::Active, self.valid_from),
        }
    }

    /// Whether it is a person's own seal, whose name is that of a natural person.
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.kind == Some(SealKind::Personal)
    }
}

/// The newest version of a seal that fits, with what its record says.
macro_rules! versions_where {
    ($condition:literal) => {
        concat!(
            "SELECT s.id AS seal, s.code, v.name, o.name AS organisation, s.kind, v.number, v.state AS version_state, \
             v.certificate, v.eseal, v.valid_from, v.valid_to, s.state, s.updated, v.ended_at, \
             (SELECT MIN(w.valid_from) FROM seal_versions w WHERE w.seal = v.seal AND w.certificate = v.certificate) \
             AS first_from FROM seal_versions v JOIN seals s ON s.id = v.seal JOIN organisations o ON o.id = s.organisation WHERE ",
            $condition,
            " ORDER BY v.number DESC LIMIT 1"
        )
    };
}

/// Looks a seal up.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, by: By<'_>) -> Result<Option<Standing>, StoreError> {
    let (sql, value) = match by {
        By::Code(code) => (versions_where!("s.code = $1 AND v.number = s.number"), code),
        By::Certificate(certificate) => (versions_where!("v.certificate = $1"), certificate),
        By::Seal(digest) => (versions_where!("v.eseal_digest = $1"), digest),
    };
    let found = match db.fetch_optional(sql, &[value.into()]).await? {
        Some(found) => found,
        None => match by {
            By::Certificate(certificate) => match older(db, certificate).await? {
                Some(found) => found,
                None => return Ok(None),
            },
            By::Code(_) | By::Seal(_) => return Ok(None),
        },
    };
    let mut standing = standing(&found)?;
    if matches!(by, By::Certificate(_)) {
        // A change may keep the certificate: what was signed with it before belongs to a version before.
        standing.valid_from = found.opt_int("first_from")?.or(standing.valid_from);
    }
    let sql = "SELECT since, ended FROM seal_pauses WHERE seal = $1 ORDER BY since DESC LIMIT 256";
    for pause in db.fetch_all(sql, &[standing.seal.as_str().into()]).await? {
        standing.pauses.push(Pause { since: pause.int("since")?, ended: pause.opt_int("ended")? });
    }
    Ok(Some(standing))
}

/// A seal from before there were versions, by its certificate.
async fn older(db: &Db, certificate: &str) -> Result<Option<Record>, StoreError> {
    let sql = "SELECT s.id AS seal, s.code, s.name, o.name AS organisation, s.kind, s.number, 'active' AS version_state, \
               s.certificate, NULL AS eseal, s.valid_from, s.valid_to, s.state, s.updated, NULL AS ended_at, \
               s.valid_from AS first_from FROM seals s JOIN organisations o ON o.id = s.organisation \
               WHERE s.certificate = $1 ORDER BY s.id LIMIT 1";
    db.fetch_optional(sql, &[certificate.into()]).await
}

fn standing(record: &Record) -> Result<Standing, StoreError> {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    Ok(Standing {
        seal: record.text("seal")?.to_owned(),
        code: owned(record.opt_text("code")?),
        name: record.text("name")?.to_owned(),
        organisation: record.text("organisation")?.to_owned(),
        kind: record.opt_int("kind")?.and_then(SealKind::of_number),
        number: record.opt_int("number")?,
        superseded: record.text("version_state")? == "superseded",
        certificate: record.text("certificate")?.to_owned(),
        eseal: record.opt_bytes("eseal")?.map(<[u8]>::to_vec),
        valid_from: record.opt_int("valid_from")?,
        valid_to: record.opt_int("valid_to")?,
        // A word this program does not know is no word of permission.
        state: SealState::parse(record.text("state")?).unwrap_or(SealState::Suspended),
        updated: record.opt_int("updated")?,
        ended: record.opt_int("ended_at")?,
        pauses: Vec::new(),
    })
}

/// The row of a pause that begins now.
#[must_use]
pub fn pause(seal: &str, ground: Option<&str>, now: i64) -> Row {
    Row::new(&SEAL_PAUSES, vec![Value::Null; SEAL_PAUSES.columns.len()])
        .with("id", format!("{seal}.{now}"))
        .with("version", 1)
        .with("seal", seal)
        .with("ground", ground)
        .with("since", now)
}

/// Adds to a unit that takes a seal from one stored state into another what is to be told of it later: the beginning of a
/// pause, or its end.
///
/// # Errors
/// [`StoreError`].
pub async fn turned(
    db: &Db,
    unit: Unit,
    seal: &str,
    (from, to): (Option<SealState>, SealState),
    ground: Option<&str>,
    now: i64,
) -> Result<Unit, StoreError> {
    let paused = |state| state == SealState::Suspended;
    match (from.is_some_and(paused), paused(to)) {
        (false, true) => Ok(unit.insert(pause(seal, ground, now))),
        (true, false) => {
            let sql =
                "SELECT id FROM seal_pauses WHERE seal = $1 AND ended IS NULL ORDER BY since DESC LIMIT 1";
            let Some(open) = db.fetch_optional(sql, &[seal.into()]).await? else { return Ok(unit) };
            let row = db.row(&SEAL_PAUSES, open.text("id")?).await?;
            Ok(row.into_iter().fold(unit, |unit, row| unit.update(row.next_version().with("ended", now))))
        }
        _ => Ok(unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn seal() -> Standing {
        Standing {
            seal: "bureau".into(),
            code: Some("37030000001721".into()),
            name: "示例局".into(),
            organisation: "示例局".into(),
            kind: Some(SealKind::Business),
            number: Some(1),
            superseded: false,
            certificate: String::new(),
            eseal: None,
            valid_from: Some(10 * DAY),
            valid_to: Some(100 * DAY),
            state: SealState::Active,
            updated: Some(10 * DAY),
            ended: None,
            pauses: Vec::new(),
        }
    }

    fn words(seal: &Standing, days: [i64; 4]) -> [StateWord; 4] {
        days.map(|day| seal.at(day * DAY).word)
    }

    #[test]
    fn each_time_has_the_state_it_had() {
        use StateWord::{Active, Cancelled, Expired, NotYetValid, Superseded, Suspended};
        assert_eq!(words(&seal(), [9, 10, 99, 101]), [NotYetValid, Active, Active, Expired]);
        let paused = |ended| Pause { since: 20 * DAY, ended };
        let resumed = Standing { pauses: vec![paused(Some(30 * DAY))], ..seal() };
        assert_eq!(words(&resumed, [19, 20, 29, 30]), [Active, Suspended, Suspended, Active]);
        let out = Standing { state: SealState::Suspended, pauses: vec![paused(None)], ..seal() };
        assert_eq!(words(&out, [19, 20, 99, 200]), [Active, Suspended, Suspended, Suspended]);
        assert_eq!(out.at(50 * DAY).since, Some(20 * DAY));
        let ended = Standing { state: SealState::Cancelled, ended: Some(40 * DAY), ..resumed.clone() };
        assert_eq!(words(&ended, [25, 39, 40, 101]), [Suspended, Active, Cancelled, Cancelled]);
        let replaced = Standing { superseded: true, ended: Some(40 * DAY), ..seal() };
        assert_eq!(words(&replaced, [9, 39, 40, 101]), [NotYetValid, Active, Superseded, Superseded]);
        // Replaced, and the newer version cancelled later: this one was replaced.
        let both = Standing { state: SealState::Cancelled, ..replaced };
        assert_eq!(words(&both, [9, 39, 40, 101]), [NotYetValid, Active, Superseded, Superseded]);
    }

    #[test]
    fn what_was_signed_in_the_second_a_pause_ended_in_was_signed_after_it() {
        let second = 1_000_000;
        let ended = 30 * DAY + 400_000;
        let paused = vec![Pause { since: 20 * DAY + 700_000, ended: Some(ended) }];
        let resumed = Standing { pauses: paused, ..seal() };
        let word = |time| resumed.at(time).word;
        assert_eq!(word(30 * DAY), StateWord::Active, "a time of signing has no fractions");
        assert_eq!(word(30 * DAY - second), StateWord::Suspended);
        assert_eq!(word(20 * DAY), StateWord::Active);
        assert_eq!(word(20 * DAY + second), StateWord::Suspended);
    }

    #[test]
    fn what_an_older_seal_does_not_say_is_not_guessed_in_its_favour() {
        let older = Standing { valid_from: None, valid_to: None, updated: None, ..seal() };
        assert_eq!(older.at(0), Found { word: StateWord::Active, since: None });
        let out = Standing { state: SealState::Suspended, ..older.clone() };
        assert_eq!(out.at(0), Found { word: StateWord::Suspended, since: None });
        let gone = Standing { state: SealState::Cancelled, ..older };
        assert_eq!(gone.at(0), Found { word: StateWord::Cancelled, since: None });
    }
}
