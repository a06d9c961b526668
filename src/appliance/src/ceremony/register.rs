//! Database and log of a new appliance, and everything the ceremony made entered in them.

use std::sync::Arc;

use custody::{Custody, CustodyError};
use pki::Certificate;
use serde_json::json;

use super::hierarchy::{CustodyKind, Hierarchy, Key};
use crate::authorities;
use crate::certificates::records::{About, with_names};
use crate::config::Config;
use crate::journal::{self, Act, CommitError, Journal, JournalError, Unit};
use crate::store::tables::{CALLERS, ORGANISATIONS};
use crate::store::{DatabaseUrl, Db, Row, StoreError, Value};

/// The organisation of the appliance's own people.
pub const OWN_ORGANISATION: &str = "appliance";

/// A certificate to be entered.
#[derive(Debug, Clone)]
pub struct NewCertificate {
    /// Label of the authority that signed it.
    pub issuer: String,
    /// Name of its profile.
    pub profile: &'static str,
    /// The certificate.
    pub certificate: Certificate,
    /// The caller it names, if any.
    pub caller: Option<&'static str>,
}

/// A first caller.
#[derive(Debug, Clone)]
pub struct Person {
    /// Identifier of the registration, and of the registered person.
    pub id: &'static str,
    /// `officer` or `operator`.
    pub kind: &'static str,
    /// The name in the certificate.
    pub uri: String,
    /// What they are entrusted with.
    pub role: &'static str,
}

/// What was entered.
#[derive(Debug)]
pub struct Entered {
    /// The log's verifier key (C2SP signed-note).
    pub log_key: String,
    /// How many entries the log has.
    pub leaves: u64,
}

/// Why nothing was entered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log cannot be begun; a database that has one already belongs to another appliance.
    #[error("the log cannot be begun: {0}")]
    Journal(#[from] JournalError),
    /// A key cannot be looked at.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The entries were not taken.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Begins the log and enters keys, certificates and people, in one unit: all or nothing.
///
/// # Errors
/// [`RegisterError`].
pub async fn enter(
    config: &Config,
    hierarchy: &Hierarchy,
    custody: &Arc<dyn Custody>,
    made: &[NewCertificate],
    people: &[Person],
    unlock: &str,
) -> Result<Entered, RegisterError> {
    let url: DatabaseUrl = config.database.url.parse()?;
    let db = Db::upgrade(&url).await?;
    let keys = journal::keys(hierarchy, custody.clone())?;
    Journal::create(&db, &config.log.origin, &keys.log).await?;
    let journal = Journal::open(db.clone(), journal::settings(config, true), keys).await?;
    let now = journal.clock().wall();
    let mut places = authorities::places(hierarchy, custody.as_ref())?;
    // The key of a root that is elsewhere is known by its certificate alone.
    for root in hierarchy.keys().iter().filter(|key| key.custody == CustodyKind::Offline) {
        let own = made.iter().find(|new| new.profile == "root" && new.issuer == root.label);
        places.extend(own.map(|new| (new.certificate.spki().to_vec(), root)));
    }
    let committed = journal.commit(unit(config, hierarchy, &places, made, people, unlock, now)).await;
    let log_key = journal.verifier_key().to_string();
    let leaves = committed.as_ref().map_or(0, |c| c.receipt.checkpoint.checkpoint().size);
    journal.close().await;
    db.close().await;
    committed?;
    Ok(Entered { log_key, leaves })
}

fn unit(
    config: &Config,
    hierarchy: &Hierarchy,
    places: &[(Vec<u8>, &Key)],
    made: &[NewCertificate],
    people: &[Person],
    unlock: &str,
    now: i64,
) -> Unit {
    let act = |action: &str, resource: &str| Act::system("ceremony", action, resource);
    let own: Vec<Value> = vec![
        OWN_ORGANISATION.into(),
        1.into(),
        config.appliance.organisation.as_str().into(),
        "operator".into(),
        "active".into(),
    ];
    let mut unit = Unit::new(act("appliance.init", "appliance"))
        .facts(json!({ "origin": config.log.origin, "unlock": unlock, "schema": crate::store::SCHEMA }))
        .insert(Row::new(&ORGANISATIONS, own));
    for person in people {
        unit = unit.also(
            Unit::new(act("caller.add", &format!("caller:{}", person.id))).insert(caller_row(person, now)),
        );
    }
    for key in hierarchy.keys() {
        let facts = json!({ "role": format!("{:?}", key.role), "custody": key.custody.name() });
        unit = unit.also(Unit::new(act("key.make", &format!("key:{}", key.label))).facts(facts));
    }
    for new in made {
        let fingerprint = hex::encode(new.certificate.sha256_fingerprint());
        let about = About {
            issuer: &new.issuer,
            profile: new.profile,
            caller: new.caller,
            organisation: Some(OWN_ORGANISATION),
            ..About::default()
        };
        let (row, names) = with_names(&new.certificate, about);
        let mut issued = Unit::new(act("certificate.issue", &format!("certificate:{fingerprint}")))
            .facts(json!({ "issuer": new.issuer, "profile": new.profile }))
            .insert(row);
        issued = names.into_iter().fold(issued, Unit::cache_insert);
        if let Some((_, key)) = places.iter().find(|(spki, _)| spki == new.certificate.spki()) {
            issued = issued.insert(authorities::first_generation(key, &fingerprint, now));
        }
        unit = unit.also(issued);
    }
    unit
}

fn caller_row(person: &Person, now: i64) -> Row {
    Row::new(
        &CALLERS,
        vec![
            person.id.into(),
            1.into(),
            person.kind.into(),
            person.uri.as_str().into(),
            OWN_ORGANISATION.into(),
            person.id.into(),
            json!([person.role]).to_string().into(),
            "active".into(),
            now.into(),
        ],
    )
}
