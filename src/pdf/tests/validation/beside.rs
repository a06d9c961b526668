//! Every document beside pyHanko's verdict.

use super::ades::all;
use super::pyhanko;

const DIFFERENCES: &str = include_str!("pyhanko-differences.txt");

#[test]
fn pyhanko_says_the_same_or_it_is_explained() {
    pyhanko::compare(&all(), DIFFERENCES);
}
