//! The inventory on both databases: every search finds what a plain look at all rows finds, page by page.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail loudly"
)]

mod support;

use appliance::certificates::names::{NameKind, reversed};
use appliance::certificates::{Search, inventory};
use appliance::journal::{Act, Unit};
use appliance::store::tables::{CALLERS, CERTIFICATE_NAMES, CERTIFICATES, ORGANISATIONS};
use appliance::store::{Db, Row, Value};
use support::log::{create, keys};
use support::places;

const COUNT: u32 = 600;
const NOW: i64 = 1_800_000_000_000_000;
const DAY: i64 = 86_400_000_000;

/// What is known of one certificate.
#[derive(Debug, Clone)]
struct One {
    fingerprint: String,
    serial: String,
    issuer: &'static str,
    profile: &'static str,
    caller: Option<&'static str>,
    organisation: Option<&'static str>,
    state: &'static str,
    not_after: i64,
    subject: String,
    hosts: Vec<String>,
}

fn one(number: u32) -> One {
    let at = number as usize;
    let profile = ["machine", "machine-client", "server", "officer"][at % 4];
    let hosts = match profile {
        "server" => vec![format!("h{}.a.example.cn", number % 50), format!("x{number}.b.example.cn")],
        _ => Vec::new(),
    };
    let state = match number {
        number if number.is_multiple_of(13) => "revoked",
        number if number % 17 == 1 => "held",
        _ => "good",
    };
    One {
        // Spread over the whole range, as fingerprints are.
        fingerprint: format!("{:016x}", u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        serial: format!("{:04x}", 0x100 + number * 7),
        issuer: ["platform-ca", "servers-ca", "officers-ca"][at % 3],
        profile,
        caller: [Some("c1"), Some("c2"), None][at % 3],
        organisation: [Some("o1"), Some("o2"), None, None, None][at % 5],
        state,
        // Several expire at the same moment.
        not_after: NOW + (i64::from(number) / 3 - 60) * DAY,
        subject: format!("CN=name-{},O=局", number % 40),
        hosts,
    }
}

fn rows(one: &One) -> (Row, Vec<Row>) {
    let values = vec![
        one.fingerprint.as_str().into(),
        1.into(),
        one.issuer.into(),
        one.serial.as_str().into(),
        one.subject.as_str().into(),
        one.profile.into(),
        one.caller.into(),
        (NOW - 400 * DAY).into(),
        one.not_after.into(),
        vec![0].into(),
        one.state.into(),
        Value::Null,
        Value::Null,
        one.organisation.into(),
        Value::Null,
        format!("k{}", one.serial).into(),
        0.into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    let mut names = vec![(NameKind::Subject, one.subject.to_lowercase())];
    for host in &one.hosts {
        names.push((NameKind::Dns, host.clone()));
        names.push((NameKind::Domain, reversed(host)));
    }
    let name = |(number, (kind, value)): (usize, (NameKind, String))| {
        let id = format!("{}:{number}", one.fingerprint);
        let certificate = one.fingerprint.as_str();
        let values = vec![id.into(), 1.into(), certificate.into(), kind.as_str().into(), value.into()];
        Row::new(&CERTIFICATE_NAMES, values)
    };
    (Row::new(&CERTIFICATES, values), names.into_iter().enumerate().map(name).collect())
}

async fn all_pages(db: &Db, search: &Search) -> Vec<String> {
    let issuers: Vec<String> = ["platform-ca", "servers-ca", "officers-ca"].map(Into::into).to_vec();
    let profiles: Vec<String> = match search.profile.as_deref() {
        Some("machine") => vec!["machine-client".into(), "machine".into()],
        Some(other) => vec![other.into()],
        None => Vec::new(),
    };
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..2 * COUNT {
        let asked = Search { after: after.take(), limit: Some(7), ..search.clone() };
        let page = inventory(db, asked, NOW, &issuers, &profiles).await.unwrap();
        assert!(page.rows.len() <= 7);
        found.extend(page.rows.iter().map(|row| row.id().to_owned()));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
    panic!("the pages of {search:?} never end");
}

type Case = (Search, Box<dyn Fn(&One) -> bool>);

fn case(put: impl FnOnce(&mut Search), fits: impl Fn(&One) -> bool + 'static) -> Case {
    let mut search = Search::default();
    put(&mut search);
    (search, Box::new(fits))
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

fn cases() -> Vec<Case> {
    let is = |text: &str| Some(text.to_owned());
    vec![
        case(|_| {}, |_| true),
        case(|s| s.organisation = is("o1"), |one| one.organisation == Some("o1")),
        case(
            |s| (s.organisation, s.profile, s.state) = (is("o1"), is("server"), is("good")),
            |one| {
                one.organisation == Some("o1")
                    && one.profile == "server"
                    && one.state == "good"
                    && one.not_after >= NOW
            },
        ),
        case(|s| s.profile = is("machine"), |one| one.profile.starts_with("machine")),
        case(
            |s| (s.profile, s.caller) = (is("machine"), is("c2")),
            |one| one.profile.starts_with("machine") && one.caller == Some("c2"),
        ),
        case(|s| s.state = is("revoked"), |one| one.state == "revoked"),
        case(|s| s.state = is("held"), |one| one.state == "held" && one.not_after >= NOW),
        case(|s| s.state = is("expired"), |one| one.state != "revoked" && one.not_after < NOW),
        case(
            |s| (s.state, s.issuer) = (is("revoked"), is("servers-ca")),
            |one| one.state == "revoked" && one.issuer == "servers-ca",
        ),
        case(|s| s.issuer = is("officers-ca"), |one| one.issuer == "officers-ca"),
        case(
            |s| {
                s.issuer = is("officers-ca");
                (s.expires_after, s.expires_before) =
                    (is("2027-01-20T00:00:00Z"), is("2027-02-10T00:00:00Z"));
            },
            |one| {
                one.issuer == "officers-ca"
                    && one.not_after >= at("2027-01-20T00:00:00Z")
                    && one.not_after < at("2027-02-10T00:00:00Z")
            },
        ),
        case(|s| s.subject = is("name-7"), |one| one.subject.starts_with("CN=name-7,")),
        case(|s| s.subject = is("NAME-3*"), |one| one.subject.starts_with("CN=name-3")),
        case(|s| s.san = is("h2.a.example.cn"), |one| one.hosts.iter().any(|host| host == "h2.a.example.cn")),
        case(|s| s.san = is("*.example.cn"), |one| !one.hosts.is_empty()),
        case(|s| s.san = is("x1*"), |one| one.hosts.iter().any(|host| host.starts_with("x1"))),
        case(
            |s| (s.san, s.subject) = (is("*.b.example.cn"), is("name-2")),
            |one| !one.hosts.is_empty() && one.subject.starts_with("CN=name-2,"),
        ),
        case(
            |s| (s.san, s.state) = (is("*.a.example.cn"), is("revoked")),
            |one| !one.hosts.is_empty() && one.state == "revoked",
        ),
        case(|s| s.serial = is("00:01:07"), |one| one.serial == "0107"),
        case(|s| s.fingerprint = is("9e"), |one| one.fingerprint.starts_with("9e")),
        case(
            |s| (s.fingerprint, s.profile) = (is("9"), is("machine")),
            |one| one.fingerprint.starts_with('9') && one.profile.starts_with("machine"),
        ),
    ]
}

#[tokio::test]
async fn every_search_finds_what_a_look_at_all_rows_finds() {
    for place in places() {
        let (db, journal) = create(&place, &keys()).await;
        let act = || Act::system("test", "test", "test");
        let mut unit = Unit::new(act());
        for id in ["o1", "o2"] {
            let values: Vec<Value> = vec![id.into(), 1.into(), "n".into(), "k".into(), "active".into()];
            unit = unit.insert(Row::new(&ORGANISATIONS, values));
        }
        for id in ["c1", "c2"] {
            let uri = format!("urn:x:{id}");
            let values: Vec<Value> = vec![
                id.into(),
                1.into(),
                "machine".into(),
                uri.into(),
                "o1".into(),
                Value::Null,
                "[]".into(),
                "active".into(),
                1.into(),
            ];
            unit = unit.insert(Row::new(&CALLERS, values));
        }
        journal.commit(unit).await.unwrap();
        let known: Vec<One> = (0..COUNT).map(one).collect();
        for chunk in known.chunks(100) {
            let mut unit = Unit::new(act());
            for one in chunk {
                let (row, names) = rows(one);
                unit = names.into_iter().fold(unit.insert(row), Unit::cache_insert);
            }
            journal.commit(unit).await.unwrap();
        }
        for (search, fits) in cases() {
            let found = all_pages(&db, &search).await;
            let mut expected: Vec<&One> = known.iter().filter(|one| fits(one)).collect();
            expected.sort_by_key(|one| (one.not_after, one.fingerprint.clone()));
            let order: Vec<String> = expected.iter().map(|one| one.fingerprint.clone()).collect();
            assert!(!order.is_empty(), "a case that finds nothing shows nothing: {search:?}");
            let by_authority =
                search.issuer.is_some() && search.state.is_none() && search.expires_after.is_none();
            if search.subject.is_none()
                && search.san.is_none()
                && search.fingerprint.is_none()
                && !by_authority
            {
                assert_eq!(found, order, "{} {search:?}", place.kind);
            }
            let sorted = |mut all: Vec<String>| {
                all.sort();
                all
            };
            assert_eq!(sorted(found), sorted(order), "{} {search:?}", place.kind);
        }
        journal.close().await;
    }
}
