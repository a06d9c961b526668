//! Trusted time (decision 9): where it comes from, and when it is not believed.
//!
//! Two questions, apart: does somebody vouch for the clock (kernel, chrony, or nobody: `assumed`), and has the wall
//! clock moved against the monotonic one by more than two seconds since it was last looked at. A clock that jumped
//! refuses acts until it is judged: by its source saying again that it is synchronised, or by an officer
//! ([`TrustedClock::accept`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::TimeSource;

/// A wall clock, a monotonic one, and whoever judges the first. Tests inject jumps here.
pub trait Clock: Send + Sync {
    /// Microseconds since the Unix epoch.
    fn wall(&self) -> i64;

    /// Time since some fixed moment; goes on while the machine sleeps.
    fn monotonic(&self) -> Duration;

    /// What the source of time says now. May take milliseconds.
    fn judgement(&self) -> Judgement;
}

/// What a source of time says of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Synchronised.
    Synchronised,
    /// Nobody vouches for it, and the configuration says that this is accepted; health is degraded.
    Assumed,
    /// Not synchronised, or nobody answers.
    Untrusted(String),
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    source: TimeSource,
}

impl SystemClock {
    /// The machine's clock, judged by `source`.
    #[must_use]
    pub const fn new(source: TimeSource) -> Self {
        Self { source }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        // Boot time, which goes on in suspend: a machine that slept has not jumped.
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn judgement(&self) -> Judgement {
        match self.source {
            TimeSource::Assumed => Judgement::Assumed,
            TimeSource::Kernel => kernel(),
            TimeSource::Chrony => chrony(),
        }
    }
}

/// Judges a [`Clock`] before each batch. Cheap: the source is asked in the background, and after each jump.
pub struct TrustedClock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    // Wall and monotonic time when they were last found to agree.
    wall: i64,
    monotonic: Duration,
    asked: Option<Duration>,
    judgement: Judgement,
    jumped: Option<i64>,
}

impl TrustedClock {
    /// Starts to watch `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            wall: clock.wall(),
            monotonic: clock.monotonic(),
            asked: None,
            judgement: Judgement::Assumed,
            jumped: None,
        };
        Self { clock, state: Mutex::new(state) }
    }

    /// The time in microseconds since the Unix epoch, if it is trusted.
    ///
    /// # Errors
    /// Why it is not.
    pub fn now(&self) -> Result<i64, String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let passed = monotonic.saturating_sub(state.monotonic);
        let expected = state.wall.saturating_add(i64::try_from(passed.as_micros()).unwrap_or(i64::MAX));
        let off = wall.saturating_sub(expected);
        let jumped_now = off.abs() > JUMP;
        if jumped_now {
            tracing::error!(microseconds = off, "the wall clock jumped");
            state.jumped = Some(off);
        }
        if jumped_now || passed > SETTLED {
            (state.wall, state.monotonic) = (wall, monotonic);
        }
        let due = state.asked.is_none_or(|asked| monotonic.saturating_sub(asked) > ASK_EVERY);
        if jumped_now || due || (state.jumped.is_some() && state.judgement != Judgement::Assumed) {
            state.judgement = self.clock.judgement();
            state.asked = Some(monotonic);
            // The kernel drops its own verdict when somebody sets the clock, so a verdict given after the jump counts.
            if !jumped_now && state.judgement == Judgement::Synchronised {
                state.jumped = None;
            }
        }
        match (&state.judgement, state.jumped) {
            (Judgement::Untrusted(reason), _) => Err(reason.clone()),
            (_, Some(off)) => {
                Err(format!("it jumped by {:.1} s and has not been judged since", seconds(off)))
            }
            _ => Ok(wall),
        }
    }

    /// The wall clock as it stands, trusted or not: for counting minutes, never for an entry.
    #[must_use]
    pub fn wall(&self) -> i64 {
        self.clock.wall()
    }

    /// Asks the source, off the writer's way; the journal does so in the background.
    pub fn refresh(&self) {
        let judgement = self.clock.judgement();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.judgement = judgement;
        state.asked = Some(self.clock.monotonic());
    }

    /// What the source last said.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).judgement.clone()
    }

    /// An officer says that the clock is right after a jump.
    pub fn accept(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.wall = self.clock.wall();
        state.monotonic = self.clock.monotonic();
        state.jumped = None;
    }
}

impl std::fmt::Debug for TrustedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedClock").field("state", &self.state).finish_non_exhaustive()
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

/// The kernel's own flag (`STA_UNSYNC` of adjtimex), read through `timedatectl`: it needs no privilege, and the kernel
/// raises the flag whenever somebody sets the clock.
fn kernel() -> Judgement {
    match run("/usr/bin/timedatectl", &["show", "--property=NTPSynchronized", "--value"]) {
        Ok(answer) if answer.trim() == "yes" => Judgement::Synchronised,
        Ok(_) => Judgement::Untrusted("the kernel says that it is not synchronised".to_owned()),
        Err(error) => Judgement::Untrusted(format!("the kernel's state cannot be read: {error}")),
    }
}

/// `chronyc -c tracking`: comma-separated, the last field is the leap status.
fn chrony() -> Judgement {
    match run("/usr/bin/chronyc", &["-c", "tracking"]) {
        Ok(answer) => match answer.trim().rsplit(',').next() {
            Some("Normal" | "Insert second" | "Delete second") => Judgement::Synchronised,
            _ => Judgement::Untrusted("chrony says that it is not synchronised".to_owned()),
        },
        Err(error) => Judgement::Untrusted(format!("chrony does not answer: {error}")),
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{program} ended with {}", output.status))
    }
}

/// More than this between the wall clock and the monotonic one is a jump, in microseconds.
const JUMP: i64 = 2_000_000;
/// Corrections that small add up over this time only.
const SETTLED: Duration = Duration::from_secs(60);
/// An answer of the source older than this is asked for again on the spot.
const ASK_EVERY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

    use super::*;

    #[derive(Default)]
    struct Fake {
        wall: AtomicI64,
        monotonic: AtomicU64,
        vouched: AtomicBool,
        synchronised: AtomicBool,
    }

    impl Clock for Fake {
        fn wall(&self) -> i64 {
            self.wall.load(Ordering::Relaxed)
        }
        fn monotonic(&self) -> Duration {
            Duration::from_micros(self.monotonic.load(Ordering::Relaxed))
        }
        fn judgement(&self) -> Judgement {
            match (self.vouched.load(Ordering::Relaxed), self.synchronised.load(Ordering::Relaxed)) {
                (false, _) => Judgement::Assumed,
                (true, true) => Judgement::Synchronised,
                (true, false) => Judgement::Untrusted("not synchronised".to_owned()),
            }
        }
    }

    impl Fake {
        fn pass(&self, wall: i64, monotonic: u64) {
            self.wall.fetch_add(wall, Ordering::Relaxed);
            self.monotonic.fetch_add(monotonic, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_jump_refuses_until_an_officer_judges() {
        let fake = Arc::new(Fake::default());
        let clock = TrustedClock::new(fake.clone());
        fake.pass(5_000_000, 5_000_000);
        assert_eq!(clock.now(), Ok(5_000_000));
        for jump in [2_100_000, -2_100_000] {
            fake.pass(jump, 0);
            assert!(clock.now().unwrap_err().contains("jumped"));
            fake.pass(1_000_000, 1_000_000);
            assert!(clock.now().is_err(), "time alone does not heal it");
            clock.accept();
            assert!(clock.now().is_ok());
        }
    }

    #[test]
    fn small_corrections_pass() {
        let fake = Arc::new(Fake::default());
        let clock = TrustedClock::new(fake.clone());
        for _ in 0..100 {
            fake.pass(61_500_000, 61_000_000);
            assert!(clock.now().is_ok());
        }
    }

    #[test]
    fn a_source_that_vouches_again_after_a_jump_is_believed() {
        let fake = Arc::new(Fake::default());
        fake.vouched.store(true, Ordering::Relaxed);
        fake.synchronised.store(true, Ordering::Relaxed);
        let clock = TrustedClock::new(fake.clone());
        assert!(clock.now().is_ok());
        fake.pass(3_600_000_000, 1_000);
        fake.synchronised.store(false, Ordering::Relaxed);
        assert!(clock.now().is_err());
        fake.pass(1_000, 1_000);
        assert!(clock.now().is_err());
        fake.synchronised.store(true, Ordering::Relaxed);
        assert!(clock.now().is_ok());
    }

    #[test]
    fn an_unsynchronised_source_refuses() {
        let fake = Arc::new(Fake::default());
        fake.vouched.store(true, Ordering::Relaxed);
        assert_eq!(TrustedClock::new(fake).now(), Err("not synchronised".to_owned()));
    }

    #[test]
    fn the_system_clock_is_after_this_was_written() {
        let clock = SystemClock::new(TimeSource::Assumed);
        assert!(clock.wall() > 1_700_000_000_000_000);
        assert!(clock.monotonic() > Duration::ZERO);
        assert_eq!(clock.judgement(), Judgement::Assumed);
    }
}
