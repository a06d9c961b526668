//! Verifying licences, and asking for a holder's, among ten thousand and among a million: latency at both sizes and their
//! ratio, and how many verifications one core does.
//!
//! An appliance in this process, made by the ceremony, its library filled through the journal (`load`). The million needs some
//! minutes and 4 GB of disk for a while; PostgreSQL's figures are of a server of their own. `CINNABAR_MEASURE_LICENCES`
//! makes it fewer, to try the program.

mod house;
mod load;

use std::hint::black_box;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use appliance::app::App;
use appliance::identity::{Caller, CallerKind, Registration, Role};
use appliance::licences::library;
use appliance::licences::verification::{Audience, Code, by_identifier};
use appliance::policy::{Facts, Permit, Resource, VerifyLicence};

use crate::{Figure, cpu};
use house::House;

pub fn figures() -> Vec<Figure> {
    let figure = |name, unit, measure: fn(&Sizes) -> f64, database| Figure {
        name,
        unit,
        measure: Box::new(move || measured(database, measure)),
    };
    vec![
        Figure { name: "licence.verify.per_core_s", unit: "1/s", measure: Box::new(per_core) },
        figure("licence.verify.10k.p50_ms", "ms", |sizes| sizes.few.verify.p50, Database::Lite),
        figure("licence.verify.10k.p99_ms", "ms", |sizes| sizes.few.verify.p99, Database::Lite),
        figure("licence.verify.1m.p50_ms", "ms", |sizes| sizes.many.verify.p50, Database::Lite),
        figure("licence.verify.1m.p99_ms", "ms", |sizes| sizes.many.verify.p99, Database::Lite),
        figure("licence.verify.1m.p99_ratio", "", Sizes::verify, Database::Lite),
        figure("licence.holder.10k.p99_ms", "ms", |sizes| sizes.few.holder.p99, Database::Lite),
        figure("licence.holder.1m.p99_ms", "ms", |sizes| sizes.many.holder.p99, Database::Lite),
        figure("licence.holder.1m.p99_ratio", "", Sizes::holder, Database::Lite),
        figure("licence.verify.1m.pg.p99_ms", "ms", |sizes| sizes.many.verify.p99, Database::Postgres),
        figure("licence.verify.1m.pg.p99_ratio", "", Sizes::verify, Database::Postgres),
        figure("licence.holder.1m.pg.p99_ms", "ms", |sizes| sizes.many.holder.p99, Database::Postgres),
        figure("licence.holder.1m.pg.p99_ratio", "", Sizes::holder, Database::Postgres),
    ]
}

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    Lite,
    Postgres,
}

/// Latencies among few and among many.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    few: Size,
    many: Size,
}

impl Sizes {
    fn verify(&self) -> f64 {
        self.many.verify.p99 / self.few.verify.p99
    }

    fn holder(&self) -> f64 {
        self.many.holder.p99 / self.few.holder.p99
    }
}

/// Latencies at one size.
#[derive(Debug, Clone, Copy)]
struct Size {
    verify: Latency,
    holder: Latency,
}

/// Milliseconds on the wall: an answer is waited for.
#[derive(Debug, Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
}

/// The sizes of one database, measured when the first of its figures is asked for.
fn measured(database: Database, figure: fn(&Sizes) -> f64) -> f64 {
    static KNOWN: OnceLock<Mutex<Vec<(Database, Sizes)>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, sizes)) = known.iter().find(|(of, _)| *of == database) {
        return figure(sizes);
    }
    let sizes = sizes(database);
    known.push((database, sizes));
    figure(&sizes)
}

fn sizes(database: Database) -> Sizes {
    let many = std::env::var("CINNABAR_MEASURE_LICENCES").ok().and_then(|number| number.parse().ok());
    let many = many.unwrap_or(1_000_000_u32);
    let few = many / 100;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    runtime.block_on(async {
        let house = House::open(database).await;
        load::load(&house.app, 0..few).await;
        house.settle().await;
        let few = size(&house.app, few).await;
        load::load(&house.app, few_end(many)..many).await;
        house.settle().await;
        let many = size(&house.app, many).await;
        house.close().await;
        Sizes { few, many }
    })
}

const fn few_end(many: u32) -> u32 {
    many / 100
}

/// Asks about as many different licences as make a p99, so that nothing is answered from what was asked before.
async fn size(app: &Arc<App>, count: u32) -> Size {
    let permit = permit(app);
    let audience = Audience::Verifier(&permit);
    let asked = ASKED.min(count / 2);
    // A stride that is no divisor walks through all of them in no order.
    let number =
        |round: u32| u32::try_from(u64::from(round) * 2_654_435_761 % u64::from(count)).expect("below");
    let warm = asked / 10;
    let (mut verify, mut holder) = (Vec::new(), Vec::new());
    for round in 0..asked {
        let licence = load::Licence::of(number(round));
        let began = Instant::now();
        let verdict = by_identifier(app, &audience, &licence.identifier, "operator", &licence.operator).await;
        let took = began.elapsed();
        assert_eq!(verdict.expect("verified").code, Code::Valid);
        if round >= warm {
            verify.push(took);
        }
    }
    for round in 0..asked {
        let licence = load::Licence::of(number(round));
        let began = Instant::now();
        let found = library::of_holder(app, "111", &licence.representative, "", 10).await.expect("found");
        let took = began.elapsed();
        assert_eq!(found.len(), 1, "each person holds one");
        if round >= warm {
            holder.push(took);
        }
    }
    Size { verify: latency(verify), holder: latency(holder) }
}

fn latency(mut times: Vec<Duration>) -> Latency {
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1000.0;
    Latency { p50: at(50), p99: at(99) }
}

/// Verifications a second of one core: of licences that are asked about often, as from an office's counter.
fn per_core() -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let house = House::open(Database::Lite).await;
        load::load(&house.app, 0..OFTEN).await;
        let permit = permit(&house.app);
        let audience = Audience::Verifier(&permit);
        let licences: Vec<_> = (0..OFTEN).map(load::Licence::of).collect();
        let mut rounds = Vec::new();
        for _ in 0..7 {
            let (before, began, mut count) = (cpu(), Instant::now(), 0_u32);
            while began.elapsed() < Duration::from_secs(1) {
                for licence in &licences {
                    let app = &house.app;
                    let verdict =
                        by_identifier(app, &audience, &licence.identifier, "operator", &licence.operator)
                            .await;
                    black_box(verdict.expect("verified").code);
                    count += 1;
                }
            }
            rounds.push(f64::from(count) / (cpu() - before));
        }
        house.close().await;
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    })
}

/// A verifying machine's permit.
fn permit(app: &App) -> Permit<VerifyLicence> {
    let registration = Registration {
        id: "inspection".into(),
        kind: CallerKind::Machine,
        uri: "urn:cinnabar:measure:machine:inspection".into(),
        organisation: "measure".into(),
        person: None,
        roles: vec![Role::Verifier],
        active: true,
    };
    let caller = Caller::new(&registration, &"ab".repeat(32), "1f");
    app.policy.decide(&caller, Resource::appliance(), Facts::of_request("measure")).expect("permitted")
}

/// Different licences asked about at each size.
const ASKED: u32 = 8_000;
/// Licences asked about again and again.
const OFTEN: u32 = 1_000;
