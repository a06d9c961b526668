//! Warnings that certificates run out, on a real appliance of the ceremony, on both databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use std::path::Path;
use std::sync::Arc;

use appliance::app::App;
use appliance::ceremony::{self, Plan, UnlockPlan};
use appliance::certificates::expiry::{Counts, near_their_end, round};
use appliance::config::Config;
use appliance::store::{DatabaseUrl, Db};
use custody::{CredentialSource, Secret};
use support::{Place, places};

const DAY: i64 = 86_400_000_000;

async fn open(place: &Place) -> Arc<App> {
    let plan = Plan {
        directory: place.folder.path().join("a"),
        organisation: "示范市政务服务数据管理局".into(),
        keystore_suite: &crypto::Suite::INTERNATIONAL,
        unlock: UnlockPlan::Credential { path: place.folder.path().join("kek") },
        hosts: vec!["localhost".into()],
        port: 8443,
        public_port: 8080,
        portal_port: 8444,
        enrolment_port: None,
        pkcs11: None,
        database: match &place.url {
            DatabaseUrl::Lite(_) => None,
            DatabaseUrl::Postgres(url) => Some(url.clone()),
        },
        hierarchy: ceremony::DEFAULT_HIERARCHY.into(),
        log_origin: None,
        allow_swap: true,
        assume_clock: true,
    };
    let done = ceremony::perform(&plan, &mut |_| ()).await.unwrap();
    let config = Config::load(&done.config).unwrap();
    let path = config.keystore.credential.clone().unwrap();
    let db = Db::open(&config.database.url.parse().unwrap()).await.unwrap();
    let app = App::open(config, db).await.unwrap();
    app.unseal(Secret::Credential(CredentialSource::File(path))).await.unwrap();
    app
}

async fn entries(app: &App) -> Vec<serde_json::Value> {
    let entries = app.unsealed().unwrap().journal.entries(0, 1000).await.unwrap();
    let entries = entries.into_iter().map(|entry| entry.json);
    entries.filter(|json| json["action"] == "certificate.expiring").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_threshold_is_told_once_by_whoever_comes_first() {
    for place in places() {
        let app = open(&place).await;
        let unsealed = app.unsealed().unwrap();
        let now = jiff::Timestamp::now().as_microsecond();
        let mut seen = Counts::new();
        let mut other_node = Counts::new();
        // The delegated OCSP responders live 90 days, everything else longer or is not on record yet.
        assert_eq!(round(&app, &unsealed, now + 30 * DAY, &mut seen).await.unwrap(), 0, "{}", place.kind);
        for (days, threshold) in [(61, 30), (84, 7), (89, 1)] {
            let at = now + days * DAY;
            let before = entries(&app).await.len();
            let (one, two) = tokio::join!(
                round(&app, &unsealed, at, &mut seen),
                round(&app, &unsealed, at, &mut other_node)
            );
            let told = one.unwrap() + two.unwrap();
            let new = entries(&app).await.split_off(before);
            assert_eq!(new.len(), told, "{} day {days}", place.kind);
            assert!(told >= 3, "{} day {days}: {told}", place.kind);
            let mut resources: Vec<_> = new.iter().map(|entry| entry["resource"].to_string()).collect();
            resources.sort();
            resources.dedup();
            assert_eq!(resources.len(), told, "one entry a certificate");
            for entry in &new {
                assert_eq!(entry["facts"]["within_days"], threshold, "the closest threshold alone: {entry}");
                assert_eq!(entry["actor"]["id"], "system:expiry");
            }
            assert_eq!(round(&app, &unsealed, at + 1, &mut seen).await.unwrap(), 0, "told once");
            let counted: i64 =
                seen.iter().filter(|((_, of), _)| *of == threshold).map(|(_, count)| count).sum();
            assert!(counted >= 3);
        }
        // What has run out is history: nothing more to tell, and counted no longer.
        round(&app, &unsealed, now + 91 * DAY, &mut seen).await.unwrap();
        let ocsp: i64 =
            seen.iter().filter(|((profile, _), _)| profile == "ocsp").map(|(_, count)| count).sum();
        assert_eq!(ocsp, 0);
        unsealed.journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_a_successor_and_a_revoked_one_are_not_warned_of() {
    for place in places() {
        let app = open(&place).await;
        let unsealed = app.unsealed().unwrap();
        let at = jiff::Timestamp::now().as_microsecond() + 61 * DAY;
        let url = match &place.url {
            DatabaseUrl::Lite(_) => DatabaseUrl::Lite(place.folder.path().join("a/cinnabar.db")),
            DatabaseUrl::Postgres(url) => DatabaseUrl::Postgres(url.clone()),
        };
        let here = Place {
            folder: tempfile::tempdir().unwrap(),
            url,
            kind: place.kind,
            server: place.server.clone(),
        };
        let sql = "SELECT id FROM certificates WHERE profile = 'ocsp' ORDER BY id";
        let ids: Vec<String> = app
            .db
            .fetch_all(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|r| r.text("id").unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 3);
        support::raw(&here, &format!("UPDATE certificates SET state = 'revoked' WHERE id = '{}'", ids[0]))
            .await;
        let successor =
            format!("UPDATE certificates SET replaces = '{}' WHERE profile = 'time-stamp'", ids[1]);
        assert_eq!(support::raw(&here, &successor).await, 1);
        round(&app, &unsealed, at, &mut Counts::new()).await.unwrap();
        let told = entries(&app).await;
        let of =
            |id: &str| told.iter().filter(|entry| entry["resource"] == format!("certificate:{id}")).count();
        assert_eq!((of(&ids[0]), of(&ids[1]), of(&ids[2])), (0, 0, 1), "{}", place.kind);
        unsealed.journal.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliances_own_certificates_are_told_before_they_end_and_after() {
    let place = support::lite();
    let app = open(&place).await;
    let now = jiff::Timestamp::now().as_microsecond();
    assert_eq!(near_their_end(&app, now), Vec::<String>::new());
    let soon = near_their_end(&app, now + 80 * DAY);
    assert!(soon.iter().any(|line| line.contains("`ocsp-platform` runs out in")), "{soon:?}");
    let later = near_their_end(&app, now + 4000 * DAY);
    assert!(later.iter().any(|line| line == "the certificate of `time-stamp` has run out"), "{later:?}");
    assert!(later.iter().any(|line| line.contains("`tls`")), "{later:?}");
    assert!(!later.iter().any(|line| line.contains("`root`")), "{later:?}");
    // The health report has it as soon as the watcher has looked.
    app.expiring.store(Arc::new(soon.clone()));
    let health = appliance::server::admin::judge(&app);
    assert!(health.status == "degraded" && health.reasons.iter().any(|reason| *reason == soon[0]));
    assert!(Path::new(&app.config.listeners.platform.certificate).exists());
    app.unsealed().unwrap().journal.close().await;
}
