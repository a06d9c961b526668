//! How often strangers may guess, and how often verifiers verified.
//!
//! A name or a number on a licence can be guessed by trying (decision 30): wrong answers are counted per network, and per
//! network and licence, whether there is such a licence or not. Right ones are not, so that a licence that many look at can be
//! looked at; and nobody is refused for what others tried, so that no rival locks a licence up.
//! What one address asks in all is limited too. Registered verifiers are limited as callers are, by the pipeline.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::digest::{Context, SHA256};
use serde_json::json;

use super::credential::Challenge;
use super::identifier::limited;
use super::verdict::{Audience, Code};
use crate::enrolment::strikes::Strikes;
use crate::journal::{Act, Unit};
use crate::problem::Result;
use crate::server::limits::Rates;

/// The limits of one node.
#[derive(Debug)]
pub struct Limits {
    asked: Rates,
    by_peer: Strikes,
    by_licence: Strikes,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            asked: Rates::new(PER_SECOND, BURST),
            by_peer: Strikes::new(WRONG_BY_PEER, Duration::from_secs(10 * 60), MOST),
            by_licence: Strikes::new(WRONG_BY_LICENCE, Duration::from_secs(60 * 60), MOST),
        }
    }
}

impl Limits {
    /// That a stranger may ask, about this licence.
    ///
    /// # Errors
    /// The problem that says how long to wait.
    pub(super) fn admit(&self, audience: &Audience<'_>, licence: &str) -> Result<()> {
        let Some(peer) = audience.peer() else { return Ok(()) };
        self.ask(audience)?;
        let now = Instant::now();
        self.by_peer.may_try(&peer, now).map_err(limited)?;
        self.by_licence.may_try(&pair(licence, &peer), now).map_err(limited)
    }

    /// That a stranger may ask anything at all.
    ///
    /// # Errors
    /// The problem that says how long to wait.
    pub(super) fn ask(&self, audience: &Audience<'_>) -> Result<()> {
        let Some(peer) = audience.peer() else { return Ok(()) };
        self.asked.count(&peer).map_err(limited)
    }

    /// Counts a wrong answer of a stranger.
    pub(super) fn wrong(&self, audience: &Audience<'_>, licence: &str) {
        let Some(peer) = audience.peer() else { return };
        let now = Instant::now();
        self.by_peer.wrong(&peer, now);
        self.by_licence.wrong(&pair(licence, &peer), now);
    }

    /// Forgets what has been quiet.
    pub fn forget_quiet(&self) {
        let now = Instant::now();
        self.asked.forget_quiet();
        self.by_peer.forget_quiet(now);
        self.by_licence.forget_quiet(now);
    }
}

/// What one network asks about one licence. An address has no space in it.
fn pair(licence: &str, peer: &str) -> String {
    format!("{peer} {licence}")
}

/// Verifications by registered callers, one entry for each caller and minute (decision 10).
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<String, Counted>>);

#[derive(Debug)]
struct Counted {
    act: Act,
    minute: i64,
    counts: [u64; Code::ALL.len()],
}

impl Tally {
    /// Counts a verification at `now`, microseconds.
    pub(super) fn count(&self, audience: &Audience<'_>, code: Code, now: i64) {
        let Audience::Verifier(permit) = audience else {
            metrics::counter!("cinnabar_licence_verifications_total", "audience" => "stranger", "result" => code.word())
                .increment(1);
            return;
        };
        metrics::counter!("cinnabar_licence_verifications_total", "audience" => "verifier", "result" => code.word())
            .increment(1);
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = counted.entry(permit.caller().id.clone()).or_insert_with(|| Counted {
            act: Act { request: String::new(), ..permit.act() },
            minute: now / MINUTE,
            counts: Default::default(),
        });
        if let Some(count) = of.counts.get_mut(usize::from(code.number())) {
            *count += 1;
        }
    }

    /// The entries of minutes that are over, of all when `all`; the counts start anew.
    pub fn over(&self, now: i64, all: bool) -> Vec<Unit> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = counted.extract_if(|_, counted| all || counted.minute != now / MINUTE);
        let unit = |(_, counted): (String, Counted)| {
            let results: serde_json::Map<_, _> = Code::ALL
                .into_iter()
                .zip(counted.counts)
                .filter(|(_, count)| *count > 0)
                .map(|(code, count)| (code.word().to_owned(), count.into()))
                .collect();
            Unit::new(counted.act).facts(json!({ "minute": counted.minute, "results": results }))
        };
        over.map(unit).collect()
    }
}

/// What a holder's proof is noted by once it was believed, so that it is believed once (RFC 9901 §7.3): who asked, for whom, with
/// which nonce.
///
/// The nonce is the asker's own guard; this one, in the database for all nodes, is for askers that repeat theirs. A proof is
/// refused for its age long before it is forgotten ([`PROOF_KEPT`]).
pub(super) fn proof(audience: &Audience<'_>, challenge: &Challenge<'_>) -> String {
    let asker = match audience {
        Audience::Stranger { .. } => "",
        Audience::Verifier(permit) => permit.caller().id.as_str(),
    };
    let mut hash = Context::new(&SHA256);
    for part in ["holder's proof", asker, challenge.audience, challenge.nonce] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finish())
}

/// How long it is known that a proof was believed, microseconds.
pub(super) const PROOF_KEPT: i64 = 3600 * 1_000_000;

/// Verifications of one address.
const PER_SECOND: u32 = 5;
const BURST: u32 = 30;
/// Wrong answers of one address in ten minutes.
const WRONG_BY_PEER: u32 = 30;
/// Wrong answers of one network about one licence in an hour.
const WRONG_BY_LICENCE: u32 = 10;
/// Networks, and what each asks about one licence, that are counted at a time.
const MOST: usize = 20_000;
/// Microseconds.
const MINUTE: i64 = 60_000_000;
