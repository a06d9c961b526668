//! Documents that say they are archival (PDF/A, ISO 19005): what an appearance may use in them, so that
//! they stay what they say. The metadata are read, never changed.

use memchr::memmem;

use crate::appearance::Paper;
use crate::syntax::{Dictionary, Document, Object};

/// What the document lets an appearance use; what cannot be read makes no claim.
pub(super) fn paper(document: &Document<'_>, catalog: &Dictionary) -> Paper {
    let Some(part) = part(document, catalog) else { return Paper::PLAIN };
    let intent = output_intent(document, catalog);
    Paper {
        // Colours of the device need an output intent of their kind (ISO 19005-1 §6.2.3.3, -2 §6.2.4.3).
        calibrated: intent != Some(3),
        // Part 1 knows no transparency; the others want pages to name a blending space where there is no
        // output intent (ISO 19005-1 §6.4, -2 §6.2.10), and pages are left as they are.
        opaque: part == b'1' || intent.is_none(),
        cid_set: part == b'1',
    }
}

/// The part of ISO 19005 that the metadata claim, as its digit.
fn part(document: &Document<'_>, catalog: &Dictionary) -> Option<u8> {
    let Ok(Object::Stream(metadata)) = document.entry(catalog, b"Metadata") else { return None };
    let metadata = document.stream_data(&metadata, MAX_METADATA).ok()?;
    let at = memmem::find(&metadata, b"pdfaid:part")? + b"pdfaid:part".len();
    metadata.get(at..)?.iter().copied().take(16).find(u8::is_ascii_digit)
}

/// Colour components of the output intent's profile; none without an intent that counts.
fn output_intent(document: &Document<'_>, catalog: &Dictionary) -> Option<i64> {
    let Ok(Object::Array(intents)) = document.entry(catalog, b"OutputIntents") else { return None };
    intents.iter().take(MAX_INTENTS).find_map(|intent| {
        let Ok(Object::Dictionary(intent)) = document.resolve(intent) else { return None };
        if document.entry(&intent, b"S").ok()?.as_name() != Some(b"GTS_PDFA1") {
            return None;
        }
        let Ok(Object::Stream(profile)) = document.entry(&intent, b"DestOutputProfile") else { return None };
        document.entry(&profile.dictionary, b"N").ok()?.as_integer()
    })
}

/// Metadata have a few thousand octets, padded ones some more.
const MAX_METADATA: usize = 1 << 20;
const MAX_INTENTS: usize = 16;
