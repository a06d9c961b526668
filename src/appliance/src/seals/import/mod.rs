//! Seals of a whole county, applied for with one table.

pub mod row;
pub mod table;
