//! Identifiers of licences and numbers of persons and bodies, as anybody types them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use licence::codes;
use licence::identifier::{Check, Identifier};

fuzz_target!(|text: &str| {
    if let Ok(parsed) = Identifier::parse(text) {
        let written = parsed.identifier.to_string();
        let again = Identifier::parse(&written).expect("what was written is read");
        assert_eq!((again.check, again.identifier), (Check::Right, parsed.identifier));
    }
    let normalised = codes::normalised(text);
    let checks =
        [codes::credit_code, codes::organisation_code, codes::citizen_id, codes::mobile, codes::bank_card];
    for check in checks {
        if check(&normalised).is_ok() {
            assert!(normalised.is_ascii() && normalised.len() <= 19);
        }
    }
});
