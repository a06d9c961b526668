//! Who signs credentials and publications now, and whose signatures on them count here.
//!
//! Both are delegated signers of the hierarchy, replaced like the others before their certificates end. What one of them signed
//! within its validity holds on after it was replaced, unless its certificate was revoked: [`known`] names them all. Called by
//! whoever issues, publishes or verifies.
//!
//! Other regions believe exactly the signers that a list names, so a successor is named in this platform's entry for
//! `recognition.successor_hours` before it signs anything; until then the former one signs on ([`in_use`]).

use std::sync::{Arc, PoisonError, RwLock};

use crypto::Suite;
use licence::credential::Issuer;
use pki::Certificate;

use crate::app::App;
use crate::authorities::{Delegate, Generation, Register};
use crate::ceremony::{CustodyKind, Role};
use crate::problem::{Kind, Problem};

/// Signers taken up, until the register of authorities is read again.
#[derive(Debug, Default)]
pub struct Signers {
    ready: RwLock<Vec<(Role, Arc<DocumentSigner>)>>,
}

/// A signer with its certificates, as [`licence::credential`] takes it.
#[derive(Debug)]
pub struct DocumentSigner {
    issuer: Issuer,
    /// SHA-256 of its certificate, hexadecimal.
    fingerprint: String,
    /// Whether its key signs in this process; a device makes its callers wait.
    at_hand: bool,
    /// The register it was taken from.
    register: Arc<Register>,
    /// When another one may sign in its place, Unix seconds.
    until: i64,
}

impl DocumentSigner {
    /// SHA-256 of its certificate, hexadecimal: the id of its row.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Does what signs with it, beside the threads that answer requests where a device holds the key.
    ///
    /// # Errors
    /// The `internal` problem when the work broke off.
    pub async fn with<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Issuer) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if self.at_hand {
            return Ok(work(&self.issuer));
        }
        let signer = self.clone();
        tokio::task::spawn_blocking(move || work(&signer.issuer)).await.map_err(Problem::internal)
    }
}

impl std::ops::Deref for DocumentSigner {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}

/// The signer of credentials, QR symbols and status lists.
///
/// # Errors
/// A problem: sealed, or the hierarchy has no such key yet, which it says how to add.
pub fn credential(app: &App) -> Result<Arc<DocumentSigner>, Problem> {
    of(app, Role::CredentialSigner)
}

/// The signer of the catalogue and of trust lists.
///
/// # Errors
/// As [`credential`].
pub fn publisher(app: &App) -> Result<Arc<DocumentSigner>, Problem> {
    of(app, Role::Publisher)
}

/// The certificates of everyone who signs or signed in a role here and was not revoked.
#[must_use]
pub fn known(app: &App, role: Role) -> Vec<Certificate> {
    let register = app.register_of_authorities();
    let generations = register.iter().filter(|one| one.role == role);
    let mut known: Vec<Certificate> = generations.filter_map(|one| one.certificate.clone()).collect();
    if known.is_empty() {
        known.extend(app.signer(role, &Suite::INTERNATIONAL).map(|signer| signer.certificate));
    }
    known.retain(|certificate| stands(app, &hex::encode(certificate.sha256_fingerprint())));
    known
}

/// The one that signs in a role at `at`, Unix seconds, and until when.
///
/// The newest that has been named to others for long enough; where none has, the one that was named first. One whose
/// certificate is over, or was revoked, signs nothing, however new the next one is.
#[must_use]
pub fn in_use(app: &App, role: Role, at: i64) -> Option<(Delegate, i64)> {
    let register = app.register_of_authorities();
    let international =
        |slot: &str| app.hierarchy.key(slot).is_some_and(|key| key.suite == Some(&Suite::INTERNATIONAL));
    let serving = |one: &&Generation| {
        one.role == role && one.crosses.is_none() && one.standing.serves() && international(&one.slot)
    };
    let holds = |one: &Generation| {
        let certificate = one.certificate.as_ref()?;
        let stands = stands(app, &hex::encode(certificate.sha256_fingerprint()));
        (stands && certificate.is_valid_at(at)).then(|| certificate.not_after())
    };
    let generations: Vec<_> = register.iter().filter(serving).collect();
    let terms: Vec<_> = generations
        .iter()
        .map(|one| Term { made: one.created().div_euclid(1_000_000), ends: holds(one) })
        .collect();
    let Some((chosen, until)) = chosen(&terms, app.config.recognition.lead(), at) else {
        // Not entered yet; or none of them holds, which is told of the newest.
        return app.signer(role, &Suite::INTERNATIONAL).map(|signer| (signer, i64::MAX));
    };
    let one = generations.get(chosen)?;
    let (certificate, issuer) = (one.certificate.clone()?, one.issuer.clone()?);
    Some((Delegate { label: one.key_label().to_owned(), certificate, issuer }, until))
}

/// Of a signer: since when it is on record, and the end of its certificate if that holds; Unix seconds.
#[derive(Debug, Clone, Copy)]
struct Term {
    made: i64,
    ends: Option<i64>,
}

/// Which of them signs at `at`, and until when: each is to be known for `lead` seconds before it signs.
fn chosen(terms: &[Term], lead: i64, at: i64) -> Option<(usize, i64)> {
    let holding =
        || terms.iter().enumerate().filter_map(|(place, term)| Some((place, term.made, term.ends?)));
    let ready = |made: i64| made.saturating_add(lead);
    let known_long =
        holding().filter(|(_, made, _)| ready(*made) <= at).max_by_key(|(place, made, _)| (*made, *place));
    let (place, made, ends) =
        known_long.or_else(|| holding().min_by_key(|(place, made, _)| (*made, *place)))?;
    let next = holding()
        .filter(|(_, other, _)| *other > made && ready(*other) > at)
        .map(|(_, other, _)| ready(other));
    Some((place, next.min().map_or(ends, |next| next.min(ends))))
}

fn of(app: &App, role: Role) -> Result<Arc<DocumentSigner>, Problem> {
    let signers = &app.licences.signers.ready;
    let register = app.register_of_authorities();
    let at = jiff::Timestamp::now().as_second();
    let known = {
        let ready = signers.read().unwrap_or_else(PoisonError::into_inner);
        ready.iter().find(|(of, _)| *of == role).map(|(_, signer)| signer.clone())
    };
    let current = |signer: &Arc<DocumentSigner>| {
        Arc::ptr_eq(&signer.register, &register) && at < signer.until && stands(app, &signer.fingerprint)
    };
    let signer = match known.filter(current) {
        Some(signer) => signer,
        None => {
            let signer = Arc::new(taken_up(app, role, register, at)?);
            let mut ready = signers.write().unwrap_or_else(PoisonError::into_inner);
            ready.retain(|(of, _)| *of != role);
            ready.push((role, signer.clone()));
            signer
        }
    };
    if !stands(app, &signer.fingerprint) {
        let slot = app.hierarchy.with_role(role).map_or(role.as_str(), |key| key.label.as_str());
        let detail = format!(
            "The certificate of `{slot}` is revoked or on hold; have its key replaced with `cinnabar key rotate {slot}`."
        );
        return Err(Problem::new(Kind::NotReady, detail).with("zh", "签发密钥的证书已吊销或暂停"));
    }
    Ok(signer)
}

fn taken_up(app: &App, role: Role, register: Arc<Register>, at: i64) -> Result<DocumentSigner, Problem> {
    let unsealed = app.unsealed()?;
    let (delegate, until) = in_use(app, role, at).ok_or_else(|| missing(app, role))?;
    let authority = app.authority(&delegate.issuer).map_err(Problem::internal)?;
    let key = unsealed.custody.signer(&delegate.label)?;
    let fingerprint = hex::encode(delegate.certificate.sha256_fingerprint());
    let chain = vec![delegate.certificate, authority.certificate];
    let issuer = Issuer::new(key, chain).map_err(Problem::internal)?;
    let slot = app.slot_of(&delegate.label);
    let at_hand = app.hierarchy.key(&slot).is_none_or(|key| key.custody == CustodyKind::File);
    Ok(DocumentSigner { issuer, fingerprint, at_hand, register, until })
}

/// Installations from before licences have no such key; the keeper of authorities makes one that the hierarchy names.
fn missing(app: &App, role: Role) -> Problem {
    let name = role.as_str();
    let hierarchy = app.hierarchy.keys().iter().any(|key| key.role == role);
    let detail = if hierarchy {
        format!(
            "The key of `{name}` is being made; try again in a minute. The log says what is in the way if it stays so."
        )
    } else {
        format!(
            "The key hierarchy has no `{name}`: copy `[keys.{name}]` from keys/hierarchy.toml into the appliance's \
             hierarchy.toml and {name}.toml into its certificate profiles, and restart; its key is then made within a minute."
        )
    };
    Problem::new(Kind::NotReady, detail).with("zh", "密钥体系中没有电子证照的签发密钥")
}

fn stands(app: &App, fingerprint: &str) -> bool {
    app.identity.standing().fallen(fingerprint).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(all: &[(i64, Option<i64>)]) -> Vec<Term> {
        all.iter().map(|(made, ends)| Term { made: *made, ends: *ends }).collect()
    }

    #[test]
    fn a_successor_signs_once_it_has_been_named_for_long_enough() {
        let two = terms(&[(0, Some(1000)), (500, Some(2000))]);
        assert_eq!(chosen(&two, 100, 599), Some((0, 600)), "named, but not for long");
        assert_eq!(chosen(&two, 100, 600), Some((1, 2000)));
        assert_eq!(chosen(&two, 0, 500), Some((1, 2000)), "where nobody reads, at once");
        assert_eq!(
            chosen(&terms(&[(500, Some(2000))]), 100, 500),
            Some((0, 2000)),
            "the first has none before it"
        );
        assert_eq!(chosen(&[], 100, 500), None);
    }

    #[test]
    fn who_holds_no_more_signs_nothing_however_new_the_next_one_is() {
        let revoked = terms(&[(0, None), (500, Some(2000))]);
        assert_eq!(chosen(&revoked, 100, 501), Some((1, 2000)));
        assert_eq!(chosen(&terms(&[(0, None)]), 100, 501), None);
        // Replaced twice within the time: the one named first signs on, and is followed in order.
        let three = terms(&[(0, Some(1000)), (500, Some(2000)), (550, Some(2000))]);
        assert_eq!(chosen(&three, 100, 560), Some((0, 600)));
        assert_eq!(chosen(&three, 100, 620), Some((1, 650)));
        assert_eq!(chosen(&three, 100, 650), Some((2, 2000)));
        // It ends before the next one was named for long enough.
        let short = terms(&[(0, Some(550)), (500, Some(2000))]);
        assert_eq!(chosen(&short, 100, 510), Some((0, 550)));
        assert_eq!(chosen(&terms(&[(0, None), (500, Some(2000))]), 100, 551), Some((1, 2000)));
    }
}
