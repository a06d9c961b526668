//! A definition that was judged: what issuing, templates, verification and queries ask of it.

use jiff::civil::Date;
use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{
    Fault, FieldFault,
    compile::ANY,
    definition::{QueryRule, Sensitivity, TypeDefinition},
    field::Field,
    validate, values,
};
use crate::{codes, life::Operation};

/// A definition whose rules are known to fit its schema.
pub struct Compiled {
    definition: TypeDefinition,
    fields: Vec<Field>,
    validator: Validator,
}

/// The fields of a licence, by who may see them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Anyone may: stored readable.
    pub open: Map<String, Value>,
    /// Personal and sensitive ones: encrypted at rest, selectively disclosed.
    pub protected: Map<String, Value>,
}

/// Who holds a licence.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// Name, as it is printed.
    pub name: String,
    /// Kind of the number (GB/T 36903): 001 credit code, 111 citizen's number, …
    pub kind: String,
    /// The number, normalised.
    pub number: String,
    /// Further persons who find the licence as theirs: role, citizen's number (kind 111), normalised.
    pub others: Vec<(String, String)>,
}

impl Compiled {
    pub(super) const fn new(definition: TypeDefinition, fields: Vec<Field>, validator: Validator) -> Self {
        Self { definition, fields, validator }
    }

    /// The definition.
    #[must_use]
    pub const fn definition(&self) -> &TypeDefinition {
        &self.definition
    }

    /// Its fields, in the order of their names.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// One of its fields.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// `fields` as they are kept: spaces around texts taken off, numbers with a check digit in capital letters.
    #[must_use]
    pub fn tidied(&self, mut fields: Map<String, Value>) -> Map<String, Value> {
        for (name, value) in &mut fields {
            if let Value::String(text) = value {
                let checked = self.field(name).is_some_and(|field| field.tags.check.is_some());
                let tidy = if checked { codes::normalised(text) } else { text.trim().to_owned() };
                *text = tidy;
            }
        }
        fields
    }

    /// Judges the fields of one licence: schema, formats, characters, check digits.
    ///
    /// # Errors
    /// All faults (up to 100) by JSON pointer. They name rules and bounds, never values.
    pub fn validate(&self, fields: &Map<String, Value>) -> Result<(), Vec<FieldFault>> {
        validate::judge(&self.validator, &self.fields, fields)
    }

    /// Parts the fields by who may see them. A field that the schema does not have counts as protected.
    #[must_use]
    pub fn split(&self, fields: &Map<String, Value>) -> Split {
        let mut split = Split::default();
        for (name, value) in fields {
            let open = self.field(name).is_some_and(Field::is_open);
            let part = if open { &mut split.open } else { &mut split.protected };
            part.insert(name.clone(), value.clone());
        }
        split
    }

    /// What a verifier may name together with the identifier: field and normalised value.
    #[must_use]
    pub fn known<'a>(&'a self, fields: &Map<String, Value>) -> Vec<(&'a str, String)> {
        let known = self.fields.iter().filter(|field| field.tags.known);
        known
            .filter_map(|field| {
                let text = values::plain(fields.get(&field.name)?)?;
                Some((field.name.as_str(), values::normalise(&text)))
            })
            .collect()
    }

    /// The fields of the offline QR symbol.
    #[must_use]
    pub fn qr(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let chosen = self.fields.iter().filter(|field| field.tags.qr);
        chosen.filter_map(|field| Some((field.name.clone(), fields.get(&field.name)?.clone()))).collect()
    }

    /// Names of the fields that are disclosed one by one (SD-JWT).
    #[must_use]
    pub fn selective(&self) -> Vec<&str> {
        self.fields.iter().filter(|field| !field.is_open()).map(|field| field.name.as_str()).collect()
    }

    /// From when until when a licence holds that takes effect on `from`: Unix seconds of the first and of the last second,
    /// China time; no end where it holds for good.
    ///
    /// # Errors
    /// A fault, where it would end before it begins or beyond the calendar.
    pub fn validity(
        &self,
        from: Date,
        fields: &Map<String, Value>,
    ) -> Result<(i64, Option<i64>), FieldFault> {
        let rule = &self.definition.validity;
        rule.seconds(from, fields).map_err(|error| error.fault(rule))
    }

    /// Who holds it; `None` where `fields` lacks the name or the number, which a licence that passed [`Self::validate`] does not.
    #[must_use]
    pub fn holder(&self, fields: &Map<String, Value>) -> Option<Holder> {
        let text = |name: &str| fields.get(name).and_then(values::plain);
        let wanted = &self.definition.holder_fields;
        let others = wanted.others.iter().filter_map(|(role, field)| {
            let number = values::normalise(&text(field)?);
            (!number.is_empty()).then(|| (role.clone(), number))
        });
        Some(Holder {
            name: text(&wanted.name)?,
            kind: wanted.number_kind.clone(),
            number: values::normalise(&text(&wanted.number)?),
            others: others.collect(),
        })
    }

    /// The number printed on it, where the type has one.
    #[must_use]
    pub fn number(&self, fields: &Map<String, Value>) -> Option<String> {
        fields.get(self.definition.number_field.as_deref()?).and_then(values::plain)
    }

    /// The credential's type.
    #[must_use]
    pub fn vct(&self) -> String {
        let made = || format!("urn:cinnabar:licence:{}", self.definition.code);
        self.definition.vct.clone().unwrap_or_else(made)
    }

    /// Whether this may be done to its licences.
    #[must_use]
    pub fn allows(&self, operation: Operation) -> bool {
        operation == Operation::Issue || self.definition.operations.contains(&operation)
    }

    /// Whether an organisation may issue it.
    #[must_use]
    pub fn issued_by(&self, organisation: &str) -> bool {
        self.definition.issuers.iter().any(|issuer| issuer == organisation)
    }

    /// The seal an organisation seals it with.
    #[must_use]
    pub fn seal(&self, organisation: &str) -> Option<&str> {
        let seals = &self.definition.seals;
        seals.get(organisation).or_else(|| seals.get(ANY)).map(String::as_str)
    }

    /// The rules by which an organisation may ask for a purpose in an item of service.
    pub fn rules<'a>(
        &'a self,
        organisation: &'a str,
        item: &'a str,
        purpose: &'a str,
    ) -> impl Iterator<Item = &'a QueryRule> {
        let named = |list: &[String], one: &str| list.iter().any(|entry| entry == ANY || entry == one);
        self.definition.queries.iter().filter(move |rule| {
            rule.purpose == purpose && named(&rule.items, item) && named(&rule.organisations, organisation)
        })
    }

    /// Names of the fields up to this sensitivity.
    pub fn up_to(&self, sensitivity: Sensitivity) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter().filter(move |field| field.tags.sensitivity <= sensitivity);
        fields.map(|field| field.name.as_str())
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiled").field("code", &self.definition.code).finish_non_exhaustive()
    }
}

/// Nothing of a person stands in a log.
impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holder").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A definition compiles or says why not; so does one that is read again from where it was stored.
impl TryFrom<TypeDefinition> for Compiled {
    type Error = Vec<Fault>;

    fn try_from(definition: TypeDefinition) -> Result<Self, Vec<Fault>> {
        definition.compile()
    }
}
