//! A picture in black and white, and how much work it is to look for symbols in it.
//!
//! `rqrr` tries every finder pattern with every pair of others, on a copy of the whole picture each time, and bounds neither.
//! Here everything that it would take for a finder pattern is counted first, by the same rules, in one pass over the picture:
//! what has more than a page of licences ever has is refused before it costs anything.

use std::collections::HashSet;

use super::{Grey, PictureError};

/// A picture in black and white.
pub(super) struct Bitmap {
    pub width: usize,
    pub height: usize,
    dark: Vec<bool>,
}

/// Dark pixels side by side in one line.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// First pixel.
    start: usize,
    /// The one behind the last.
    end: usize,
    /// Another run of the same patch; of the patch's first run, itself.
    parent: usize,
    /// Of a patch's first run: pixels of the patch.
    size: usize,
    /// Of a patch's first run: the last candidate that had to do with it, counted from one.
    seen: usize,
}

impl Bitmap {
    /// Dark is what is darker than what surrounds it.
    pub(super) fn of(grey: &Grey) -> Self {
        let (width, height) = (grey.width, grey.height);
        let stride = width + 1;
        // Sums of all that is above and left; at most 255 times the pixels, which are bounded.
        let mut sums = vec![0_u32; stride * (height + 1)];
        for y in 0..height {
            let mut line = 0;
            for x in 0..width {
                line += u32::from(grey.at(x, y));
                let above = sums.get(y * stride + x + 1).copied().unwrap_or_default();
                if let Some(sum) = sums.get_mut((y + 1) * stride + x + 1) {
                    *sum = above + line;
                }
            }
        }
        let at = |x: usize, y: usize| u64::from(sums.get(y * stride + x).copied().unwrap_or_default());
        let reach = (width.max(height) / 10).max(8);
        let is_dark = |x: usize, y: usize| {
            let (left, right) = (x.saturating_sub(reach), (x + reach + 1).min(width));
            let (top, bottom) = (y.saturating_sub(reach), (y + reach + 1).min(height));
            let sum = (at(right, bottom) + at(left, top)).saturating_sub(at(left, bottom) + at(right, top));
            let area = u64::try_from((right - left) * (bottom - top)).unwrap_or(u64::MAX);
            u64::from(grey.at(x, y)) * area * 100 < sum * DARKER
        };
        let dark = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| is_dark(x, y));
        Self { width, height, dark: dark.collect() }
    }

    pub(super) fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x).copied().unwrap_or_default()
    }

    /// How many finder patterns there are at most (ISO/IEC 18004 §6.3.3): lines of 1:1:3:1:1 through a ring that is one patch
    /// and a stone that is another.
    ///
    /// # Errors
    /// [`PictureError::Crowded`]: more than symbols have, or more than this work to tell.
    pub(super) fn finders(&self) -> Result<usize, PictureError> {
        let (mut runs, lines) = self.patches()?;
        let mut rings = HashSet::new();
        let (mut candidates, mut work) = (0_usize, 0_usize);
        for line in lines.windows(2) {
            let [from, to] = *line else { continue };
            for at in from..to.saturating_sub(2) {
                let Some(&[left, stone, right]) = runs.get(at..at + 3) else { continue };
                if !is_finder(left, stone, right) {
                    continue;
                }
                candidates += 1;
                let [left, stone, right] = [at, at + 1, at + 2].map(|run| root(&mut runs, run));
                // A patch that was not looked at lately is painted, and painted over, anew.
                for patch in [stone, right] {
                    if let Some(run) = runs.get_mut(patch) {
                        work +=
                            if run.seen + REMEMBERED > candidates && run.seen > 0 { 0 } else { 2 * run.size };
                        run.seen = candidates;
                    }
                }
                let size = |patch: usize| runs.get(patch).map_or(1, |run| run.size.max(1));
                let ratio = size(stone) * 100 / size(right);
                if left == right && stone != right && (11..70).contains(&ratio) {
                    rings.insert(right);
                }
                if rings.len() > FINDERS || work > WORK {
                    return Err(PictureError::Crowded);
                }
            }
        }
        Ok(rings.len())
    }

    /// All runs, those of one patch joined, and where each line's begin and the last one's end.
    fn patches(&self) -> Result<(Vec<Run>, Vec<usize>), PictureError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut lines = vec![0];
        let mut before = 0;
        for line in self.dark.chunks(self.width.max(1)) {
            let above = before..runs.len();
            before = runs.len();
            let mut x = 0;
            while x < line.len() {
                let start = x + line.iter().skip(x).take_while(|dark| !**dark).count();
                let end = start + line.iter().skip(start).take_while(|dark| **dark).count();
                if end > start {
                    let parent = runs.len();
                    runs.push(Run { start, end, parent, size: end - start, seen: 0 });
                }
                x = end.max(start).max(x + 1);
            }
            let (mut over, mut under) = (above.start, before);
            while over < above.end && under < runs.len() {
                let (Some(&one), Some(&other)) = (runs.get(over), runs.get(under)) else { break };
                if one.start < other.end && other.start < one.end {
                    join(&mut runs, over, under);
                }
                if one.end < other.end { over += 1 } else { under += 1 }
            }
            lines.push(runs.len());
        }
        Ok((runs, lines))
    }
}

/// The first run of a run's patch. Ways are halved as they are gone, so that all together stay short.
fn root(runs: &mut [Run], mut at: usize) -> usize {
    // A parent is never behind its child.
    while let Some(parent) = runs.get(at).map(|run| run.parent).filter(|parent| *parent < at) {
        let further = runs.get(parent).map_or(parent, |run| run.parent);
        if let Some(run) = runs.get_mut(at) {
            run.parent = further;
        }
        at = further;
    }
    at
}

fn join(runs: &mut [Run], one: usize, other: usize) {
    let (one, other) = (root(runs, one), root(runs, other));
    let (first, second) = (one.min(other), one.max(other));
    if first == second {
        return;
    }
    let size = runs.get(second).map_or(0, |run| run.size);
    if let Some(run) = runs.get_mut(first) {
        run.size += size;
    }
    if let Some(run) = runs.get_mut(second) {
        run.parent = first;
    }
}

/// Whether three dark runs and what is between them are 1:1:3:1:1, three quarters more or less.
fn is_finder(left: Run, stone: Run, right: Run) -> bool {
    let parts = [
        left.end - left.start,
        stone.start.saturating_sub(left.end),
        stone.end - stone.start,
        right.start.saturating_sub(stone.end),
        right.end - right.start,
    ];
    let [one, two, _, four, five] = parts;
    let module = (one + two + four + five) / 4;
    let off = module * 3 / 4;
    let fits = |(part, times): (usize, usize)| part + off >= times * module && part <= times * module + off;
    parts.into_iter().zip([1, 1, 3, 1, 1]).all(fits)
}

/// Percent of the mean around it that a dark pixel has at most.
const DARKER: u64 = 90;
/// Finder patterns of eight symbols.
const FINDERS: usize = 24;
/// Candidates that the reader remembers the patches of: it keeps 251, two for each.
const REMEMBERED: usize = 120;
/// Pixels that the reader paints at most.
const WORK: usize = 48_000_000;
