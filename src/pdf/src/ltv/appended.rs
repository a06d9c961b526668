//! A document with a tail that is not on disk yet.

use std::sync::Arc;

use crate::syntax::Source;

/// `base` followed by `tail`, read as one: what the next step of raising a level works on while nothing is written yet.
#[derive(Debug, Clone)]
pub struct Appended<S> {
    base: S,
    tail: Arc<[u8]>,
}

impl<S: Source> Appended<S> {
    /// `tail` behind `base`.
    pub fn new(base: S, tail: impl Into<Arc<[u8]>>) -> Self {
        Self { base, tail: tail.into() }
    }
}

impl<S: Source> Source for Appended<S> {
    fn len(&self) -> u64 {
        self.base.len().saturating_add(self.tail.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let border = self.base.len();
        let inside = usize::try_from(border.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let (first, second) = buf.split_at_mut(inside);
        if !first.is_empty() {
            self.base.read_at(offset, first)?;
        }
        if second.is_empty() {
            return Ok(());
        }
        self.tail.as_ref().read_at(offset.saturating_sub(border), second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cross_the_border_and_end_at_the_end() {
        let whole = Appended::new(b"0123".to_vec(), b"4567".to_vec());
        assert_eq!(whole.len(), 8);
        for from in 0..8 {
            for to in from..=8 {
                let mut out = vec![0; to - from];
                whole.read_at(from as u64, &mut out).unwrap();
                assert_eq!(out, &b"01234567"[from..to]);
            }
        }
        assert!(whole.read_at(5, &mut [0; 4]).is_err());
    }
}
