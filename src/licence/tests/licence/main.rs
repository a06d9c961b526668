//! The licence crate from outside, one module for each part.

mod catalogue;
mod codes;
mod credential;
mod identifier;
mod life;
mod template;
