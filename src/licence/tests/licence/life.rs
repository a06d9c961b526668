//! The life of licences: the whole table, and what holds of every sequence of operations.

use cinnabar_licence::life::{
    Ground, Life, MAX_NUMBER, OPERATIONS, Operation, Refusal, Renewed, ResultCode, State,
};
use proptest::prelude::*;

const DAY: i64 = 86_400;

/// The table as it is read by people: operation, states it is allowed in, state afterwards, makes a version.
const TABLE: [(&str, &str, &str, bool); 14] = [
    ("issue", "", "active", true),
    ("import", "", "active", true),
    ("change", "active", "active", true),
    ("renew", "active expired", "active", true),
    ("correct", "active", "active", true),
    ("check", "active", "active", false),
    ("report-loss", "active", "lost", false),
    ("reissue", "active lost", "active", true),
    ("suspend", "active lost", "suspended", false),
    ("resume", "suspended lost", "active", false),
    ("cancel", "active suspended lost expired", "cancelled", false),
    ("revoke", "active suspended lost expired", "revoked", false),
    ("withdraw", "active suspended lost expired", "withdrawn", false),
    ("transfer", "active", "transferred", false),
];

fn life(state: State) -> Life {
    Life { state, number: 1, valid_from: 0, valid_to: Some(100 * DAY) }
}

#[test]
fn every_operation_in_every_state_is_as_the_table_says() {
    assert_eq!(OPERATIONS.len(), TABLE.len());
    for (word, from, to, version) in TABLE {
        let operation = Operation::parse(word).unwrap();
        let rule = operation.rule();
        assert_eq!(rule.operation, operation, "the table's lines stand in the order of the operations");
        assert_eq!(operation.makes_version(), version, "{word}");
        for state in State::ALL {
            let expected =
                from.split(' ').any(|word| word == state.as_str()).then(|| State::parse(to).unwrap());
            assert_eq!(state.after(operation), expected, "{word} in {}", state.as_str());
        }
    }
}

#[test]
fn words_are_read_as_they_are_written_and_say_the_same_as_the_json() {
    for state in State::ALL {
        assert_eq!(State::parse(state.as_str()), Some(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    for operation in Operation::ALL {
        assert_eq!(Operation::parse(operation.as_str()), Some(operation));
        assert_eq!(serde_json::to_value(operation).unwrap(), operation.as_str());
    }
    for ground in Ground::ALL {
        assert_eq!(Ground::parse(ground.as_str()), Some(ground));
        assert_eq!(serde_json::to_value(ground).unwrap(), ground.as_str());
    }
    for code in ResultCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.number());
        assert!(!code.word_zh().is_ascii() && code.word_en().is_ascii());
    }
}

#[test]
fn no_two_states_or_operations_or_grounds_share_a_word() {
    fn distinct(words: impl Iterator<Item = &'static str>, count: usize) {
        let words: std::collections::BTreeSet<_> = words.collect();
        assert_eq!(words.len(), count, "{words:?}");
        assert!(words.iter().all(|word| !word.is_empty()));
    }
    distinct(State::ALL.iter().map(|state| state.word_zh()), 8);
    distinct(State::ALL.iter().map(|state| state.word_en()), 8);
    distinct(Operation::ALL.iter().map(|operation| operation.word_zh()), 14);
    distinct(Operation::ALL.iter().map(|operation| operation.word_en()), 14);
    distinct(Ground::ALL.iter().map(|ground| ground.word_zh()), 17);
    distinct(Ground::ALL.iter().map(|ground| ground.word_en()), 17);
}

#[test]
fn the_ministrys_words_are_used() {
    let words: Vec<_> = State::ALL.iter().map(|state| state.word_zh()).collect();
    for word in ["有效", "暂扣", "撤销", "注销", "失效", "转出", "吊销", "挂失"] {
        assert!(words.contains(&word), "{word}");
    }
}

#[test]
fn a_licence_holds_to_the_end_of_its_last_second() {
    let end = Some(1_000);
    assert_eq!(State::Active.at(end, 1_000), State::Active);
    assert_eq!(State::Active.at(end, 1_001), State::Expired);
    assert_eq!(State::Active.at(None, i64::MAX), State::Active);
    for state in State::ALL.into_iter().filter(|state| *state != State::Active) {
        assert_eq!(state.at(end, 1_001), state, "only what is active expires");
    }
}

#[test]
fn result_codes_are_those_of_the_shared_interface() {
    let (from, end) = (100, Some(200));
    let code = |state: State, now| state.result_code(from, end, now).number();
    assert_eq!(code(State::Active, 99), 1);
    assert_eq!(code(State::Active, 100), 0);
    assert_eq!(code(State::Active, 200), 0);
    assert_eq!(code(State::Active, 201), 3);
    for held in [State::Suspended, State::Lost] {
        assert_eq!([code(held, 99), code(held, 150), code(held, 201)], [2, 2, 3]);
    }
    for ended in State::ALL.into_iter().filter(|state| state.has_ended()) {
        assert_eq!([code(ended, 99), code(ended, 150), code(ended, 201)], [3, 3, 3]);
    }
    assert_eq!(State::Expired.result_code(from, None, 150), ResultCode::Void);
}

#[test]
fn a_status_list_says_valid_of_nothing_that_is_held_back_or_over() {
    for state in State::ALL {
        let value = state.status_value();
        let expected = match state.result_code(0, None, 1) {
            ResultCode::Valid => 0,
            ResultCode::Suspended => 2,
            // The credential has its end in itself.
            ResultCode::Void if state == State::Expired => 0,
            _ => 1,
        };
        assert_eq!(value, expected, "{state:?}");
    }
}

#[test]
fn each_ground_is_of_some_operation_and_each_operation_that_needs_one_has_several() {
    for ground in Ground::ALL {
        assert!(Operation::ALL.into_iter().any(|operation| ground.fits(operation)), "{ground:?}");
    }
    for operation in Operation::ALL {
        assert_eq!(operation.needs_ground(), Ground::of(operation).count() > 1, "{operation:?}");
        assert_eq!(operation.needs_ground(), Ground::Other.fits(operation), "{operation:?}");
        assert!(!operation.needs_ground() || operation.needs_reason(), "a ground never stands alone");
    }
}

#[test]
fn what_takes_rights_away_names_its_legal_basis() {
    for operation in [Operation::Suspend, Operation::Cancel, Operation::Revoke, Operation::Withdraw] {
        assert!(operation.needs_basis() && operation.needs_reason() && operation.needs_ground());
    }
    assert!(!Operation::Check.needs_reason() && !Operation::Renew.needs_reason());
}

#[test]
fn an_operation_that_the_type_does_not_list_is_refused_and_resuming_goes_with_what_it_lifts() {
    for operation in Operation::ALL {
        let allowed = operation.allowed_by(&[]);
        assert_eq!(allowed, operation == Operation::Issue, "{operation:?}");
        assert!(operation.allowed_by(&[operation]));
    }
    assert!(Operation::Resume.allowed_by(&[Operation::Suspend]));
    assert!(Operation::Resume.allowed_by(&[Operation::ReportLoss]));
    assert!(!Operation::Resume.allowed_by(&[Operation::Cancel]));
    let refused = life(State::Active).apply(Operation::Change, &[Operation::Renew], None, DAY);
    assert_eq!(refused, Err(Refusal::NotOfType(Operation::Change)));
}

#[test]
fn what_has_expired_is_renewed_cancelled_revoked_or_withdrawn_and_nothing_else() {
    let now = 101 * DAY;
    let later = Some(Renewed { valid_from: now, valid_to: Some(200 * DAY) });
    let taken: Vec<_> = Operation::ALL
        .into_iter()
        .filter(|one| life(State::Active).apply(*one, &Operation::ALL, later, now).is_ok())
        .map(Operation::as_str)
        .collect();
    assert_eq!(taken, ["renew", "cancel", "revoke", "withdraw"]);
}

#[test]
fn a_renewal_ends_later_and_in_time_to_come() {
    let renew = |life: Life, valid_to, now| {
        life.apply(Operation::Renew, &Operation::ALL, Some(Renewed { valid_from: 0, valid_to }), now)
    };
    let one = life(State::Active);
    assert_eq!(renew(one, Some(100 * DAY), DAY), Err(Refusal::NotLater));
    assert_eq!(renew(one, Some(150 * DAY), 160 * DAY), Err(Refusal::Over));
    assert_eq!(renew(one, Some(150 * DAY), 120 * DAY).unwrap().state, State::Active);
    assert_eq!(renew(one, None, DAY).unwrap().valid_to, None);
    let endless = Life { valid_to: None, ..one };
    assert_eq!(renew(endless, None, DAY), Err(Refusal::NotLater), "what has no end needs no renewal");
    assert_eq!(one.apply(Operation::Renew, &Operation::ALL, None, DAY), Err(Refusal::NotLater));
}

#[test]
fn the_last_version_number_is_the_last() {
    let full = Life { number: MAX_NUMBER, ..life(State::Active) };
    for operation in Operation::ALL.into_iter().filter(|one| !one.begins()) {
        let refused =
            full.apply(operation, &Operation::ALL, Some(Renewed { valid_from: 0, valid_to: None }), DAY);
        if operation.makes_version() {
            assert_eq!(refused, Err(Refusal::NoNumberLeft), "{operation:?}");
        } else {
            assert_ne!(refused, Err(Refusal::NoNumberLeft), "{operation:?}");
        }
    }
}

#[test]
fn a_refusal_says_what_may_be_done_instead() {
    let refused = life(State::Suspended).apply(Operation::Change, &Operation::ALL, None, DAY).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a licence that is suspended takes no `change`; it takes: resume, cancel, revoke, withdraw"
    );
    let refused = life(State::Revoked).apply(Operation::Resume, &Operation::ALL, None, DAY).unwrap_err();
    assert!(refused.to_string().ends_with("nothing more, it has ended"), "{refused}");
}

fn operation() -> impl Strategy<Value = Operation> {
    proptest::sample::select(Operation::ALL.to_vec())
}

/// An operation, how many days later it is done, and until when what it makes is to hold.
fn step() -> impl Strategy<Value = (Operation, i64, Option<i64>)> {
    (operation(), 0..40_i64, proptest::option::weighted(0.9, 0..400_i64))
}

proptest! {
    #[test]
    fn nothing_that_anyone_does_revives_what_has_ended(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut now, mut one, mut ended) = (0, life(State::Active), None);
        for (operation, days, end) in steps {
            now += days * DAY;
            let time = Some(Renewed { valid_from: now, valid_to: end.map(|days| now + days * DAY) });
            if let Ok(next) = one.apply(operation, &Operation::ALL, time, now) {
                prop_assert_eq!(ended, None, "{:?} came after the end", operation);
                one = next;
                ended = one.state.has_ended().then_some(one.state);
                prop_assert_eq!(ended.is_some(), operation.ends());
            } else if let Some(ended) = ended {
                prop_assert_eq!(one.state, ended);
            }
        }
    }

    #[test]
    fn version_numbers_only_grow_and_by_one_for_each_version(steps in proptest::collection::vec(step(), 1..60)) {
        let (mut now, mut one) = (0, life(State::Active));
        for (operation, days, end) in steps {
            now += days * DAY;
            let time = Some(Renewed { valid_from: now, valid_to: end.map(|days| now + days * DAY) });
            let Ok(next) = one.apply(operation, &Operation::ALL, time, now) else { continue };
            prop_assert_eq!(next.number, one.number + u16::from(operation.makes_version()));
            prop_assert!(next.state.is_stored(), "what is computed is never stored");
            if !operation.makes_version() {
                prop_assert_eq!((next.valid_from, next.valid_to), (one.valid_from, one.valid_to));
            }
            one = next;
        }
        prop_assert!(one.number <= MAX_NUMBER);
    }

    #[test]
    fn what_the_answer_calls_valid_may_be_shown_and_is_active(steps in proptest::collection::vec(step(), 1..60), later in 0..4000_i64) {
        let (mut now, mut one) = (0, life(State::Active));
        for (operation, days, end) in steps {
            now += days * DAY;
            let time = Some(Renewed { valid_from: now, valid_to: end.map(|days| now + days * DAY) });
            one = one.apply(operation, &Operation::ALL, time, now).unwrap_or(one);
        }
        now += later * DAY;
        let code = one.state.result_code(one.valid_from, one.valid_to, now);
        let seen = one.seen(now);
        prop_assert_eq!(code == ResultCode::Valid, seen == State::Active);
        prop_assert!(seen != State::Active || one.state.status_value() == 0);
        prop_assert!(!seen.has_ended() || code == ResultCode::Void);
    }

    #[test]
    fn a_type_that_lists_less_allows_less(listed in proptest::collection::vec(operation(), 0..8), wanted in operation(), state in proptest::sample::select(State::ALL.to_vec())) {
        let time = Some(Renewed { valid_from: 0, valid_to: Some(500 * DAY) });
        let some = life(state).apply(wanted, &listed, time, DAY);
        let all = life(state).apply(wanted, &Operation::ALL, time, DAY);
        prop_assert!(some.is_err() || all.is_ok());
        if some.is_ok() {
            prop_assert_eq!(some, all);
        }
    }
}
