//! One-time enrolment secrets as people handle them: 26 symbols drawn at random and 4 that check them.
//!
//! Shown once, typed by a person, kept as a hash. 26 symbols of a 32-letter alphabet are 130 random bits, so a plain
//! SHA-256 keeps them as well as a slow or keyed hash would: there is nothing to guess from. The check symbols tell a
//! mistyped secret from a wrong one, before any look at the store; anybody can compute them, so they tell nothing else.

use ring::rand::SecureRandom;
use zeroize::Zeroizing;

/// A secret in its canonical form: upper case, no separators, checked.
// INVARIANT: exactly SYMBOLS letters of ALPHABET; made only by `draw` and `read`.
pub struct EnrolmentSecret(Zeroizing<String>);

/// Why a text is no enrolment secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not the right number of symbols, or one that is not in the alphabet.
    #[error("an enrolment secret is {GROUPS} groups of {GROUP} letters and digits")]
    Shape,
    /// The check symbols do not fit.
    #[error("the enrolment secret is mistyped: its last group does not fit the others")]
    Mistyped,
    /// The system gives no random octets.
    #[error("the system's random source failed")]
    Random,
}

impl EnrolmentSecret {
    /// A new secret.
    ///
    /// # Errors
    /// [`SecretError::Random`].
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, SecretError> {
        let mut octets = Zeroizing::new([0; SYMBOLS]);
        random.fill(octets.as_mut()).map_err(|_| SecretError::Random)?;
        // 256 is a multiple of 32: every symbol is as likely as any other.
        Ok(Self(Zeroizing::new(octets.iter().map(|octet| symbol(*octet)).collect())))
    }

    /// Reads what somebody typed: case does not matter, nor do hyphens and spaces; O is 0, I and L are 1 (the
    /// alphabet is Crockford's base 32, which has none of them, nor U).
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read(typed: &str) -> Result<Self, SecretError> {
        if typed.len() > LONGEST {
            return Err(SecretError::Shape);
        }
        let mut symbols = Zeroizing::new(String::with_capacity(SYMBOLS + CHECKS));
        for letter in typed.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                letter => letter,
            };
            if !ALPHABET.contains(letter) {
                return Err(SecretError::Shape);
            }
            symbols.push(letter);
        }
        let (Some(secret), Some(check)) = (symbols.get(..SYMBOLS), symbols.get(SYMBOLS..)) else {
            return Err(SecretError::Shape);
        };
        if check.len() != CHECKS {
            return Err(SecretError::Shape);
        }
        let secret = Self(Zeroizing::new(secret.to_owned()));
        if secret.checks() == check { Ok(secret) } else { Err(SecretError::Mistyped) }
    }

    /// How it is shown to its bearer, this once.
    #[must_use]
    pub fn shown(&self) -> Zeroizing<String> {
        let all = Zeroizing::new(format!("{}{}", self.0.as_str(), self.checks()));
        let mut shown = Zeroizing::new(String::with_capacity(LONGEST));
        for (at, letter) in all.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(letter);
        }
        shown
    }

    /// What the store keeps: hexadecimal SHA-256, with the caller it was made for, so that a row moved to another
    /// caller fits nothing.
    #[must_use]
    pub fn hash(&self, caller: &str) -> String {
        let text = Zeroizing::new(format!("{DOMAIN}{caller}\0{}", self.0.as_str()));
        hex::encode(crypto::DigestAlgorithm::Sha256.digest(text.as_bytes()))
    }

    fn checks(&self) -> String {
        let text = Zeroizing::new(format!("{DOMAIN}check\0{}", self.0.as_str()));
        let digest = crypto::DigestAlgorithm::Sha256.digest(text.as_bytes());
        digest.iter().take(CHECKS).map(|octet| symbol(*octet)).collect()
    }
}

impl std::fmt::Debug for EnrolmentSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolmentSecret(…)")
    }
}

/// Whether two hashes are equal, in a time that does not tell where they differ.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

fn symbol(octet: u8) -> char {
    ALPHABET.as_bytes().get(usize::from(octet % 32)).map_or('0', |symbol| char::from(*symbol))
}

const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 26;
const CHECKS: usize = 4;
const GROUP: usize = 5;
const GROUPS: usize = (SYMBOLS + CHECKS) / GROUP;
/// The symbols, and a hyphen or two between any of them.
const LONGEST: usize = 64;
const DOMAIN: &str = "cinnabar enrolment secret 1\0";

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn what_is_shown_reads_back_however_it_is_typed() {
        let secret = EnrolmentSecret::draw(&SystemRandom::new()).unwrap();
        let shown = secret.shown();
        assert_eq!(shown.split('-').map(str::len).collect::<Vec<_>>(), [GROUP; GROUPS]);
        let sloppy = shown.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        for typed in [shown.as_str(), &shown.replace('-', ""), &sloppy] {
            assert_eq!(EnrolmentSecret::read(typed).unwrap().hash("c"), secret.hash("c"), "{typed}");
        }
        assert_ne!(secret.hash("c"), secret.hash("d"), "of one caller alone");
        assert!(!format!("{secret:?}").contains(&*secret.0));
    }

    #[test]
    fn a_mistyped_symbol_is_noticed_and_other_texts_are_none() {
        let shown = EnrolmentSecret::draw(&SystemRandom::new()).unwrap().shown();
        for at in (0..shown.len()).filter(|at| shown.as_bytes()[*at] != b'-') {
            let mut other = shown.to_string().into_bytes();
            other[at] = if other[at] == b'7' { b'8' } else { b'7' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(EnrolmentSecret::read(&other).unwrap_err(), SecretError::Mistyped, "{other}");
        }
        for text in ["", "correct horse", &shown[1..], &format!("{}A", &*shown), &"A".repeat(1000), "пароль"]
        {
            assert_eq!(EnrolmentSecret::read(text).unwrap_err(), SecretError::Shape, "{text}");
        }
    }

    #[test]
    fn hashes_are_compared_whole() {
        assert!(same("ab", "ab"));
        for other in ["aB", "a", "abc", ""] {
            assert!(!same("ab", other), "{other}");
        }
    }
}
