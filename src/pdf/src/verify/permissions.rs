//! What a signature lets happen after it: DocMDP, FieldMDP and field locks (ISO 32000-2 §12.8.2).

use super::changes::{Class, Step};
use super::fields::{Field, text_string};
use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View};

/// The permissions one signature grants.
#[derive(Debug, Clone)]
pub(crate) struct Permissions {
    /// 1: nothing but validation data; 2: forms and signatures; 3: annotations too.
    level: u8,
    /// Whether the signature certifies: a DocMDP transform or the catalog's `/Perms`.
    certifies: bool,
    locks: Vec<Lock>,
}

#[derive(Debug, Clone)]
enum Lock {
    All,
    Include(Vec<String>),
    Exclude(Vec<String>),
}

impl Permissions {
    /// Reads them from the state that was signed.
    pub(crate) fn of(
        signed: View<'_, '_>,
        id: ObjectId,
        signature: &Dictionary,
        field: Option<&Field>,
    ) -> Result<Self, ReadError> {
        let mut levels = Vec::new();
        let mut certifies = false;
        let mut locks = Vec::new();
        if let Object::Array(references) = signed.entry(signature, b"Reference")? {
            for reference in references.iter().take(MAX_REFERENCES) {
                let Object::Dictionary(reference) = signed.resolve(reference)? else { continue };
                let parameters = signed.entry(&reference, b"TransformParams")?;
                let empty = Dictionary::new();
                let parameters = parameters.as_dictionary().unwrap_or(&empty);
                match signed.entry(&reference, b"TransformMethod")?.as_name() {
                    Some(b"DocMDP") => {
                        certifies = true;
                        levels.push(level(signed, parameters, 2)?);
                    }
                    Some(b"FieldMDP") => locks.push(Lock::read(signed, parameters)?),
                    _ => {}
                }
            }
        }
        let (_, catalog) = signed.catalog()?;
        if let Object::Dictionary(permissions) = signed.entry(&catalog, b"Perms")?
            && permissions.get(b"DocMDP").and_then(Object::as_reference) == Some(id)
            && !certifies
        {
            certifies = true;
            levels.push(2);
        }
        if let Some(lock) = field.and_then(|field| field.lock.as_ref()) {
            locks.push(Lock::read(signed, lock)?);
            if lock.get(b"P").is_some() {
                levels.push(level(signed, lock, 2)?);
            }
        }
        // No DocMDP and no lock: form filling and further signatures, as most signers expect.
        Ok(Self { level: levels.into_iter().min().unwrap_or(2), certifies, locks })
    }

    /// Whether the signature certifies the document.
    pub(crate) fn certifies(&self) -> bool {
        self.certifies
    }

    /// Why `step` goes beyond them; empty when it does not.
    pub(crate) fn violations(&self, step: &Step) -> Vec<String> {
        let mut violations = Vec::new();
        for class in &step.classes {
            let needed = match class {
                Class::Ltv => 1,
                Class::Signature | Class::Form => 2,
                Class::Annotation => 3,
                Class::Other | Class::TrailingData => u8::MAX,
            };
            if needed > self.level {
                violations.push(match class {
                    Class::Signature => {
                        "a further signature was added, which the signer did not allow".to_owned()
                    }
                    Class::Form => "form fields were filled in, which the signer did not allow".to_owned(),
                    Class::Annotation => {
                        "annotations were changed, which the signer did not allow".to_owned()
                    }
                    _ => "the document was changed in a way no signer can allow".to_owned(),
                });
            }
        }
        if step.visible_signature && self.certifies && self.level < 3 {
            // The sneaky-signature attack: what a new field shows can cover the certified page.
            violations.push("a visible signature field was made on a certified document".into());
        }
        for name in &step.fields {
            if self.locks.iter().any(|lock| lock.covers(name)) {
                violations.push(format!("form field `{name}` was changed although the signer locked it"));
            }
        }
        violations
    }
}

impl Lock {
    fn read(view: View<'_, '_>, parameters: &Dictionary) -> Result<Self, ReadError> {
        let mut names = Vec::new();
        if let Object::Array(fields) = view.entry(parameters, b"Fields")? {
            for field in &fields {
                if let Object::String(name) = view.resolve(field)? {
                    names.push(text_string(&name.bytes));
                }
            }
        }
        Ok(match view.entry(parameters, b"Action")?.as_name() {
            Some(b"Include") => Self::Include(names),
            Some(b"Exclude") => Self::Exclude(names),
            _ => Self::All,
        })
    }

    fn covers(&self, name: &str) -> bool {
        // Naming a field names those below it too.
        let listed = |names: &[String]| {
            names.iter().any(|listed| {
                name.strip_prefix(listed.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        match self {
            Self::All => true,
            Self::Include(names) => listed(names),
            Self::Exclude(names) => !listed(names),
        }
    }
}

/// `/P`; what is no level is taken as the strictest.
fn level(view: View<'_, '_>, parameters: &Dictionary, default: u8) -> Result<u8, ReadError> {
    Ok(match view.entry(parameters, b"P")? {
        Object::Null => default,
        Object::Integer(2) => 2,
        Object::Integer(3) => 3,
        _ => 1,
    })
}

/// One DocMDP, one FieldMDP; more are tolerated, not thousands.
const MAX_REFERENCES: usize = 16;
