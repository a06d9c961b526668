//! Kinds, levels and holders of seals, as the national platform knows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a seal is for. Travels and is stored as the platform's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum SealKind {
    /// 0 个人章.
    Personal,
    /// 1 法定名称章.
    StatutoryName,
    /// 2 财务专用章.
    Finance,
    /// 3 发票专用章.
    Invoice,
    /// 4 合同专用章.
    Contract,
    /// 5 法定代表人名章.
    LegalRepresentative,
    /// 6 业务专用章, a department's 审批专用章 among them.
    Business,
    /// 99 其他.
    Other,
}

/// A number that is no kind of seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no kind of seal `{0}`; write 0 to 6, or 99")]
pub struct UnknownKind(pub u8);

impl SealKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Personal,
        Self::StatutoryName,
        Self::Finance,
        Self::Invoice,
        Self::Contract,
        Self::LegalRepresentative,
        Self::Business,
        Self::Other,
    ];

    /// The platform's number; also `type` in an SES structure's properties (GB/T 38540).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Personal => 0,
            Self::StatutoryName => 1,
            Self::Finance => 2,
            Self::Invoice => 3,
            Self::Contract => 4,
            Self::LegalRepresentative => 5,
            Self::Business => 6,
            Self::Other => 99,
        }
    }

    /// The name that Chinese platforms show.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Personal => "个人章",
            Self::StatutoryName => "法定名称章",
            Self::Finance => "财务专用章",
            Self::Invoice => "发票专用章",
            Self::Contract => "合同专用章",
            Self::LegalRepresentative => "法定代表人名章",
            Self::Business => "业务专用章",
            Self::Other => "其他",
        }
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.number()) == number)
    }
}

impl TryFrom<u8> for SealKind {
    type Error = UnknownKind;

    fn try_from(number: u8) -> Result<Self, UnknownKind> {
        Self::of_number(i64::from(number)).ok_or(UnknownKind(number))
    }
}

impl From<SealKind> for u8 {
    fn from(kind: SealKind) -> Self {
        kind.number()
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal, $zh:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$each])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)+ } }

            /// The word that Chinese platforms show.
            #[must_use]
            pub const fn zh(self) -> &'static str { match self { $(Self::$variant => $zh,)+ } }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// Whose level of government a seal is of; its size follows from it.
    Level {
        /// 国家级.
        National = "national", "国家级";
        /// 省级.
        Provincial = "provincial", "省级";
        /// 市级.
        City = "city", "市级";
        /// 县级.
        County = "county", "县级";
        /// 其他.
        Other = "other", "其他";
    }
}

words! {
    /// Who holds a seal.
    HolderKind {
        /// An organisation: a department, a company; its number is a unified social credit code (GB 32100).
        Organisation = "organisation", "法人和其他组织";
        /// A natural person; its number is that of the identity card (GB 11643).
        Person = "person", "自然人";
    }
}

words! {
    /// Why a seal is stopped, made anew or ended.
    Ground {
        /// 遗失.
        Loss = "loss", "遗失";
        /// 损坏.
        Damage = "damage", "损坏";
        /// 密钥泄露或被盗用.
        Compromise = "compromise", "密钥泄露";
        /// 机构撤销, 人员离任.
        Closure = "closure", "机构撤销或人员离任";
        /// 其他.
        Other = "other", "其他";
    }
}

impl Ground {
    /// Whether the key may be in other hands.
    #[must_use]
    pub const fn loses_key(self) -> bool {
        matches!(self, Self::Loss | Self::Compromise)
    }

    /// The reason for revoking a certificate (RFC 5280 §5.3.1).
    #[must_use]
    pub const fn revocation(self) -> &'static str {
        match self {
            Self::Loss | Self::Compromise => "keyCompromise",
            Self::Damage => "superseded",
            Self::Closure => "cessationOfOperation",
            Self::Other => "unspecified",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_travel_as_the_platforms_numbers() {
        for kind in SealKind::ALL {
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, kind.number().to_string());
            assert_eq!(serde_json::from_str::<SealKind>(&json).unwrap(), kind);
        }
        assert!(serde_json::from_str::<SealKind>("7").is_err());
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        assert!(Level::ALL.iter().all(|one| Level::parse(one.as_str()) == Some(*one)));
        assert!(HolderKind::ALL.iter().all(|one| HolderKind::parse(one.as_str()) == Some(*one)));
        assert!(Ground::ALL.iter().all(|one| Ground::parse(one.as_str()) == Some(*one)));
        assert_eq!(serde_json::to_string(&Ground::Loss).unwrap(), "\"loss\"");
    }
}
