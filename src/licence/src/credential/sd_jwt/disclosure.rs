//! Disclosures, and putting them where their digests stand (RFC 9901 §4.2, §7.1 step 3).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::json;
use super::{NEVER_SELECTIVE, SdJwtError, digest};

/// One disclosure: its text as it travels, and what it says.
#[derive(Debug, Clone)]
pub(super) struct Disclosure {
    text: String,
    digest: String,
    said: Said,
}

#[derive(Debug, Clone)]
pub(super) enum Said {
    /// A member of an object.
    Claim(String, Value),
    /// An element of an array.
    Element(Value),
}

impl Disclosure {
    /// A new one for a claim.
    pub(super) fn of_claim(salt: &[u8; 16], name: &str, value: &Value) -> Self {
        let said = Value::from(vec![json::encode(salt).into(), Value::from(name), value.clone()]);
        let text = json::encode(said.to_string().as_bytes());
        Self { digest: digest(&text), text, said: Said::Claim(name.to_owned(), value.clone()) }
    }

    /// Reads one as it travels.
    pub(super) fn parse(text: &str) -> Result<Self, SdJwtError> {
        let octets = json::decode(text).ok_or(SdJwtError::Disclosure)?;
        let Ok(Value::Array(parts)) = json::parse(&octets) else { return Err(SdJwtError::Disclosure) };
        let said = match <[Value; 3]>::try_from(parts) {
            Ok([Value::String(_), Value::String(name), value]) => Said::Claim(name, value),
            Ok(_) => return Err(SdJwtError::Disclosure),
            Err(parts) => match <[Value; 2]>::try_from(parts) {
                Ok([Value::String(_), value]) => Said::Element(value),
                _ => return Err(SdJwtError::Disclosure),
            },
        };
        Ok(Self { text: text.to_owned(), digest: digest(text), said })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// The name of the claim, if it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.said {
            Said::Claim(name, _) => Some(name),
            Said::Element(_) => None,
        }
    }
}

/// Replaces the digests of a payload by what was disclosed. Every disclosure must find its place, and no digest may stand twice.
pub(super) fn disclosed(
    payload: &Map<String, Value>,
    disclosures: Vec<Disclosure>,
) -> Result<Map<String, Value>, SdJwtError> {
    match payload.get("_sd_alg") {
        None => {}
        Some(Value::String(algorithm)) if algorithm == super::SHA_256 => {}
        Some(other) => return Err(SdJwtError::Digest(other.to_string().chars().take(32).collect())),
    }
    let mut waiting = HashMap::with_capacity(disclosures.len());
    for disclosure in disclosures {
        if waiting.insert(disclosure.digest, disclosure.said).is_some() {
            return Err(SdJwtError::DigestTwice);
        }
    }
    let mut work = Work { waiting, seen: HashSet::new() };
    let mut members = payload.clone();
    members.remove("_sd_alg");
    let members = work.object(members, DEEPEST)?;
    if work.waiting.is_empty() { Ok(members) } else { Err(SdJwtError::Unreferenced) }
}

struct Work {
    waiting: HashMap<String, Said>,
    seen: HashSet<String>,
}

impl Work {
    /// What a digest stands for, if it was disclosed.
    fn take(&mut self, digest: &Value) -> Result<Option<Said>, SdJwtError> {
        let Value::String(digest) = digest else { return Err(SdJwtError::Structure) };
        if !self.seen.insert(digest.clone()) {
            return Err(SdJwtError::DigestTwice);
        }
        Ok(self.waiting.remove(digest))
    }

    fn value(&mut self, value: Value, left: usize) -> Result<Value, SdJwtError> {
        match value {
            Value::Object(members) => self.object(members, left).map(Value::Object),
            Value::Array(items) => self.array(items, left).map(Value::Array),
            other => Ok(other),
        }
    }

    fn object(
        &mut self,
        mut members: Map<String, Value>,
        left: usize,
    ) -> Result<Map<String, Value>, SdJwtError> {
        let below = left.checked_sub(1).ok_or(SdJwtError::Depth)?;
        let digests = match members.remove("_sd") {
            None => Vec::new(),
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(SdJwtError::Structure),
        };
        if members.contains_key("...") {
            return Err(SdJwtError::Structure);
        }
        let mut all = Map::new();
        for (name, value) in members {
            all.insert(name, self.value(value, below)?);
        }
        for digest in &digests {
            match self.take(digest)? {
                None => {}
                Some(Said::Element(_)) => return Err(SdJwtError::Structure),
                Some(Said::Claim(name, value)) => {
                    let first = left == DEEPEST;
                    let reserved = ["_sd", "_sd_alg", "..."].contains(&name.as_str())
                        || (first && NEVER_SELECTIVE.contains(&name.as_str()));
                    if reserved || all.contains_key(&name) {
                        return Err(SdJwtError::Claim(name.chars().take(64).collect()));
                    }
                    let value = self.value(value, below)?;
                    all.insert(name, value);
                }
            }
        }
        Ok(all)
    }

    fn array(&mut self, items: Vec<Value>, left: usize) -> Result<Vec<Value>, SdJwtError> {
        let below = left.checked_sub(1).ok_or(SdJwtError::Depth)?;
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            match hidden(&item)? {
                None => all.push(self.value(item, below)?),
                Some(digest) => match self.take(digest)? {
                    None => {}
                    Some(Said::Claim(..)) => return Err(SdJwtError::Structure),
                    Some(Said::Element(value)) => all.push(self.value(value, below)?),
                },
            }
        }
        Ok(all)
    }
}

/// The digest of an array's element that is hidden: an object with `...` and nothing else.
fn hidden(item: &Value) -> Result<Option<&Value>, SdJwtError> {
    match item.as_object().map(|members| (members.len(), members.get("..."))) {
        Some((1, Some(digest))) => Ok(Some(digest)),
        Some((_, Some(_))) => Err(SdJwtError::Structure),
        _ => Ok(None),
    }
}

/// Objects and arrays within one another, disclosures counted.
const DEEPEST: usize = 16;
