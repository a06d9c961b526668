//! Dates as PDF writes them (ISO 32000-2 §7.9.4) and as reports show them (RFC 3339).

/// A claimed time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Date {
    /// Seconds since the Unix epoch.
    pub(crate) unix: i64,
    /// RFC 3339, with the offset as written.
    pub(crate) text: String,
}

/// Parses `D:YYYYMMDDHHmmSSOHH'mm`; everything after the year may be missing.
pub(crate) fn parse(bytes: &[u8]) -> Option<Date> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix("D:").unwrap_or(text);
    let mut rest = text;
    let mut number = |digits: usize, default: i64| -> Option<i64> {
        if rest.is_empty() || !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(default);
        }
        let (part, after) = rest.split_at_checked(digits)?;
        rest = after;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
    };
    let year = number(4, -1)?;
    let (month, day) = (number(2, 1)?, number(2, 1)?);
    let (hour, minute, second) = (number(2, 0)?, number(2, 0)?, number(2, 0)?);
    let valid = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !valid {
        return None;
    }
    let offset = offset(rest)?;
    let unix = days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60;
    let zone = match offset {
        0 => "Z".to_owned(),
        _ => {
            format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60)
        }
    };
    Some(Date {
        unix,
        text: format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}"),
    })
}

/// RFC 3339 of a time in seconds since the Unix epoch, in UTC.
pub(crate) fn rfc3339(unix: i64) -> String {
    let (days, seconds) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Minutes east of Greenwich from `Z`, `+HH'mm'`, `-HH'mm` or nothing.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z') => return Some(0), // some writers add 00'00' to it
        Some(b'+') => (1, text.get(1..)?),
        Some(b'-') => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != '\'').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes) =
        (hours.parse::<i64>().ok()?, if minutes.is_empty() { 0 } else { minutes.parse().ok()? });
    ((0..=23).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch in the proleptic Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (month, day) = ((shifted + 2) % 12 + 1, day_of_year - (153 * shifted + 2) / 5 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_with_and_without_an_offset_are_read() {
        assert_eq!(parse(b"D:20240229123456+08'00'").unwrap().text, "2024-02-29T12:34:56+08:00");
        assert_eq!(parse(b"D:20240229123456+08'00'").unwrap().unix, 1_709_181_296);
        assert_eq!(parse(b"D:1970").unwrap().unix, 0);
        assert_eq!(parse(b"20000301000000Z").unwrap().text, "2000-03-01T00:00:00Z");
        assert_eq!(parse(b"D:20230229"), None);
        assert_eq!(parse(b"D:2023022"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse("D:2023\u{e9}".as_bytes()), None);
    }

    #[test]
    fn seconds_become_the_same_date_again() {
        for unix in [0, 951_782_400, 1_709_181_296, 4_102_444_799, -1] {
            let text = rfc3339(unix);
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(parse(digits.as_bytes()).unwrap().unix, unix);
        }
    }
}
