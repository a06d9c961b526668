//! Operations that make a new version: the old one is kept and marked superseded, with everything that was made of it.
//!
//! The old version's entry in the status list turns invalid and the new one gets an entry of its own, so that a credential of
//! the old version does not pass for a licence that says something else by now.

use std::sync::Arc;

use jiff::civil::Date;
use licence::catalogue::Validity;
use licence::identifier::Identifier;
use licence::life::{Life, Operation, Renewed};
use serde_json::{Map, Value};

use super::order::Checked;
use super::service::{Before, Done, Hand, day_of, event, facts, kept, status as turned};
use super::{LifeError, Order};
use crate::app::{App, Unsealed};
use crate::documents::replay::ReplayKey;
use crate::journal::Unit;
use crate::licences::catalogue::{self, Published};
use crate::licences::issue::IssueError;
use crate::licences::issue::version::{self, Made, Parts};
use crate::licences::library::{self, Content, LibraryError, Version, records};
use crate::licences::status;
use crate::store::Row;

/// Carries out an operation that makes a version.
///
/// # Errors
/// [`LifeError`]; nothing was then done, an unknown outcome excepted.
pub(super) async fn carry_out(
    app: &Arc<App>,
    unsealed: &Unsealed,
    hand: &Hand,
    before: &Before,
    checked: &Checked,
    replay: Option<&ReplayKey>,
) -> Result<Done, LifeError> {
    // Refused before anything is rendered: a state or a type that does not allow it, fields that do not fit.
    let kind = catalogue::in_force(app, before.licence.type_code()).await?;
    let identifier = before.licence.identifier();
    let missing = || LibraryError::Unknown { what: "version of a licence", id: identifier.to_owned() };
    let old = records::version(&app.db, identifier).await?.ok_or_else(missing)?;
    let content = library::opened_content(&library::data_key(unsealed, &before.licence)?, &old)?;
    let next = Next::of(&kind, before, checked, &content)?;
    let mut tried = 0;
    loop {
        tried += 1;
        let drawn = next.draw(app, unsealed, hand, &kind, before, checked, &content).await?;
        match drawn.commit(app, unsealed, hand, before, checked, &old, &next, replay).await {
            // The seal was changed since it was made ready, on another node perhaps: it is looked at once more.
            Err(LifeError::Issue(error)) if error.is_stale() && tried < TRIES => {}
            done => return done,
        }
    }
}

/// What the new version is to say.
struct Next {
    life: Life,
    identifier: Identifier,
    fields: Map<String, Value>,
    holder_kind: String,
}

/// The new version, made and not on record yet.
struct Drawn {
    made: Made,
    entry: status::Entry,
}

impl Next {
    fn of(
        kind: &Arc<Published>,
        before: &Before,
        checked: &Checked,
        content: &Content,
    ) -> Result<Self, LifeError> {
        let (operation, order) = (checked.operation, &checked.order);
        let fields = merged(&content.fields, order.fields.as_ref());
        let (fields, holder) = version::checked(kind, fields)?;
        if !same_holder(content, &holder) {
            return Err(LifeError::OtherHolder);
        }
        let same = fields == content.fields && order.valid_from.is_none() && order.holder_key.is_none();
        if same && matches!(operation, Operation::Change | Operation::Correct) {
            return Err(LifeError::Nothing);
        }
        let now = before.now.div_euclid(1_000_000);
        // First whether it is allowed at all: whoever renews what is suspended is told so, and not about days.
        before.life.allows(operation, &before.rules.operations, now)?;
        let (valid_from, valid_to) = term(kind, before, operation, order, &fields)?;
        let time = Renewed { valid_from, valid_to };
        let life = before.life.apply(operation, &before.rules.operations, Some(time), now)?;
        let present =
            Identifier::parse(before.licence.identifier()).map_err(crate::problem::Problem::internal)?;
        let identifier =
            present.identifier.in_version(life.number).map_err(crate::problem::Problem::internal)?;
        Ok(Self { life, identifier, fields, holder_kind: holder.kind })
    }

    #[expect(clippy::too_many_arguments, reason = "what the version is made of, each of its own kind")]
    async fn draw(
        &self,
        app: &Arc<App>,
        unsealed: &Unsealed,
        hand: &Hand,
        kind: &Arc<Published>,
        before: &Before,
        checked: &Checked,
        content: &Content,
    ) -> Result<Drawn, LifeError> {
        let order = &checked.order;
        let issuer = version::issuer(app, unsealed, kind, before.licence.organisation()).await?;
        if issuer.code != self.identifier.issuer() {
            // The seal and the credential would say of another body's number that this one answers for it.
            let found = self.identifier.issuer().to_owned();
            return Err(LifeError::OtherIssuer { found, expected: issuer.code });
        }
        let entry = status::allocate(app, unsealed).await.map_err(crate::problem::Problem::from)?;
        let key = library::data_key(unsealed, &before.licence)?;
        let parts = Parts {
            kind,
            identifier: &self.identifier,
            issuer: &issuer,
            fields: &self.fields,
            validity: (self.life.valid_from, self.life.valid_to),
            status: Some((entry.list, entry.index)),
            key: &key,
            holder_key: order.holder_key.as_ref().or(content.holder_key.as_ref()),
            operation: checked.operation,
            basis: order.basis.as_deref(),
            item: order.item.as_deref(),
            case_number: order.case_number.as_deref(),
            indexed: records::holders(&app.db, before.licence.id()).await?,
            now: before.now,
        };
        let made = version::make(app, unsealed, &hand.caller, parts).await?;
        Ok(Drawn { made, entry })
    }
}

impl Drawn {
    #[expect(clippy::too_many_arguments, reason = "the parts of one act, each of its own kind")]
    async fn commit(
        self,
        app: &Arc<App>,
        unsealed: &Unsealed,
        hand: &Hand,
        before: &Before,
        checked: &Checked,
        old: &Version,
        next: &Next,
        replay: Option<&ReplayKey>,
    ) -> Result<Done, LifeError> {
        let (made, life, now) = (&self.made, next.life, before.now);
        let row = self.licence_row(before, next);
        let event = event(unsealed, hand, before, checked, life.state, made.identifier())?;
        let superseded = old.row.clone().next_version().with("state", "superseded").with("ended", now);
        let former = turned(app, &before.licence, INVALID, now).await?;
        let entry = status::row(&self.entry, before.licence.id(), life.state.status_value(), now);
        let mut said = made.facts();
        if let (Some(members), Value::Object(more)) =
            (said.as_object_mut(), facts(before, checked, life, made.identifier()))
        {
            members.extend(more);
            members.insert("supersedes".to_owned(), old.identifier().into());
        }
        let kept = replay.map(|key| kept(app, unsealed, key, &event, now)).transpose()?;
        let principal = || {
            let unit = Unit::new(hand.act.clone())
                .facts(said.clone())
                .update(row.clone())
                .update(superseded.clone())
                .insert(event.clone())
                .insert(entry.clone());
            former.iter().cloned().fold(unit, Unit::update)
        };
        let more = |unit: Unit| kept.iter().cloned().fold(unit, Unit::cache_insert);
        let committed = made.commit(app, unsealed, &hand.caller, &hand.act, principal, more).await?;
        Ok(Done { row, event, committed })
    }

    fn licence_row(&self, before: &Before, next: &Next) -> Row {
        let life = next.life;
        before
            .licence
            .row
            .clone()
            .next_version()
            .with("type_number", self.made.version.value("type_number").clone())
            .with("number", i64::from(life.number))
            .with("identifier", self.made.identifier())
            .with("holder_kind", next.holder_kind.as_str())
            .with("state", life.state.as_str())
            .with("ground", None::<&str>)
            .with("valid_from", life.valid_from)
            .with("valid_to", life.valid_to)
            .with("status_list", self.entry.list)
            .with("status_index", self.entry.index)
            .with("updated", before.now)
    }
}

/// Whether the licence stays whose it is. Its agents, the key its credential is bound to, codes that were given out and the
/// list of who looked are all one holder's: none of it may pass to another, who is issued a licence of their own.
fn same_holder(content: &Content, holder: &licence::catalogue::Holder) -> bool {
    let of = |number: &str| library::holder::normalised(number);
    content.holder.kind == holder.kind && of(&content.holder.number) == of(&holder.number)
}

/// The fields with what differs; `null` takes one away.
fn merged(present: &Map<String, Value>, differ: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut fields = present.clone();
    for (name, value) in differ.into_iter().flatten() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields
}

/// From when until when the new version holds. A renewal counts anew; everything else keeps the term, unless a field of the
/// licence says when it ends.
fn term(
    kind: &Arc<Published>,
    before: &Before,
    operation: Operation,
    order: &Order,
    fields: &Map<String, Value>,
) -> Result<(i64, Option<i64>), LifeError> {
    let today = day_of(before.now.div_euclid(1_000_000));
    let counted = |from: Date| {
        let fault = |fault| LifeError::Issue(Box::new(IssueError::Fields(vec![fault])));
        kind.compiled.validity(from, fields).map_err(fault)
    };
    let by_field = matches!(kind.compiled.definition().validity, Validity::Field { .. });
    match (operation, order.valid_from) {
        (Operation::Renew | Operation::Correct, Some(from)) if from > today => Err(LifeError::Later),
        (Operation::Renew, from) => counted(from.unwrap_or(today)),
        (Operation::Correct, Some(from)) => counted(from),
        _ if by_field => counted(day_of(before.life.valid_from)),
        _ => Ok((before.life.valid_from, before.life.valid_to)),
    }
}

/// What a status list says of a version that is not the present one.
const INVALID: u8 = 1;
/// How often a version is made anew where its seal has changed.
const TRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_takes_the_place_of_what_was_and_null_takes_away() {
        let of = |value: Value| value.as_object().unwrap().clone();
        let present = of(json!({ "name": "示例餐饮店", "scope": ["热食"], "remark": "无" }));
        let differ = of(json!({ "scope": ["热食", "冷食"], "remark": null, "manager": "示例" }));
        let merged = merged(&present, Some(&differ));
        assert_eq!(merged, of(json!({ "name": "示例餐饮店", "scope": ["热食", "冷食"], "manager": "示例" })));
        assert_eq!(super::merged(&present, None), present);
    }
}
