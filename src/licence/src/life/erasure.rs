//! When what is personal of a licence may be erased, and on which grounds.
//!
//! A licence is erased only where it leads nowhere any more: where no operation of the table that its type has is allowed in the
//! state it is in. Cancelled, revoked, withdrawn and transferred ones always are such. One that expired is not while its type
//! renews or cancels: the body cancels it first, as it must (行政许可法 art. 70 (1)). A version that a newer one replaced goes
//! with its licence and not alone, because the present one carries its history.

use serde::{Deserialize, Serialize};

use super::{Operation, State};

/// Why what is personal is erased: the cases of the Personal Information Protection Law (个人信息保护法) art. 47.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErasureGround {
    /// (1) What it was kept for is done, cannot be done, or does not need it any more.
    PurposeAchieved,
    /// (2) The time for which it is kept is over.
    RetentionOver,
    /// (3) The person has withdrawn consent.
    ConsentWithdrawn,
    /// (4) It was kept against the law or what was agreed.
    Unlawful,
    /// (5) Other cases in laws and regulations; the basis names them.
    Other,
}

impl ErasureGround {
    /// Every ground, in the order of the article.
    pub const ALL: [Self; 5] =
        [Self::PurposeAchieved, Self::RetentionOver, Self::ConsentWithdrawn, Self::Unlawful, Self::Other];

    /// The word in records and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PurposeAchieved => "purpose-achieved",
            Self::RetentionOver => "retention-over",
            Self::ConsentWithdrawn => "consent-withdrawn",
            Self::Unlawful => "unlawful",
            Self::Other => "other",
        }
    }

    /// Reads the word of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ground| ground.as_str() == word)
    }

    /// In Chinese.
    #[must_use]
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::PurposeAchieved => "处理目的已实现或不再必要",
            Self::RetentionOver => "保存期限已届满",
            Self::ConsentWithdrawn => "个人撤回同意",
            Self::Unlawful => "违反法律或者约定处理",
            Self::Other => "法律、行政法规规定的其他情形",
        }
    }
}

impl State {
    /// An operation that leads on from this state, of those that a type lists; `None` where the licence leads nowhere any more.
    #[must_use]
    pub fn leads_on(self, operations: &[Operation]) -> Option<Operation> {
        let leads = |operation: &Operation| {
            !operation.begins() && operation.allowed_by(operations) && self.after(*operation).is_some()
        };
        Operation::ALL.into_iter().find(leads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_leads_nowhere_and_what_has_not_does_as_its_type_says() {
        for state in State::ALL {
            let leads = state.leads_on(&Operation::ALL);
            assert_eq!(leads.is_none(), state.has_ended(), "{state:?} {leads:?}");
        }
        // What expired is renewed or cancelled where its type does so.
        assert_eq!(State::Expired.leads_on(&[Operation::Renew]), Some(Operation::Renew));
        assert_eq!(State::Expired.leads_on(&[Operation::Cancel]), Some(Operation::Cancel));
        assert_eq!(State::Expired.leads_on(&[Operation::Suspend, Operation::Change]), None);
        // What is suspended is resumed, whatever the type lists beside.
        assert_eq!(State::Suspended.leads_on(&[Operation::Suspend]), Some(Operation::Resume));
    }

    #[test]
    fn grounds_are_read_as_they_are_written() {
        for ground in ErasureGround::ALL {
            assert_eq!(ErasureGround::parse(ground.as_str()), Some(ground));
            assert_eq!(serde_json::to_value(ground).unwrap(), ground.as_str());
        }
        assert_eq!(ErasureGround::parse("x"), None);
    }
}
