//! What a log entry says, in words: shared by `receipt` and `audit`.
//!
//! A leaf is canonical JSON (RFC 8785) whose members are the journal's; members this version does not know are
//! shown by name instead of being left out.

use jiff::Timestamp;
use serde_json::Value;

use super::Tone;

/// The entry as lines for people.
pub fn describe(leaf: &Value) -> Vec<(Tone, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push((Tone::Plain, format!("  {name:<10} {text}")));
    let text = |name: &str| leaf.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(action) = text("action") {
        line("act", action.into());
    }
    if let Some(time) = time(leaf) {
        line("time", time.to_string());
    }
    if let Some(actor) = leaf.get("actor") {
        let part = |name: &str| actor.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut who = format!("{} {}", part("kind"), part("id"));
        if !part("organisation").is_empty() {
            who = format!("{who} of {}", part("organisation"));
        }
        line("actor", who);
        if !part("certificate").is_empty() {
            line("", format!("certificate {}", part("certificate")));
        }
    }
    for name in ["resource", "request"] {
        if let Some(text) = text(name) {
            line(name, text.into());
        }
    }
    let Some(members) = leaf.as_object() else { return lines };
    for (name, value) in members {
        if ["action", "time", "actor", "resource", "request", "nonce", "v", "version"]
            .contains(&name.as_str())
        {
            continue;
        }
        let mut flat = Vec::new();
        flatten(name, value, &mut flat);
        for (name, text) in flat {
            lines.push((Tone::Dim, format!("  {name}: {text}")));
        }
    }
    lines
}

/// When the entry was made. The journal writes microseconds since the Unix epoch, as a number or as text.
pub fn time(leaf: &Value) -> Option<Timestamp> {
    match leaf.get("time")? {
        Value::Number(number) => Timestamp::from_microsecond(number.as_i64()?).ok(),
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| text.parse::<i64>().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok())),
        _ => None,
    }
}

/// The members whose text is `wanted` or ends in it (`sha256:…`): where an entry records a digest.
pub fn places_of(leaf: &Value, wanted: &str) -> Vec<String> {
    let mut flat = Vec::new();
    flatten("", leaf, &mut flat);
    let matching =
        |text: &str| text == wanted || text.strip_prefix("sha256:").is_some_and(|rest| rest == wanted);
    flat.into_iter().filter(|(_, text)| matching(text)).map(|(name, _)| name).collect()
}

fn flatten(name: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| flatten(&inner(key), value, out)),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                flatten(&inner(&position.to_string()), item, out);
            }
        }
        Value::String(text) => out.push((name.into(), text.clone())),
        other => out.push((name.into(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_reads_as_who_did_what_when() {
        let leaf = json!({
            "action": "document.seal", "time": 1_700_000_000_000_000_i64, "resource": "seal:bureau",
            "actor": { "id": "approval", "kind": "machine", "organisation": "bureau" },
            "facts": { "result_digest": "ab" }, "nonce": "00"
        });
        let lines: Vec<String> = describe(&leaf).into_iter().map(|(_, line)| line).collect();
        let all = lines.join("\n");
        for wanted in
            ["document.seal", "2023-11-14T22:13:20Z", "machine approval of bureau", "facts.result_digest: ab"]
        {
            assert!(all.contains(wanted), "{wanted} in {all}");
        }
        assert!(!all.contains("nonce"));
    }

    #[test]
    fn times_are_read_as_microseconds_or_rfc_3339() {
        for time in
            [json!(1_700_000_000_000_000_i64), json!("1700000000000000"), json!("2023-11-14T22:13:20Z")]
        {
            assert_eq!(super::time(&json!({ "time": time })).unwrap().as_second(), 1_700_000_000);
        }
        assert!(super::time(&json!({ "time": true })).is_none());
    }

    #[test]
    fn a_digest_is_found_wherever_the_entry_records_it() {
        let leaf = json!({ "facts": { "original": "sha256:aa", "result": "bb" }, "rows": [["t", "bb"]] });
        assert_eq!(places_of(&leaf, "aa"), ["facts.original"]);
        assert_eq!(places_of(&leaf, "bb"), ["facts.result", "rows.0.1"]);
        assert!(places_of(&leaf, "b").is_empty());
    }
}
