//! The catalog, its metadata, and the document security store.

use super::{Analysis, Class, differing, is_direct, is_type};
use crate::syntax::{Dictionary, Object, ReadError};

impl Analysis<'_, '_, '_> {
    pub(super) fn catalog(&mut self) -> Result<(), ReadError> {
        let ((_, old), (id, new)) = (self.old.catalog()?, self.new.catalog()?);
        if new.has_duplicates() {
            self.other("the catalog has a duplicated key");
        }
        self.explain(id.number);
        for key in differing(&old, &new) {
            match key {
                b"AcroForm" | b"DSS" | b"Metadata" => {} // judged below and with the form
                b"Version" if is_newer(old.get(key), new.get(key)) => self.quiet = true,
                b"Extensions" | b"MarkInfo" => self.plain_dictionary(key, &old, &new)?,
                _ => self.other(format!("the catalog's /{} changed", String::from_utf8_lossy(key))),
            }
        }
        self.metadata(id.number, &old, &new);
        self.security_store(id.number, &old, &new)
    }

    /// A dictionary without references, written in the catalog or as a new object.
    fn plain_dictionary(&mut self, key: &[u8], old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        let name = String::from_utf8_lossy(key).into_owned();
        let Some(raw) = new.get(key) else {
            self.other(format!("the catalog's /{name} was removed"));
            return Ok(());
        };
        let value = self.new.resolve(raw)?;
        let known = match raw {
            Object::Reference(id) => self.is_new(id.number),
            _ => true,
        };
        if known && matches!(value, Object::Dictionary(_)) && is_direct(&value) {
            self.explain_tree(raw);
            self.quiet = true;
        } else {
            let verb = if old.get(key).is_some() { "changed" } else { "was added" };
            self.other(format!("the catalog's /{name} {verb}"));
        }
        Ok(())
    }

    /// XMP metadata (§14.3.2) shows in no page.
    fn metadata(&mut self, catalog: u32, old: &Dictionary, new: &Dictionary) {
        let same_place = old.get(b"Metadata") == new.get(b"Metadata");
        let Some(Object::Reference(id)) = new.get(b"Metadata") else {
            if !same_place {
                self.other("the catalog's /Metadata changed");
            }
            return;
        };
        let number = id.number;
        let Some(change) = self.changed.get(&number) else {
            if !same_place {
                self.other("the catalog's /Metadata leads to an older object");
            }
            return;
        };
        let is_metadata = |object: &Object| {
            matches!(object, Object::Stream(s) if is_type(&s.dictionary, b"Metadata")
                && is_direct(&Object::Dictionary(s.dictionary.clone())))
        };
        let fits =
            change.new.as_ref().is_some_and(is_metadata) && change.old.as_ref().is_none_or(is_metadata);
        if fits && (self.is_new(number) || (same_place && self.only_from(number, &[catalog]))) {
            self.explain(number);
            self.quiet = true;
        }
    }

    /// The document security store (§12.8.4.3): certificates, CRLs and OCSP responses as plain streams.
    fn security_store(&mut self, catalog: u32, old: &Dictionary, new: &Dictionary) -> Result<(), ReadError> {
        let (old_raw, new_raw) = (old.get(b"DSS"), new.get(b"DSS"));
        let Some(raw) = new_raw else {
            if old_raw.is_some() {
                self.other("the document security store was removed");
            }
            return Ok(());
        };
        let before = self.explained.len();
        let holder = self.holder(catalog, old_raw, raw);
        let Object::Dictionary(store) = self.new.resolve(raw)? else {
            self.other("the document security store is not a dictionary");
            return Ok(());
        };
        let old_store = old_raw.map(|raw| self.old.resolve(raw)).transpose()?;
        let old_store =
            old_store.as_ref().and_then(Object::as_dictionary).unwrap_or(const { &Dictionary::EMPTY });
        let changed = !crate::revisions::same_value(
            &Object::Dictionary(old_store.clone()),
            &Object::Dictionary(store.clone()),
        );
        for (key, value) in store.iter() {
            match key {
                b"Type" => {}
                b"Certs" | b"CRLs" | b"OCSPs" => self.evidence(holder, old_store.get(key), value)?,
                b"VRI" => self.validation_information(holder, old_store.get(key), value)?,
                _ => self.other("the document security store holds an unknown entry"),
            }
        }
        if changed || self.explained.len() > before {
            self.step.classes.insert(Class::Ltv);
        }
        Ok(())
    }

    /// The number of the object that holds a value: its own if it is indirect, else its parent's. A
    /// container object that is new, or changed in place and only used here, is explained.
    fn holder(&mut self, parent: u32, old: Option<&Object>, new: &Object) -> u32 {
        let Object::Reference(id) = new else { return parent };
        let sole = old == Some(new) && self.only_from(id.number, &[parent]);
        if self.is_new(id.number) || (self.in_place(id.number).is_some() && sole) {
            self.explain(id.number);
        }
        id.number
    }

    fn evidence(&mut self, parent: u32, old: Option<&Object>, new: &Object) -> Result<(), ReadError> {
        self.holder(parent, old, new);
        let Object::Array(items) = self.new.resolve(new)? else {
            self.other("an entry of the document security store is not an array");
            return Ok(());
        };
        for item in items {
            self.evidence_stream(&item)?;
        }
        Ok(())
    }

    fn evidence_stream(&mut self, item: &Object) -> Result<(), ReadError> {
        let Object::Stream(stream) = self.new.resolve(item)? else {
            self.other("the document security store holds something other than a stream");
            return Ok(());
        };
        let plain = is_direct(&Object::Dictionary(stream.dictionary));
        if let Object::Reference(id) = item
            && plain
            && self.is_new(id.number)
        {
            self.explain(id.number);
        }
        Ok(())
    }

    fn validation_information(
        &mut self,
        parent: u32,
        old: Option<&Object>,
        new: &Object,
    ) -> Result<(), ReadError> {
        let holder = self.holder(parent, old, new);
        let Object::Dictionary(entries) = self.new.resolve(new)? else {
            self.other("/VRI is not a dictionary");
            return Ok(());
        };
        let old_entries = old.map(|raw| self.old.resolve(raw)).transpose()?;
        let old_entries =
            old_entries.as_ref().and_then(Object::as_dictionary).unwrap_or(const { &Dictionary::EMPTY });
        for (key, value) in entries.iter() {
            let old_raw = old_entries.get(key);
            let holder = self.holder(holder, old_raw, value);
            let Object::Dictionary(entry) = self.new.resolve(value)? else {
                self.other("an entry of /VRI is not a dictionary");
                continue;
            };
            let old_entry = old_raw.map(|raw| self.old.resolve(raw)).transpose()?;
            let old_entry =
                old_entry.as_ref().and_then(Object::as_dictionary).unwrap_or(const { &Dictionary::EMPTY });
            for (key, value) in entry.iter() {
                match key {
                    b"Type" | b"TU" => {}
                    b"Cert" | b"CRL" | b"OCSP" => self.evidence(holder, old_entry.get(key), value)?,
                    b"TS" => self.evidence_stream(value)?,
                    _ => self.other("an entry of /VRI holds an unknown key"),
                }
            }
        }
        Ok(())
    }
}

/// `/Version` may only rise.
fn is_newer(old: Option<&Object>, new: Option<&Object>) -> bool {
    let number = |value: Option<&Object>| value.and_then(Object::as_name).map(<[u8]>::to_vec);
    match (number(old), number(new)) {
        (None, Some(new)) => new.len() == 3,
        (Some(old), Some(new)) => new.len() == 3 && new >= old,
        _ => false,
    }
}
