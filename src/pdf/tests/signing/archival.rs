//! PDF/A stays PDF/A, tagged documents stay tagged.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cinnabar_pdf::appearance::{ImageLimits, Lines, Paging, Placement, Qr, SealAppearance, SealImage, Side};
use cinnabar_pdf::sign::SignatureRequest;
use cinnabar_pdf::syntax::{Dictionary, Document, Limits, Object};

use super::looks::{chinese, dejavu, song, with};
use super::peers::{assert_ours, assert_pdfsig, at, pyhanko, read, request, run, seal, signed};
use super::render::{assert_seal, renderings};

/// sRGB, as Debian's Ghostscript brings it.
const PROFILE: &str = "/usr/share/color/icc/ghostscript/srgb.icc";

/// Two archival pages that nothing can be said against: no text, device colours under an output intent.
fn archival(part: u8, intent: bool, tagged: bool) -> Vec<u8> {
    let xmp = format!(
        "<?xpacket begin='\u{FEFF}' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' xmlns:pdfaid='http://www.aiim.org/pdfa/ns/id/'><pdfaid:part>{part}</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    );
    let profile = std::fs::read(PROFILE).unwrap();
    let stream = |entries: &str, data: &[u8]| {
        let head = format!("<<{entries}/Length {}>>\nstream\n", data.len());
        [head.as_bytes(), data, b"\nendstream"].concat()
    };
    let page = "/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>";
    let content: &[u8] = if intent { b"0 0 1 rg 20 20 40 4 re f" } else { b"q Q" };
    let catalog = format!(
        "<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R{}{}>>",
        if intent {
            "/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB)/DestOutputProfile 6 0 R>>]"
        } else {
            ""
        },
        if tagged { "/MarkInfo<</Marked true>>/StructTreeRoot 8 0 R" } else { "" },
    );
    let objects: Vec<Vec<u8>> = vec![
        catalog.into_bytes(),
        b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>".to_vec(),
        format!("<<{page}/Contents 7 0 R>>").into_bytes(),
        format!("<<{page}/Contents 7 0 R>>").into_bytes(),
        stream("/Type/Metadata/Subtype/XML", xmp.as_bytes()),
        stream("/N 3", &profile),
        stream("", content),
        b"<</Type/StructTreeRoot/K 9 0 R/ParentTree 10 0 R/ParentTreeNextKey 3>>".to_vec(),
        b"<</Type/StructElem/S/Document/P 8 0 R/K 11 0 R>>".to_vec(),
        b"<</Kids[12 0 R]>>".to_vec(),
        b"<</Type/StructElem/S/P/P 9 0 R>>".to_vec(),
        b"<</Limits[0 2]/Nums[0 null 2 null]>>".to_vec(),
    ];
    let mut out = b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out.extend_from_slice(format!("{} 0 obj\n", number + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let (start, size) = (out.len(), objects.len() + 1);
    let id = "<00112233445566778899AABBCCDDEEFF>";
    out.extend_from_slice(
        format!("{table}trailer\n<</Size {size}/Root 1 0 R/ID[{id}{id}]>>\nstartxref\n{start}\n%%EOF\n")
            .as_bytes(),
    );
    out
}

const VALID: &str = r#"{"valid":true,"errors":[]}"#;

/// What PDFBox' preflight has against a file as PDF/A-1b.
fn preflight(file: &Path) -> String {
    let path = std::env::var("CINNABAR_JAVA").unwrap_or_else(|_| {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/java");
        let (status, said) = run(tool.to_str().unwrap(), &[]);
        assert_eq!(status, 0, "{said}");
        said.lines().last().unwrap().to_owned()
    });
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &path, "Peer", "preflight"])
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("`java` cannot be run ({error}): tests/peers installs it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Appearances of every kind: pixels with opacity, shapes, lines, a symbol, slices, nothing.
fn appearances() -> Vec<(&'static str, SignatureRequest)> {
    let shapes = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><circle cx='4' cy='4' r='4' fill='#c00'/></svg>";
    let faint = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><g opacity='.5'><circle cx='4' cy='4' r='4' fill='#c00'/></g></svg>";
    let svg =
        |text: &str| Arc::new(SealImage::from_svg(text.as_bytes(), &ImageLimits::default(), &[]).unwrap());
    let place = || at(1, 30.0, 30.0, 30.0, 30.0);
    let pictured =
        |image: Arc<SealImage>| with(place(), |a| *a = SealAppearance::new(image, place().unwrap()));
    let lines = |font| Lines { side: Side::Below, ..Lines::new(chinese(), font) };
    vec![
        ("invisible", request(None)),
        ("pixels", pictured(seal())),
        ("shapes", pictured(svg(shapes))),
        ("faint", pictured(svg(faint))),
        ("cff", with(place(), |a| a.lines = Some(lines(song())))),
        ("truetype", with(place(), |a| a.lines = Some(Lines::new(vec!["Zoë 2026".to_owned()], dejavu())))),
        (
            "symbol",
            with(place(), |a| a.qr = Some(Qr::new("https://v.example/1", 20.0, Side::Right).unwrap())),
        ),
        ("slices", with(place(), |a| a.paging = Some(Paging::new(20.0, 20.0)))),
    ]
}

#[test]
fn pdfa_1b_stays_pdfa_1b_by_preflight() {
    let folder = tempfile::tempdir().unwrap();
    let original = archival(1, true, false);
    let before = folder.path().join("before.pdf");
    std::fs::write(&before, &original).unwrap();
    assert_eq!(preflight(&before), VALID);
    let mut wrong = Vec::new();
    for (name, wanted) in appearances() {
        let (whole, _) = signed(&original, &wanted);
        let file = folder.path().join(format!("{name}.pdf"));
        std::fs::write(&file, &whole).unwrap();
        assert_pdfsig(&file, 1);
        let said = preflight(&file);
        if said != VALID {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The opaque seal shows its colours; where it was transparent it is white, as the paper is.
    for (renderer, rendered) in renderings(folder.path(), &folder.path().join("pixels.pdf"), 1) {
        assert_seal(&rendered, renderer, [30.0, 30.0, 30.0, 30.0]);
    }
}

/// Every object that the update `tail` added, whole.
fn added(whole: &[u8], before: u32) -> Vec<Object> {
    let document = Document::open(&whole, &Limits::default()).unwrap();
    (before..document.next_object_number())
        .map(|number| document.object(cinnabar_pdf::syntax::ObjectId { number, generation: 0 }).unwrap())
        .collect()
}

fn dictionary(object: &Object) -> Option<&Dictionary> {
    match object {
        Object::Dictionary(dictionary) => Some(dictionary),
        Object::Stream(stream) => Some(&stream.dictionary),
        _ => None,
    }
}

/// What ISO 19005-2 asks of what a signature adds, as far as it can be seen in the objects.
fn assert_pdfa_2(whole: &[u8], before: u32, intent: bool, what: &str) {
    for object in added(whole, before) {
        let Some(entries) = dictionary(&object) else { continue };
        let spelled = format!("{object:?}");
        let is = |key: &[u8], value: &[u8]| entries.get(key).and_then(Object::as_name) == Some(value);
        if is(b"Type", b"Annot") {
            let flags = entries.get(b"F").and_then(Object::as_integer).unwrap();
            assert_eq!((flags & 4, flags & (1 | 2 | 32)), (4, 0), "§6.3.2: {what}: {spelled}");
            let visible =
                entries.get(b"AP").and_then(Object::as_dictionary).is_some_and(|ap| ap.get(b"N").is_some());
            assert!(visible || what == "invisible", "§6.3.3: {what}: {spelled}");
            assert!(entries.get(b"A").is_none() && entries.get(b"AA").is_none(), "§6.4.1: {what}");
        }
        if is(b"Subtype", b"Image") && !intent {
            let space = entries.get(b"ColorSpace").unwrap();
            assert!(space.as_array().is_some(), "§6.2.4.3: {what}: {spelled}");
            assert!(entries.get(b"SMask").is_none(), "§6.2.10: {what}: {spelled}");
        }
        if is(b"Type", b"FontDescriptor") {
            let embedded = entries.get(b"FontFile2").or(entries.get(b"FontFile3"));
            assert!(embedded.is_some(), "§6.2.11.4.1: {what}: {spelled}");
        }
        if let Object::Stream(stream) = &object
            && is(b"Subtype", b"Form")
        {
            let document = Document::open(&whole, &Limits::default()).unwrap();
            let content = document.stream_data(stream, 1 << 20).unwrap();
            for operator in [" g\n", " rg", " RG", " k ", " G "] {
                let found = memchr::memmem::find(&content, operator.as_bytes()).is_some();
                assert!(!found, "§6.2.4: {what}: device colour operator {operator}");
            }
        }
        if !intent {
            let device = spelled.contains("DeviceRGB") || spelled.contains("DeviceGray");
            // As debug output names are numbers; look at the octets, too.
            let raw = format!("{:?}", b"DeviceRGB".to_vec());
            assert!(!device && !spelled.contains(&raw), "§6.2.4.3: {what}: {spelled}");
        }
    }
}

#[test]
fn pdfa_2_gets_fonts_embedded_flags_set_and_no_colour_without_an_intent() {
    for intent in [true, false] {
        let original = archival(2, intent, false);
        let before = Document::open(&original, &Limits::default()).unwrap().next_object_number();
        for (name, wanted) in appearances() {
            let (whole, made) = signed(&original, &wanted);
            assert_pdfa_2(&whole, before, intent, name);
            assert_ours(&whole, 1);
            // The metadata are not among what is written anew.
            assert!(memchr::memmem::find(&made.tail, b"\n5 0 obj").is_none(), "{name}");
        }
    }
    // With an intent of its own colours the seal may be transparent, on white paper or not.
    let (_, made) = signed(&archival(2, true, false), &request(at(1, 30.0, 30.0, 30.0, 30.0)));
    assert!(memchr::memmem::find(&made.tail, b"/SMask").is_some());
    // Ghostscript's PDF/A-2 of the corpus declares no intent.
    let (_, made) = signed(&read("ghostscript-pdfa"), &request(at(1, 30.0, 30.0, 30.0, 30.0)));
    assert!(memchr::memmem::find(&made.tail, b"/CalRGB").is_some());
}

fn entry(document: &Document<'_>, holder: &Dictionary, key: &[u8]) -> Object {
    document.entry(holder, key).unwrap()
}

#[test]
fn tagged_documents_get_their_widgets_into_the_structure() {
    for (original, parent) in [(archival(2, true, true), 9), (read("chromium"), 0)] {
        let wanted = with(at(1, 30.0, 30.0, 30.0, 30.0), |a| a.paging = Some(Paging::new(20.0, 20.0)));
        let (whole, _) = signed(&original, &wanted);
        assert_ours(&whole, 1);
        let document = Document::open(&whole, &Limits::default()).unwrap();
        let pages = document.page_count().unwrap();
        let (_, catalog) = document.catalog().unwrap();
        let Object::Dictionary(tree) = entry(&document, &catalog, b"StructTreeRoot") else { panic!() };
        let mut entries = std::collections::BTreeMap::new();
        let mut stack = vec![entry(&document, &tree, b"ParentTree")];
        while let Some(node) = stack.pop() {
            let Object::Dictionary(node) = document.resolve(&node).unwrap() else { panic!() };
            if let Object::Array(kids) = entry(&document, &node, b"Kids") {
                stack.extend(kids);
            }
            if let Object::Array(numbers) = entry(&document, &node, b"Nums") {
                for pair in numbers.chunks(2) {
                    entries.insert(pair[0].as_integer().unwrap(), pair[1].clone());
                }
            }
        }
        let mut forms = 0;
        let mut annots = 0;
        for page in 0..pages {
            let page = document.page(page).unwrap();
            let Object::Array(annotations) = entry(&document, &page.dictionary, b"Annots") else { panic!() };
            for reference in &annotations {
                let Object::Dictionary(annotation) = document.resolve(reference).unwrap() else { panic!() };
                let kind = annotation.get(b"Subtype").and_then(Object::as_name).unwrap().to_vec();
                if kind != b"Widget" && kind != b"Stamp" {
                    continue;
                }
                let key = annotation.get(b"StructParent").and_then(Object::as_integer).unwrap();
                let element = entries.get(&key).unwrap_or_else(|| panic!("key {key}"));
                let Object::Dictionary(element_entries) = document.resolve(element).unwrap() else {
                    panic!()
                };
                let wanted: &[u8] = if kind == b"Widget" { b"Form" } else { b"Annot" };
                assert_eq!(element_entries.get(b"S").and_then(Object::as_name), Some(wanted));
                let Object::Dictionary(link) = entry(&document, &element_entries, b"K") else { panic!() };
                assert_eq!(link.get(b"Type").and_then(Object::as_name), Some(&b"OBJR"[..]));
                assert_eq!(link.get(b"Obj"), Some(reference));
                // The element is a child of its parent.
                let above = element_entries.get(b"P").and_then(Object::as_reference).unwrap();
                assert!(parent == 0 || above.number == parent, "below the element of the document");
                let Object::Dictionary(above) = document.object(above).unwrap() else { panic!() };
                let Object::Array(kids) = entry(&document, &above, b"K") else { panic!("several children") };
                assert!(kids.contains(element));
                if kind == b"Widget" {
                    assert!(annotation.get(b"TU").is_some(), "a name for who cannot see it");
                    forms += 1;
                } else {
                    assert!(annotation.get(b"Contents").is_some());
                    annots += 1;
                }
            }
        }
        assert_eq!((forms, annots), (1, pages));
    }
}

#[test]
fn the_structure_of_a_signed_document_is_left_alone() {
    let (first, _) = signed(&archival(2, true, true), &request(None));
    let (second, made) = signed(&first, &request(at(2, 30.0, 30.0, 30.0, 30.0)));
    assert_ours(&second, 2);
    for untouched in ["/StructElem", "/StructTreeRoot", "/StructParent"] {
        assert!(memchr::memmem::find(&made.tail, untouched.as_bytes()).is_none(), "{untouched}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("second.pdf");
    std::fs::write(&file, &second).unwrap();
    for verdict in pyhanko(&[file]) {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
    }
    let split = request(Some(Placement::Paging(Paging::new(20.0, 20.0))));
    let (third, _) = signed(&second, &split);
    assert_ours(&third, 3);
}
