//! ASN.1 times, as seconds since the Unix epoch. Years 0000-9999; no clock is read anywhere in this crate.

use crate::asn1::{GENERALIZED_TIME, UTC_TIME};

/// Reads UTCTime `YYMMDDHHMMSSZ` or GeneralizedTime `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5); no fraction, no offset.
pub(crate) fn parse(tag: u8, content: &[u8]) -> Option<i64> {
    let body = content.strip_suffix(b"Z")?;
    match (tag, body.len()) {
        (UTC_TIME, 12) => {
            let year = digits(body.get(..2)?)?;
            // RFC 5280 §4.1.2.5.1: 50-99 mean 19xx.
            civil(if year >= 50 { 1900 + year } else { 2000 + year }, body.get(2..)?)
        }
        (GENERALIZED_TIME, 14) => civil(digits(body.get(..4)?)?, body.get(4..)?),
        _ => None,
    }
}

/// Reads a GeneralizedTime that may carry a fraction, as RFC 3161 §2.4.2 allows for `genTime`: microseconds, what is
/// finer is dropped.
pub(crate) fn parse_fractional(content: &[u8]) -> Option<i64> {
    let body = content.strip_suffix(b"Z")?;
    let (whole, fraction) = body.split_at_checked(14)?;
    let micros = match fraction.split_first() {
        None => 0,
        Some((b'.', rest)) if !rest.is_empty() && rest.len() <= 9 && rest.iter().all(u8::is_ascii_digit) => {
            digits(&rest.iter().copied().chain(*b"000000").take(6).collect::<Vec<u8>>())?
        }
        Some(_) => return None,
    };
    Some(civil(digits(whole.get(..4)?)?, whole.get(4..)?)? * 1_000_000 + micros)
}

/// A GeneralizedTime's content with milliseconds, trailing zeros and an empty fraction left out as RFC 3161 §2.4.2
/// demands. `None` outside years 0000-9999.
pub(crate) fn encode_fractional(micros: i64) -> Option<Vec<u8>> {
    let seconds = micros.div_euclid(1_000_000);
    let (year, month, day) = date(seconds.div_euclid(86_400));
    if !(0..=9999).contains(&year) {
        return None;
    }
    let clock = seconds.rem_euclid(86_400);
    let mut text = format!(
        "{year:04}{month:02}{day:02}{:02}{:02}{:02}.{:03}",
        clock / 3600,
        clock / 60 % 60,
        clock % 60,
        micros.rem_euclid(1_000_000) / 1000
    );
    text.truncate(text.trim_end_matches('0').trim_end_matches('.').len().max(14));
    text.push('Z');
    Some(text.into_bytes())
}

/// Tag and content for an instant: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). `None` outside
/// years 1950-9999.
pub(crate) fn encode(seconds: i64) -> Option<Vec<u8>> {
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let clock = seconds.rem_euclid(86_400);
    let rest = format!("{month:02}{day:02}{:02}{:02}{:02}Z", clock / 3600, clock / 60 % 60, clock % 60);
    match year {
        1950..=2049 => Some(crate::asn1::tlv(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes())),
        2050..=9999 => Some(crate::asn1::tlv(GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes())),
        _ => None,
    }
}

/// A GeneralizedTime, whatever the year: OCSP, invalidityDate and archive cut-offs have no other form.
pub(crate) fn generalized(seconds: i64) -> Option<Vec<u8>> {
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let clock = seconds.rem_euclid(86_400);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let mut text = Vec::with_capacity(17);
    text.extend([GENERALIZED_TIME, 15]);
    for pair in [year / 100, year % 100, month, day, clock / 3600, clock / 60 % 60, clock % 60] {
        text.extend([pair / 10, pair % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0)));
    }
    text.push(b'Z');
    Some(text)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn civil(year: i64, rest: &[u8]) -> Option<i64> {
    let mut fields = rest.chunks(2).map(digits);
    let mut field = || fields.next().flatten();
    let (month, day, hour, minute, second) = (field()?, field()?, field()?, field()?, field()?);
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
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
pub(crate) fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_and_write_the_same_instants() {
        for (seconds, tag, text) in [
            (0, UTC_TIME, "700101000000Z"),
            (951_782_400, UTC_TIME, "000229000000Z"),
            (2_524_607_999, UTC_TIME, "491231235959Z"),
            (2_524_608_000, GENERALIZED_TIME, "20500101000000Z"),
            (-1, UTC_TIME, "691231235959Z"),
        ] {
            assert_eq!(parse(tag, text.as_bytes()), Some(seconds), "{text}");
            assert_eq!(encode(seconds).unwrap(), crate::asn1::tlv(tag, text.as_bytes()));
            let general = generalized(seconds).unwrap();
            assert_eq!(parse(GENERALIZED_TIME, &general[2..]), Some(seconds), "{text}");
        }
        assert_eq!(generalized(0).unwrap(), b"\x18\x0f19700101000000Z");
        assert_eq!(generalized(253_402_300_800), None);
        assert_eq!(parse(GENERALIZED_TIME, b"99991231235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn impossible_and_loose_times_are_refused() {
        for text in [
            "210229000000Z",
            "211301000000Z",
            "210101240000Z",
            "2101010000Z",
            "210101000000+0000",
            "21010100000 Z",
        ] {
            assert_eq!(parse(UTC_TIME, text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_fractional(b"20260101000000.5Z"), Some(1_767_225_600_500_000));
        assert_eq!(parse_fractional(b"20260101000000.1234567Z"), Some(1_767_225_600_123_456));
        assert_eq!(parse_fractional(b"20260101000000.Z"), None);
    }

    #[test]
    fn fractions_are_written_without_trailing_zeros() {
        for (micros, text) in [
            (1_767_225_600_000_000, "20260101000000Z"),
            (1_767_225_600_000_999, "20260101000000Z"),
            (1_767_225_600_120_000, "20260101000000.12Z"),
            (1_767_225_601_001_999, "20260101000001.001Z"),
            (1_767_225_610_000_000, "20260101000010Z"),
            (-1, "19691231235959.999Z"),
        ] {
            assert_eq!(encode_fractional(micros).unwrap(), text.as_bytes());
            assert_eq!(parse_fractional(text.as_bytes()), Some(micros.div_euclid(1000) * 1000));
        }
        assert_eq!(encode_fractional(i64::MAX), None);
    }
}
