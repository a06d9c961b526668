//! Identifiers of licences (GB/T 36904), by genuine ones.

use cinnabar_licence::identifier::{Check, Identifier, IdentifierError, OID};
use proptest::prelude::*;

/// As they stand on licences of ministries and cities.
const GENUINE: [&str; 5] = [
    "11100000000013338W011.11430000006122244L.20230000403.001.U",
    "11100000000013338W009.11330105002500287C.2025052201.002.0",
    "11100000000013338W032.11220000013544541J.2430599.001.F",
    "11100000000013338W087.11370800MB28559184.37080001202411010001.001.3",
    "11100000MB03271699022.340100.000000016.001.9",
];

/// Made by an algorithm that circulates and is wrong.
const CIRCULATING: &str = "11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M";

#[test]
fn genuine_identifiers_are_right_and_are_written_as_they_were() {
    for text in GENUINE {
        for form in [text.to_owned(), format!("{OID}.{text}"), format!(" {} ", text.to_ascii_lowercase())] {
            let parsed = Identifier::parse(&form).unwrap();
            assert_eq!(parsed.check, Check::Right, "{form}");
            assert_eq!(parsed.identifier.to_string(), text);
            assert_eq!(parsed.identifier.with_oid(), format!("{OID}.{text}"));
        }
    }
    let parsed = Identifier::parse(GENUINE[1]).unwrap().identifier;
    assert_eq!(parsed.type_code(), "11100000000013338W009");
    assert_eq!(parsed.issuer(), "11330105002500287C");
    assert_eq!((parsed.serial(), parsed.version()), ("2025052201", 2));
    assert_eq!(parsed.licence_id(), "11100000000013338W009.11330105002500287C.2025052201");
    assert_eq!(parsed.in_version(3).unwrap().to_string().split('.').nth(3), Some("003"));
    assert_eq!(parsed.in_version(1000), Err(IdentifierError::Version { found: "1000".to_owned() }));
}

#[test]
fn a_check_character_of_the_circulating_algorithm_is_found_wrong_and_written_right() {
    let parsed = Identifier::parse(CIRCULATING).unwrap();
    assert_eq!(parsed.check, Check::Wrong { found: 'M', expected: 'D' });
    assert!(parsed.identifier.to_string().ends_with("209FA4E88F9E4C878F3E9BED2CE7EA49.001.D"));
    let without = CIRCULATING.strip_suffix(".M").unwrap();
    assert_eq!(Identifier::parse(without).unwrap().check, Check::Absent);
}

#[test]
fn every_wrong_character_and_every_swap_of_neighbours_is_found() {
    let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for text in GENUINE {
        for at in (0..text.len()).filter(|at| &text[*at..=*at] != ".") {
            for other in alphabet.chars().filter(|other| !text[at..].starts_with(*other)) {
                let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                if let Ok(parsed) = Identifier::parse(&wrong) {
                    assert!(matches!(parsed.check, Check::Wrong { .. }), "{wrong}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_identifier_is_told_by_its_part() {
    let parse = |text: &str| Identifier::parse(text).unwrap_err();
    let found = |found: &str| found.to_owned();
    assert_eq!(parse(""), IdentifierError::Parts { found: 1 });
    assert_eq!(parse("A.B.C.D.E.F"), IdentifierError::Parts { found: 6 });
    assert_eq!(parse(&"A".repeat(129)), IdentifierError::TooLong { length: 129 });
    assert_eq!(
        parse("11100000000013338W01A.340100.1234567.001.0"),
        IdentifierError::TypeCode { found: found("11100000000013338W01A") }
    );
    assert_eq!(
        parse("11100000000013338W011.34010X.1234567.001"),
        IdentifierError::Issuer { found: found("34010X") }
    );
    assert_eq!(
        parse("11100000000013338W011.340100.123456.001"),
        IdentifierError::Serial { found: found("123456") }
    );
    assert_eq!(
        parse("11100000000013338W011.340100.证照证照证照.001"),
        IdentifierError::Serial { found: found("证照证照证照") }
    );
    for version in ["1", "000", "0001", "+01", "１２３"] {
        assert!(
            matches!(
                parse(&format!("11100000000013338W011.340100.1234567.{version}")),
                IdentifierError::Version { .. }
            ),
            "{version}"
        );
    }
    for check in ["", "AB", "-", "证"] {
        assert!(
            matches!(
                parse(&format!("11100000000013338W011.340100.1234567.001.{check}")),
                IdentifierError::Check { .. }
            ),
            "{check}"
        );
    }
    assert!(matches!(
        Identifier::new("11100000000013338w011", "340100", "1234567", 1),
        Err(IdentifierError::TypeCode { .. })
    ));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        body in "[0-9A-Z]{18}",
        number in "[0-9]{3}",
        issuer in "[0-9A-Z]{18}|[0-9]{6}",
        serial in "[0-9A-Z]{7,32}",
        version in 1_u16..1000,
    ) {
        let identifier = Identifier::new(body + &number, issuer, serial, version).unwrap();
        let parsed = Identifier::parse(&identifier.to_string()).unwrap();
        prop_assert_eq!(parsed.check, Check::Right);
        prop_assert_eq!(&parsed.identifier, &identifier);
        prop_assert_eq!(Identifier::parse(&identifier.with_oid()).unwrap().identifier, identifier);
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,140}") {
        if let Ok(parsed) = Identifier::parse(&text) {
            prop_assert_eq!(Identifier::parse(&parsed.identifier.to_string()).unwrap().check, Check::Right);
        }
    }
}
