//! Hand-made documents: every way annotations and forms may be written, and everything that forbids.

use std::path::Path;

use cinnabar_pdf::appearance::Placement;
use cinnabar_pdf::sign::{PrepareError, SignError, SignatureRequest, sign};

use super::peers::{assert_ours, assert_pdfsig, at, keys, pyhanko, qpdf_check, request, signed};

/// A one-page document with entries added to page and catalog, and objects from number 5 on.
pub fn minimal(page: &str, catalog: &str, objects: &str) -> Vec<u8> {
    let content = "BT /F 12 Tf 72 700 Td (Hello) Tj ET";
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    let bodies = [
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>"),
        "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 420]/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R{page}>>"),
        format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
    ];
    let more = objects.split('|').filter(|body| !body.is_empty()).map(str::to_owned);
    for (i, body) in bodies.into_iter().chain(more).enumerate() {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{body}\nendobj\n", i + 1).as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1).as_bytes());
    for offset in &offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    // No end of line at the end.
    out.extend_from_slice(
        format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF", offsets.len() + 1).as_bytes(),
    );
    out
}

/// Signs and has it judged by all but pyHanko, whose start takes a second; returns the tail as text.
pub fn judged(original: &[u8], request: &SignatureRequest, file: &Path) -> String {
    let (whole, signed) = signed(original, request);
    std::fs::write(file, &whole).unwrap();
    assert_ours(&whole, 1);
    assert_pdfsig(file, 1);
    let (status, said) = qpdf_check(file);
    assert_eq!(status, 0, "{said:?}");
    signed.tail.iter().map(|&byte| char::from(byte)).collect()
}

pub fn accepted(original: &[u8], request: &SignatureRequest) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed.pdf");
    let tail = judged(original, request, &file);
    let verdict = &pyhanko(&[file])[0];
    assert_eq!(verdict["bottom_line"], true, "{verdict}");
    tail
}

pub fn refused(original: &[u8], request: &SignatureRequest) -> PrepareError {
    match sign(&original, request, &keys().signer) {
        Err(SignError::Prepare(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn annotations_and_forms_in_every_spelling() {
    let visible = request(at(1, 20.0, 20.0, 30.0, 30.0));
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let link = "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>";
    for annotations in ["", "/Annots[]", "/Annots null", "/Annots 5 0 R", "/Annots 6 0 R", "/Annots 99 0 R"] {
        for form in ["", "/AcroForm<</Fields[]/NeedAppearances false>>", "/AcroForm 7 0 R", "/AcroForm 8 0 R"]
        {
            let original = minimal(
                annotations,
                form,
                &format!("[]|[{link}]|<</Fields[]/SigFlags 3>>|<</Fields 5 0 R>>"),
            );
            let file = folder.path().join(format!("{}.pdf", files.len()));
            let tail = judged(&original, &visible, &file);
            files.push(file);
            assert!(tail.contains("/F 132"), "{tail}");
            assert_eq!(tail.contains("/NeedAppearances false"), form.contains("NeedAppearances"));
            assert_eq!(
                tail.contains("/Annots["),
                !matches!(annotations, "/Annots 5 0 R" | "/Annots 6 0 R"),
                "{tail}"
            );
        }
    }
    for verdict in pyhanko(&files) {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
    }
}

#[test]
fn the_first_signature_declares_the_extension_unless_it_stands_there() {
    let declared = "/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>";
    assert!(accepted(&minimal("", "", ""), &request(None)).contains(declared));
    let tail = accepted(
        &minimal("", "/Extensions<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>>>", ""),
        &request(None),
    );
    assert!(tail.contains("/ADBE") && tail.contains("/ESIC"));
    assert!(!accepted(&minimal("", "/Version/2.0", ""), &request(None)).contains("ESIC"));
    // Page size and resources are inherited, the page is turned and cropped, the header says 2.0.
    let mut newer = minimal("/Rotate 270/CropBox[10 10 200 300]", "", "");
    newer[5..8].copy_from_slice(b"2.0");
    assert!(!accepted(&newer, &request(at(1, 9.0, 9.0, 20.0, 20.0))).contains("ESIC"));
}

#[test]
fn texts_are_what_a_reader_shows() {
    let tail = accepted(&minimal("", "", ""), &request(None));
    assert!(tail.contains("/Location(Example City)"));
    assert!(tail.contains("/M(D:20260112093000+08'00')"), "{tail}");
    assert!(tail.contains("/Name<FEFF793A4F8B"));
    assert!(!tail.contains("/Cert"));
    let long = SignatureRequest { reason: Some("长".repeat(5_000)), ..request(None) };
    assert!(matches!(refused(&minimal("", "", ""), &long), PrepareError::TextTooLong { .. }));
}

/// An empty signature field "Approval" of the size 60 x 30, and a text field "Name".
const FIELDS: &str = "<</Fields[6 0 R 7 0 R]/SigFlags 1>>\
    |<</Type/Annot/Subtype/Widget/FT/Sig/T(Approval)/F 4/Rect[100 100 160 130]/P 3 0 R>>\
    |<</Type/Annot/Subtype/Widget/FT/Tx/T(Name)/V(x)/F 4/Rect[100 200 160 230]/P 3 0 R>>";

pub fn with_fields(more: &str) -> Vec<u8> {
    let fields = FIELDS.replace("/FT/Sig", &format!("/FT/Sig{more}"));
    minimal("/Annots[6 0 R 7 0 R]", "/AcroForm 5 0 R", &fields)
}

pub fn into(name: &str, placement: Option<Placement>) -> SignatureRequest {
    SignatureRequest { field_name: Some(name.to_owned()), ..request(placement) }
}

#[test]
fn an_empty_field_is_signed_in_its_own_place() {
    let tail = accepted(&with_fields(""), &into("Approval", Some(Placement::Field)));
    assert!(tail.contains("6 0 obj") && tail.contains("/SigFlags 3") && !tail.contains("3 0 obj"), "{tail}");
    assert!(tail.contains("q 30 0 0 30 15 0 cm /Seal Do Q"), "square, in the middle: {tail}");
    let tail = accepted(&with_fields(""), &into("Approval", None));
    assert!(tail.contains("/AP<</N"), "an empty appearance: {tail}");
}

#[test]
fn fields_that_cannot_be_signed_say_why() {
    let original = with_fields("");
    assert!(matches!(refused(&original, &into("Name", None)), PrepareError::FieldNotSignature { .. }));
    assert!(matches!(refused(&original, &into("a.b", None)), PrepareError::FieldName { .. }));
    assert!(matches!(refused(&original, &into("", None)), PrepareError::FieldName { .. }));
    let elsewhere = into("Approval", at(1, 9.0, 9.0, 9.0, 9.0));
    assert!(matches!(refused(&original, &elsewhere), PrepareError::FieldPlaced { .. }));
    assert!(matches!(refused(&original, &request(Some(Placement::Field))), PrepareError::NoField));
    assert!(matches!(
        refused(&original, &request(at(2, 9.0, 9.0, 9.0, 9.0))),
        PrepareError::NoSuchPage { page: 2, pages: 1 }
    ));
    assert!(matches!(
        refused(&original, &request(at(0, 9.0, 9.0, 9.0, 9.0))),
        PrepareError::NoSuchPage { .. }
    ));
    assert!(matches!(refused(&original, &request(at(1, 99.0, 9.0, 9.0, 9.0))), PrepareError::Geometry(_)));
    let (once, _) = signed(&original, &into("Approval", None));
    assert!(matches!(refused(&once, &into("Approval", None)), PrepareError::FieldSigned { .. }));
    let demanding = with_fields("/SV<</Ff 2/SubFilter[/adbe.pkcs7.detached]>>");
    assert!(matches!(refused(&demanding, &into("Approval", None)), PrepareError::SeedValue { .. }));
    accepted(&with_fields("/SV<</SubFilter[/adbe.pkcs7.detached]>>"), &into("Approval", None));
    let kids = with_fields("").iter().map(|&b| char::from(b)).collect::<String>();
    let kids = kids.replace("/Subtype/Widget/FT/Sig", "/Kids[7 0 R 99 0 R]/FT/Sig").into_bytes();
    assert!(sign(&kids, &into("Approval", None), &keys().signer).is_err());
}

#[test]
fn new_names_are_free_and_wanted_names_are_given() {
    let tail = accepted(&minimal("", "", ""), &into("公章", None));
    assert!(tail.contains("/T<FEFF516C7AE0>"), "{tail}");
    let fields = FIELDS.replace("(Approval)", "(Seal1)");
    let original = minimal("/Annots[6 0 R 7 0 R]", "/AcroForm 5 0 R", &fields);
    assert!(accepted(&original, &request(None)).contains("/T(Seal2)"));
}

#[test]
fn documents_that_a_signature_would_contradict_are_refused() {
    let xfa = minimal("", "/AcroForm<</Fields[]/XFA 5 0 R>>", "[]");
    assert!(matches!(refused(&xfa, &request(None)), PrepareError::Xfa));
    for key in ["UR", "UR3"] {
        let rights = minimal("", &format!("/Perms<</{key} 5 0 R>>"), "<</Type/Sig>>");
        assert!(matches!(refused(&rights, &request(None)), PrepareError::UsageRights));
    }
    let only_catalog = minimal(
        "",
        "/Perms<</DocMDP 5 0 R>>",
        "<</Type/Sig/Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]>>",
    );
    assert!(matches!(refused(&only_catalog, &request(None)), PrepareError::Certified { .. }));
    let odd = minimal("/Annots 4 0 R", "", "");
    assert!(matches!(refused(&odd, &request(None)), PrepareError::Malformed { .. }));
    let cycle = minimal("", "/AcroForm<</Fields[5 0 R]>>", "<</T(a)/Kids[6 0 R]>>|<</T(b)/Kids[5 0 R]>>");
    assert!(sign(&cycle, &request(None), &keys().signer).is_ok());
}

#[test]
fn a_hybrid_file_gets_a_table_and_keeps_its_hidden_objects() {
    // Object 5 is only in the cross-reference stream that the table's trailer names.
    let plain = minimal("", "/Hidden 5 0 R", "");
    let text: String = plain.iter().map(|&byte| char::from(byte)).collect();
    let (body, _) = text.split_once("xref\n0 5").unwrap();
    let mut out = body.as_bytes().to_vec();
    let hidden = out.len();
    out.extend_from_slice(b"5 0 obj\n(hidden)\nendobj\n");
    let stream = out.len();
    out.extend_from_slice(
        b"6 0 obj\n<</Type/XRef/Size 7/W[1 2 1]/Index[5 2]/Root 1 0 R/Length 8>>\nstream\n",
    );
    for offset in [hidden, stream] {
        let offset = u16::try_from(offset).unwrap().to_be_bytes();
        out.extend_from_slice(&[1, offset[0], offset[1], 0]);
    }
    out.extend_from_slice(b"\nendstream\nendobj\n");
    let table = out.len();
    out.extend_from_slice(b"xref\n0 5\n0000000000 65535 f \n");
    for number in 1..5 {
        let at = body.find(&format!("{number} 0 obj")).unwrap();
        out.extend_from_slice(format!("{at:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer\n<</Size 7/Root 1 0 R/XRefStm {stream}/ID[<01><02>]>>\nstartxref\n{table}\n%%EOF\n")
            .as_bytes(),
    );
    let tail = accepted(&out, &request(at(1, 20.0, 20.0, 30.0, 30.0)));
    assert!(tail.contains("\nxref\n1 1\n"), "{tail}");
    assert!(
        !tail.contains("XRefStm") && tail.contains(&format!("/Prev {table}/"))
            || tail.contains(&format!("/Prev {table}>")),
        "{tail}"
    );
    assert!(tail.contains("/ID[<01> <"), "the first element is kept: {tail}");
    let (whole, _) = signed(&out, &request(None));
    let document =
        cinnabar_pdf::syntax::Document::open(&whole, &cinnabar_pdf::syntax::Limits::default()).unwrap();
    let hidden = document.object(cinnabar_pdf::syntax::ObjectId { number: 5, generation: 0 }).unwrap();
    assert_eq!(hidden.as_string(), Some(&b"hidden"[..]));
}
