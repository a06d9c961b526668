//! The main job: real PDFs made by other programs come back sealed, and foreign programs agree.

use std::path::Path;

use support::{client, corpus, judges};

use crate::{PLACE, holds, ready, small_pdf};

#[test]
fn what_other_programs_wrote_is_sealed_and_foreign_judges_agree() {
    let (appliance, client) = ready();
    let root = appliance.certificate("root");
    let folder = corpus::scratch();
    let mut failures = Vec::new();
    let all = corpus::of_kind("plain").into_iter();
    for entry in all.filter(|entry| entry.bytes < 50_000_000 && entry.name != "leading-junk") {
        let sealed = folder.path().join(&entry.file);
        let judged = holds(|| {
            let answer = client.seal(PLACE, entry.read()).is(201);
            assert_eq!(answer.header("content-type"), "application/pdf");
            assert!(answer.body.starts_with(&entry.read()), "the original is not rewritten");
            std::fs::write(&sealed, &answer.body).unwrap();
            accepted(&entry.path(), &sealed, &root, 1);
        });
        if !judged {
            failures.push(entry.name);
        }
    }
    assert!(failures.is_empty(), "not sealed or not accepted: {failures:?} (their messages stand above)");
}

#[test]
fn junk_before_the_header_is_kept_and_signed_over() {
    // pyHanko does not open such a file at all, signed or not: it is no judge here.
    let (appliance, client) = ready();
    let (entry, folder) = (corpus::named("leading-junk"), corpus::scratch());
    let sealed = folder.path().join("sealed.pdf");
    let answer = client.seal(PLACE, entry.read()).is(201);
    assert!(answer.body.starts_with(&entry.read()));
    std::fs::write(&sealed, &answer.body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::openssl_accepts(&sealed, &appliance.certificate("root"));
    judges::qpdf_finds_nothing_new(&entry.path(), &sealed);
}

#[test]
fn a_document_signed_by_another_program_keeps_its_signature() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let mut failures = Vec::new();
    for entry in corpus::of_kind("signed").into_iter().filter(|entry| entry.name.starts_with("signed-")) {
        let sealed = folder.path().join(&entry.file);
        let before = if entry.name == "signed-pyhanko-twice" { 2 } else { 1 };
        let judged = holds(|| {
            let answer = client.seal(PLACE, entry.read()).is(201);
            std::fs::write(&sealed, &answer.body).unwrap();
            judges::pdfsig_accepts(&sealed, before + 1);
            judges::openssl_accepts(&sealed, &appliance.certificate("root"));
            judges::qpdf_finds_nothing_new(&entry.path(), &sealed);
            let verdicts = judges::pyhanko(&sealed, &appliance.certificate("root")).ok().json();
            for verdict in verdicts.as_array().unwrap() {
                assert_eq!(
                    (&verdict["intact"], &verdict["valid"]),
                    (&true.into(), &true.into()),
                    "{verdict}"
                );
            }
        });
        if !judged {
            failures.push(entry.name);
        }
    }
    assert!(failures.is_empty(), "not sealed or not accepted: {failures:?} (their messages stand above)");
}

#[test]
fn a_certified_document_that_allows_no_change_is_not_sealed() {
    let (_appliance, client) = ready();
    let answer = client.seal(PLACE, corpus::named("certified-pyhanko-locked").read()).is(422);
    assert_eq!(answer.problem(), "pdf-forbids");
}

#[test]
fn the_seal_is_seen_where_it_was_asked_for() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let plain = corpus::named("chromium");
    assert_eq!(judges::red_pixels(&plain.path(), 1), 0);
    for (name, place) in [
        ("page", "page=1&x_mm=120&y_mm=220".to_owned()),
        ("keyword", format!("keyword={}", client::encode("（盖章）"))),
    ] {
        let sealed = folder.path().join(format!("{name}.pdf"));
        let answer = client.seal(&format!("seal=bureau-seal&{place}"), plain.read()).is(201);
        std::fs::write(&sealed, &answer.body).unwrap();
        assert!(judges::red_pixels(&sealed, 1) > 200, "{name}: no red seal on the page");
        assert_eq!(judges::red_pixels(&sealed, 2), 0, "{name}: nothing on the other page");
        accepted(&plain.path(), &sealed, &appliance.certificate("root"), 1);
    }
}

#[test]
fn rotated_and_cropped_pages_show_the_seal_upright_inside() {
    let (_appliance, client) = ready();
    let folder = corpus::scratch();
    for (name, page) in [("rotated", 1), ("rotated", 2), ("rotated", 3), ("rotated", 4), ("cropped", 1)] {
        let sealed = folder.path().join(format!("{name}-{page}.pdf"));
        let place = format!("seal=bureau-seal&page={page}&x_mm=20&y_mm=20");
        std::fs::write(&sealed, &client.seal(&place, corpus::named(name).read()).is(201).body).unwrap();
        let (width, height, pixels) = judges::rendered(&sealed, page);
        // Rendered at 40 dpi: the seal of 42 mm lies 20 mm from the upper left corner of the page as seen.
        let inside = |x: u32, y: u32| (25..105).contains(&x) && (25..105).contains(&y);
        let mut seen = 0;
        for (index, pixel) in pixels.chunks(3).enumerate() {
            let (x, y) = (u32::try_from(index).unwrap() % width, u32::try_from(index).unwrap() / width);
            if pixel[0] > 140 && pixel[1] < 110 && pixel[2] < 110 {
                assert!(inside(x, y), "{name} page {page}: red at {x},{y} of {width}x{height}");
                seen += 1;
            }
        }
        assert!(seen > 200, "{name} page {page}: no red seal");
    }
}

#[test]
fn the_command_line_seals_and_our_verifier_agrees_offline() {
    let (mut appliance, _) = ready();
    let folder = corpus::scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (sealed, receipt, crl) = (path("sealed.pdf"), path("sealed.receipt"), path("seals-ca.crl"));
    let input = corpus::named("chromium").path().display().to_string();
    let place =
        ["--seal", "bureau-seal", "--page", "1", "--x-mm", "120", "--y-mm", "220", "--receipt", &receipt];
    appliance.cli_as("approval", &[&["seal", &input, &sealed], &place[..]].concat()).ok();
    let url = format!("http://127.0.0.1:{}/crl/seals-ca.crl", appliance.public_port);
    support::process::run("curl", ["-fsS", "-o", &crl, &url]).ok();
    appliance.stop();

    let root = appliance.certificate("root").display().to_string();
    let report =
        appliance.cli(&["verify", &sealed, "--trust-anchor", &root, "--crl", &crl, "--json"]).ok().json();
    let signature = &report["signatures"][0];
    for (member, expected) in [
        ("kind", "signature"),
        ("integrity", "intact"),
        ("coverage", "file"),
        ("trust", "trusted"),
        ("level", "B-B"),
        ("indication", "TOTAL-PASSED"),
    ] {
        assert_eq!(signature[member], expected, "{report}");
    }
    assert_eq!(signature["changes_allowed"], true, "{report}");
    let log_key = appliance.log_key().display().to_string();
    appliance.cli(&["receipt", "verify", &receipt, "--log-key", &log_key]).ok();

    let without_crl = appliance.cli(&["verify", &sealed, "--trust-anchor", &root, "--json"]);
    without_crl.exits(4);
    appliance.cli(&["verify", &input, "--trust-anchor", &root]).exits(5);
    let garbage = corpus::named("garbage").path().display().to_string();
    appliance.cli(&["verify", &garbage, "--trust-anchor", &root]).exits(6);
    let mut altered = std::fs::read(&sealed).unwrap();
    let at = judges::find_last(&altered, b"/MediaBox").unwrap() + 11;
    altered[at] ^= 1;
    std::fs::write(&sealed, altered).unwrap();
    appliance.cli(&["verify", &sealed, "--trust-anchor", &root, "--crl", &crl]).exits(3);
}

#[test]
fn curl_and_a_credential_folder_are_enough() {
    let (appliance, _) = ready();
    let (credential, folder) = (appliance.credential("approval").0, corpus::scratch());
    let (sealed, input) = (folder.path().join("out.pdf"), corpus::named("form").path());
    let mut curl = std::process::Command::new("curl");
    curl.args(["-fsS", "-H", "content-type: application/pdf", "-H", "idempotency-key: by-curl"]);
    for (option, file) in [("--cacert", "root.pem"), ("--cert", "certificate.pem"), ("--key", "key.pem")] {
        curl.arg(option).arg(credential.join(file));
    }
    curl.arg("--data-binary").arg(format!("@{}", input.display())).arg("-o").arg(&sealed);
    curl.arg(format!("https://localhost:{}/v1/documents/seal?{PLACE}", appliance.port));
    support::process::finish(curl).ok();
    accepted(&input, &sealed, &appliance.certificate("root"), 1);
}

#[test]
fn a_repeated_request_is_answered_the_same_and_seals_once() {
    let (appliance, client) = ready();
    let headers = [("content-type", "application/pdf"), ("idempotency-key", "case-2026-0042")];
    let send = || client.call("POST", &format!("/v1/documents/seal?{PLACE}"), &headers, small_pdf()).is(201);
    let (first, second) = (send(), send());
    assert_eq!(first.body, second.body);
    assert_eq!(first.leaf(), second.leaf());
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(appliance.sql("SELECT count(*) FROM seal_uses"), ["1"]);
}

#[test]
fn the_api_says_what_it_is() {
    let (_appliance, client) = ready();
    let document = client.get("/v1/openapi.json").is(200).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{document}");
    assert!(document["paths"]["/v1/documents/seal"]["post"].is_object(), "{document}");
    let ipv6 = client.clone().ipv6().get("/v1/seals").is(200).json();
    assert!(ipv6.to_string().contains("bureau-seal"), "{ipv6}");
}

/// All foreign judges accept `sealed`, made from `original`.
#[track_caller]
fn accepted(original: &Path, sealed: &Path, root: &Path, signatures: usize) {
    judges::pdfsig_accepts(sealed, signatures);
    judges::pyhanko_accepts(sealed, root);
    judges::openssl_accepts(sealed, root);
    judges::qpdf_finds_nothing_new(original, sealed);
}
