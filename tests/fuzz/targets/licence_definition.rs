//! Definitions of licence types, as an office hands them in: judged without a panic, and within its bounds where it compiles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use licence::catalogue::TypeDefinition;

fuzz_target!(|json: &[u8]| {
    let Ok(definition) = TypeDefinition::read(json) else { return };
    let compiled = match definition.compile() {
        Ok(compiled) => compiled,
        Err(faults) => {
            assert!((1..=100).contains(&faults.len()));
            assert!(faults.iter().all(|fault| !fault.zh.is_empty() && !fault.en.is_empty()));
            return;
        }
    };
    assert!((1..=100).contains(&compiled.fields().len()));
    let octets: u64 = compiled.fields().iter().map(|field| field.kind.longest_octets(false)).sum();
    assert!(octets <= 512 * 1024, "every field has a bound");
    // Any object serves as somebody's idea of the fields: its own schema.
    if let Some(fields) = compiled.definition().schema.as_object() {
        let _ = compiled.validate(fields);
        let split = compiled.split(fields);
        assert_eq!(split.open.len() + split.protected.len(), fields.len());
    }
});
