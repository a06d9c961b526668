//! Times of whichever form they came in, as seconds since the Unix epoch.

use super::{Notes, StructureError, text::name};
use crate::{
    asn1::{self, Tlv},
    deviation::DeviationKind,
};

/// A time that should have the tag `expected`.
pub(crate) fn time(tlv: &Tlv<'_>, expected: u8, notes: &mut Notes) -> Result<i64, StructureError> {
    let wanted = time_name(expected);
    let found = match tlv.tag {
        asn1::UTC_TIME | asn1::GENERALIZED_TIME => time_name(tlv.tag),
        tag => name(tag).ok_or_else(|| notes.wrong_type(tlv, wanted))?,
    };
    if tlv.tag != expected {
        notes.deviates(tlv.offset, DeviationKind::TimeType { expected: wanted, found });
    }
    let read = parse(tlv.content).ok_or_else(|| notes.wrong_value(tlv, "time"))?;
    let years = match tlv.tag {
        asn1::UTC_TIME => read.four_digits,
        asn1::GENERALIZED_TIME => !read.four_digits,
        _ => false,
    };
    if years {
        notes.deviates(tlv.offset, DeviationKind::TimeYear);
    }
    read.tell(tlv.offset, notes);
    Ok(read.seconds)
}

/// A time as bare text, as V1 signatures have it in a BIT STRING; `None` when it is none.
pub(crate) fn time_of_text(content: &[u8], offset: usize, notes: &mut Notes) -> Option<i64> {
    let content = content.trim_ascii();
    let read = parse(content)?;
    read.tell(offset, notes);
    Some(read.seconds)
}

const fn time_name(tag: u8) -> &'static str {
    match tag {
        asn1::UTC_TIME => "UTCTime",
        _ => "GeneralizedTime",
    }
}

struct Time {
    seconds: i64,
    four_digits: bool,
    fraction: bool,
    without_seconds: bool,
    zone: Zone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Utc,
    Offset,
    None,
}

impl Time {
    fn tell(&self, offset: usize, notes: &mut Notes) {
        if self.fraction {
            notes.deviates(offset, DeviationKind::TimeFraction);
        }
        if self.without_seconds {
            notes.deviates(offset, DeviationKind::TimeWithoutSeconds);
        }
        match self.zone {
            Zone::Utc => {}
            Zone::Offset => notes.deviates(offset, DeviationKind::TimeOffset),
            Zone::None => notes.deviates(offset, DeviationKind::TimeLocal),
        }
    }
}

/// `YYYYMMDDHHMM[SS][.fff][Z|±hh[mm]]`, the same with a year of two digits, and `yyyy-MM-dd[T ]HH:mm[:ss]…` (also with `/`).
fn parse(content: &[u8]) -> Option<Time> {
    if content.len() > MAX_LEN || !content.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    let (text, zone, shift) = zone(text)?;
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) if is_digits(fraction) => (whole, true),
        Some(_) => return None,
        None => (text, false),
    };
    let fields = match whole.contains(['-', '/', ':']) {
        true => punctuated(whole)?,
        false => compact(whole)?,
    };
    let seconds = civil(fields.numbers)?.checked_sub(shift)?;
    Some(Time {
        seconds,
        four_digits: fields.four_digits,
        fraction,
        without_seconds: fields.without_seconds,
        zone,
    })
}

struct Numbers {
    /// Year, month, day, hour, minute, second.
    numbers: [i64; 6],
    four_digits: bool,
    without_seconds: bool,
}

/// Cuts the zone off: what remains, how it was written, and how many seconds the zone is ahead of UTC.
fn zone(text: &str) -> Option<(&str, Zone, i64)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest.trim_end(), Zone::Utc, 0));
    }
    // A date has its own `-`: an offset stands behind the clock.
    let clock = text.find([':', 'T', ' ']).unwrap_or(8).min(text.len());
    let (_, behind) = text.split_at_checked(clock)?;
    let Some(at) = behind.rfind(['+', '-']) else { return Some((text, Zone::None, CHINA)) };
    let (rest, offset) = text.split_at_checked(clock + at)?;
    let negative = offset.starts_with('-');
    let digits: String = offset.chars().skip(1).filter(|character| *character != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(digits.get(..2)?)?, number(digits.get(2..)?)?),
        _ => return None,
    };
    if hours > 14 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some((rest.trim_end(), Zone::Offset, if negative { -seconds } else { seconds }))
}

fn compact(text: &str) -> Option<Numbers> {
    if !is_digits(text) {
        return None;
    }
    let (year_len, without_seconds) = match text.len() {
        14 => (4, false),
        12 if !is_month(text.get(2..4)?) => (4, true),
        12 => (2, false),
        10 => (2, true),
        _ => return None,
    };
    let (year, rest) = text.split_at_checked(year_len)?;
    let mut pairs = (0..5).map(|pair| rest.get(pair * 2..pair * 2 + 2).and_then(number));
    let mut next = || pairs.next().flatten();
    let (month, day, hour, minute) = (next()?, next()?, next()?, next()?);
    let second = if without_seconds { 0 } else { next()? };
    let year = match (year_len, number(year)?) {
        (4, year) => year,
        // RFC 5280 §4.1.2.5.1.
        (_, year @ 50..) => 1900 + year,
        (_, year) => 2000 + year,
    };
    let numbers = [year, month, day, hour, minute, second];
    Some(Numbers { numbers, four_digits: year_len == 4, without_seconds })
}

/// Twelve digits are `YYMMDDHHMMSS` unless no month stands where it would then.
fn is_month(text: &str) -> bool {
    matches!(number(text), Some(1..=12))
}

fn punctuated(text: &str) -> Option<Numbers> {
    let (date, clock) = text.split_once(['T', ' '])?;
    let mut date = date.split(['-', '/']).map(number_within_four);
    let mut clock = clock.trim_start().split(':').map(number_within_four);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next();
    if date.next().is_some() || clock.next().is_some() || year < 1000 {
        return None;
    }
    let without_seconds = second.is_none();
    let second = second.unwrap_or(Some(0))?;
    Some(Numbers { numbers: [year, month, day, hour, minute, second], four_digits: true, without_seconds })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

fn number(text: &str) -> Option<i64> {
    if is_digits(text) { text.parse().ok() } else { None }
}

fn number_within_four(text: &str) -> Option<i64> {
    if text.len() <= 4 { number(text) } else { None }
}

/// Seconds since the epoch of a civil time in UTC (proleptic Gregorian calendar).
fn civil([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Chinese standard time is eight hours ahead of UTC.
const CHINA: i64 = 8 * 3600;
/// The longest form is `yyyy-MM-ddTHH:mm:ss.fffffffff+hh:mm`.
const MAX_LEN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_means_the_same_instant() {
        // 2020-01-25T07:31:56Z
        let instant = 1_579_937_516;
        for form in [
            "20200125073156Z",
            "200125073156Z",
            "20200125073156.377Z",
            "20200125153156+0800",
            "20200125153156+08",
            "20200125153156",
            "2020-01-25T07:31:56.377Z",
            "2020-01-25T15:31:56+08:00",
            "2020-01-25 15:31:56",
            "2020/01/25 15:31:56",
            "2020-1-25 15:31:56",
            "20200125013156-0600",
        ] {
            assert_eq!(parse(form.as_bytes()).map(|time| time.seconds), Some(instant), "{form}");
        }
        for form in ["202001250731Z", "2001250731Z", "2020-01-25 15:31"] {
            assert_eq!(parse(form.as_bytes()).map(|time| time.seconds), Some(instant - 56), "{form}");
        }
        for wrong in [
            "",
            "Z",
            "20200230073156Z",
            "20201301073156Z",
            "20200125243156Z",
            "2020-01-25",
            "07:31:56",
            "20200125073156.Z",
            "20200125073156+",
            "20200125073156+9900",
            "99999999999999999999Z",
            "2020-01-25T07:31:56.377ZZ",
            "例",
        ] {
            assert!(parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
