//! What a signature changes in a document, as an update ready to be laid out.

use crypto::DigestAlgorithm;

use super::changes::Changes;
use super::form::{Field, Form, FormPlace};
use super::lock::Transforms;
use super::prepared::{Prepared, Running, Signed};
use super::request::{Container, MAX_TEXT, SignatureRequest};
use super::{PrepareError, permission, seed};
use crate::syntax::{Dictionary, Document, Object, ObjectId, Source, XrefKind};
use crate::write::{Base, Body, Section, Signature, Update, text_string};

/// A signature's changes, without the size of the hole; laying out is cheap and may be repeated.
pub(crate) struct Plan {
    update: Update,
    base: Base,
    /// Digests that the author of the field of that name allows; all if `None`.
    digests: Option<(Vec<DigestAlgorithm>, String)>,
    /// Over the original, not finished.
    original: Running,
}

impl Plan {
    /// Decides everything about the signature but how large its contents are, and digests the original, also with
    /// what the container will be over.
    pub(super) fn new(
        document: &Document<'_>,
        request: &SignatureRequest,
        digest: DigestAlgorithm,
    ) -> Result<Self, PrepareError> {
        let (root, catalog) = document.catalog()?;
        let form = Form::read(document, &catalog)?;
        let certified = permission::check_document(document, &catalog, &form)?;
        let signed_before = form.signatures().next().is_some();
        if request.certify.is_some() && signed_before {
            return Err(PrepareError::CertifyAfterSignature);
        }
        let mut signing = Signing { changes: Changes::new(document), root, form: &form };
        let target = signing.target(request)?;
        permission::check_locks(document, &form, target.name())?;
        let (existing, mut digests) = (target.existing(), None);
        match existing {
            Some(field) => {
                let allowed = seed::check(document, field, request)?;
                digests = allowed.map(|allowed| (allowed, field.name.clone()));
            }
            None => permission::check_new_field(certified.as_ref(), request)?,
        }
        let transforms = Transforms::of(document, root, &form, (target.name(), existing), request)?;
        let signature = signing.signature(request, transforms.references)?;
        let lock = transforms.lock;
        match target {
            Target::Existing(field) => signing.sign_field(field, request.appearance.as_ref(), signature)?,
            Target::New(name) => signing.add_field(&name, request.appearance.as_ref(), signature, lock)?,
        }
        if request.certify.is_some() {
            signing.certify(signature)?;
        }
        if !signed_before && request.container == Container::Pades {
            signing.declare_extension(&catalog)?;
        }
        Ok(Self {
            update: signing.changes.update,
            base: base(document)?,
            digests,
            original: digest_original(document.source(), digest)?,
        })
    }

    /// Refuses a digest that the field's author does not allow.
    pub(super) fn check_digest(&self, algorithm: DigestAlgorithm) -> Result<(), PrepareError> {
        match &self.digests {
            Some((allowed, name)) if !allowed.contains(&algorithm) => {
                Err(PrepareError::SeedValue { name: name.clone(), demand: "another digest algorithm" })
            }
            _ => Ok(()),
        }
    }

    /// A plan of these changes, whatever they are.
    pub(crate) fn of(changes: Changes<'_, '_>) -> Result<Self, PrepareError> {
        let document = changes.document;
        Ok(Self {
            base: base(document)?,
            digests: None,
            original: digest_original(document.source(), DigestAlgorithm::Sha256)?,
            update: changes.update,
        })
    }

    /// Lays out changes among which there is no signature.
    pub(crate) fn finish(&self) -> Result<Signed, PrepareError> {
        let layout = self.update.layout(&self.base, 0)?;
        let mut running = self.original.sha256.clone();
        let original_sha256 = running.clone().finish();
        running.update(&layout.tail);
        Ok(Signed {
            original_length: self.base.length,
            original_sha256,
            result_length: self.base.length.saturating_add(layout.tail.len() as u64),
            result_sha256: Some(running.finish()),
            tail: layout.tail,
        })
    }

    /// Lays the signature out with room for `reserve` octets of CMS.
    pub(crate) fn lay_out(&self, reserve: usize) -> Result<Prepared, PrepareError> {
        let layout = self.update.layout(&self.base, reserve)?;
        let hole = layout
            .hole
            .ok_or(PrepareError::Malformed { what: "the signature's object is used otherwise" })?;
        let prepared = Prepared::new(layout.tail, hole, self.base.length, self.original.clone());
        Ok(match &self.digests {
            Some((allowed, _)) => prepared.allowing(allowed),
            None => prepared,
        })
    }
}

/// The field that will hold the signature.
enum Target<'f> {
    Existing(&'f Field),
    New(String),
}

impl<'f> Target<'f> {
    fn existing(&self) -> Option<&'f Field> {
        if let Self::Existing(field) = self { Some(field) } else { None }
    }

    fn name(&self) -> &str {
        match self {
            Self::Existing(field) => &field.name,
            Self::New(name) => name,
        }
    }
}

/// The changes in the making.
pub(crate) struct Signing<'f, 'd, 'a> {
    pub(crate) changes: Changes<'d, 'a>,
    pub(crate) root: ObjectId,
    pub(crate) form: &'f Form,
}

impl<'f> Signing<'f, '_, '_> {
    fn target(&self, request: &SignatureRequest) -> Result<Target<'f>, PrepareError> {
        let Some(name) = &request.field_name else { return Ok(Target::New(self.form.free_name("Seal"))) };
        let Some(field) = self.form.field(name) else {
            // A full stop separates the names of a hierarchy (ISO 32000-2 §12.7.4.2).
            if name.is_empty() || name.contains('.') {
                return Err(PrepareError::FieldName { name: name.clone() });
            }
            return Ok(Target::New(name.clone()));
        };
        if !field.is_signature {
            return Err(PrepareError::FieldNotSignature { name: name.clone() });
        }
        if *field.value != Object::Null {
            return Err(PrepareError::FieldSigned { name: name.clone() });
        }
        Ok(Target::Existing(field))
    }

    /// Adds the signature dictionary (ISO 32000-2 table 255, EN 319 142-1 §5.3): no /Cert, and /M
    /// instead of a signing-time attribute.
    fn signature(
        &mut self,
        request: &SignatureRequest,
        references: Vec<Object>,
    ) -> Result<ObjectId, PrepareError> {
        let mut dictionary = Dictionary::new();
        dictionary.set(b"Type", name("Sig"));
        dictionary.set(b"Filter", name(request.container.filter()));
        dictionary.set(b"SubFilter", name(request.container.sub_filter()));
        dictionary.set(b"M", text_string(&request.claimed_time.pdf_date()));
        let texts: [(&[u8], _); 4] = [
            (b"Name", &request.signer_name),
            (b"Reason", &request.reason),
            (b"Location", &request.location),
            (b"ContactInfo", &request.contact),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                if text.len() > MAX_TEXT {
                    return Err(PrepareError::TextTooLong { limit: MAX_TEXT });
                }
                dictionary.set(key, text_string(text));
            }
        }
        if !references.is_empty() {
            dictionary.set(b"Reference", Object::Array(references));
        }
        Ok(self.changes.add(Body::Signature(Signature { dictionary })))
    }

    pub(super) fn add_to_form(&mut self, field: Object) -> Result<(), PrepareError> {
        if self.form.place == FormPlace::Absent {
            let mut form = Dictionary::new();
            form.set(b"Fields", Object::Array(vec![field]));
            form.set(b"SigFlags", Object::Integer(SIG_FLAGS));
            let id = self.changes.add(Body::Value(Object::Dictionary(form)));
            self.changes.dictionary(self.root)?.set(b"AcroForm", Object::Reference(id));
            return Ok(());
        }
        self.set_flags()?;
        let entry = self.form.dictionary.get(b"Fields").cloned();
        self.changes.append_to(entry, field, |changes, array| {
            Self::change_form(changes, self.root, self.form.place, |form| form.set(b"Fields", array))
        })
    }

    /// SignaturesExist and AppendOnly (ISO 32000-2 table 225); nothing is written where they are set.
    pub(super) fn set_flags(&mut self) -> Result<(), PrepareError> {
        let old = self.changes.document.entry(&self.form.dictionary, b"SigFlags")?.as_integer().unwrap_or(0);
        if old & SIG_FLAGS == SIG_FLAGS {
            return Ok(());
        }
        Self::change_form(&mut self.changes, self.root, self.form.place, |form| {
            form.set(b"SigFlags", Object::Integer(old | SIG_FLAGS));
        })
    }

    fn change_form(
        changes: &mut Changes<'_, '_>,
        root: ObjectId,
        place: FormPlace,
        change: impl FnOnce(&mut Dictionary),
    ) -> Result<(), PrepareError> {
        match place {
            FormPlace::Object(id) => change(changes.dictionary(id)?),
            FormPlace::Catalog | FormPlace::Absent => {
                let catalog = changes.dictionary(root)?;
                let mut form = match catalog.get(b"AcroForm") {
                    Some(Object::Dictionary(form)) => form.clone(),
                    _ => Dictionary::new(),
                };
                change(&mut form);
                catalog.set(b"AcroForm", Object::Dictionary(form));
            }
        }
        Ok(())
    }

    /// Names the signature as the document's certification (ISO 32000-2 table 263).
    fn certify(&mut self, signature: ObjectId) -> Result<(), PrepareError> {
        self.change_in_catalog(b"Perms", |permissions| {
            permissions.set(b"DocMDP", Object::Reference(signature))
        })
    }

    /// Declares the ETSI extension that the SubFilter belongs to, as EN 319 142-1 §5.5 asks before PDF 2.0.
    /// Only by the first signature: later ones leave the catalog alone.
    pub(crate) fn declare_extension(&mut self, catalog: &Dictionary) -> Result<(), PrepareError> {
        let document = self.changes.document;
        let newer =
            document.entry(catalog, b"Version")?.as_name().is_some_and(|version| version.starts_with(b"2"));
        if newer || document.version().0 >= 2 {
            return Ok(());
        }
        if let Object::Dictionary(extensions) = document.entry(catalog, b"Extensions")?
            && extensions.get(b"ESIC").is_some()
        {
            return Ok(());
        }
        let mut extension = Dictionary::new();
        extension.set(b"BaseVersion", name("1.7"));
        extension.set(b"ExtensionLevel", Object::Integer(1));
        self.change_in_catalog(b"Extensions", |extensions| {
            extensions.set(b"ESIC", Object::Dictionary(extension))
        })
    }

    /// Changes the dictionary at `key` of the catalog, in place or in its own object; makes it if absent.
    fn change_in_catalog(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut Dictionary),
    ) -> Result<(), PrepareError> {
        let entry = self.changes.dictionary(self.root)?.get(key).cloned();
        if let Some(Object::Reference(id)) = entry
            && matches!(self.changes.document.object(id)?, Object::Dictionary(_))
        {
            change(self.changes.dictionary(id)?);
            return Ok(());
        }
        let mut dictionary = match entry {
            Some(Object::Dictionary(dictionary)) => dictionary,
            _ => Dictionary::new(),
        };
        change(&mut dictionary);
        self.changes.dictionary(self.root)?.set(key, Object::Dictionary(dictionary));
        Ok(())
    }
}

/// What the update is appended to.
fn base(document: &Document<'_>) -> Result<Base, PrepareError> {
    let length = document.source().len();
    let mut last = [0];
    document.source().read_at(length.saturating_sub(1), &mut last)?;
    Ok(Base {
        length,
        ends_line: matches!(last, [b'\n' | b'\r']),
        origin: document.header_offset(),
        section: match document.xref_kind() {
            XrefKind::Stream => Section::Stream,
            XrefKind::Table | XrefKind::Hybrid => Section::Table,
        },
        previous: document.startxref(),
        trailer: document.trailer().clone(),
        security: document.security().cloned(),
    })
}

/// The digests of the whole original in one pass, to be gone on with over the tail.
fn digest_original(source: &dyn Source, wanted: DigestAlgorithm) -> Result<Running, PrepareError> {
    let mut running = Running::new(wanted);
    super::prepared::digest_source(source, |part| running.update(part))?;
    Ok(running)
}

fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}

/// Form flags SignaturesExist and AppendOnly.
const SIG_FLAGS: i64 = 3;
