//! The structural report: what stands where, and what nobody mentions.

use cinnabar_pdf::inspect::{Bounds, Kind, Status, Structure, inspect};
use cinnabar_pdf::syntax::Limits;

use super::later::{Later, signed_form, signed_page};
use super::made;
use super::people::{people, signed, visible};
use super::support::{Writer, one_page};

fn structure(bytes: &[u8]) -> Structure {
    let structure = inspect(&bytes, &Limits::default(), &Bounds::default()).unwrap();
    // Every object with a place stands where the report says.
    for object in structure.objects.iter().filter(|object| object.status != Status::Unreadable) {
        let Some((start, end)) = object.offset.zip(object.end) else { continue };
        let text = &bytes[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
        assert!(text.starts_with(format!("{} {} obj", object.object, object.generation).as_bytes()));
        assert!(text.ends_with(b"endobj"));
    }
    structure
}

#[test]
fn revisions_sections_and_objects_are_listed_with_their_places() {
    let bytes = signed(&signed_page(), &visible(60.0), &people().other);
    let structure = structure(&bytes);
    assert_eq!(structure.revisions.len(), 3);
    assert!(!structure.is_suspicious() && !structure.truncated, "{structure:?}");
    for (before, now) in structure.revisions.iter().zip(&structure.revisions[1..]) {
        assert_eq!(before.end, now.start);
        assert_eq!(now.sections[0].prev, Some(i64::try_from(before.sections[0].offset).unwrap()));
        assert_eq!(now.sections[0].kind, Kind::Table);
    }
    // The page was rewritten by each signature.
    let page: Vec<_> = structure
        .objects
        .iter()
        .filter(|object| object.object == 3)
        .map(|o| (o.status, o.revision))
        .collect();
    assert_eq!(
        page,
        [(Status::Superseded, Some(1)), (Status::Superseded, Some(2)), (Status::Current, Some(3))]
    );
    assert!(structure.objects.iter().any(|object| object.kind == "Catalog"));
}

#[test]
fn objects_in_streams_are_listed_and_so_are_those_without_an_entry() {
    let mut w = Writer::new();
    w.object_stream(
        9,
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>"),
            (2, "<< /Type /Pages /Kids [] /Count 0 >>"),
            (7, "(nobody leads here)"),
        ],
    );
    w.xref_stream(10, "/Size 11 /Root 1 0 R", &[(1, 9, 0), (2, 9, 1)]);
    let structure = structure(&w.bytes);
    assert_eq!(structure.revisions[0].sections[0].kind, Kind::Stream);
    let hidden: Vec<_> = structure.objects.iter().filter(|o| o.status == Status::Hidden).collect();
    assert_eq!(hidden.len(), 1);
    assert_eq!((hidden[0].object, hidden[0].stream), (7, Some(9)));
    assert!(structure.is_suspicious());
}

#[test]
fn hidden_objects_and_octets_outside_are_found() {
    let mut w = one_page();
    let hidden = w.bytes.len() as u64;
    w.raw(b"4 0 obj\n<< /Length 3 >>\nstream\nabc\nendstream\nendobj\n% a comment\n");
    let stray = w.bytes.len() as u64;
    w.raw(b"stray octets\n").object(9, "(x)").table("/Size 10 /Root 1 0 R");
    w.raw(b"behind the end");
    let structure = structure(&w.bytes);
    let found: Vec<_> = structure.objects.iter().filter(|o| o.status == Status::Hidden).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].object, found[0].offset, found[0].revision), (4, Some(hidden), Some(2)));
    assert_eq!(structure.outside.len(), 2, "{:?}", structure.outside);
    assert!(structure.outside[0][0] <= stray && structure.outside[0][1] > stray);
    assert_eq!(structure.outside[1][1], w.bytes.len() as u64);
}

#[test]
fn freed_shadowed_and_missing_objects_have_their_names() {
    let status = |group: &str, name: &str| {
        let attack = made::group(group).into_iter().find(|attack| attack.name == name).unwrap();
        structure(&attack.bytes).counts
    };
    assert_eq!(status("saving", "freed-page-content").get(&Status::Freed), Some(&1));
    assert!(status("shadow", "hybrid-section-contradicts-itself").contains_key(&Status::Shadowed));
    assert!(status("objects", "entry-beyond-the-file").contains_key(&Status::Unreadable));
    assert!(status("objects", "entry-to-another-object").contains_key(&Status::Unreadable));
    assert!(status("shadow", "hidden-object-no-table-mentions").contains_key(&Status::Hidden));
    assert!(status("saving", "body-alone").contains_key(&Status::Hidden));
}

#[test]
fn a_bounded_list_says_that_it_is_cut() {
    let bytes = signed_form();
    let cut = inspect(&bytes, &Limits::default(), &Bounds { objects: 3, ..Bounds::default() }).unwrap();
    assert_eq!((cut.objects.len(), cut.truncated), (3, true));
    let whole = structure(&bytes);
    assert_eq!(cut.counts, whole.counts);
    assert!(!whole.is_suspicious());
}

#[test]
fn what_changed_after_a_signature_is_named_object_by_object() {
    use cinnabar_pdf::verify::Class;
    let mut later = Later::than(&signed_form());
    later.set(6, "V", "(Zhang)");
    later.w.stream(4, "", b"BT (pay 1000000) Tj ET");
    let report = super::people::report(&later.finish());
    let changed = &report.signatures[0].changed_objects;
    let found: Vec<_> = changed.iter().map(|c| (c.object, c.revision, c.class)).collect();
    assert_eq!(found, [(4, 3, Class::Other), (6, 3, Class::Form)]);
}

#[test]
fn nothing_is_hidden_in_what_honest_programs_write() {
    let folder = super::corpus::folder();
    let mut told = Vec::new();
    for kind in ["plain", "signed"] {
        for name in super::corpus::names(kind) {
            let bytes = std::fs::read(folder.join(format!("{name}.pdf"))).unwrap();
            let structure = inspect(&bytes, &Limits::default(), &Bounds::default()).unwrap();
            if structure.is_suspicious() {
                let ambiguous: Vec<_> = structure.revisions.iter().filter_map(|r| r.ambiguous).collect();
                told.push((name, structure.counts, structure.outside, ambiguous));
            }
        }
    }
    // Junk before the header, as the name says.
    told.retain(|(name, ..)| name != "leading-junk");
    assert!(told.is_empty(), "{told:#?}");
}
