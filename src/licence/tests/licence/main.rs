//! The licence crate from outside, one module for each part.

mod life;
