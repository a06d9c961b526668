//! Where lines may be broken: between ideographs, at spaces, not before closing and after opening marks (避头尾, GB/T 15834
//! §5.1; W3C clreq §3.1.3), not within words and numbers.

use super::fonts::Letter;

/// A line: letters `start..end` of its text, and whether it ends its paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) last: bool,
}

/// Breaks letters into lines no wider than `width`, in sizes; a word wider than a line is broken where it must be.
/// `indent` is taken off the first line of each paragraph, `spacing` stands between letters.
pub(super) fn lines(letters: &[Letter], width: f32, spacing: f32, indent: f32, wrap: bool) -> Vec<Line> {
    let mut out = Vec::new();
    let mut from = 0;
    loop {
        let rest = letters.get(from..).unwrap_or_default();
        let end =
            rest.iter().position(|letter| letter.character == '\n').map_or(letters.len(), |at| from + at);
        paragraph(letters, (from, end), width, spacing, indent, wrap, &mut out);
        if end >= letters.len() {
            return out;
        }
        from = end + 1;
    }
}

fn paragraph(
    letters: &[Letter],
    (from, to): (usize, usize),
    width: f32,
    spacing: f32,
    indent: f32,
    wrap: bool,
    out: &mut Vec<Line>,
) {
    let mut start = from;
    loop {
        if !wrap {
            break;
        }
        let room = if start == from { width - indent } else { width };
        let (mut used, mut fits, mut at) = (0.0_f32, start, start);
        // The last place before the edge where a break is allowed.
        let mut good = None;
        while at < to {
            let Some(letter) = letters.get(at) else { break };
            if at > start && allowed(letters, at) {
                good = Some(at);
            }
            let after = used + letter.advance + if at > start { spacing } else { 0.0 };
            // Spaces hang over the edge.
            if after > room + EPSILON && letter.character != ' ' {
                break;
            }
            used = after;
            at += 1;
            fits = at;
        }
        if at >= to {
            break;
        }
        let next = good.unwrap_or(fits).max(start + 1);
        if next >= to {
            break;
        }
        out.push(Line { start, end: trimmed(letters, start, next), last: false });
        start = next;
        while letters.get(start).is_some_and(|letter| letter.character == ' ') && start < to {
            start += 1;
        }
    }
    out.push(Line { start: start.min(to), end: trimmed(letters, start.min(to), to), last: true });
}

/// Without the spaces at its end.
fn trimmed(letters: &[Letter], start: usize, mut end: usize) -> usize {
    while end > start && letters.get(end - 1).is_some_and(|letter| letter.character == ' ') {
        end -= 1;
    }
    end
}

/// Whether a line may begin with the letter at `at`.
fn allowed(letters: &[Letter], at: usize) -> bool {
    let character = |index: usize| letters.get(index).map(|letter| letter.character);
    let (Some(before), Some(after)) = (at.checked_sub(1).and_then(character), character(at)) else {
        return false;
    };
    if after == ' ' || never_first(after) || never_last(before) {
        return false;
    }
    if before == ' ' {
        return true;
    }
    // —— and …… are one mark.
    if before == after && matches!(before, '—' | '…' | '⸺') {
        return false;
    }
    // A long word of Latin letters may be broken after its own marks.
    if matches!(before, '-' | '/') && !after.is_ascii_digit() {
        return true;
    }
    wide(before) || wide(after)
}

/// Ideographs, kana, full-width forms and their marks stand each for themselves.
pub(super) fn wide(character: char) -> bool {
    matches!(u32::from(character),
        0x2010..=0x2027 | 0x2030..=0x205E | 0x2100..=0x2BFF | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
        | 0xFE30..=0xFE4F | 0xFF00..=0xFFEF | 0x1F000..=0x3FFFF)
}

/// Marks that close (避头).
fn never_first(character: char) -> bool {
    "，。、；：？！．,.;:?!)]}%）】》〉」』〕］｝〗〙〛”’…—～·‧・％‰°℃′″々ゝゞーぁぃぅぇぉっゃゅょァィゥェォッャュョ〞﹐﹑﹒﹔﹕﹖﹗"
        .contains(character)
}

/// Marks that open (避尾).
fn never_last(character: char) -> bool {
    "（【《〈「『〔［｛〖〘〚“‘([{$¥￥£＄￡№＃#〝".contains(character)
}

/// Sums of advances are not exact.
const EPSILON: f32 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Vec<Letter> {
        text.char_indices()
            .map(|(start, character)| Letter {
                character,
                face: 0,
                glyph: 1,
                advance: if wide(character) { 1.0 } else { 0.5 },
                width: 1.0,
                start,
                end: start + character.len_utf8(),
            })
            .collect()
    }

    fn broken(text: &str, width: f32) -> Vec<String> {
        let letters = set(text);
        lines(&letters, width, 0.0, 0.0, true)
            .iter()
            .map(|line| letters[line.start..line.end].iter().map(|letter| letter.character).collect())
            .collect()
    }

    #[test]
    fn ideographs_break_anywhere_but_before_closing_and_after_opening_marks() {
        assert_eq!(broken("预包装食品销售", 3.0), ["预包装", "食品销", "售"]);
        assert_eq!(broken("热食类，冷食类", 3.0), ["热食", "类，冷", "食类"]);
        assert_eq!(broken("销售（含冷藏）", 3.0), ["销售", "（含冷", "藏）"]);
        // ——: one mark; it may not begin a line, so it takes the ideograph before it along.
        assert_eq!(broken("经营项目——其他", 4.0), ["经营项", "目——其", "他"]);
    }

    #[test]
    fn words_and_numbers_stay_whole_unless_a_line_is_too_short_for_them() {
        assert_eq!(broken("见 JY13401 号", 4.0), ["见", "JY13401", "号"]);
        assert_eq!(broken("ABCDEFGHIJ", 2.0), ["ABCD", "EFGH", "IJ"]);
        assert_eq!(broken("3.14%", 1.0).len(), 3);
    }

    #[test]
    fn paragraphs_end_and_the_first_line_is_indented() {
        let letters = set("一二三四五\n六");
        let found = lines(&letters, 3.0, 0.0, 2.0, true);
        let spans: Vec<_> = found.iter().map(|line| (line.start, line.end, line.last)).collect();
        assert_eq!(spans, [(0, 1, false), (1, 4, false), (4, 5, true), (6, 7, true)]);
        assert_eq!(lines(&letters, 3.0, 0.0, 0.0, false).len(), 2);
        assert_eq!(lines(&[], 3.0, 0.0, 0.0, true), [Line { start: 0, end: 0, last: true }]);
    }

    #[test]
    fn the_narrowest_line_still_gets_on() {
        assert_eq!(broken("，。、；", 0.1).len(), 4);
        assert_eq!(broken("（（（（", 0.0).len(), 4);
    }
}
