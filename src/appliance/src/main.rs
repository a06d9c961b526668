//! The cinnabar binary.
fn main() {}
