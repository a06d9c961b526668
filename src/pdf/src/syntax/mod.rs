//! Reading PDF syntax: lazy, bounded, byte-exact.
//!
//! [`Document::open`] reads the cross-reference sections and the trailer, nothing else; every object is
//! parsed when it is asked for. Called by signing (which touches one path of the page tree) and by
//! verification (which walks revisions). It repairs nothing that could hide something: the few oddities it
//! accepts as all major readers do are listed in [`Oddity`] and named in every verification report.
//! Every loop and recursion spends from a budget of [`Limits`].

pub mod content;
mod document;
mod error;
mod filter;
pub(crate) mod indirect;
mod input;
mod limits;
mod object;
mod pages;
pub(crate) mod parser;
#[cfg(test)]
mod properties;
pub(crate) mod security;
mod view;
mod xref;

pub use document::Document;
pub use error::{Oddity, OpenError, ReadError};
pub use limits::Limits;
pub use object::{Dictionary, Object, ObjectId, PdfString, Stream};
pub(crate) use pages::pages;
pub use pages::{Page, Pages};
pub(crate) use view::Spelled;
pub use view::View;
pub use xref::{Entry, Section, XrefKind};

/// Where the bytes of a file come from: memory, a file, an encrypted spill file.
pub trait Source: Send + Sync {
    /// Length of the whole file in octets.
    fn len(&self) -> u64;
    /// Whether the file is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Fills `buf` with the octets from `offset` on; an error if fewer are there.
    ///
    /// # Errors
    /// Whatever the storage reports, and `UnexpectedEof` past the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()>;
}

impl Source for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buf.len())?))
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(part);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        Source::len(self.as_slice())
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.as_slice().read_at(offset, buf)
    }
}

impl<T: Source + ?Sized> Source for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        (**self).read_at(offset, buf)
    }
}
