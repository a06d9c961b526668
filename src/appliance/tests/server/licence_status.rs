//! Token status lists: places in them, and how they are published, on both databases.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use appliance::ceremony::Role;
use appliance::journal::{Act, Unit, generations};
use appliance::licences::{signers, status};
use appliance::store::tables::{LICENCE_STATUS_LISTS, LICENCE_STATUSES};
use appliance::store::{Row, Value};
use http::Method;
use licence::credential::Trust;
use licence::credential::status_list::{INVALID, SUSPENDED, Token, VALID, VerifiedList};
use pki::path::TrustAnchors;

use super::house::{Answer, House, now};

async fn houses() -> Vec<(House, crate::support::Place)> {
    let mut all = Vec::new();
    for place in crate::support::places() {
        let url = match &place.url {
            appliance::store::DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
            appliance::store::DatabaseUrl::Postgres(url) => url.clone(),
        };
        let house = House::prepared_on(&url, "", |_| {}).await;
        house.unseal().await;
        all.push((house, place));
    }
    all
}

/// Enters rows as the act of nobody in particular.
async fn enter(house: &House, rows: Vec<(bool, Row)>) {
    let unit = Unit::new(Act::system("test", "licence.test", "appliance:appliance"));
    let unit = rows.into_iter().fold(unit, |unit, (new, row)| match new {
        true => unit.insert(row),
        false => unit.update(row),
    });
    let journal = &house.app.unsealed().unwrap().journal;
    journal.commit(unit.bump(generations::LICENCES)).await.unwrap();
}

fn list(number: i64, size: i64, taken: i64) -> (bool, Row) {
    let values: Vec<Value> = vec![
        number.to_string().into(),
        1.into(),
        size.into(),
        taken.into(),
        "open".into(),
        vec![7_u8; 32].into(),
        1.into(),
    ];
    (true, Row::new(&LICENCE_STATUS_LISTS, values))
}

fn micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_given_out_once_over_all_nodes() {
    for (house, place) in houses().await {
        let other = house.node("other").await;
        let take = |app: std::sync::Arc<appliance::app::App>| async move {
            let unsealed = app.unsealed().unwrap();
            let mut all = status::allocate_many(&app, &unsealed, 300).await.unwrap();
            all.push(status::allocate(&app, &unsealed).await.unwrap());
            all
        };
        let (one, two, three) =
            tokio::join!(take(house.app.clone()), take(other.app.clone()), take(house.app.clone()));
        let all: Vec<_> = [one, two, three].concat();
        assert_eq!(all.len(), 903);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 903, "{}", place.kind);
        assert!(all.iter().all(|entry| entry.list == 1 && (0..1 << 20).contains(&entry.index)));
        // They lie all over the list.
        let quarters: HashSet<_> = all.iter().map(|entry| entry.index >> 18).collect();
        assert_eq!(quarters.len(), 4);
        let row = house.app.db.row(&LICENCE_STATUS_LISTS, "1").await.unwrap().unwrap();
        let taken = row.value("taken").as_int().unwrap();
        assert!((903..=903 + 2 * 256).contains(&taken), "{taken}");
        crate::seals::audited(&house).await;
        other.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_filled_to_a_half_and_then_the_next_is_begun() {
    let house = House::open().await;
    enter(&house, vec![list(1, 1024, 300)]).await;
    let unsealed = house.app.unsealed().unwrap();
    let taken = status::allocate_many(&house.app, &unsealed, 600).await.unwrap();
    let of = |list: i64| taken.iter().filter(|entry| entry.list == list).count();
    assert_eq!((of(1), of(2)), (512 - 300, 600 - 212));
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 600);
    let row = house.app.db.row(&LICENCE_STATUS_LISTS, "1").await.unwrap().unwrap();
    assert_eq!((row.value("state").as_text(), row.value("taken").as_int()), (Some("full"), Some(512)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_suspended_or_ended_shows_within_five_seconds_and_what_is_resumed_too() {
    for (house, place) in houses().await {
        let unsealed = house.app.unsealed().unwrap();
        let entries = status::allocate_many(&house.app, &unsealed, 3).await.unwrap();
        let rows = entries.iter().zip([VALID, SUSPENDED, VALID]);
        let rows = rows.map(|(entry, value)| (true, status::row(entry, "a.b.c", value, micros())));
        enter(&house, rows.collect()).await;
        let values = [VALID, SUSPENDED, VALID];
        let first = shows(&house, &entries, values).await;
        let uri = status::uri(&house.app, 1);
        assert_eq!(first.terms.uri, uri, "{}", place.kind);
        assert_eq!(first.list.size(), 1 << 20);
        // Ended, and resumed.
        let mut changed = Vec::new();
        for (entry, value) in [(&entries[0], INVALID), (&entries[1], VALID)] {
            let id = format!("{}:{}", entry.list, entry.index);
            let row = house.app.db.row(&LICENCE_STATUSES, &id).await.unwrap().unwrap();
            changed.push((false, status::changed(row, value, micros())));
        }
        let began = Instant::now();
        enter(&house, changed).await;
        shows(&house, &entries, [INVALID, VALID, VALID]).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{}", place.kind);
        crate::seals::audited(&house).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_kept_by_caches_in_either_form_and_others_do_not_exist() {
    let house = House::open().await;
    let unsealed = house.app.unsealed().unwrap();
    let entry = status::allocate(&house.app, &unsealed).await.unwrap();
    enter(&house, vec![(true, status::row(&entry, "a.b.c", SUSPENDED, micros()))]).await;
    shows(&house, &[entry], [SUSPENDED]).await;
    let jwt = fetch(&house, "1", &[]).await;
    assert_eq!(jwt.header("content-type"), "application/statuslist+jwt");
    assert_eq!(jwt.header("vary"), "accept");
    assert_eq!(jwt.header("access-control-allow-origin"), "*");
    assert_eq!(jwt.header("cache-control"), "public, max-age=60, no-transform, must-revalidate");
    // What did not change is not signed again.
    let again = fetch(&house, "1", &[("if-none-match", jwt.header("etag"))]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let cwt = fetch(&house, "1", &[("accept", "application/statuslist+cwt")]).await;
    assert_eq!(cwt.header("content-type"), "application/statuslist+cwt");
    assert_ne!(cwt.header("etag"), jwt.header("etag"));
    let verified = verified(&house, Token::parse_cwt(&cwt.body).unwrap());
    assert_eq!(verified.list.get(u32::try_from(entry.index).unwrap()), Some(SUSPENDED));
    for unknown in ["2", "0", "01", "-1", "+1", "x", "9223372036854775808"] {
        assert_eq!(fetch(&house, unknown, &[]).await.problem(), "not-found", "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_or_sealed_a_node_signs_no_list_and_says_why() {
    let house = House::sealed("").await;
    assert_eq!(fetch(&house, "1", &[]).await.problem(), "sealed");
    drop(house);
    // A hierarchy from before there were licences.
    let house = House::prepared("", |parts| {
        let path = parts.root.join("hierarchy.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let licences =
            |section: &&str| section.contains("Credentials\"") || section.contains("Publications\"");
        let before: String = text.split_inclusive("\n\n").filter(|section| !licences(section)).collect();
        assert_ne!(before, text);
        std::fs::write(&path, before).unwrap();
    })
    .await;
    house.unseal().await;
    let answer = fetch(&house, "1", &[]).await;
    assert_eq!(answer.problem(), "not-ready");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("[keys.credential-signer]") && detail.contains("credential-signer.toml"),
        "{detail}"
    );
    assert!(signers::known(&house.app, Role::CredentialSigner).is_empty());
}

async fn fetch(house: &House, number: &str, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/licences/status/{number}");
    house.public_client().await.send(Method::GET, &path, headers, "".into()).await.unwrap()
}

/// The list as soon as it says these values, which it must within ten seconds.
async fn shows<const N: usize>(house: &House, entries: &[status::Entry], values: [u8; N]) -> VerifiedList {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = fetch(house, "1", &[]).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let list = verified(house, Token::parse_jwt(std::str::from_utf8(&answer.body).unwrap()).unwrap());
        let at = |entry: &status::Entry| list.list.get(u32::try_from(entry.index).unwrap());
        if entries.iter().map(at).eq(values.map(Some)) {
            return list;
        }
        assert!(Instant::now() < deadline, "the list does not show {values:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// By the certificate alone that the house knows as its signer's, and by the way to its root.
pub fn verified(house: &House, token: Token) -> VerifiedList {
    let issuer = signers::credential(&house.app).unwrap().uri().to_owned();
    let uri = status::uri(&house.app, 1);
    let anchors = TrustAnchors::new(vec![house.authority("root").clone()]);
    let by_path = token.clone().verify(&Trust::new(&anchors), &issuer, &uri, now() + 1).unwrap();
    let known = signers::known(&house.app, Role::CredentialSigner);
    assert_eq!(known.len(), 1);
    let nothing = TrustAnchors::default();
    let trust = Trust::new(&nothing).knowing(&known);
    assert_eq!(token.verify(&trust, &issuer, &uri, now() + 1).unwrap(), by_path);
    by_path
}
