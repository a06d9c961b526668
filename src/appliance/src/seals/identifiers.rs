//! Numbers that seals and their holders go by, read and checked: seal codes, credit codes, citizens' numbers.
//!
//! Pure. A number that reads is written as its standard writes it (capital letters, no spaces); one that does not is told
//! by what is wrong with it, and a person's number is never repeated in what is told. Used where applications are
//! checked, alone or in a table.

use super::kinds::HolderKind;

/// A seal's code: 6 digits of the administrative division (GB/T 2260), 8 of a running number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealCode {
    division: String,
    serial: u32,
}

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum NumberError {
    /// Not 14 digits.
    SealCode,
    /// A running number of zero is none.
    Serial,
    /// Not 18 characters of the alphabet.
    CreditCode,
    /// The check character does not fit.
    CreditCheck,
    /// The check character of the organisation code within does not fit.
    OrganisationCheck,
    /// Not 17 digits and a check character.
    Citizen,
    /// The date of birth within is none.
    Birth,
    /// The check character does not fit.
    CitizenCheck,
}

impl NumberError {
    /// What is wrong.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::SealCode => {
                "a seal code has 14 digits: 6 of the administrative division, 8 of a running number"
            }
            Self::CreditCode => {
                "a unified social credit code has 18 characters, digits and capital letters without I, O, S, V, Z (GB 32100)"
            }
            Self::CreditCheck => {
                "the check character of the unified social credit code does not fit (GB 32100); one character is wrong"
            }
            Self::OrganisationCheck => {
                "the organisation code within the credit code does not fit its check character (GB 11714); one character is wrong"
            }
            Self::Citizen => "a citizen's number has 17 digits and a digit or X (GB 11643)",
            Self::CitizenCheck => {
                "the check character of the citizen's number does not fit (GB 11643); one digit is wrong"
            }
            Self::Serial => "the running number of a seal code begins with 1",
            Self::Birth => "the citizen's number holds no date of birth (GB 11643)",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::SealCode => "印章编码为14位数字：6位行政区划代码加8位顺序号",
            Self::CreditCode => "统一社会信用代码为18位，不使用I、O、S、V、Z",
            Self::CreditCheck => "统一社会信用代码校验位不符",
            Self::OrganisationCheck => "统一社会信用代码中的组织机构代码校验位不符",
            Self::Citizen => "公民身份号码为17位数字加1位数字或X",
            Self::CitizenCheck => "公民身份号码校验位不符",
            Self::Serial => "印章编码的顺序号从1开始",
            Self::Birth => "公民身份号码中的出生日期有误",
        }
    }
}

impl SealCode {
    /// Reads 14 digits.
    ///
    /// # Errors
    /// [`NumberError::SealCode`], [`NumberError::Serial`].
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if text.len() != 14 || !text.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(NumberError::SealCode);
        }
        let (division, serial) = text.split_at_checked(6).ok_or(NumberError::SealCode)?;
        let serial: u32 = serial.parse().map_err(|_| NumberError::SealCode)?;
        if serial == 0 {
            return Err(NumberError::Serial);
        }
        Ok(Self { division: division.to_owned(), serial })
    }

    /// The 6 digits of the administrative division.
    #[must_use]
    pub fn division(&self) -> &str {
        &self.division
    }

    /// The running number within the division.
    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
    }
}

impl std::fmt::Display for SealCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:08}", self.division, self.serial)
    }
}

/// The number of a seal's holder, as its standard writes it.
///
/// # Errors
/// [`NumberError`].
pub fn holder_number(kind: HolderKind, text: &str) -> Result<String, NumberError> {
    match kind {
        HolderKind::Organisation => credit_code(text),
        HolderKind::Person => citizen_number(text),
    }
}

/// Reads a unified social credit code (GB 32100-2015): registering body 1, kind 1, division 6, organisation code 9, check 1.
///
/// # Errors
/// [`NumberError::CreditCode`], [`NumberError::CreditCheck`], [`NumberError::OrganisationCheck`].
pub fn credit_code(text: &str) -> Result<String, NumberError> {
    let code = text.trim().to_ascii_uppercase();
    let values: Option<Vec<usize>> =
        code.bytes().map(|octet| CREDIT_ALPHABET.iter().position(|known| *known == octet)).collect();
    let values = values.filter(|values| values.len() == 18).ok_or(NumberError::CreditCode)?;
    // Weights are the powers of 3 modulo 31.
    let (sum, _) =
        values.iter().take(17).fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    if values.last() != Some(&((31 - sum % 31) % 31)) {
        return Err(NumberError::CreditCheck);
    }
    // GB 11714: letters count from 10 in the order of the whole alphabet.
    let within = code.get(8..17).unwrap_or_default();
    let value =
        |octet: u8| usize::from(if octet.is_ascii_digit() { octet - b'0' } else { octet - b'A' + 10 });
    let sum: usize =
        within.bytes().zip(ORGANISATION_WEIGHTS).map(|(octet, weight)| value(octet) * weight).sum();
    let check = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or_default(),
    };
    if within.bytes().last() != Some(check) {
        return Err(NumberError::OrganisationCheck);
    }
    Ok(code)
}

/// Reads a citizen's number (GB 11643-1999): division 6, date of birth 8, sequence 3, check 1.
///
/// # Errors
/// [`NumberError::Citizen`], [`NumberError::Birth`], [`NumberError::CitizenCheck`].
pub fn citizen_number(text: &str) -> Result<String, NumberError> {
    let number = text.trim().to_ascii_uppercase();
    let (digits, check) = number.split_at_checked(17).ok_or(NumberError::Citizen)?;
    let fits = digits.bytes().all(|octet| octet.is_ascii_digit());
    if !fits || !matches!(check.as_bytes(), [b'0'..=b'9' | b'X']) {
        return Err(NumberError::Citizen);
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i16>().ok());
    let (year, month, day) = (part(6..10), part(10..12), part(12..14));
    let born = year.zip(month).zip(day).and_then(|((year, month), day)| {
        jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    });
    if born.is_none_or(|born| !(1850..2150).contains(&born.year())) {
        return Err(NumberError::Birth);
    }
    let sum: usize =
        digits.bytes().zip(CITIZEN_WEIGHTS).map(|(octet, weight)| usize::from(octet - b'0') * weight).sum();
    if CITIZEN_CHECKS.get(sum % 11) != check.as_bytes().first() {
        return Err(NumberError::CitizenCheck);
    }
    Ok(number)
}

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const ORGANISATION_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
const CITIZEN_WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CITIZEN_CHECKS: &[u8; 11] = b"10X98765432";

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to change one character for another of `alphabet`.
    fn misspelt<'a>(number: &'a str, alphabet: &'a str) -> impl Iterator<Item = String> + 'a {
        (0..number.len()).flat_map(move |at| {
            alphabet
                .chars()
                .filter(move |c| !number[at..].starts_with(*c))
                .map(move |c| format!("{}{c}{}", &number[..at], &number[at + 1..]))
        })
    }

    #[test]
    fn credit_codes_of_public_bodies_and_companies_are_read() {
        // Of issuing bodies, as they stand in licences, and the example of GB 32100.
        for code in [
            "11100000000013338W",
            "11430000006122244L",
            "11330105002500287C",
            "11220000013544541J",
            "11370800MB28559184",
            "11100000MB03271699",
            "91350100M000100Y43",
        ] {
            assert_eq!(credit_code(code).as_deref(), Ok(code));
        }
        assert_eq!(credit_code(" 91350100m000100y43 ").as_deref(), Ok("91350100M000100Y43"));
    }

    #[test]
    fn one_wrong_character_of_a_credit_code_is_found() {
        let alphabet = std::str::from_utf8(CREDIT_ALPHABET).unwrap();
        for wrong in misspelt("91350100M000100Y43", alphabet) {
            assert_eq!(credit_code(&wrong), Err(NumberError::CreditCheck), "{wrong}");
        }
        for (wrong, error) in [
            ("", NumberError::CreditCode),
            ("91350100M000100Y4", NumberError::CreditCode),
            ("91350100M000100Y433", NumberError::CreditCode),
            ("91350100I000100Y43", NumberError::CreditCode),
            ("91350100章000100Y4", NumberError::CreditCode),
        ] {
            assert_eq!(credit_code(wrong), Err(error), "{wrong}");
        }
        // Right outside, wrong within.
        let read = |last: &u8| credit_code(&format!("91350100M000100Y5{}", char::from(*last)));
        assert!(CREDIT_ALPHABET.iter().any(|last| read(last) == Err(NumberError::OrganisationCheck)));
    }

    #[test]
    fn citizens_numbers_are_read_and_one_wrong_digit_is_found() {
        // The examples of GB 11643.
        for number in ["11010519491231002X", "440524188001010014"] {
            assert_eq!(citizen_number(number).as_deref(), Ok(number));
            for wrong in misspelt(number, "0123456789X") {
                let error = citizen_number(&wrong).unwrap_err();
                assert!(!error.to_string().contains(&wrong), "a person's number is not repeated");
            }
        }
        assert_eq!(citizen_number("11010519491231002x").as_deref(), Ok("11010519491231002X"));
        for (wrong, error) in [
            ("", NumberError::Citizen),
            ("1101051949123100２X", NumberError::Citizen),
            ("110105194902310021", NumberError::Birth),
            ("110105194900000021", NumberError::Birth),
        ] {
            assert_eq!(citizen_number(wrong), Err(error), "{wrong}");
        }
        assert_eq!(holder_number(HolderKind::Person, "1"), Err(NumberError::Citizen));
        assert_eq!(holder_number(HolderKind::Organisation, "1"), Err(NumberError::CreditCode));
    }

    #[test]
    fn seal_codes_are_read_as_they_are_written() {
        let code = SealCode::parse("37030000001721").unwrap();
        assert_eq!(
            (code.division(), code.serial(), code.to_string().as_str()),
            ("370300", 1721, "37030000001721")
        );
        for (wrong, error) in [
            ("3703000000172", NumberError::SealCode),
            ("370300000017210", NumberError::SealCode),
            ("3703000000172X", NumberError::SealCode),
            ("37030000000000", NumberError::Serial),
            ("370300章0000", NumberError::SealCode),
        ] {
            assert_eq!(SealCode::parse(wrong), Err(error), "{wrong}");
        }
    }
}
