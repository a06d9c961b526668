//! Token status lists, which are fetched from other regions: both forms of the token, and the compressed array within.
#![no_main]

use libfuzzer_sys::fuzz_target;
use licence::credential::Trust;
use licence::credential::status_list::{MOST_OCTETS, StatusList, Token};
use pki::path::TrustAnchors;

fuzz_target!(|data: &[u8]| {
    let text = std::str::from_utf8(data).ok().and_then(|text| Token::parse_jwt(text).ok());
    for token in text.into_iter().chain(Token::parse_cwt(data)) {
        let anchors = TrustAnchors::default();
        let verdict = token.verify(&Trust::new(&anchors), "http://a/", "http://a/1", 1_795_305_600);
        assert!(verdict.is_err(), "nobody is trusted");
    }
    let Some((bits, compressed)) = data.split_first() else { return };
    if let Some(list) = StatusList::inflate(*bits, compressed) {
        assert!(list.size() <= MOST_OCTETS * 8);
        let last = u32::try_from(list.size()).expect("bounded");
        assert!(list.get(last).is_none() && (last == 0 || list.get(last - 1).is_some()));
        let again = StatusList::inflate(*bits, &list.compressed()).expect("what was written is read");
        assert_eq!(again, list);
    }
});
