//! Numbers that seals and their holders go by, read and checked: seal codes here, credit codes and citizens' numbers by the
//! rules of [`licence::codes`].
//!
//! Pure. A number that reads is written as its standard writes it (capital letters, no spaces); one that does not is told
//! by what is wrong with it, and a person's number is never repeated in what is told. Used where applications are
//! checked, alone or in a table.

use licence::codes::{self, CodeError};

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
    /// The holder's number.
    Holder(#[from] CodeError),
}

impl NumberError {
    /// What is wrong.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::SealCode => {
                "a seal code has 14 digits: 6 of the administrative division, 8 of a running number"
            }
            Self::Serial => "the running number of a seal code begins with 1",
            Self::Holder(error) => error.told(),
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::SealCode => "印章编码为14位数字：6位行政区划代码加8位顺序号",
            Self::Serial => "印章编码的顺序号从1开始",
            Self::Holder(error) => error.zh(),
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
/// [`NumberError::Holder`].
pub fn holder_number(kind: HolderKind, text: &str) -> Result<String, NumberError> {
    let number = codes::normalised(text);
    match kind {
        HolderKind::Organisation => codes::credit_code(&number)?,
        HolderKind::Person => codes::citizen_id(&number)?,
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_go_by_the_number_of_their_kind() {
        let organisation = |text| holder_number(HolderKind::Organisation, text);
        let person = |text| holder_number(HolderKind::Person, text);
        assert_eq!(organisation(" 91350100m000100y43 ").as_deref(), Ok("91350100M000100Y43"));
        assert_eq!(person("11010519491231002x").as_deref(), Ok("11010519491231002X"));
        assert_eq!(person("1"), Err(CodeError::Citizen.into()));
        assert_eq!(organisation("1"), Err(CodeError::CreditCode.into()));
        assert_eq!(organisation("11010519491231002X"), Err(CodeError::CreditCheck.into()));
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
