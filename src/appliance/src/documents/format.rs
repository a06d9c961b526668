//! What a signature by a seal is: its format, and how much it proves by itself.

use pdf::sign::Container;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The format of a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A detached CMS (RFC 5652); in a PDF that of PAdES (EN 319 142-1).
    #[default]
    Cms,
    /// An SES_Signature (GB/T 38540), which carries the seal with its picture; in a PDF `/GM.sm2seal`.
    Ses,
}

impl Format {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cms => "cms",
            Self::Ses => "ses",
        }
    }

    /// Whether it is the one that is meant where nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// How a PDF names it.
    #[must_use]
    pub const fn container(self) -> Container {
        match self {
            Self::Cms => Container::Pades,
            Self::Ses => Container::Other { filter: "Gomain.GMPkiLite", sub_filter: "GM.sm2seal" },
        }
    }

    /// The media type of a signature that stands alone. An SES_Signature has none.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Cms => "application/cms",
            Self::Ses => "application/octet-stream",
        }
    }
}

/// Levels of PAdES (EN 319 142-1 §6): how much a sealed document proves by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A signature.
    #[default]
    BB,
    /// With a time-stamp over the signature.
    BT,
    /// With the certificates and revocation data that validation needs.
    BLt,
    /// With a time-stamp over all of it, renewable for as long as it matters.
    BLta,
}

impl Level {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BB => "b-b",
            Self::BT => "b-t",
            Self::BLt => "b-lt",
            Self::BLta => "b-lta",
        }
    }
}

impl From<Level> for pdf::verify::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::BB => Self::BB,
            Level::BT => Self::BT,
            Level::BLt => Self::BLT,
            Level::BLta => Self::BLTA,
        }
    }
}
