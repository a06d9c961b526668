//! Whether a claim meets what a rule says without asking anybody: who, what, when, and whether the document is shown.

use jiff::Timestamp;

use super::error::Condition;
use super::model::Terms;
use crate::identity::Caller;

/// What is claimed, as far as rules look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Who wants to use the seal.
    pub caller: &'a Caller,
    /// Code of the service item.
    pub item: Option<&'a str>,
    /// Kind of the document.
    pub document_kind: Option<&'a str>,
    /// Nobody here sees the document.
    pub blind: bool,
    /// Microseconds since the Unix epoch.
    pub now: i64,
}

/// The first condition that is not met, in the order of [`Condition`]. Counters and approvals are not looked at.
pub(super) fn judged(terms: &Terms, asked: &Asked<'_>) -> Result<(), Condition> {
    if !who(terms, asked.caller) {
        return Err(Condition::Who);
    }
    if !listed(&terms.items, asked.item) {
        return Err(Condition::Item { given: asked.item.is_some() });
    }
    if !listed(&terms.document_kinds, asked.document_kind) {
        return Err(Condition::DocumentKind { given: asked.document_kind.is_some() });
    }
    let before = |moment: &Timestamp| asked.now < moment.as_microsecond();
    if let Some(from) = terms.from.filter(before) {
        return Err(Condition::Early { from: from.to_string() });
    }
    if let Some(to) = terms.to.filter(|moment| !before(moment)) {
        return Err(Condition::Late { to: to.to_string() });
    }
    if asked.blind && terms.approval.is_some() {
        return Err(Condition::Blind);
    }
    Ok(())
}

fn who(terms: &Terms, caller: &Caller) -> bool {
    let named = terms.callers.is_empty() && terms.officers.is_empty()
        || terms.callers.contains(&caller.id)
        || terms.officers.contains(&caller.id);
    let role = terms.roles.is_empty() || terms.roles.iter().any(|role| caller.roles.contains(role));
    let organisation = terms.organisations.is_empty() || terms.organisations.contains(&caller.organisation);
    named && role && organisation
}

/// Whether a list that is empty admits everything, or names `word`.
fn listed(list: &[String], word: Option<&str>) -> bool {
    let names = |entry: &String| match entry.strip_suffix('*') {
        Some(beginning) => word.is_some_and(|word| word.starts_with(beginning)),
        None => word == Some(entry),
    };
    list.is_empty() || list.iter().any(names)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::model::Approval;
    use super::*;
    use crate::identity::{CallerKind, Registration, Role};

    fn caller() -> Arc<Caller> {
        let registration = Registration {
            id: "approvals".into(),
            kind: CallerKind::Machine,
            uri: String::new(),
            organisation: "bureau".into(),
            person: None,
            roles: vec![Role::Sealer],
            active: true,
        };
        Caller::new(&registration, "", "")
    }

    #[test]
    fn each_condition_is_met_or_named() {
        let caller = caller();
        let base = Asked {
            caller: &caller,
            item: Some("370300-1"),
            document_kind: Some("permit"),
            blind: false,
            now: 1_000_000,
        };
        let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let moment = |second| Timestamp::from_second(second).ok();
        let terms = Terms {
            callers: words(&["other", "approvals"]),
            roles: vec![Role::Sealer],
            organisations: words(&["bureau"]),
            items: words(&["9", "370300-*"]),
            document_kinds: words(&["permit"]),
            from: moment(1),
            to: moment(2),
            ..Terms::default()
        };
        assert_eq!(judged(&terms, &base), Ok(()));
        assert_eq!(judged(&Terms::default(), &Asked { item: None, ..base }), Ok(()), "nothing is asked for");
        for (change, failed) in [
            (Terms { callers: words(&["other"]), ..terms.clone() }, Condition::Who),
            (Terms { callers: Vec::new(), officers: words(&["other"]), ..terms.clone() }, Condition::Who),
            (Terms { roles: vec![Role::Verifier], ..terms.clone() }, Condition::Who),
            (Terms { organisations: words(&["else"]), ..terms.clone() }, Condition::Who),
            (Terms { items: words(&["370300"]), ..terms.clone() }, Condition::Item { given: true }),
            (
                Terms { document_kinds: words(&["notice"]), ..terms.clone() },
                Condition::DocumentKind { given: true },
            ),
            (
                Terms { from: moment(2), to: None, ..terms.clone() },
                Condition::Early { from: "1970-01-01T00:00:02Z".into() },
            ),
            (
                Terms { from: None, to: moment(1), ..terms.clone() },
                Condition::Late { to: "1970-01-01T00:00:01Z".into() },
            ),
        ] {
            assert_eq!(judged(&change, &base), Err(failed), "{change:?}");
        }
        let named = Terms { officers: words(&["approvals"]), callers: words(&["other"]), ..terms.clone() };
        assert_eq!(judged(&named, &base), Ok(()), "one of either list");
        assert_eq!(judged(&terms, &Asked { item: None, ..base }), Err(Condition::Item { given: false }));
        let approval = Some(Approval { needed: 1, officers: words(&["o"]), hours: 1 });
        let bound = Terms { approval, ..terms };
        assert_eq!(judged(&bound, &Asked { blind: true, ..base }), Err(Condition::Blind));
        assert_eq!(judged(&bound, &base), Ok(()), "approvals are counted elsewhere");
    }
}
