//! The connection to one token: which it is, logging in once, sessions lent out, and what happens when it vanishes.
//!
//! A failure that may come from a token that went away restarts the module and repeats the work once; if the token is
//! not there then, the state is `down` and every use is refused at once, until a pause (growing to 30 s) is over and
//! the next use tries again. A PIN is tried once: a token locks itself after a few wrong ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use zeroize::Zeroizing;

use super::module::{Loaded, Module};
use super::object::Found;
use super::pin::Pin;
use crate::api::{CustodyError, Health};
use crate::label::Label;

/// Which of a module's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenChoice {
    /// The one with this CKA label; two of them refuse.
    Label(String),
    /// The one with this serial number.
    Serial(String),
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long to wait for a session that others use.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why work with the token did not come about.
#[derive(Debug)]
pub(super) enum Failure {
    /// The token may be gone.
    Lost(String),
    /// An answer to pass on.
    Told(CustodyError),
}

#[derive(Debug)]
pub(super) struct Link {
    module: Arc<Module>,
    choice: TokenChoice,
    pin: Mutex<Pin>,
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    epoch: u64,
    up: Option<Up>,
    down: Down,
    /// A PIN the token refused; not tried again.
    refused: Option<Zeroizing<Vec<u8>>>,
}

struct Up {
    slot: Slot,
    serial: String,
    offers: Arc<Vec<MechanismType>>,
    /// Logged in; never lent, so that the login lasts.
    _anchor: Session,
    idle: Vec<Session>,
    lent: usize,
    keys: HashMap<Label, Arc<Found>>,
}

struct Down {
    reason: String,
    since: Option<SystemTime>,
    next: Instant,
    pause: Duration,
}

/// A session lent for one piece of work.
pub(super) struct Lease<'a> {
    link: &'a Link,
    context: &'a Pkcs11,
    epoch: u64,
    slot: Slot,
    serial: String,
    offers: Arc<Vec<MechanismType>>,
    session: Option<Session>,
    spoilt: std::cell::Cell<bool>,
}

/// What to do instead of the work; with the epoch in which that showed.
enum Trouble {
    /// The module must be restarted before the token can be looked for.
    Restart(u64),
    /// The same, and the reason to tell when it does not help.
    Lost(u64, String),
    /// Nothing but telling.
    Told(CustodyError),
}

impl Link {
    pub(super) fn new(module: Arc<Module>, choice: TokenChoice, pin: Pin, most: usize) -> Self {
        let down = Down {
            reason: "not opened yet".to_owned(),
            since: None,
            next: Instant::now(),
            pause: FIRST_PAUSE,
        };
        let state = Mutex::new(State { epoch: 0, up: None, down, refused: None });
        Self { module, choice, pin: Mutex::new(pin), most, state, freed: Condvar::new() }
    }

    /// Does work with a session, and once more with a new connection when the first one turns out to be gone.
    pub(super) fn with<T>(&self, work: impl Fn(&Lease<'_>) -> Result<T, Failure>) -> Result<T, CustodyError> {
        let mut repeated = false;
        loop {
            match self.once(&work) {
                Ok(done) => return Ok(done),
                Err(Trouble::Told(error)) => return Err(error),
                Err(Trouble::Restart(epoch)) => self.module.restart(epoch),
                Err(Trouble::Lost(_, reason)) if repeated => return Err(CustodyError::Device { reason }),
                Err(Trouble::Lost(epoch, reason)) => {
                    tracing::warn!(%reason, token = %self.choice, "token does not answer: connecting anew");
                    self.module.restart(epoch);
                    repeated = true;
                }
            }
        }
    }

    fn once<T>(&self, work: impl Fn(&Lease<'_>) -> Result<T, Failure>) -> Result<T, Trouble> {
        let loaded = self.module.read();
        let lease = self.lease(&loaded)?;
        work(&lease).map_err(|failure| match failure {
            Failure::Told(error) => Trouble::Told(error),
            Failure::Lost(reason) => {
                lease.spoilt.set(true);
                Trouble::Lost(lease.epoch, reason)
            }
        })
    }

    /// Asks the token whether it is there, which also looks for one that was away.
    pub(super) fn health(&self) -> Health {
        let asked = self.with(|lease| lease.probe().map(|()| lease.serial.clone()));
        let state = self.state();
        let keeper = format!("pkcs11:{}", self.choice);
        match asked {
            Ok(serial) => Health { keeper, available: true, detail: format!("serial {serial}"), since: None },
            Err(CustodyError::Unavailable { reason, .. }) => {
                Health { keeper, available: false, detail: reason, since: state.down.since }
            }
            Err(error) => Health { keeper, available: false, detail: error.to_string(), since: None },
        }
    }

    /// Takes another PIN, to be tried at the next use.
    pub(super) fn enter(&self, pin: Pin) {
        *self.pin.lock().unwrap_or_else(PoisonError::into_inner) = pin;
        let mut state = self.state();
        state.down.next = Instant::now();
        state.down.pause = FIRST_PAUSE;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease<'a>(&'a self, loaded: &'a Loaded) -> Result<Lease<'a>, Trouble> {
        let mut state = self.state();
        if state.epoch != loaded.epoch() {
            let first = state.epoch == 0;
            state.epoch = loaded.epoch();
            state.up = None;
            let opened = self.connect(&mut state, loaded);
            match opened {
                Ok(up) => {
                    if !first {
                        tracing::info!(token = %self.choice, serial = %up.serial, "token is connected again");
                    }
                    state.up = Some(up);
                    state.down.pause = FIRST_PAUSE;
                    state.down.since = None;
                }
                Err(reason) => state.down.set(reason),
            }
        }
        let Some(context) = loaded.context() else {
            return Err(self.unavailable(&mut state, "the module cannot be initialised"));
        };
        let patient_until = Instant::now() + PATIENCE;
        loop {
            let Some(up) = state.up.as_mut() else {
                return Err(self.unavailable(&mut state, ""));
            };
            let session = match up.idle.pop() {
                Some(session) => session,
                None if up.lent < self.most => match context.open_rw_session_no_drop(up.slot) {
                    Ok(session) => session,
                    // Fewer sessions than we may use: wait for one of ours.
                    Err(Error::Pkcs11(RvError::SessionCount, _)) if up.lent > 0 => {
                        state = self.wait(state, patient_until)?;
                        continue;
                    }
                    Err(error) => {
                        state.up = None;
                        state.down.set(error.to_string());
                        return Err(self.unavailable(&mut state, ""));
                    }
                },
                None => {
                    state = self.wait(state, patient_until)?;
                    continue;
                }
            };
            up.lent += 1;
            return Ok(Lease {
                link: self,
                context,
                epoch: loaded.epoch(),
                slot: up.slot,
                serial: up.serial.clone(),
                offers: Arc::clone(&up.offers),
                session: Some(session),
                spoilt: std::cell::Cell::new(false),
            });
        }
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        until: Instant,
    ) -> Result<MutexGuard<'a, State>, Trouble> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let reason = format!("all {} sessions are busy", self.most);
            return Err(Trouble::Told(CustodyError::Unavailable { keeper: self.choice.to_string(), reason }));
        }
        Ok(self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0)
    }

    /// What to answer while down: a restart when a pause is over, else the reason.
    fn unavailable(&self, state: &mut State, reason: &str) -> Trouble {
        let now = Instant::now();
        if now >= state.down.next {
            state.down.next = now + state.down.pause;
            return Trouble::Restart(state.epoch);
        }
        let reason = if reason.is_empty() { state.down.reason.clone() } else { reason.to_owned() };
        Trouble::Told(CustodyError::Unavailable { keeper: self.choice.to_string(), reason })
    }

    fn connect(&self, state: &mut State, loaded: &Loaded) -> Result<Up, String> {
        let context = loaded.context().ok_or("the module cannot be initialised")?;
        let told = |error: Error| error.to_string();
        let (slot, info) = self.find(context)?;
        let offers = context.get_mechanism_list(slot).map_err(told)?;
        if info.user_pin_locked() {
            return Err("its PIN is locked".to_owned());
        }
        let pin = self.pin.lock().unwrap_or_else(PoisonError::into_inner).read();
        let pin = pin.map_err(|error| error.to_string())?;
        if state.refused.as_ref().is_some_and(|refused| **refused == *pin) {
            return Err("it refused the PIN, which is not tried again".to_owned());
        }
        if info.user_pin_final_try() {
            return Err("its PIN has one try left: log in once with the maker's tool".to_owned());
        }
        let anchor = context.open_rw_session_no_drop(slot).map_err(told)?;
        match anchor.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.to_vec()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
                state.refused = Some(pin);
                // The session is of no use; closing it may fail as well as it likes.
                let _ = anchor.close();
                return Err("it refused the PIN, which is not tried again".to_owned());
            }
            Err(error) => return Err(error.to_string()),
        }
        state.refused = None;
        Ok(Up {
            slot,
            serial: info.serial_number().trim().to_owned(),
            offers: Arc::new(offers),
            _anchor: anchor,
            idle: Vec::new(),
            lent: 0,
            keys: HashMap::new(),
        })
    }

    fn find(&self, context: &Pkcs11) -> Result<(Slot, cryptoki::slot::TokenInfo), String> {
        let mut found = Vec::new();
        for slot in context.get_slots_with_token().map_err(|error| error.to_string())? {
            // A slot whose token was just pulled is no reason to miss the others.
            let Ok(info) = context.get_token_info(slot) else { continue };
            if info.token_initialized() && self.choice.fits(&info) {
                found.push((slot, info));
            }
        }
        match found.len() {
            0 => Err("there is no such token in any slot".to_owned()),
            1 => found.pop().ok_or_else(String::new),
            several => Err(format!("{several} tokens have this label: name the serial number instead")),
        }
    }
}

impl Lease<'_> {
    pub(super) fn session(&self) -> &Session {
        // INVARIANT: the session is only taken when the lease is dropped.
        #[expect(clippy::expect_used, reason = "taken in drop alone")]
        self.session.as_ref().expect("a lease has a session until it is dropped")
    }

    /// Whether the token has a mechanism.
    pub(super) fn offers(&self, mechanism: MechanismType) -> bool {
        self.offers.contains(&mechanism)
    }

    /// Whether the token still is where it was, and is the same.
    pub(super) fn probe(&self) -> Result<(), Failure> {
        let gone = |reason: String| Failure::Lost(reason);
        let info = self.context.get_token_info(self.slot).map_err(|error| gone(error.to_string()))?;
        if !info.token_initialized() || info.serial_number().trim() != self.serial {
            return Err(gone("another token is in its slot".to_owned()));
        }
        self.session().get_session_info().map(drop).map_err(|error| gone(error.to_string()))
    }

    pub(super) fn remembered(&self, label: &Label) -> Option<Arc<Found>> {
        let state = self.link.state();
        let up = state.up.as_ref().filter(|_| state.epoch == self.epoch)?;
        up.keys.get(label).cloned()
    }

    pub(super) fn remember(&self, label: &Label, found: Found) -> Arc<Found> {
        let found = Arc::new(found);
        let mut state = self.link.state();
        if state.epoch == self.epoch
            && let Some(up) = state.up.as_mut()
        {
            up.keys.insert(label.clone(), Arc::clone(&found));
        }
        found
    }

    pub(super) fn forget(&self, label: &Label) {
        let mut state = self.link.state();
        if let Some(up) = state.up.as_mut() {
            up.keys.remove(label);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut state = self.link.state();
        // INVARIANT: the module's read guard is still held, so handles of this epoch are valid.
        if state.epoch == self.epoch
            && let Some(up) = state.up.as_mut()
        {
            up.lent = up.lent.saturating_sub(1);
            if !self.spoilt.get() {
                up.idle.push(session);
            }
        }
        drop(state);
        self.link.freed.notify_one();
    }
}

impl Down {
    fn set(&mut self, reason: String) {
        self.reason = reason;
        self.since.get_or_insert_with(SystemTime::now);
        self.next = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl TokenChoice {
    fn fits(&self, info: &cryptoki::slot::TokenInfo) -> bool {
        match self {
            Self::Label(label) => info.label().trim_end() == label,
            Self::Serial(serial) => info.serial_number().trim() == serial,
        }
    }
}

impl fmt::Display for TokenChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => f.write_str(label),
            Self::Serial(serial) => write!(f, "serial {serial}"),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("epoch", &self.epoch)
            .field("up", &self.up.is_some())
            .finish_non_exhaustive()
    }
}

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        Self::Told(error)
    }
}

impl From<Error> for Failure {
    /// Errors that a token which is well also gives are told; those it gives when it or its objects went away mean
    /// a new connection first (PKCS #11 v2.40 §5.1).
    fn from(error: Error) -> Self {
        let reason = error.to_string();
        match error {
            Error::Pkcs11(
                RvError::DeviceError
                | RvError::DeviceRemoved
                | RvError::DeviceMemory
                | RvError::TokenNotPresent
                | RvError::TokenNotRecognized
                | RvError::SlotIdInvalid
                | RvError::SessionHandleInvalid
                | RvError::SessionClosed
                | RvError::CryptokiNotInitialized
                | RvError::UserNotLoggedIn
                | RvError::KeyHandleInvalid
                | RvError::ObjectHandleInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed
                | RvError::OperationActive,
                _,
            ) => Self::Lost(reason),
            _ => Self::Told(CustodyError::Device { reason }),
        }
    }
}
