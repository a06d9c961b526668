//! Objects being changed: each is read from the document once and written once.

use super::PrepareError;
use crate::syntax::{Dictionary, Document, Object, ObjectId};
use crate::write::{Body, Update};

/// An update in the making, with the document it changes.
pub(crate) struct Changes<'d, 'a> {
    pub(crate) document: &'d Document<'a>,
    pub(crate) update: Update,
}

impl<'d, 'a> Changes<'d, 'a> {
    pub(crate) fn new(document: &'d Document<'a>) -> Self {
        Self { document, update: Update::new(document.next_object_number()) }
    }

    /// The dictionary `id`, to be changed.
    pub(crate) fn dictionary(&mut self, id: ObjectId) -> Result<&mut Dictionary, PrepareError> {
        match self.object(id)? {
            Object::Dictionary(dictionary) => Ok(dictionary),
            _ => Err(PrepareError::Malformed { what: "an object that must be a dictionary is none" }),
        }
    }

    /// The array `id`, to be changed.
    pub(crate) fn array(&mut self, id: ObjectId) -> Result<&mut Vec<Object>, PrepareError> {
        match self.object(id)? {
            Object::Array(array) => Ok(array),
            _ => Err(PrepareError::Malformed { what: "an object that must be an array is none" }),
        }
    }

    /// Adds a new object.
    pub(crate) fn add(&mut self, body: Body) -> ObjectId {
        let id = self.update.allocate();
        self.update.put(id, body);
        id
    }

    /// Adds `element` to the array at `key` of the dictionary `holder`: in place, or in the object
    /// the entry refers to; an absent or null entry becomes a new array.
    pub(crate) fn append(
        &mut self,
        holder: ObjectId,
        key: &[u8],
        element: Object,
    ) -> Result<(), PrepareError> {
        let entry = self.dictionary(holder)?.get(key).cloned();
        self.append_to(entry, element, |changes, array| {
            changes.dictionary(holder)?.set(key, array);
            Ok(())
        })
    }

    /// As [`Changes::append`], with the holder's entry given and stored by the caller.
    pub(crate) fn append_to(
        &mut self,
        entry: Option<Object>,
        element: Object,
        store: impl FnOnce(&mut Self, Object) -> Result<(), PrepareError>,
    ) -> Result<(), PrepareError> {
        if let Some(Object::Reference(id)) = entry
            && !matches!(self.document.object(id)?, Object::Null)
        {
            let array = self.array(id)?;
            // Some producers use one empty array for fields and annotations.
            if !array.contains(&element) {
                array.push(element);
            }
            return Ok(());
        }
        let mut array = match entry {
            Some(Object::Array(array)) => array,
            None | Some(Object::Null | Object::Reference(_)) => Vec::new(),
            Some(_) => {
                return Err(PrepareError::Malformed { what: "a list of fields or annotations is no array" });
            }
        };
        array.push(element);
        store(self, Object::Array(array))
    }

    fn object(&mut self, id: ObjectId) -> Result<&mut Object, PrepareError> {
        if self.update.value_mut(id).is_none() {
            let (object, spelled) = self.document.view().spelled(id)?;
            let document = self.document;
            let verbatim = !document.is_encrypted() || !document.is_in_object_stream(id);
            self.update.put(id, Body::changed(object, spelled, verbatim));
        }
        self.update.value_mut(id).ok_or(PrepareError::Malformed { what: "a new object is changed" })
    }
}
