//! Numbers of persons, bodies and accounts.

use cinnabar_licence::codes::{
    CodeError, bank_card, citizen_id, credit_code, mobile, normalised, organisation_code,
};

const CREDIT_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

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
        assert_eq!(credit_code(code), Ok(()), "{code}");
        assert_eq!(organisation_code(&code[8..17]), Ok(()), "{code}");
    }
    assert_eq!(normalised(" 91350100m000100y43 "), "91350100M000100Y43");
    assert_eq!(credit_code("91350100m000100y43"), Err(CodeError::CreditCode));
}

#[test]
fn one_wrong_character_of_a_credit_code_is_found() {
    for wrong in misspelt("91350100M000100Y43", CREDIT_ALPHABET) {
        assert_eq!(credit_code(&wrong), Err(CodeError::CreditCheck), "{wrong}");
    }
    for wrong in [
        "",
        "91350100M000100Y4",
        "91350100M000100Y433",
        "91350100I000100Y43",
        "91350100章000100Y4",
        &"9".repeat(100_000),
    ] {
        assert_eq!(credit_code(wrong), Err(CodeError::CreditCode));
    }
    // Right outside, wrong within.
    let read = |last: char| credit_code(&format!("91350100M000100Y5{last}"));
    assert!(CREDIT_ALPHABET.chars().any(|last| read(last) == Err(CodeError::OrganisationCheck)));
}

#[test]
fn organisation_codes_are_read_with_and_without_their_hyphen() {
    assert_eq!(organisation_code("M000100Y4"), Ok(()));
    assert_eq!(organisation_code("M000100Y-4"), Ok(()));
    assert_eq!(organisation_code("M000100Y-5"), Err(CodeError::OrganisationCheck));
    for wrong in ["", "M000100Y", "M000100-Y4", "m000100Y4", "M000100Y44", "M000100é4"] {
        assert_eq!(organisation_code(wrong), Err(CodeError::OrganisationCode), "{wrong}");
    }
}

#[test]
fn citizens_numbers_are_read_and_one_wrong_digit_is_found() {
    // The examples of GB 11643.
    for number in ["11010519491231002X", "440524188001010014"] {
        assert_eq!(citizen_id(number), Ok(()));
        for wrong in misspelt(number, "0123456789X") {
            let error = citizen_id(&wrong).unwrap_err();
            assert!(!error.to_string().contains(&wrong), "a person's number is not repeated");
        }
    }
    assert_eq!(citizen_id("11010519491231002x"), Err(CodeError::Citizen), "normalised first");
    for (wrong, error) in [
        ("", CodeError::Citizen),
        ("1101051949123100２X", CodeError::Citizen),
        ("110105194902310021", CodeError::Birth),
        ("110105194900000021", CodeError::Birth),
    ] {
        assert_eq!(citizen_id(wrong), Err(error), "{wrong}");
    }
}

#[test]
fn mobile_numbers_and_bank_cards_are_checked() {
    assert_eq!(mobile("13800138000"), Ok(()));
    for wrong in ["", "12800138000", "1380013800", "138001380000", "1380013800a", "+8613800138000"] {
        assert_eq!(mobile(wrong), Err(CodeError::Mobile), "{wrong}");
    }
    // The test numbers that card schemes publish.
    for number in ["4111111111111111", "6200000000000005", "378282246310005", "6304000000000000"] {
        assert_eq!(bank_card(number), Ok(()), "{number}");
        for wrong in misspelt(number, "0123456789") {
            assert_eq!(bank_card(&wrong), Err(CodeError::BankCardCheck), "{wrong}");
        }
    }
    for wrong in ["", "411111111111", "41111111111111111111", "4111 1111 1111 1111"] {
        assert_eq!(bank_card(wrong), Err(CodeError::BankCard), "{wrong}");
    }
}
