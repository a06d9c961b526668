//! Sizes of seals by whose they are.
//!
//! | level | round | from |
//! |---|---|---|
//! | national | 60 mm | State Council on seals (国发〔1999〕25号) |
//! | provincial, ministries | 50 mm | ibid. |
//! | city, prefecture; their departments | 45 mm | ibid.; platforms' 委办局 |
//! | county, township; bureaus; enterprises, associations | 42 mm | ibid.; platforms' district bureaus |
//! | special purpose (专用章), whosever | 38 mm | platforms |
//!
//! | oval | width x height |
//! |---|---|
//! | invoice | 40 x 30 mm (State Taxation Administration, notice 7 of 2011) |
//! | tax | 30 x 20 mm |
//! | large | 45 x 30 mm |
//!
//! Name seals are 20 mm squares, signatures 40 x 16 mm, rectangular seals 45 x 20 mm.

use serde::{Deserialize, Serialize};

/// Whose a seal is, as far as its size depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The State Council's.
    National,
    /// Ministries' and provinces'.
    Provincial,
    /// Cities', prefectures' and their departments'.
    City,
    /// Counties', their bureaus' and townships'.
    County,
    /// Enterprises' and associations'.
    Other,
}

impl Level {
    /// All levels, the highest first.
    pub const ALL: [Self; 5] = [Self::National, Self::Provincial, Self::City, Self::County, Self::Other];

    /// The word it is written as.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::Provincial => "provincial",
            Self::City => "city",
            Self::County => "county",
            Self::Other => "other",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// Diameter of a round seal in millimetres; one of special purpose has [`SPECIAL_MM`].
    #[must_use]
    pub const fn diameter_mm(self) -> f64 {
        match self {
            Self::National => 60.0,
            Self::Provincial => 50.0,
            Self::City => 45.0,
            Self::County | Self::Other => 42.0,
        }
    }
}

/// Diameter of a round seal of special purpose (专用章).
pub const SPECIAL_MM: f64 = 38.0;
/// Width and height of the oval invoice seal.
pub const INVOICE_MM: (f64, f64) = (40.0, 30.0);
/// Width and height of the oval tax seal.
pub const TAX_MM: (f64, f64) = (30.0, 20.0);
/// Width and height of the large oval.
pub const LARGE_OVAL_MM: (f64, f64) = (45.0, 30.0);
/// Width and height of a rectangular seal.
pub const RECTANGLE_MM: (f64, f64) = (45.0, 20.0);
/// Edge of a name seal.
pub const NAME_SEAL_MM: f64 = 20.0;
/// Width and height of a signature.
pub const SIGNATURE_MM: (f64, f64) = (40.0, 16.0);
