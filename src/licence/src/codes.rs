//! Numbers that persons, bodies and accounts go by, and whether one was misread: credit codes (GB 32100), organisation codes
//! (GB 11714), citizens' numbers (GB 11643), mobile numbers, bank cards (ISO/IEC 7812 annex B).
//!
//! Each check takes a number as its standard writes it; [`normalised`] makes that of what people type. An error says what
//! is wrong and never repeats the number, which is a person's. Called by the fields of licence types and by registrations.

use thiserror::Error;

/// What is wrong with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{}", self.told())]
pub enum CodeError {
    /// Not 18 characters of the alphabet.
    CreditCode,
    /// The check character does not fit.
    CreditCheck,
    /// Not 8 characters and a check character.
    OrganisationCode,
    /// The check character does not fit; also of the organisation code within a credit code.
    OrganisationCheck,
    /// Not 17 digits and a check character.
    Citizen,
    /// The date of birth within is none.
    Birth,
    /// The check character does not fit.
    CitizenCheck,
    /// Not 11 digits that begin as mobile numbers do.
    Mobile,
    /// Not 13 to 19 digits.
    BankCard,
    /// The check digit does not fit.
    BankCardCheck,
}

impl CodeError {
    /// What is wrong.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::CreditCode => {
                "a unified social credit code has 18 characters, digits and capital letters without I, O, S, V, Z (GB 32100)"
            }
            Self::CreditCheck => {
                "the check character of the unified social credit code does not fit (GB 32100); one character is wrong"
            }
            Self::OrganisationCode => {
                "an organisation code has 8 digits or capital letters and a check character (GB 11714)"
            }
            Self::OrganisationCheck => {
                "the organisation code within the credit code does not fit its check character (GB 11714); one character is wrong"
            }
            Self::Citizen => "a citizen's number has 17 digits and a digit or X (GB 11643)",
            Self::Birth => "the citizen's number holds no date of birth (GB 11643)",
            Self::CitizenCheck => {
                "the check character of the citizen's number does not fit (GB 11643); one digit is wrong"
            }
            Self::Mobile => "a mobile number has 11 digits, the first 1, the second 3 to 9",
            Self::BankCard => "a bank card's number has 13 to 19 digits",
            Self::BankCardCheck => {
                "the check digit of the bank card's number does not fit (ISO/IEC 7812); one digit is wrong"
            }
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::CreditCode => "统一社会信用代码为18位，不使用I、O、S、V、Z",
            Self::CreditCheck => "统一社会信用代码校验位不符",
            Self::OrganisationCode => "组织机构代码为8位数字或大写字母加1位校验码",
            Self::OrganisationCheck => "统一社会信用代码中的组织机构代码校验位不符",
            Self::Citizen => "公民身份号码为17位数字加1位数字或X",
            Self::Birth => "公民身份号码中的出生日期有误",
            Self::CitizenCheck => "公民身份号码校验位不符",
            Self::Mobile => "手机号码为11位数字，以1开头，第二位为3至9",
            Self::BankCard => "银行卡号为13至19位数字",
            Self::BankCardCheck => "银行卡号校验位不符",
        }
    }
}

/// A number as its standard writes it: no spaces around it, capital letters.
#[must_use]
pub fn normalised(text: &str) -> String {
    text.trim().to_ascii_uppercase()
}

/// A unified social credit code (GB 32100-2015): registering body 1, kind 1, division 6, organisation code 9, check 1.
///
/// # Errors
/// [`CodeError::CreditCode`], [`CodeError::CreditCheck`], [`CodeError::OrganisationCheck`].
pub fn credit_code(code: &str) -> Result<(), CodeError> {
    let values: Option<Vec<usize>> =
        code.bytes().take(19).map(|octet| CREDIT_ALPHABET.iter().position(|known| *known == octet)).collect();
    let values = values.filter(|values| values.len() == 18).ok_or(CodeError::CreditCode)?;
    // Weights are the powers of 3 modulo 31.
    let (sum, _) =
        values.iter().take(17).fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    if values.last() != Some(&((31 - sum % 31) % 31)) {
        return Err(CodeError::CreditCheck);
    }
    organisation_check(code.get(8..17).unwrap_or_default())
}

/// An organisation code (GB 11714-1997): 8 characters and a check character, with or without the hyphen between.
///
/// # Errors
/// [`CodeError::OrganisationCode`], [`CodeError::OrganisationCheck`].
pub fn organisation_code(code: &str) -> Result<(), CodeError> {
    let bare = match code.as_bytes() {
        [_, _, _, _, _, _, _, _, b'-', _] => code.replace('-', ""),
        _ => code.to_owned(),
    };
    let fits = |octet: u8| octet.is_ascii_digit() || octet.is_ascii_uppercase();
    if bare.len() != 9 || !bare.bytes().all(fits) {
        return Err(CodeError::OrganisationCode);
    }
    organisation_check(&bare)
}

/// GB 11714: letters count from 10 in the order of the whole alphabet.
fn organisation_check(code: &str) -> Result<(), CodeError> {
    let value =
        |octet: u8| usize::from(if octet.is_ascii_digit() { octet - b'0' } else { octet - b'A' + 10 });
    let sum: usize =
        code.bytes().zip(ORGANISATION_WEIGHTS).map(|(octet, weight)| value(octet) * weight).sum();
    let check = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + u8::try_from(digit).unwrap_or_default(),
    };
    if code.bytes().last() == Some(check) { Ok(()) } else { Err(CodeError::OrganisationCheck) }
}

/// A citizen's number (GB 11643-1999): division 6, date of birth 8, sequence 3, check 1.
///
/// # Errors
/// [`CodeError::Citizen`], [`CodeError::Birth`], [`CodeError::CitizenCheck`].
pub fn citizen_id(number: &str) -> Result<(), CodeError> {
    let (digits, check) = number.split_at_checked(17).ok_or(CodeError::Citizen)?;
    let fits = digits.bytes().all(|octet| octet.is_ascii_digit());
    if !fits || !matches!(check.as_bytes(), [b'0'..=b'9' | b'X']) {
        return Err(CodeError::Citizen);
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<i16>().ok());
    let (year, month, day) = (part(6..10), part(10..12), part(12..14));
    let born = year.zip(month).zip(day).and_then(|((year, month), day)| {
        jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    });
    if born.is_none_or(|born| !(1850..2150).contains(&born.year())) {
        return Err(CodeError::Birth);
    }
    let sum: usize =
        digits.bytes().zip(CITIZEN_WEIGHTS).map(|(octet, weight)| usize::from(octet - b'0') * weight).sum();
    if CITIZEN_CHECKS.get(sum % 11) == check.as_bytes().first() {
        Ok(())
    } else {
        Err(CodeError::CitizenCheck)
    }
}

/// A mobile number within China: 1, 3 to 9, nine digits.
///
/// # Errors
/// [`CodeError::Mobile`].
pub fn mobile(number: &str) -> Result<(), CodeError> {
    match number.as_bytes() {
        [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(CodeError::Mobile),
    }
}

/// A bank card's number: 13 to 19 digits, the last by Luhn's formula (ISO/IEC 7812-1 annex B).
///
/// # Errors
/// [`CodeError::BankCard`], [`CodeError::BankCardCheck`].
pub fn bank_card(number: &str) -> Result<(), CodeError> {
    if !(13..=19).contains(&number.len()) || !number.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(CodeError::BankCard);
    }
    let counted = |(place, octet): (usize, u8)| {
        let digit = u32::from(octet - b'0');
        match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled @ 10..) => doubled - 9,
            (_, doubled) => doubled,
        }
    };
    let sum: u32 = number.bytes().rev().enumerate().map(counted).sum();
    if sum.is_multiple_of(10) { Ok(()) } else { Err(CodeError::BankCardCheck) }
}

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const ORGANISATION_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
const CITIZEN_WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CITIZEN_CHECKS: &[u8; 11] = b"10X98765432";
