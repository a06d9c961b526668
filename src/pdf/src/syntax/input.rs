//! Bounded reading from a [`Source`]: every octet fetched for parsing is paid for here.

use std::cell::Cell;

use super::limits::Limits;
use super::parser::{Parser, SyntaxError};
use super::{ReadError, Source};

/// A source together with what may still be spent on it.
pub(crate) struct Input<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) limits: Limits,
    scanned: Cell<u64>,
    objects: Cell<u64>,
    values: Cell<u64>,
    inflated: Cell<u64>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(source: &'a dyn Source, limits: Limits) -> Self {
        let none = || Cell::new(0);
        Self { source, limits, scanned: none(), objects: none(), values: none(), inflated: none() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.source.len()
    }

    /// At most `length` octets from `offset` on, fewer at the end of the file.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let available = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; length.min(available)];
        spend(&self.scanned, buffer.len() as u64, self.limits.scanned_bytes, "octets scanned")?;
        self.source.read_at(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// Runs `parse` on a window at `offset` that grows until it suffices; the result and where it ended.
    pub(crate) fn parse_at<T>(
        &self,
        offset: u64,
        mut parse: impl FnMut(&mut Parser<'_>) -> Result<T, SyntaxError>,
    ) -> Result<(T, u64), ReadError> {
        let mut size = FIRST_WINDOW;
        loop {
            let window = self.read(offset, size)?;
            let mut parser = Parser::new(&window, 0, self.limits.depth, self.limits.nodes);
            let result = parse(&mut parser);
            let more = offset.saturating_add(window.len() as u64) < self.len();
            if parser.starved() && more {
                if size >= self.limits.object_bytes {
                    return Err(ReadError::TooComplex { budget: "octets in one object" });
                }
                size = (size * 8).min(self.limits.object_bytes);
                continue;
            }
            self.spend_values(parser.values(), 0)?;
            let end = offset.saturating_add(parser.position() as u64);
            return result.map(|value| (value, end)).map_err(|error| located(error, offset));
        }
    }

    pub(crate) fn spend_object(&self) -> Result<(), ReadError> {
        spend(&self.objects, 1, self.limits.objects, "objects")
    }

    /// Pays for values parsed, and for octets that came out of a decoded stream instead of the file.
    pub(crate) fn spend_values(&self, values: usize, octets: usize) -> Result<(), ReadError> {
        spend(&self.values, values as u64, self.limits.values, "values parsed")?;
        spend(&self.scanned, octets as u64, self.limits.scanned_bytes, "octets scanned")
    }

    /// Cross-reference entries that may be read.
    pub(crate) fn entries(&self) -> usize {
        let useful = usize::try_from(self.len() / 4).unwrap_or(usize::MAX).saturating_add(65_536);
        self.limits.xref_entries.min(useful)
    }

    /// What may still be inflated.
    pub(crate) fn inflatable(&self) -> usize {
        usize::try_from(self.limits.inflated_total.saturating_sub(self.inflated.get())).unwrap_or(usize::MAX)
    }

    pub(crate) fn spend_inflated(&self, octets: usize) -> Result<(), ReadError> {
        spend(&self.inflated, octets as u64, self.limits.inflated_total, "decoded octets")
    }
}

fn spend(spent: &Cell<u64>, amount: u64, limit: u64, budget: &'static str) -> Result<(), ReadError> {
    let total = spent.get().saturating_add(amount);
    if total > limit {
        return Err(ReadError::TooComplex { budget });
    }
    spent.set(total);
    Ok(())
}

pub(crate) fn located(error: SyntaxError, base: u64) -> ReadError {
    match error {
        SyntaxError::Unexpected { what, at } => {
            ReadError::Malformed { what, offset: base.saturating_add(at as u64) }
        }
        SyntaxError::Budget(budget) => ReadError::TooComplex { budget },
    }
}

/// Most objects are shorter than this; longer ones cost a second read.
const FIRST_WINDOW: usize = 1024;
