//! The lists as this node publishes them: made from rows, signed, kept until something changed.
//!
//! A token derives from logged state and needs no entry of its own (decision 10). When the generation of licences moved, or
//! half of the token's time is over, the next reader has the list looked at again: only entries that were ever anything but
//! valid are read, and after the first time only those that changed lately. A list in which nothing changed keeps its token.
//! Memory: 256 KiB for each list of a million places, beside its tokens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use licence::credential::Issuer;
use licence::credential::status_list::{self, StatusList, Terms};

use super::{StatusError, uri};
use crate::app::App;
use crate::journal::CommitError;
use crate::licences::signers;
use crate::store::tables::LICENCE_STATUS_LISTS;
use crate::store::{StoreError, Value};

/// The lists kept, by number.
#[derive(Debug, Default)]
pub struct Lists {
    kept: RwLock<HashMap<i64, Arc<Kept>>>,
    /// Counts how often the generation of licences was seen to move.
    moved: AtomicU64,
    /// Turns at making a list, by number: of lists that there are alone.
    making: Mutex<HashMap<i64, Arc<tokio::sync::Mutex<()>>>>,
    /// The highest number of a list, and when it was read.
    highest: tokio::sync::Mutex<Option<(Instant, i64)>>,
}

#[derive(Debug)]
struct Kept {
    list: StatusList,
    /// When its entries were read last, microseconds.
    read: i64,
    /// What `moved` was before that.
    moved: u64,
    /// Fingerprint of the certificate that signed.
    signer: String,
    published: Arc<Published>,
}

/// A list, signed.
#[derive(Debug)]
pub struct Published {
    /// `application/statuslist+jwt`.
    pub jwt: Form,
    /// `application/statuslist+cwt`.
    pub cwt: Form,
    /// When it was signed, Unix seconds.
    pub issued_at: i64,
    /// Until when it may be used, Unix seconds.
    pub expires: i64,
}

/// One form of a token.
#[derive(Debug)]
pub struct Form {
    /// Its octets.
    pub body: Bytes,
    /// Its entity tag.
    pub etag: HeaderValue,
}

impl Form {
    fn of(body: Vec<u8>) -> Self {
        let hash = crypto::DigestAlgorithm::Sha256.digest(&body);
        let tag = format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or_default()));
        // Hexadecimal between quotes is a header's value.
        let etag = HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { body: body.into(), etag }
    }
}

impl Lists {
    /// The generation of licences moved: whatever is asked for next is looked at again.
    pub fn stir(&self) {
        self.moved.fetch_add(1, Ordering::AcqRel);
    }

    fn get(&self, number: i64) -> Option<Arc<Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    fn put(&self, number: i64, kept: Kept) -> Arc<Published> {
        let published = kept.published.clone();
        let mut all = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(number, Arc::new(kept));
        published
    }

    /// Whether there is a list of this number, so far as numbers tell: lists are numbered one after the other. Asked of the
    /// store once a second at most, whatever strangers ask for.
    async fn exists(&self, app: &App, number: i64) -> Result<bool, StatusError> {
        if number < 1 {
            return Ok(false);
        }
        if self.get(number).is_some() {
            return Ok(true);
        }
        let mut highest = self.highest.lock().await;
        if let Some((read, highest)) = *highest
            && (number <= highest || read.elapsed() < UNKNOWN)
        {
            return Ok(number <= highest);
        }
        let records = app.db.fetch_all(NUMBERS, &[]).await?;
        let numbers = records.iter().map(|record| Ok(record.text("id")?.parse::<i64>().unwrap_or(0)));
        let found = numbers.collect::<Result<Vec<_>, StoreError>>()?.into_iter().max().unwrap_or(0);
        *highest = Some((Instant::now(), found));
        Ok(number <= found)
    }

    fn turn(&self, number: i64) -> Arc<tokio::sync::Mutex<()>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default().clone()
    }

    fn current(&self, number: i64, signer: &str, now: i64) -> Option<Arc<Published>> {
        let kept = self.get(number)?;
        let Published { issued_at, expires, .. } = *kept.published;
        let fresh = now >= issued_at && expires - now > (expires - issued_at) / 2;
        let same = kept.moved == self.moved.load(Ordering::Acquire) && kept.signer == signer;
        (fresh && same).then(|| kept.published.clone())
    }
}

/// The list of this number as it is now; nothing where there is none.
///
/// # Errors
/// [`StatusError`]: sealed, no signer, the clock, the store.
pub async fn published(app: &App, number: i64) -> Result<Option<Arc<Published>>, StatusError> {
    let signer = signers::credential(app)?;
    let unsealed = app.unsealed()?;
    let micros = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let now = micros.div_euclid(1_000_000);
    let lists = &app.licences.lists;
    if let Some(published) = lists.current(number, signer.fingerprint(), now) {
        return Ok(Some(published));
    }
    if !lists.exists(app, number).await? {
        return Ok(None);
    }
    let turn = lists.turn(number);
    let _one_at_a_time = turn.lock().await;
    if let Some(published) = lists.current(number, signer.fingerprint(), now) {
        return Ok(Some(published));
    }
    let moved = lists.moved.load(Ordering::Acquire);
    let before = lists.get(number);
    let Some(list) = read(app, number, before.as_deref()).await? else { return Ok(None) };
    if let Some(before) = &before
        && before.list == list
        && before.signer == signer.fingerprint()
        && before.published.expires - now > (before.published.expires - before.published.issued_at) / 2
    {
        let kept = Kept {
            list,
            read: micros,
            moved,
            signer: before.signer.clone(),
            published: before.published.clone(),
        };
        return Ok(Some(lists.put(number, kept)));
    }
    let seconds = i64::try_from(app.config.status.ocsp_seconds).unwrap_or(i64::MAX);
    let terms = Terms {
        uri: uri(app, number),
        issued_at: now,
        expires: Some(now.saturating_add(seconds)),
        ttl: Some(app.config.status.max_age_seconds),
    };
    let fingerprint = signer.fingerprint().to_owned();
    // Compressing takes milliseconds.
    let made = tokio::task::spawn_blocking(move || sign(list, &terms, &signer)).await;
    let (list, published) = made.map_err(|error| StatusError::CutOff(error.to_string()))??;
    let kept = Kept { list, read: micros, moved, signer: fingerprint, published: Arc::new(published) };
    Ok(Some(lists.put(number, kept)))
}

fn sign(list: StatusList, terms: &Terms, issuer: &Issuer) -> Result<(StatusList, Published), StatusError> {
    let octets = list.compressed();
    let jwt = status_list::token_jwt(list.bits(), &octets, terms, issuer)?;
    let cwt = status_list::token_cwt(list.bits(), &octets, terms, issuer)?;
    let published = Published {
        jwt: Form::of(jwt.into_bytes()),
        cwt: Form::of(cwt),
        issued_at: terms.issued_at,
        expires: terms.expires.unwrap_or(terms.issued_at),
    };
    Ok((list, published))
}

/// The list by its rows: all that are not valid, or what changed since it was read before.
async fn read(app: &App, number: i64, before: Option<&Kept>) -> Result<Option<StatusList>, StatusError> {
    let (mut list, records) = match before {
        Some(before) => {
            let since = before.read.saturating_sub(OVERLAP);
            let records = app.db.fetch_all(CHANGED, &[number.into(), since.into()]).await?;
            (before.list.clone(), records)
        }
        None => {
            let Some(row) = app.db.row(&LICENCE_STATUS_LISTS, &number.to_string()).await? else {
                return Ok(None);
            };
            let size = row.value("size").as_int().and_then(|size| u32::try_from(size).ok());
            let list = size.and_then(|size| StatusList::new(size).ok());
            let list = list.ok_or_else(|| StatusError::Damaged(number.to_string()))?;
            (list, app.db.fetch_all(NOT_VALID, &[Value::Int(number)]).await?)
        }
    };
    for record in &records {
        let place = u32::try_from(record.int("place")?).ok();
        let value = u8::try_from(record.int("value")?).ok();
        let set = place.zip(value).and_then(|(place, value)| list.set(place, value).ok());
        set.ok_or_else(|| StatusError::Damaged(number.to_string()))?;
    }
    Ok(Some(list))
}

/// All lists: one for each million of licences.
const NUMBERS: &str = "SELECT id FROM licence_status_lists";
/// For how long a number above all lists is unknown without asking anew.
const UNKNOWN: Duration = Duration::from_secs(1);
const NOT_VALID: &str = "SELECT place, value FROM licence_statuses WHERE list = $1 AND value <> 0";
/// The words of the index's own condition, so that both databases use it.
const CHANGED: &str = "SELECT place, value FROM licence_statuses \
                       WHERE list = $1 AND updated >= $2 AND (version > 1 OR value <> 0)";
/// Rows bear the time of their act, which is a while before they are durable; read again for so long, in microseconds.
const OVERLAP: i64 = 600 * 1_000_000;
