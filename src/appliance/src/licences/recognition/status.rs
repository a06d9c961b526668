//! Status lists and revocation lists of other regions: fetched through the guarded client, kept for as long as they allow, and
//! without them nothing is said to be in force.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use licence::credential::StatusReference;
use licence::credential::status_list::{StatusList, Terms, Token};
use pki::crl::Crl;
use pki::path::TrustAnchors;

use super::regions::Region;
use crate::app::App;

/// Why a licence's standing is not known.
#[derive(Debug, thiserror::Error)]
pub enum StandingUnknown {
    /// The credential refers to a list that is not the region's.
    #[error("the status list `{0}` is not one of the region's")]
    Foreign(String),
    /// It refers to none.
    #[error("the credential refers to no status list")]
    None,
    /// The list cannot be fetched.
    #[error("the status list was not fetched: {0}")]
    Fetch(#[from] crate::fetch::FetchError),
    /// The list is not believed.
    #[error("the status list is not believed: {0}")]
    List(String),
    /// The place is not in the list.
    #[error("the status list has no place {0}")]
    Place(u32),
}

/// What was fetched of a region lately, by address.
#[derive(Debug, Default)]
pub struct Kept {
    lists: Mutex<HashMap<String, (Arc<StatusList>, i64)>>,
    crls: Mutex<HashMap<String, (Crl, i64)>>,
    /// Until when a revocation list that was not had is not asked for again: strangers' files ask.
    missed: Mutex<HashMap<String, i64>>,
}

/// The newest token of each address that was believed, so that nobody between plays an older one back. Several nodes of a
/// region sign at different times, so an older one is answered with the newest, for as long as that holds.
#[derive(Debug, Default)]
pub struct Newest(Mutex<HashMap<String, (i64, Arc<Token>)>>);

impl Newest {
    /// Notes a token that was believed; what is known to be newer than it, otherwise.
    fn note(&self, uri: &str, issued_at: i64, token: Token) -> Option<Arc<Token>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, newest)) = all.get(uri)
            && *known > issued_at
        {
            return Some(newest.clone());
        }
        if all.len() >= MOST && !all.contains_key(uri) {
            let oldest = all.iter().min_by_key(|(_, (at, _))| *at).map(|(uri, _)| uri.clone());
            oldest.and_then(|oldest| all.remove(&oldest));
        }
        all.insert(uri.to_owned(), (issued_at, Arc::new(token)));
        None
    }
}

/// What the region's list says of a place: 0 valid, 1 invalid, 2 suspended (Token Status List §7.1), at `at`, Unix seconds.
///
/// # Errors
/// [`StandingUnknown`]; whoever asks must not take the licence for valid then.
pub(super) async fn value(
    app: &App,
    region: &Region,
    reference: Option<&StatusReference>,
    at: i64,
) -> Result<u8, StandingUnknown> {
    let reference = reference.ok_or(StandingUnknown::None)?;
    let uri = &reference.uri;
    if !region.entry.covers_status(uri) {
        return Err(StandingUnknown::Foreign(uri.clone()));
    }
    let list = list(app, region, uri, at).await?;
    list.get(reference.index).ok_or(StandingUnknown::Place(reference.index))
}

async fn list(app: &App, region: &Region, uri: &str, at: i64) -> Result<Arc<StatusList>, StandingUnknown> {
    let kept = &region.kept.lists;
    let known = kept.lock().unwrap_or_else(PoisonError::into_inner).get(uri).cloned();
    if let Some((list, until)) = known
        && at < until
    {
        return Ok(list);
    }
    let answer = app.fetch.get(uri, LONGEST, "application/statuslist+jwt").await?;
    let told = |error: &dyn std::fmt::Display| StandingUnknown::List(error.to_string());
    let text =
        String::from_utf8(answer.body).map_err(|_| StandingUnknown::List("it is no text".to_owned()))?;
    let token = Token::parse_jwt(text.trim()).map_err(|error| told(&error))?;
    let (list, terms) = believed(region, &token, uri, at)?;
    let (list, terms) = match app.licences.regions.newest.note(uri, terms.issued_at, token) {
        None => (list, terms),
        Some(newest) => {
            tracing::warn!(
                region = region.entry.id,
                uri,
                "a status list older than one seen before is passed over"
            );
            believed(region, &newest, uri, at)?
        }
    };
    let longest = i64::try_from(app.config.recognition.status_seconds).unwrap_or(i64::MAX);
    let ttl = terms.ttl.and_then(|ttl| i64::try_from(ttl).ok()).unwrap_or(longest);
    let until = at.saturating_add(ttl.min(longest)).min(over(&terms));
    let list = Arc::new(list);
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MOST {
        kept.retain(|_, (_, until)| at < *until);
    }
    if kept.len() < MOST {
        kept.insert(uri.to_owned(), (list.clone(), until));
    }
    Ok(list)
}

/// Until when a token may be used: a list that names no end is good for a day, or it could be played back for ever.
fn over(terms: &Terms) -> i64 {
    terms.expires.unwrap_or_else(|| terms.issued_at.saturating_add(DAY))
}

/// The list in a token that one of the region's signers signed, and that holds at `at`.
fn believed(
    region: &Region,
    token: &Token,
    uri: &str,
    at: i64,
) -> Result<(StatusList, Terms), StandingUnknown> {
    let told = |error: &dyn std::fmt::Display| StandingUnknown::List(error.to_string());
    let nobody = TrustAnchors::default();
    let issuers = region.entry.credentials.iter().flat_map(pki::Certificate::uri_sans);
    let mut refused = StandingUnknown::List("the region names no signer of status lists".to_owned());
    let mut tried: Vec<&str> = Vec::new();
    for issuer in issuers {
        if tried.contains(&issuer) {
            continue;
        }
        tried.push(issuer);
        match token.clone().verify(&region.signers(&nobody), issuer, uri, at) {
            Ok(verified) if over(&verified.terms) <= at => {
                refused = StandingUnknown::List("it names no end and is older than a day".to_owned());
            }
            Ok(verified) => return Ok((verified.list, verified.terms)),
            Err(error) => refused = told(&error),
        }
    }
    Err(refused)
}

/// The region's revocation lists, as far as they can be had: where its authorities and makers say that they are.
pub(super) async fn revocations(app: &App, region: &Region, at: i64) -> Vec<Crl> {
    let entry = &region.entry;
    let certificates = [&entry.authorities, &entry.seal_makers, &entry.credentials].into_iter().flatten();
    let mut urls: Vec<&String> = certificates.flat_map(pki::Certificate::crl_distribution_points).collect();
    urls.sort();
    urls.dedup();
    let mut lists = Vec::new();
    for url in urls.into_iter().take(MOST_REVOCATIONS) {
        let missed = || region.kept.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed().get(url).is_some_and(|until| at < *until) {
            continue;
        }
        match revocation(app, region, url, at).await {
            Ok(list) => lists.push(list),
            // Without it the path stays undecided, which is the verdict then.
            Err(error) => {
                tracing::info!(region = entry.id, error, "a region's revocation list was not had");
                missed().insert(url.clone(), at.saturating_add(MISSED));
            }
        }
    }
    lists
}

async fn revocation(app: &App, region: &Region, url: &str, at: i64) -> Result<Crl, String> {
    let kept = &region.kept.crls;
    let known = kept.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
    if let Some((list, until)) = known
        && at < until
    {
        return Ok(list);
    }
    let answer =
        app.fetch.get(url, LONGEST_CRL, "application/pkix-crl").await.map_err(|error| error.to_string())?;
    let list = Crl::from_der(&answer.body).map_err(|error| error.to_string())?;
    let longest = i64::try_from(app.config.recognition.status_seconds).unwrap_or(i64::MAX);
    let until = at.saturating_add(longest);
    let until = list.next_update().map_or(until, |next| next.min(until));
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MOST {
        kept.retain(|_, (_, until)| at < *until);
    }
    if kept.len() < MOST {
        kept.insert(url.to_owned(), (list.clone(), until));
    }
    Ok(list)
}

/// Octets of a status list token: what its reader takes.
const LONGEST: u64 = 2 * 1024 * 1024;
const LONGEST_CRL: u64 = 8 * 1024 * 1024;
/// Seconds.
const DAY: i64 = 86_400;
/// Lists kept at a time.
const MOST: usize = 256;
/// Seconds.
const MISSED: i64 = 10;
/// Revocation lists asked for one document.
const MOST_REVOCATIONS: usize = 16;
