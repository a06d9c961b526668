//! Random operations by random actors on a real appliance, beside the pure state machine: nothing is permitted that the
//! machine forbids, nothing forbidden that it permits, no seal is without its records, and no transition without its
//! entry.

use appliance::seals::state::{ApplicationState, Intervention, Operation, SealState, Step, Trust};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Who acts: two machines of different organisations, three security officers, an auditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Own,
    Stranger,
    Officer(u8),
    Auditor,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Apply(Operation),
    Step(Step),
    Intervene(Intervention, bool),
}

#[derive(Debug, Clone, Copy)]
struct Move {
    actor: Actor,
    act: Act,
    seal: usize,
}

/// What the machine says of one seal.
#[derive(Debug, Default, Clone)]
struct Model {
    state: Option<SealState>,
    revoked: bool,
    /// Suspended because the key may be in other hands.
    suspect: bool,
    number: i64,
    application: Option<Open>,
    /// Actions of the entries about it, in their order.
    entries: Vec<&'static str>,
}

#[derive(Debug, Clone)]
struct Open {
    id: String,
    operation: Operation,
    state: ApplicationState,
    applicant: String,
    approver: String,
    maker: String,
}

/// What is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Done,
    /// Answered with what was done before; nothing is entered.
    Again,
    Forbidden,
    Unknown,
    Conflict,
}

impl Actor {
    /// The person behind it.
    fn person(self) -> String {
        match self {
            Self::Own => "machine:approvals".into(),
            Self::Stranger => "machine:stranger".into(),
            Self::Officer(number) => format!("officer-{number}"),
            Self::Auditor => "officer-8".into(),
        }
    }

    fn decides(self) -> bool {
        matches!(self, Self::Officer(_))
    }
}

impl Model {
    /// What is to come of a move, and the model after it. The identifier of a new application is not known yet.
    fn after(&self, Move { actor, act, .. }: Move) -> (Expected, Self) {
        let mut next = self.clone();
        let expected = match act {
            Act::Apply(operation) => next.apply(actor, operation),
            Act::Step(step) => next.step(actor, step),
            Act::Intervene(what, revoke) => next.intervene(actor, what, revoke),
        };
        if expected == Expected::Done { (expected, next) } else { (expected, self.clone()) }
    }

    fn apply(&mut self, actor: Actor, operation: Operation) -> Expected {
        // A seal that there is not is nobody's: whoever may apply at all is told so.
        let home = self.state.is_none() && operation != Operation::Make;
        if !(actor == Actor::Own || actor.decides() || (home && actor == Actor::Stranger)) {
            return Expected::Forbidden;
        }
        if !operation.fits(self.state) {
            let unknown = self.state.is_none();
            return if unknown { Expected::Unknown } else { Expected::Conflict };
        }
        if !operation.trusts(self.trust()) {
            return Expected::Conflict;
        }
        if self.application.as_ref().is_some_and(|open| open.state.is_open()) {
            return Expected::Conflict;
        }
        self.application = Some(Open {
            id: String::new(),
            operation,
            state: ApplicationState::Applied,
            applicant: actor.person(),
            approver: String::new(),
            maker: String::new(),
        });
        self.entries.push("seal.apply");
        Expected::Done
    }

    fn trust(&self) -> Trust {
        if self.revoked || self.suspect { Trust::Lost } else { Trust::Sound }
    }

    fn step(&mut self, actor: Actor, step: Step) -> Expected {
        let trust = self.trust();
        let Some(open) = &mut self.application else { return Expected::Unknown };
        let person = actor.person();
        let permitted = match step {
            Step::Approve | Step::Refuse => actor.decides() && person != open.applicant,
            Step::Withdraw => actor.decides() || person == open.applicant,
            _ => actor.decides() && person != open.applicant && person != open.approver,
        };
        if !permitted {
            return Expected::Forbidden;
        }
        if step == Step::CarryOut && open.state == ApplicationState::Done && open.maker == person {
            return Expected::Again;
        }
        let Some(after) = open.state.after(step) else { return Expected::Conflict };
        if step == Step::CarryOut && !open.operation.trusts(trust) {
            return Expected::Conflict;
        }
        match step {
            Step::Approve | Step::Refuse => open.approver = person,
            Step::CarryOut => open.maker = person,
            _ => {}
        }
        open.state = after;
        let operation = open.operation;
        match step {
            Step::Approve => self.entries.push("seal.approve"),
            Step::Refuse => self.entries.push("seal.refuse"),
            Step::Withdraw => self.entries.push("seal.withdraw"),
            _ if operation == Operation::Cancel => self.entries.push("seal.cancel"),
            _ => self.entries.extend(["seal.intend", "seal.make"]),
        }
        if step == Step::CarryOut {
            self.state = operation.result(self.state);
            self.revoked = operation == Operation::Cancel;
            self.suspect = false;
            self.number += i64::from(operation.makes());
        }
        Expected::Done
    }

    fn intervene(&mut self, actor: Actor, what: Intervention, revoke: bool) -> Expected {
        let Some(state) = self.state else {
            return if actor.decides() { Expected::Unknown } else { Expected::Forbidden };
        };
        if !actor.decides() {
            return Expected::Forbidden;
        }
        let Some(after) = what.result(state, self.revoked) else { return Expected::Conflict };
        self.state = Some(after);
        self.suspect = revoke && what != Intervention::Resume;
        self.revoked |= revoke && what == Intervention::Stop;
        self.entries.push(match what {
            Intervention::Suspend => "seal.suspend",
            Intervention::Resume => "seal.resume",
            Intervention::Stop => "seal.stop",
        });
        Expected::Done
    }
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let actor = prop_oneof![
        3 => Just(Actor::Own),
        1 => Just(Actor::Stranger),
        4 => Just(Actor::Officer(1)),
        4 => Just(Actor::Officer(2)),
        4 => Just(Actor::Officer(9)),
        1 => Just(Actor::Auditor),
    ];
    let operation = prop_oneof![
        3 => Just(Operation::Make),
        2 => Just(Operation::Change),
        1 => Just(Operation::Renew),
        2 => Just(Operation::Remake),
        1 => Just(Operation::Cancel),
    ];
    let step = prop_oneof![
        5 => Just(Step::Approve),
        1 => Just(Step::Refuse),
        1 => Just(Step::Withdraw),
        6 => Just(Step::CarryOut),
    ];
    let intervention =
        prop_oneof![Just(Intervention::Suspend), Just(Intervention::Resume), Just(Intervention::Stop)];
    let act = prop_oneof![
        4 => operation.prop_map(Act::Apply),
        7 => step.prop_map(Act::Step),
        3 => (intervention, any::<bool>()).prop_map(|(what, revoke)| Act::Intervene(what, revoke)),
    ];
    let one = (actor, act, 0_usize..2).prop_map(|(actor, act, seal)| Move { actor, act, seal });
    prop::collection::vec(one, 40..70)
}

struct Cast {
    house: House,
    own: Credential,
    stranger: Credential,
    auditor: Credential,
}

impl Cast {
    fn credential(&self, actor: Actor) -> Credential {
        match actor {
            Actor::Own => self.own.clone(),
            Actor::Stranger => self.stranger.clone(),
            Actor::Auditor => self.auditor.clone(),
            Actor::Officer(number) => self.house.officer(number),
        }
    }

    async fn perform(&self, Move { actor, act, .. }: Move, id: &str, model: &Model) -> Answer {
        let (house, who) = (&self.house, self.credential(actor));
        match act {
            Act::Apply(Operation::Make) => {
                house.apply(&who, &new_seal(id), Some(&super::another_picture())).await
            }
            Act::Apply(operation) => {
                let mut wanted = json!({ "operation": operation, "seal": id });
                if operation == Operation::Change {
                    wanted["name"] = json!(format!("更名{}", model.entries.len()));
                }
                house.apply(&who, &wanted, None).await
            }
            Act::Step(step) => {
                let known = model.application.as_ref().map_or("nothing", |open| open.id.as_str());
                let path = format!("/v1/seal-applications/{known}");
                let read = house.connect(&house.officer(1)).await.get(&path).await;
                let tag =
                    read.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or("*").to_owned();
                let body = json!({ "reason": "示例" });
                let headers = [("if-match", tag.as_str())];
                house
                    .connect(&who)
                    .await
                    .post_with(&format!("{path}/{}", step.as_str()), &body, &headers)
                    .await
            }
            Act::Intervene(what, revoke) => {
                let ground = if revoke { "compromise" } else { "damage" };
                let body = json!({ "ground": ground, "revoke": revoke && what == Intervention::Stop });
                let path = format!("/v1/seals/{id}/{}", what.as_str());
                house.connect(&who).await.post_with(&path, &body, &[("if-match", "*")]).await
            }
        }
    }

    /// That the records say what the model says.
    async fn compare(&self, id: &str, model: &Model) -> Result<(), TestCaseError> {
        let house = &self.house;
        let answer = house.connect(&house.officer(1)).await.get(&format!("/v1/seals/{id}")).await;
        let Some(state) = model.state else {
            prop_assert_eq!(answer.status, 404, "{} was made by nobody", id);
            return Ok(());
        };
        let shown = answer.json();
        prop_assert_eq!(&shown["state"], state.as_str(), "{}", &shown);
        prop_assert_eq!(&shown["number"], model.number, "{}", &shown);
        let certificate = certificate_state(house, &shown["certificate"]).await;
        prop_assert_eq!(certificate == "revoked", model.revoked, "{} {}", certificate, &shown);
        // Each version has its certificate, its structure, its filing number and the application it was made for.
        let history = versions(house, id).await;
        prop_assert_eq!(i64::try_from(history.len()).unwrap(), model.number);
        for (at, version) in (1..).zip(&history) {
            let present = at == model.number;
            let wanted = match (present, state) {
                (false, _) => "superseded",
                (true, SealState::Cancelled) => "cancelled",
                (true, _) => "active",
            };
            prop_assert_eq!(&version["state"], wanted);
            prop_assert!(version["eseal_digest"].is_string() && version["filing"].is_string());
            let application = version["application"].as_str().unwrap();
            let found = appliance::seals::records::application(&house.app.db, application).await.unwrap();
            let found = found.unwrap();
            prop_assert_eq!(found.value("state").as_text(), Some("done"));
        }
        prop_assert_eq!(&history.last().unwrap()["certificate"], &shown["certificate"]);
        Ok(())
    }
}

#[test]
fn no_walk_reaches_a_forbidden_state_and_every_transition_has_its_entry() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cast = runtime.block_on(async {
        let (house, own) = office().await;
        let mut officer = house.connect(&house.officer(1)).await;
        let other = json!({ "id": "other", "name": "另一单位" });
        assert_eq!(officer.post("/v1/organisations", &other).await.status, 201);
        let caller = json!({ "id": "stranger", "organisation": "other", "roles": ["sealer"] });
        assert_eq!(officer.post("/v1/callers", &caller).await.status, 201);
        let stranger = house.certified(&mut officer, "stranger").await;
        house.known(&stranger).await;
        let auditor = house.officer(8);
        Cast { house, own, stranger, auditor }
    });
    let config = Config { cases: 6, failure_persistence: None, max_shrink_iters: 8, ..Config::default() };
    let case = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&moves(), |moves| {
            case.set(case.get() + 1);
            runtime.block_on(walk(&cast, case.get(), &moves))
        })
        .unwrap();
    runtime.block_on(audited(&cast.house));
}

async fn walk(cast: &Cast, case: u32, moves: &[Move]) -> Result<(), TestCaseError> {
    let house = &cast.house;
    let from = house.app.unsealed().unwrap().journal.size();
    let mut models = [Model::default(), Model::default()];
    let id = |seal: usize| format!("walk-{case}-{seal}");
    for step in moves {
        let model = &models[step.seal];
        let (expected, mut next) = model.after(*step);
        let answer = cast.perform(*step, &id(step.seal), model).await;
        let wanted: &[u16] = match expected {
            Expected::Done | Expected::Again => &[200, 201],
            Expected::Forbidden => &[403],
            Expected::Unknown => &[404],
            Expected::Conflict => &[409],
        };
        prop_assert!(
            // Where there is no application, who may not decide at all learns nothing about it.
            wanted.contains(&answer.status) || (expected == Expected::Unknown && answer.status == 403),
            "{:?} on {:?}: {} {:?}",
            step,
            model,
            answer.status,
            answer.body
        );
        if let (Expected::Done, Act::Apply(_), Some(open)) = (expected, step.act, &mut next.application) {
            open.id = answer.json()["id"].as_str().unwrap().to_owned();
        }
        models[step.seal] = next;
        cast.compare(&id(step.seal), &models[step.seal]).await?;
    }
    // The log has the model's transitions, in their order, and no others.
    let entries = entries_from(house, from).await;
    for (seal, model) in models.iter().enumerate() {
        let about = entries.iter().filter(|entry| entry["facts"]["seal"] == json!(id(seal)));
        let actions: Vec<&str> = about.map(|entry| entry["action"].as_str().unwrap()).collect();
        prop_assert_eq!(&actions, &model.entries, "{}", id(seal));
    }
    Ok(())
}
