//! The public verification page in a real browser (Chromium by WebDriver): what strangers send and are told, by pointer, by
//! keyboard, on a phone, without scripts, in both languages; and that nothing of it leaves the page's origin.
//!
//! With `CINNABAR_PICTURES=FOLDER` pictures of every page are left there, to be looked at.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::corpus;
use support::process::finish;

use crate::{PLACE, ready, small_pdf};

#[test]
fn strangers_verify_files_codes_and_numbers_by_pointer_keyboard_and_phone() {
    let (appliance, client) = ready();
    let sealed = client.seal(PLACE, small_pdf()).is(201);
    let folder = corpus::scratch();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path.display().to_string()
    };
    let mut altered = sealed.body.to_vec();
    let at = altered.windows(9).position(|found| found == b"/MediaBox").unwrap();
    altered[at + 12] ^= 1;
    let identifier = "11100000000013338W032.11220000013544541J.2430599.001.F";
    let symbol = qr(identifier);
    let plan = json!({
        "files": {
            "sealed": file("sealed.pdf", &sealed.body),
            "altered": file("altered.pdf", &altered),
            "unsealed": file("unsealed.pdf", &small_pdf()),
            "broken": file("broken.pdf", b"%PDF-1.7 and nothing else"),
        },
        "switch": "sealed",
        "numbers": { "unknown": [identifier, "示例餐饮有限公司"] },
        "codes": { "spent": "?lang=zh#s=Abcdefghijklmnopqrstuv", "odd": "?lang=en#s=!" },
        "pictures_of_codes": {
            "photograph": file("photograph.png", &symbol),
            "nothing": file("nothing.png", &blank()),
        },
    });
    let told = walk(&appliance, &plan);
    let step = |name: &str, part: &str| told["steps"][name][part].as_str().unwrap_or_default().to_owned();

    for (name, tone) in [
        ("sealed", "good"),
        ("altered", "bad"),
        ("unsealed", "warn"),
        ("broken", "unknown"),
        ("odd", "unknown"),
        ("nothing", "unknown"),
        ("phone-zh-sealed", "good"),
        ("phone-en-sealed", "good"),
    ] {
        assert_eq!(step(name, "tone"), tone, "{name}: {told:#}");
        assert_eq!(step(name, "focus"), "verdict", "{name}: the verdict is read out");
        assert!(!step(name, "verdict").is_empty(), "{name}");
    }
    assert!(step("sealed", "text").contains("bureau-seal"), "which seal it is stands there: {told:#}");
    assert_eq!(told["steps"]["sealed"]["language"], "en", "the language is changed with the verdict on show");
    assert!(step("sealed", "english").is_ascii() && !step("sealed", "verdict").is_ascii(), "{told:#}");
    for name in ["spent", "odd"] {
        assert!(!step(name, "address").contains('#'), "the code is gone from the address bar: {told:#}");
    }
    assert_eq!(
        told["steps"]["photograph"]["identifier"], identifier,
        "read from the picture, one entry is asked for"
    );
    assert_eq!(
        told["steps"]["empty"],
        json!({ "focus": "identifier", "invalid": "true", "error": "请填写此项。" })
    );
    assert_eq!(step("by-keyboard", "focus"), "verdict", "a whole verification without a pointer");
    let order: Vec<&str> = told["steps"]["keyboard"]["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(order, ["skip", "zh", "en", "file", "photo", "identifier", "value", "button primary"]);
    assert_eq!(
        told["steps"]["without-script"]["scripted"], false,
        "what needs scripts is not offered without them"
    );
    assert!(!step("without-script", "verdict").is_empty());
    assert_eq!(told["steps"]["print"]["ways"], false, "the result is printed, not the forms");
    clean(&told);

    let metrics = appliance.metrics();
    assert!(
        metrics.contains("cinnabar_portal_verifications_total{way=\"document\",tone=\"good\"}"),
        "{metrics}"
    );
    let log = appliance.log();
    assert!(!log.contains(identifier) && !log.contains("Abcdefghijklmnopqrstuv"), "the log has counts alone");
}

/// Nothing broke the page's policy, was complained of, left the origin or shut somebody out.
#[track_caller]
fn clean(told: &Value) {
    for name in ["findings", "violations", "console", "foreign"] {
        assert_eq!(told[name], json!([]), "{name}");
    }
    assert!(told["lowest_contrast"].as_f64().unwrap() >= 4.5, "{told:#}");
}

/// Walks the page as the plan says; what the browser saw.
#[track_caller]
pub fn walk(appliance: &support::Appliance, plan: &Value) -> Value {
    let folder = corpus::scratch();
    let mut plan = plan.clone();
    if let Some(pictures) = std::env::var_os("CINNABAR_PICTURES") {
        std::fs::create_dir_all(&pictures).unwrap();
        plan["pictures"] = Path::new(&pictures).display().to_string().into();
    }
    let path = folder.path().join("plan.json");
    std::fs::write(&path, plan.to_string()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/portal_in_chromium.py");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "300"]).arg(corpus::python().join("python")).arg(script);
    command.arg(format!("https://127.0.0.1:{}", appliance.portal_port)).arg(path);
    finish(command).ok().json()
}

/// A QR symbol as a photograph has it: large, with a margin, on grey.
pub fn qr(text: &str) -> Vec<u8> {
    let code = qrcode::QrCode::new(text).unwrap();
    let modules = code.to_colors();
    let width = code.width();
    let (scale, margin) = (6, 60);
    let side = width * scale + 2 * margin;
    let mut pixels = vec![225_u8; side * side];
    for (number, module) in modules.iter().enumerate() {
        if *module == qrcode::Color::Dark {
            let (left, top) = (margin + number % width * scale, margin + number / width * scale);
            for y in top..top + scale {
                pixels[y * side + left..y * side + left + scale].fill(30);
            }
        }
    }
    png(side, &pixels)
}

fn blank() -> Vec<u8> {
    png(200, &[200; 200 * 200])
}

fn png(side: usize, pixels: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let side = u32::try_from(side).unwrap();
    let mut encoder = png::Encoder::new(&mut octets, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    octets
}
