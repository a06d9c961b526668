//! Shadow attacks through what form fields show: full-page fields made before signing, whose appearances
//! say with other means than letters what their values do not; beside them what form software writes.

use super::super::later::{Later, form_page, signed_form};
use super::super::people::{invisible, people, signed};
use super::{Attack, Honest, attack, changed};

const FULL: &str = "[0 0 595 842]";
const SMALL: &str = "[10 40 100 60]";
const WIDGET: &str = "/Type /Annot /Subtype /Widget /P 3 0 R /DA (/F1 9 Tf)";

fn shadow(name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    attack("shadow", name, bytes, because)
}

fn bounds(place: &str) -> &'static str {
    if place == FULL { "[0 0 595 842]" } else { "[0 0 90 20]" }
}

fn look(place: &str, more: &str) -> String {
    format!("/Type /XObject /Subtype /Form /BBox {} {more}", bounds(place))
}

/// A signed form with field 20 at `place`, which has `entries` and shows 100.
fn with_field(place: &str, entries: &str) -> Vec<u8> {
    field_that_draws(place, entries, "/Tx BMC BT /F1 9 Tf 2 6 Td (100) Tj ET EMC")
}

fn redrawn_before_signing(drawn: &str) -> Vec<u8> {
    field_that_draws(SMALL, "/FT /Tx /V (1000000)", drawn)
}

fn field_that_draws(place: &str, entries: &str, drawn: &str) -> Vec<u8> {
    let mut w = form_page("", "");
    w.object(20, &format!("<< {WIDGET} /T (extra) /Rect {place} /AP << /N 21 0 R >> {entries} >>"))
        .stream(21, &look(place, ""), drawn.as_bytes())
        .object(5, "<< /Fields [6 0 R 7 0 R 8 0 R 9 0 R 20 0 R] /DR << /Font << /F1 13 0 R >> >> /DA (/F1 0 Tf) >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 7 0 R 8 0 R 9 0 R 20 0 R] /Resources << /XObject << /Shared 12 0 R >> /Font << /F1 13 0 R >> >> >>")
        .table("/Size 22 /Root 1 0 R");
    signed(&w.bytes, &invisible(), &people().seal)
}

/// The same, its appearance rewritten in place; with another value where one is given.
fn redrawn(place: &str, entries: &str, value: &str, more: &str, drawn: &str) -> Vec<u8> {
    changed(&with_field(place, entries), |l| {
        l.w.stream(21, &look(place, more), drawn.as_bytes());
        if !value.is_empty() {
            l.set(20, "V", value);
        }
        if more.contains("30 0 R") {
            l.w.object(30, LYING).stream(31, "", MAP);
        }
    })
}

const TEXT: &str = "/FT /Tx /V (100)";
const LIST: &str = "/FT /Ch /V (100) /Opt [(100) (200)]";
const BOX: &str = "1 g 0 0 595 842 re f 0 g";
const LYING: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 31 0 R >>";
const LYING_USED: &str = "/Resources << /Font << /F9 30 0 R >> >>";
const MAP: &[u8] = b"1 begincodespacerange <00> <ff> endcodespacerange 3 beginbfchar <39> <0031> <38> <0030> <37> <0030> endbfchar";

pub fn attacks() -> Vec<Attack> {
    let unread = "cannot be read";
    let mut made = vec![
        shadow(
            "push-button-with-a-value",
            redrawn(FULL, "/FT /Btn /Ff 65536", "(x)", "", "BT /F1 9 Tf (pay 1000000) Tj ET"),
            "the looks of button",
        ),
        shadow(
            "check-box-repainted-when-ticked",
            changed(&signed_form(), |l| {
                l.set(8, "V", "/Yes");
                l.w.stream(11, "/Type /XObject /Subtype /Form /BBox [0 0 10 10]", b"0 0 9 9 re f");
            }),
            "the looks of button",
        ),
    ];
    // A new value, and a page full of what nobody can compare with it.
    for (name, entries, value) in [
        ("list-over-the-page", LIST, "(200)"),
        ("password-over-the-page", "/FT /Tx /Ff 8192 /V (100)", "(200)"),
        ("file-over-the-page", "/FT /Tx /Ff 1048576 /V (100)", "(200)"),
        ("rich-text-over-the-page", "/FT /Tx /Ff 33554432 /V (100)", "(200)"),
        ("script-over-the-page", "/FT /Tx /V (100) /AA << /F << /S /JavaScript /JS (1) >> >>", "(200)"),
    ] {
        let evil = redrawn(FULL, entries, value, "", "BT /F1 9 Tf 9 700 Td (pay 1000000) Tj ET");
        made.push(shadow(name, evil, unread));
    }
    for (name, drawn) in DRAWN {
        let drawn = drawn.replace("BOX", BOX);
        made.push(shadow(&format!("field-{name}-same-value"), redrawn(FULL, TEXT, "", "", &drawn), unread));
        made.push(shadow(
            &format!("field-{name}-over-the-page"),
            redrawn(FULL, "/FT /Tx /V (9)", "(100)", "", &drawn),
            unread,
        ));
    }
    for (name, place, value, before) in
        [("same-value", SMALL, "", "/FT /Tx /V (100)"), ("over-the-page", FULL, "(100)", "/FT /Tx /V (9)")]
    {
        let lying = redrawn(place, before, value, LYING_USED, "BT /F9 9 Tf 2 6 Td (987) Tj ET");
        made.push(shadow(&format!("field-with-a-lying-font-{name}"), lying, unread));
    }
    // Signed so: the value lies under letters that nobody sees, and comes up.
    let hiding = redrawn_before_signing("BT /F1 9 Tf 3 Tr 2 6 Td (1000000) Tj ET 5 5 m 9 15 l S");
    let anew = |l: &mut Later| {
        l.set(5, "NeedAppearances", "true");
    };
    let off = |l: &mut Later| {
        l.set(20, "AP", "");
    };
    let instead = "instead of an appearance that cannot be read";
    made.push(shadow("hidden-value-drawn-anew", changed(&hiding, anew), instead));
    made.push(shadow("hidden-value-uncovered", changed(&hiding, off), instead));
    made.push(shadow("stray-widget-drawn-anew", stray("(1000000)", "100"), "no form field is drawn anew"));
    made
}

/// What an appearance does beside showing the letters of the value 100.
const DRAWN: [(&str, &str); 10] = [
    ("invisible", "BOX BT /F1 9 Tf 3 Tr 2 6 Td (100) Tj ET 50 50 m 90 700 l 300 400 l S"),
    ("invisible-alone", "BT /F1 9 Tf 3 Tr 2 6 Td (100) Tj ET"),
    ("drawn-in-paths", "BOX 100 100 m 90 700 l 300 400 l S BT /F1 9 Tf 2 6 Td (100) Tj ET"),
    ("covered", "BT /F1 9 Tf 2 6 Td (100) Tj ET BOX"),
    ("white", "BOX 1 g BT /F1 9 Tf 2 6 Td (100) Tj ET"),
    ("clipped", "q 300 300 9 9 re W n BT /F1 9 Tf 2 6 Td (100) Tj ET Q"),
    ("outside", "BT /F1 9 Tf -500 6 Td (100) Tj ET"),
    ("specks", "BT /F1 0.1 Tf 2 6 Td (100) Tj ET"),
    ("out-of-order", "BT /F1 9 Tf 50 6 Td (1) Tj -20 0 Td (0) Tj -20 0 Td (0) Tj ET"),
    ("transparent", "/G gs BT /F1 9 Tf 2 6 Td (100) Tj ET"),
];

/// A widget on the page that no field owns; later viewers are told to draw anew.
fn stray(value: &str, shown: &str) -> Vec<u8> {
    let mut w = form_page("", "");
    w.object(20, &format!("<< {WIDGET} /FT /Tx /T (stray) /V {value} /Rect {SMALL} /AP << /N 21 0 R >> >>"))
        .stream(21, &look(SMALL, ""), format!("BT /F1 9 Tf 2 6 Td ({shown}) Tj ET").as_bytes())
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Annots [6 0 R 7 0 R 8 0 R 9 0 R 20 0 R] /Resources << /Font << /F1 13 0 R >> >> >>")
        .table("/Size 22 /Root 1 0 R");
    changed(&signed(&w.bytes, &invisible(), &people().seal), |l: &mut Later| {
        l.set(5, "NeedAppearances", "true");
    })
}

pub fn honest() -> Vec<Honest> {
    let filled = |place: &str, drawn: &str| redrawn(place, TEXT, "(250)", "", drawn);
    vec![
        Honest {
            name: "filled-in-with-frame",
            bytes: filled(
                SMALL,
                "0.9 0.9 1 rg 0 0 90 20 re f 0 0 1 RG 1 w 0.5 0.5 89 19 re s /Tx BMC q 2 2 86 16 re W n BT /F1 9 Tf 0 g 2 6 Td (250) Tj ET Q EMC",
            ),
        },
        Honest {
            name: "filled-in-bevelled",
            bytes: filled(
                SMALL,
                "1 g 0 0 90 20 re f 0.5 g 1 1 m 1 19 l 89 19 l 88 18 l 2 18 l 2 2 l f 0.75 g 89 19 m 89 1 l 1 1 l 2 2 l 88 2 l 88 18 l f /Tx BMC q 2 2 86 16 re W n BT 0 g /F1 9 Tf 2 6 Td (250) Tj ET Q EMC",
            ),
        },
        Honest {
            name: "filled-in-over-the-page",
            bytes: filled(
                FULL,
                "/Tx BMC q 1 1 593 840 re W n BT 0 0 0 rg /F1 12 Tf 1 0 0 1 2 700 Tm 14 TL (2) Tj T* (50) Tj ET Q EMC",
            ),
        },
        Honest {
            name: "filled-in-letter-by-letter",
            bytes: filled(SMALL, "/Tx BMC BT /F1 9 Tf 2 6 Td (2) Tj 20 0 Td (5) Tj 20 0 Td (0) Tj ET EMC"),
        },
        Honest {
            name: "filled-in-with-a-font-of-its-own",
            bytes: redrawn(SMALL, "/FT /Tx /V (9)", "(100)", LYING_USED, "BT /F9 9 Tf 2 6 Td (987) Tj ET"),
        },
        Honest {
            name: "chosen-from-a-list",
            bytes: redrawn(
                SMALL,
                LIST,
                "(200)",
                "",
                "/Tx BMC q 0.6 0.75 0.85 rg 1 1 88 9 re f BT 0 g /F1 9 Tf 2 11 Td (100) Tj 0 -9 Td (200) Tj ET Q EMC",
            ),
        },
        Honest { name: "stray-widget-that-shows-its-value", bytes: stray("(100)", "100") },
    ]
}
