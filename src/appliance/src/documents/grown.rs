//! A document with what was appended to it so far: the source of the next revision.

use std::io;

use pdf::syntax::Source;

/// A source, and octets behind it that are held in memory.
pub struct Grown<'a> {
    base: &'a dyn Source,
    tail: Vec<u8>,
}

impl<'a> Grown<'a> {
    /// `base` with nothing behind it yet.
    #[must_use]
    pub fn new(base: &'a dyn Source) -> Self {
        Self { base, tail: Vec::new() }
    }

    /// Appends a revision.
    pub fn append(&mut self, tail: &[u8]) {
        self.tail.extend_from_slice(tail);
    }

    /// Everything that was appended.
    #[must_use]
    pub fn into_tail(self) -> Vec<u8> {
        self.tail
    }
}

impl Source for Grown<'_> {
    fn len(&self) -> u64 {
        self.base.len().saturating_add(self.tail.len() as u64)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let within = usize::try_from(self.base.len().saturating_sub(offset)).unwrap_or(usize::MAX);
        let (from_base, from_tail) = buf.split_at_mut(within.min(buf.len()));
        if !from_base.is_empty() {
            self.base.read_at(offset, from_base)?;
        }
        if from_tail.is_empty() {
            return Ok(());
        }
        let start = (offset + from_base.len() as u64) - self.base.len();
        let held = usize::try_from(start).ok().and_then(|start| self.tail.get(start..));
        let held = held.and_then(|rest| rest.get(..from_tail.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        from_tail.copy_from_slice(held);
        Ok(())
    }
}

impl std::fmt::Debug for Grown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grown({} + {} octets)", self.base.len(), self.tail.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_reads_as_if_it_were_one_file() {
        let whole: Vec<u8> = (0..40).collect();
        let (base, tail) = whole.split_at(25);
        let mut grown = Grown::new(&base);
        for part in tail.chunks(4) {
            grown.append(part);
        }
        assert_eq!(grown.len(), 40);
        for from in 0..=40 {
            for to in from..=40 {
                let mut read = vec![0; to - from];
                grown.read_at(from as u64, &mut read).unwrap();
                assert_eq!(read, whole[from..to]);
            }
        }
        assert!(grown.read_at(30, &mut [0; 11]).is_err());
        assert!(grown.read_at(41, &mut [0; 1]).is_err());
        assert_eq!(grown.into_tail(), tail);
    }
}
