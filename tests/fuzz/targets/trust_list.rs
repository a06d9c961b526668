//! What stands in trust lists and in regions' entries: whatever reads is written as it was read, and stays within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use licence::trust_list::{Entry, List};
use serde_json::{Map, Value};

fuzz_target!(|text: &str| {
    let Ok(members) = serde_json::from_str::<Map<String, Value>>(text) else { return };
    if let Ok(list) = List::read(&members) {
        assert_eq!(List::read(&list.members()).as_ref(), Ok(&list));
    }
    if let Ok(entry) = Entry::read(&members, "entry") {
        assert_eq!(Entry::read(&entry.members(), "entry").as_ref(), Ok(&entry));
        assert!(!entry.scope.covers_issuer("") && !entry.covers_status(""));
    }
});
