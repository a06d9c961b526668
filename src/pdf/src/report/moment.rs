//! Times as people read them.

use super::words::Words;
use crate::verify::date;

/// A time in RFC 3339 as a report has it: with the offset it came with, or in the reader's zone when that was UTC.
pub(super) fn shown(rfc3339: &str, offset_minutes: i32) -> Words {
    let Some((unix, own)) = read(rfc3339) else { return Words::same(super::words::shown(rfc3339)) };
    at(unix, own.unwrap_or(offset_minutes))
}

/// Seconds since the Unix epoch, and the offset in minutes unless it is UTC.
pub(super) fn read(rfc3339: &str) -> Option<(i64, Option<i32>)> {
    let (local, zone) = rfc3339.split_at_checked(19)?;
    let compact = |text: &str| text.chars().filter(|c| !matches!(c, '-' | ':' | 'T')).collect::<String>();
    let unix = date::parse(format!("D:{}{}", compact(local), zone.replace(':', "'")).as_bytes())?.unix;
    let naive = date::parse(format!("D:{}Z", compact(local)).as_bytes())?.unix;
    let offset = i32::try_from((naive - unix) / 60).ok()?;
    Some((unix, (zone != "Z").then_some(offset)))
}

/// A time in a zone.
pub(super) fn at(unix: i64, offset_minutes: i32) -> Words {
    let local = date::rfc3339(unix.saturating_add(i64::from(offset_minutes) * 60));
    let (day, rest) = local.split_once('T').unwrap_or((&local, ""));
    let clock = rest.trim_end_matches('Z');
    let zone = match offset_minutes {
        0 => "UTC".to_owned(),
        minutes => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("UTC{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    let mut parts = day.splitn(3, '-');
    let (year, month, date) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    Words::new(format!("{year}年{month}月{date}日 {clock}（{zone}）"), format!("{day} {clock} ({zone})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_zone_and_utc_is_shown_in_the_readers() {
        let words = shown("2026-11-22T07:59:00+08:00", 0);
        assert_eq!(words.en, "2026-11-22 07:59:00 (UTC+08:00)");
        assert_eq!(words.zh, "2026年11月22日 07:59:00（UTC+08:00）");
        assert_eq!(shown("2026-11-21T23:59:00Z", 480), words);
        assert_eq!(shown("2026-11-21T20:29:00-03:30", 480).en, "2026-11-21 20:29:00 (UTC-03:30)");
        assert_eq!(shown("2026-11-21T23:59:00Z", 0).en, "2026-11-21 23:59:00 (UTC)");
        assert_eq!(shown("soon", 0).en, "soon");
    }
}
