//! Random operations by random actors on a real appliance, beside the pure rules: nothing is done that they forbid, nothing
//! forbidden that they allow, and every step has its event, its entry and its status.

use licence::life::{Life, Refusal, Renewed};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Own,
    Stranger,
    Officer,
    Auditor,
}

/// What is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Done,
    Forbidden,
    Conflict,
    Unsound,
}

impl Actor {
    fn may(self, operation: Operation) -> bool {
        let for_ever = matches!(operation, Operation::Revoke | Operation::Withdraw);
        match self {
            Self::Own => !for_ever,
            Self::Officer => for_ever || matches!(operation, Operation::Suspend | Operation::Resume),
            Self::Stranger | Self::Auditor => false,
        }
    }
}

/// What the rules say of one licence.
#[derive(Debug, Clone)]
struct Model {
    life: Life,
    /// Suspended by an officer: no machine lifts it.
    stopped: bool,
    steps: Vec<&'static str>,
}

fn moves() -> impl Strategy<Value = Vec<(Actor, Operation, usize)>> {
    let actor = prop_oneof![
        8 => Just(Actor::Own), 1 => Just(Actor::Stranger), 4 => Just(Actor::Officer), 1 => Just(Actor::Auditor),
    ];
    // What ends it comes seldom, or every walk would be short.
    let operation = prop_oneof![
        6 => Just(Operation::Suspend), 8 => Just(Operation::Resume), 4 => Just(Operation::ReportLoss),
        1 => Just(Operation::Cancel), 1 => Just(Operation::Revoke), 1 => Just(Operation::Withdraw),
        1 => Just(Operation::Transfer), 2 => Just(Operation::Change), 1 => Just(Operation::Correct),
        2 => Just(Operation::Reissue), 1 => Just(Operation::Renew),
    ];
    prop::collection::vec((actor, operation, 0_usize..3), 30..50)
}

#[test]
fn no_walk_does_what_the_rules_forbid_and_every_step_has_its_event_and_its_entry() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for office in runtime.block_on(offices()) {
        let config = Config { cases: 4, failure_persistence: None, max_shrink_iters: 4, ..Config::default() };
        let case = std::cell::Cell::new(0);
        TestRunner::new(config)
            .run(&moves(), |moves| {
                case.set(case.get() + 1);
                runtime.block_on(walk(&office, case.get(), &moves))
            })
            .unwrap();
        runtime.block_on(office.audited());
    }
}

async fn walk(office: &Office, case: u32, moves: &[(Actor, Operation, usize)]) -> Result<(), TestCaseError> {
    let house = &office.house;
    let from = house.app.unsealed().unwrap().journal.size();
    let mut walked = Vec::new();
    for licence in 0..3 {
        let id = office.import(&format!("2024{case:03}{licence:03}"), &json!({})).await;
        let valid_to = office.column(&id, "valid_to").await.as_int();
        let life = Life { state: State::Active, number: 1, valid_from: 0, valid_to };
        walked.push((id, Model { life, stopped: false, steps: vec!["licence.import"] }));
    }
    for (actor, operation, at) in moves {
        let (id, model) = &mut walked[*at];
        let who = match actor {
            Actor::Own => office.own.clone(),
            Actor::Stranger => office.stranger.clone(),
            Actor::Officer => house.officer(1),
            Actor::Auditor => house.officer(8),
        };
        let now = crate::house::now();
        // A renewed term is the type's five years from today, which is before the end that was brought.
        let time = Renewed { valid_from: now, valid_to: Some(now + 5 * 365 * 86_400) };
        let time = (*operation == Operation::Renew).then_some(time);
        let next = model.life.apply(*operation, &Operation::ALL, time, now);
        let lifts = matches!(operation, Operation::Resume | Operation::Cancel);
        let may = actor.may(*operation) && !(*actor == Actor::Own && lifts && model.stopped);
        let expected = match (may, &next) {
            (false, _) => Expected::Forbidden,
            (true, Err(Refusal::NotLater)) => Expected::Unsound,
            (true, Err(_)) => Expected::Conflict,
            (true, Ok(_)) => Expected::Done,
        };
        let mut body = said(*operation);
        if matches!(operation, Operation::Change | Operation::Correct) {
            body["fields"]["premises"] = format!("示例市示范区和平路{}号", model.steps.len()).into();
        }
        let answer = office.act(&who, id, *operation, &body).await;
        let met = match answer.status {
            200 => Expected::Done,
            403 => Expected::Forbidden,
            409 => Expected::Conflict,
            422 => Expected::Unsound,
            other => return Err(TestCaseError::fail(format!("{other} {:?}", answer.body))),
        };
        prop_assert_eq!(met, expected, "{} {:?} {:?} on {:?}", office.kind, actor, operation, model);
        if let (Expected::Done, Ok(next)) = (expected, next) {
            model.life = next;
            model.stopped = match next.state {
                State::Suspended if *operation == Operation::Suspend => *actor == Actor::Officer,
                State::Suspended => model.stopped,
                _ => false,
            };
            model.steps.push(match operation {
                Operation::Suspend => "licence.suspend",
                Operation::Resume => "licence.resume",
                Operation::ReportLoss => "licence.report-loss",
                Operation::Cancel => "licence.cancel",
                Operation::Revoke => "licence.revoke",
                Operation::Withdraw => "licence.withdraw",
                Operation::Change => "licence.change",
                Operation::Correct => "licence.correct",
                Operation::Reissue => "licence.reissue",
                _ => "licence.transfer",
            });
        }
        prop_assert_eq!(office.state(id).await, model.life.state);
        prop_assert_eq!(office.column(id, "number").await.as_int(), Some(i64::from(model.life.number)));
    }
    // The log has the steps of the model, in their order, and no others; so have the events.
    let entries = crate::seals::entries_from(house, from).await;
    for (id, model) in &walked {
        let about = entries.iter().filter(|entry| entry["facts"]["licence"] == json!(id));
        let about = about.filter(|entry| entry["action"] != "document.seal");
        let actions: Vec<&str> = about.map(|entry| entry["action"].as_str().unwrap()).collect();
        prop_assert_eq!(&actions, &model.steps, "{}", id);
        let events = office.events(id).await;
        let told: Vec<_> =
            events.iter().map(|e| format!("licence.{}", e["operation"].as_str().unwrap())).collect();
        prop_assert_eq!(&told, &model.steps);
        prop_assert_eq!(&events.last().unwrap()["after"], model.life.state.as_str());
        super::versions::consistent(office, id).await;
    }
    Ok(())
}
