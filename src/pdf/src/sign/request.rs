//! What is asked for: a signature's container, text entries, its claimed time, field, appearance, permissions.

use crypto::DigestAlgorithm;

use crate::appearance::SealAppearance;

/// A signature to be made.
#[derive(Debug, Clone)]
pub struct SignatureRequest {
    /// What will stand in /Contents.
    pub container: Container,
    /// The digest that the container will be over. It is computed while the original is read; a digest asked for
    /// later that is neither this one nor SHA-256 takes another pass over the file. [`sign`](super::sign) goes by its
    /// signer instead.
    pub digest: DigestAlgorithm,
    /// The signature field. An existing empty one is signed; a name that does not exist is given to a
    /// new field; without a name the new field gets a free one.
    pub field_name: Option<String>,
    /// /Name: who signs, as a reader shows it.
    pub signer_name: Option<String>,
    /// /Reason. Never together with a commitment type or signature policy in the CMS (EN 319 142-1 §5.3).
    pub reason: Option<String>,
    /// /Location.
    pub location: Option<String>,
    /// /ContactInfo.
    pub contact: Option<String>,
    /// /M: the claimed time; PAdES has no signing-time attribute beside it (EN 319 142-1 §6.3).
    pub claimed_time: ClaimedTime,
    /// What is seen; nothing if `None`.
    pub appearance: Option<SealAppearance>,
    /// Makes a certification signature, which states what may change afterwards.
    pub certify: Option<DocMdp>,
    /// Which form fields nobody may change once this is signed (FieldMDP). An existing field may carry a
    /// lock of its own, which takes effect by itself; asking for another one is refused.
    pub lock: Option<FieldLock>,
}

impl SignatureRequest {
    /// An invisible approval signature with nothing but its time.
    #[must_use]
    pub fn new(claimed_time: ClaimedTime) -> Self {
        Self {
            container: Container::Pades,
            digest: DigestAlgorithm::Sha256,
            field_name: None,
            signer_name: None,
            reason: None,
            location: None,
            contact: None,
            claimed_time,
            appearance: None,
            certify: None,
            lock: None,
        }
    }
}

/// What a signature holds in /Contents, as its dictionary names it (ISO 32000-2 table 255).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Container {
    /// A detached CMS of PAdES: /Filter /Adobe.PPKLite, /SubFilter /ETSI.CAdES.detached (EN 319 142-1 §5.3).
    #[default]
    Pades,
    /// A container of another format, which its verifier knows by these names.
    Other {
        /// /Filter: the handler that a reader prefers for it.
        filter: &'static str,
        /// /SubFilter: the encoding.
        sub_filter: &'static str,
    },
}

impl Container {
    /// The value of /Filter.
    #[must_use]
    pub const fn filter(self) -> &'static str {
        match self {
            Self::Pades => "Adobe.PPKLite",
            Self::Other { filter, .. } => filter,
        }
    }

    /// The value of /SubFilter.
    #[must_use]
    pub const fn sub_filter(self) -> &'static str {
        match self {
            Self::Pades => "ETSI.CAdES.detached",
            Self::Other { sub_filter, .. } => sub_filter,
        }
    }
}

/// A time with the offset it is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedTime {
    /// Seconds since the Unix epoch.
    pub unix_seconds: i64,
    /// Minutes that local time is ahead of UTC.
    pub offset_minutes: i16,
}

impl ClaimedTime {
    /// As a PDF date (ISO 32000-2 §7.9.4), with the closing apostrophe that ISO 32000-1 readers expect.
    pub(super) fn pdf_date(self) -> String {
        let local = self.unix_seconds.saturating_add(i64::from(self.offset_minutes) * 60);
        let (year, month, day) = civil(local.div_euclid(86_400));
        let second = local.rem_euclid(86_400);
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let offset = self.offset_minutes.unsigned_abs();
        format!(
            "D:{year:04}{month:02}{day:02}{:02}{:02}{:02}{sign}{:02}'{:02}'",
            second / 3_600,
            second / 60 % 60,
            second % 60,
            offset / 60,
            offset % 60,
        )
    }
}

/// What a certification signature lets change (ISO 32000-2 §12.8.2.2, /P).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocMdp {
    /// P=1: nothing.
    NoChanges,
    /// P=2: filling in forms and signing.
    FormsAndSignatures,
    /// P=3: that and annotations.
    Annotations,
}

impl DocMdp {
    /// The value of /P.
    pub(super) fn level(self) -> i64 {
        match self {
            Self::NoChanges => 1,
            Self::FormsAndSignatures => 2,
            Self::Annotations => 3,
        }
    }
}

/// The form fields a signature locks (ISO 32000-2 tables 236 and 258), by their fully qualified names; a name
/// stands for every field below it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldLock {
    /// Every field.
    All,
    /// Those named.
    Include(Vec<String>),
    /// All but those named.
    Exclude(Vec<String>),
}

/// Octets of one text entry or field name; readers show a line of it.
pub(super) const MAX_TEXT: usize = 4_096;

/// Year, month and day of a day counted from 1970-01-01 in the proleptic Gregorian calendar; years
/// are held within the four digits a PDF date has.
fn civil(days: i64) -> (i64, i64, i64) {
    // Counting from 0000-03-01 makes the leap day the last of its year.
    let days = days.clamp(-719_162, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(unix_seconds: i64, offset_minutes: i16) -> String {
        ClaimedTime { unix_seconds, offset_minutes }.pdf_date()
    }

    #[test]
    fn dates_are_local_with_their_offset() {
        assert_eq!(date(0, 0), "D:19700101000000+00'00'");
        assert_eq!(date(1_709_164_799, 480), "D:20240229075959+08'00'");
        assert_eq!(date(1_735_689_599, -210), "D:20241231202959-03'30'");
        assert_eq!(date(951_782_400, 0), "D:20000229000000+00'00'");
    }

    #[test]
    fn absurd_times_keep_four_digits() {
        assert!(date(i64::MAX, 0).starts_with("D:9999"));
        assert!(date(i64::MIN, 0).starts_with("D:0001"));
    }
}
