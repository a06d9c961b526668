//! CMS SignedData (RFC 5652) as PAdES and RFC 3161 use it.

pub mod sign;
