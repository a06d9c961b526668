//! Pages of the shipped templates, judged by others' tools: qpdf (structure), poppler (fonts, text, pictures), zbar (QR).

use std::path::{Path, PathBuf};
use std::process::Command;

use cinnabar_licence::template::{Template, Variant};

use super::shipped::{definition, draw, files, sample, templates};
use super::{computed, identifier};

fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output();
    let out = out.unwrap_or_else(|error| panic!("{program} (tests/peers/debian.txt): {error}"));
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn written(folder: &Path, name: &str, template: &str, variant: Variant) -> PathBuf {
    let read = Template::load(&files(), template).unwrap();
    let drawn = draw(&read, (&sample(name), &computed()), variant, None).unwrap();
    let path = folder.join(format!("{template}.pdf"));
    std::fs::write(&path, drawn.pdf).unwrap();
    path
}

fn without_space(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

#[test]
fn others_find_a_sound_file_embedded_subsets_the_text_and_the_symbol() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["food-operation-permit", "business-licence", "qualification-certificate"] {
        let definition = definition(name);
        for (template, variant) in templates(&definition) {
            let path = written(folder.path(), name, &template, variant);
            let path = path.to_str().unwrap();
            run("qpdf", &["--check", path]);

            let fonts = run("pdffonts", &[path]);
            let lines: Vec<&str> = fonts.lines().skip(2).collect();
            assert!(!lines.is_empty(), "{template}");
            for line in lines {
                // Name with a subset's tag; then embedded, subset, with a map to Unicode: three times yes.
                assert!(line.chars().take(6).all(|c| c.is_ascii_uppercase()) && line.contains('+'), "{line}");
                assert_eq!(line.matches(" yes").count(), 3, "{line}");
            }

            let text = without_space(&run("pdftotext", &["-raw", path, "-"]));
            for (field, value) in sample(name) {
                let Some(value) = value.as_str().filter(|value| value.chars().count() < 40) else { continue };
                let placed = Template::load(&files(), &template).unwrap().placed().contains(&field);
                let dated = value.len() == 10 && value.starts_with("20");
                if placed && !dated {
                    assert!(text.contains(&without_space(value)), "{template}: {field} in {text}");
                }
            }
            assert!(text.contains(identifier()), "{template}: {text}");
            let labels =
                text.contains("许可证编号") || text.contains("登记机关") || text.contains("证书编号");
            assert_eq!(labels, variant != Variant::Overprint, "{template}");

            let picture = folder.path().join(&template);
            run("pdftoppm", &["-r", "200", "-png", "-singlefile", path, picture.to_str().unwrap()]);
            let read = run("zbarimg", &["-q", "--raw", &format!("{}.png", picture.to_str().unwrap())]);
            assert_eq!(Some(read.trim_end().to_owned()), computed().qr, "{template}");
            // Vectors throughout: the only picture is the photograph.
            let pictures = run("pdfimages", &["-list", path]).lines().skip(2).count();
            assert_eq!(pictures > 0, name == "qualification-certificate", "{template}");

            let metadata = run("pdfinfo", &["-meta", path]);
            assert!(metadata.contains("<pdfaid:part>2</pdfaid:part>"), "{metadata}");
            assert!(metadata.contains("<pdfaid:conformance>B</pdfaid:conformance>"), "{metadata}");
        }
    }
}
