//! One step of a licence's life: what an operation makes of where it stands, or why it is refused.

use super::{Operation, State};

/// The highest version number: the identifier has three digits for it (GB/T 36904).
pub const MAX_NUMBER: u16 = 999;

/// Where a licence stands, as far as its life goes by rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The stored state.
    pub state: State,
    /// Number of the present version.
    pub number: u16,
    /// From when it holds, Unix seconds.
    pub valid_from: i64,
    /// The last second it holds; `None` has no end.
    pub valid_to: Option<i64>,
}

/// The time that a new version holds, Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// From when.
    pub valid_from: i64,
    /// The last second; `None` has no end.
    pub valid_to: Option<i64>,
}

/// Why an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The type's definition does not list it.
    #[error("licences of this type take no `{}`: its definition lists other operations", .0.as_str())]
    NotOfType(Operation),
    /// The state does not allow it.
    #[error(
        "a licence that is {} takes no `{}`; it takes: {}", .state.word_en(), .operation.as_str(), takes(*.state)
    )]
    State {
        /// What was to be done.
        operation: Operation,
        /// Where the licence stands.
        state: State,
    },
    /// All version numbers are used.
    #[error(
        "the licence has {MAX_NUMBER} versions, and its identifier has room for no more: issue a new licence"
    )]
    NoNumberLeft,
    /// The new end is not later.
    #[error("a renewal ends later than what it renews: name a later end")]
    NotLater,
    /// The new end is over already.
    #[error("the licence would be over before it is renewed: name an end to come")]
    Over,
}

impl Life {
    /// Refuses an operation, or says how the licence stands after it. `time` is how long the version that it makes holds; it is
    /// left as it is where that is `None`.
    ///
    /// `operations` are those of the type's definition; `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`Refusal`], saying which rule it is.
    pub fn apply(
        self,
        operation: Operation,
        operations: &[Operation],
        time: Option<Renewed>,
        now: i64,
    ) -> Result<Self, Refusal> {
        let after = self.allows(operation, operations, now)?;
        let mut life = Self { state: after, ..self };
        if operation.makes_version() {
            if self.number >= MAX_NUMBER {
                return Err(Refusal::NoNumberLeft);
            }
            life.number = self.number.saturating_add(1);
            if let Some(time) = time {
                life.valid_from = time.valid_from;
                life.valid_to = time.valid_to;
            }
            if operation == Operation::Renew && !ends_later(life.valid_to, self.valid_to) {
                return Err(Refusal::NotLater);
            }
            // INVARIANT: what makes a version leaves a licence that holds, or it would be dead from the press.
            if life.valid_to.is_some_and(|end| end < now) {
                return Err(Refusal::Over);
            }
        }
        Ok(life)
    }

    /// The state after an operation, if state and type allow it; what a new version must keep to is not asked.
    ///
    /// # Errors
    /// [`Refusal::State`], [`Refusal::NotOfType`].
    pub fn allows(self, operation: Operation, operations: &[Operation], now: i64) -> Result<State, Refusal> {
        let state = self.state.at(self.valid_to, now);
        let after = state.after(operation).ok_or(Refusal::State { operation, state })?;
        if operation.allowed_by(operations) { Ok(after) } else { Err(Refusal::NotOfType(operation)) }
    }

    /// The state that is seen at `now`.
    #[must_use]
    pub fn seen(self, now: i64) -> State {
        self.state.at(self.valid_to, now)
    }
}

/// Whether an end is later than another; `None` is no end, and nothing is later than that.
fn ends_later(new: Option<i64>, old: Option<i64>) -> bool {
    match (new, old) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    }
}

fn takes(state: State) -> String {
    let words: Vec<_> =
        Operation::ALL.iter().filter(|one| state.after(**one).is_some()).map(|o| o.as_str()).collect();
    if words.is_empty() { "nothing more, it has ended".to_owned() } else { words.join(", ") }
}
