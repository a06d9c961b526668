//! Form fields that are something else as well: what looks like a change of the form exchanges pages, scripts
//! or layers.

use super::super::later::{Later, form_page};
use super::super::people::{invisible, people, signed};
use super::super::support::Writer;
use super::{Attack, Honest, attack, changed};
use cinnabar_pdf::sign::{DocMdp, SignatureRequest};

const PAGE: &str = "/Type /Page /MediaBox [0 0 595 842]";
const ROLES: &str = "is something else as well";

fn certified(w: &Writer, level: DocMdp) -> Vec<u8> {
    signed(&w.bytes, &SignatureRequest { certify: Some(level), ..invisible() }, &people().seal)
}

fn strict(name: &str, w: &Writer, because: &'static str, change: impl FnOnce(&mut Later)) -> Attack {
    attack("objects", name, changed(&certified(w, DocMdp::NoChanges), change), because)
}

pub fn attacks() -> Vec<Attack> {
    let script =
        |number: u32| format!("/T (s{number}) /Names [(s{number}) << /S /JavaScript /JS ({number}) >>]");
    let mut scripts = form_page("", "/Names << /JavaScript 20 0 R >>");
    scripts
        .object(5, "<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R 20 0 R] >>")
        .object(20, "<< /Kids [21 0 R 22 0 R] >>")
        .object(21, &format!("<< {} >>", script(1)))
        .object(22, &format!("<< {} >>", script(2)))
        .table("/Size 23 /Root 1 0 R");
    let mut layers = form_page("", "/OCProperties << /OCGs [20 0 R] /D 21 0 R >>");
    layers
        .object(5, "<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R 21 0 R] >>")
        .object(20, "<< /Type /OCG /Name (layer) >>")
        .object(21, "<< /FT /Tx /T (layers) /ON [20 0 R] >>")
        .table("/Size 22 /Root 1 0 R");
    let mut resources = form_page("", "/OCProperties 30 0 R");
    resources
        .object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [6 0 R] /DR 30 0 R >> /OCProperties 30 0 R >>")
        .object(20, "<< /Type /OCG /Name (layer) >>")
        .object(30, "<< /OCGs [20 0 R] >>")
        .table("/Size 31 /Root 1 0 R");
    vec![
        strict("pages-exchanged-as-kids-of-fields", &two_nodes(), ROLES, |l| {
            l.set(2, "Kids", "[4 0 R]").set(9, "Kids", "[3 0 R]");
        }),
        strict("pages-exchanged-as-kids-of-a-field", &one_node(), ROLES, |l| {
            l.set(2, "Kids", "[4 0 R 3 0 R]");
        }),
        strict("scripts-exchanged-as-kids-of-a-field", &scripts, ROLES, |l| {
            l.set(20, "Kids", "[22 0 R 21 0 R]");
        }),
        attack(
            "objects",
            "layers-configured-as-a-field",
            changed(&certified(&layers, DocMdp::FormsAndSignatures), |l| {
                l.set(21, "AS", "[<< /Event /View /Category [/View] /OCGs [20 0 R] >>]");
            }),
            ROLES,
        ),
        strict("layers-configured-as-resources", &resources, "without a permitted purpose", |l| {
            l.set(30, "D", "<< /OFF [20 0 R] >>");
        }),
        attack(
            "objects",
            "kids-of-a-field-exchanged",
            changed(&certified(&group(), DocMdp::FormsAndSignatures), |l| {
                l.set(20, "Kids", "[22 0 R 21 0 R]");
            }),
            "were exchanged",
        ),
    ]
}

/// Two pages, each the kid of another node of the form; one of the nodes is the page tree.
fn two_nodes() -> Writer {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [2 0 R 9 0 R] >> >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
        .object(3, &format!("<< {PAGE} /Parent 2 0 R /T (a) /Contents 5 0 R >>"))
        .object(4, &format!("<< {PAGE} /Parent 2 0 R /T (b) /Contents 6 0 R >>"))
        .stream(5, "", b"0 0 9 9 re f")
        .stream(6, "", b"0 0 99 99 re f")
        .object(9, "<< /Kids [4 0 R] >>")
        .table("/Size 10 /Root 1 0 R");
    w
}

fn one_node() -> Writer {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [2 0 R] >> >>")
        .object(2, "<< /Kids [3 0 R 4 0 R] /Count 2 >>")
        .object(3, &format!("<< {PAGE} /Parent 2 0 R /T (a) /Contents 5 0 R >>"))
        .object(4, &format!("<< {PAGE} /Parent 2 0 R /T (b) /Contents 6 0 R >>"))
        .stream(5, "", b"0 0 9 9 re f")
        .stream(6, "", b"0 0 99 99 re f")
        .table("/Size 7 /Root 1 0 R");
    w
}

/// A form whose fields stand in everything that may name a field.
fn group() -> Writer {
    let widget = "/Type /Annot /Subtype /Widget /FT /Tx /P 3 0 R /Parent 20 0 R";
    let mut w = form_page("", "/StructTreeRoot 25 0 R");
    w.object(
        3,
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots 26 0 R /Resources << /Font << /F1 13 0 R >> >> >>",
    )
    .object(5, "<< /Fields 27 0 R /CO [21 0 R] /DR << /Font << /F1 13 0 R >> >> /DA (/F1 0 Tf) >>")
    .object(20, "<< /T (group) /Kids [21 0 R 22 0 R] >>")
    .object(21, &format!("<< {widget} /T (a) /Rect [200 10 290 30] /StructParent 1 /AA << /Fo << /S /Hide /T [21 0 R 22 0 R] >> >> >>"))
    .object(22, &format!("<< {widget} /T (b) /Rect [200 40 290 60] >>"))
    .object(23, "<< /Type /StructElem /S /Form /P 25 0 R /K [<< /Type /OBJR /Obj 21 0 R /Pg 3 0 R >>] >>")
    .object(24, "<< /Nums [1 23 0 R] >>")
    .object(25, "<< /Type /StructTreeRoot /K 23 0 R /ParentTree 24 0 R >>")
    .object(26, "[6 0 R 7 0 R 8 0 R 9 0 R 21 0 R 22 0 R]")
    .object(27, "[6 0 R 7 0 R 8 0 R 9 0 R 20 0 R]")
    .table("/Size 28 /Root 1 0 R");
    w
}

pub fn honest() -> Vec<Honest> {
    let filled = changed(&certified(&group(), DocMdp::FormsAndSignatures), |l| {
        l.set(21, "V", "(Zhang)");
    });
    vec![Honest { name: "field-that-much-refers-to-filled-in", bytes: filled }]
}
