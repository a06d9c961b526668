//! Everything that sealing can be asked for, with the real binary and its real client, judged by foreign programs.

use std::path::Path;
use std::time::Duration;

use support::process::{eventually, run};
use support::{Appliance, Client, Setup, corpus, judges};

use crate::{PLACE, ready, small_pdf};

const FONT: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

/// An appliance with everything configured that a seal can show or carry, two seals and one approval system.
fn equipped() -> (Appliance, Client) {
    let mut appliance = Appliance::init(Setup::default());
    appliance.configure_more("[timestamps]\npolicy = \"0.4.0.2023.1.1\"\n");
    let more = format!(
        "seals_per_request = 16\nfont = \"{FONT}\"\nverification_url = \"https://verify.example/r/\""
    );
    appliance.configure("seals_per_request = 16", &more);
    appliance.configure("font_index = 0", "font_index = 2");
    appliance.serve();
    appliance.unseal();
    appliance.seal_record("bureau-seal");
    appliance.seal_record("second-seal");
    let client = appliance.approval_system("approval");
    (appliance, client)
}

/// A multipart body with this order and document.
fn form(order: &str, document: &[u8]) -> Vec<u8> {
    let part = |name: &str| format!("--frontier\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
    let head = format!("{}{order}\r\n{}", part("request"), part("document"));
    [head.as_bytes(), document, b"\r\n--frontier--\r\n"].concat()
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

/// Two pages, the first with an empty signature field `Approval` and a text field `note`.
fn with_fields() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R 4 0 R]>>>>",
        "<</Type/Pages/Kids[5 0 R 6 0 R]/Count 2>>",
        "<</FT/Sig/T(Approval)/Type/Annot/Subtype/Widget/Rect[300 100 420 220]/F 4/P 5 0 R>>",
        "<</FT/Tx/T(note)/DA(/Helv 0 Tf)/Type/Annot/Subtype/Widget/Rect[50 50 150 70]/F 4/P 5 0 R>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Annots[3 0 R 4 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ];
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = String::from("xref\n0 7\n0000000000 65535 f \n");
    for (number, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).bytes());
    }
    let at = out.len();
    out.extend(format!("{table}trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n").bytes());
    out
}

#[test]
fn every_parameter_is_accepted_by_foreign_judges() {
    let (appliance, client) = equipped();
    let (root, folder) = (appliance.certificate("root"), corpus::scratch());
    let place = "page=1&x_mm=20&y_mm=30";
    for (name, query, red) in [
        ("field", "place=field&field=Approval".to_owned(), vec![1]),
        ("new-field", format!("field=Named&{place}"), vec![1]),
        ("certified", format!("certify=2&{place}"), vec![1]),
        ("locked", format!("lock=include&lock_fields=note&{place}"), vec![1]),
        ("lines", format!("{place}&lines=signer,time,record&lines_language=both"), vec![1]),
        ("reason", format!("{place}&lines=reason&reason={}", support::client::encode("准予许可")), vec![1]),
        ("link", format!("{place}&qr=true"), vec![1]),
        ("paging", "paging=right".to_owned(), vec![1, 2]),
        ("paging-and-place", format!("paging=left&{place}"), vec![1, 2]),
        ("invisible", "place=invisible".to_owned(), vec![]),
    ] {
        let sealed = folder.path().join(format!("{name}.pdf"));
        let answer = client.seal(&format!("seal=bureau-seal&{query}"), with_fields()).is(201);
        std::fs::write(&sealed, &answer.body).unwrap();
        judges::pdfsig_accepts(&sealed, 1);
        judges::pyhanko_accepts(&sealed, &root);
        judges::openssl_accepts(&sealed, &root);
        for page in [1, 2] {
            let seen = judges::red_pixels(&sealed, page) > 20;
            assert_eq!(seen, red.contains(&page), "{name}: page {page}");
        }
    }
    let text = run("pdftotext", [shown(folder.path().join("reason.pdf")), "-".to_owned()]).ok();
    assert!(text.stdout.contains("事由：准予许可"), "the lines are text: {}", text.stdout);
}

#[test]
fn every_level_is_reached_and_seen_by_foreign_judges() {
    let (appliance, client) = equipped();
    let (root, folder) = (appliance.certificate("root"), corpus::scratch());
    for level in ["b-t", "b-lt", "b-lta"] {
        let sealed = folder.path().join(format!("{level}.pdf"));
        let answer = client.seal(&format!("{PLACE}&level={level}"), small_pdf()).is(201);
        std::fs::write(&sealed, &answer.body).unwrap();
        // pdfsig does not verify document time-stamps, it only lists them.
        let done = run("pdfsig", [Path::new("-nocert"), &sealed]);
        assert_eq!(done.stdout.matches("Signature is Valid.").count(), 1, "{level}: {}", done.told());
        let verdicts = judges::pyhanko(&sealed, &root).json();
        assert_eq!(
            (&verdicts[0]["valid"], &verdicts[0]["intact"]),
            (&true.into(), &true.into()),
            "{verdicts}"
        );
        let has = |text: &str| answer.body.windows(text.len()).any(|window| window == text.as_bytes());
        assert_eq!((has("/DSS"), has("/DocTimeStamp")), (level != "b-t", level == "b-lta"), "{level}");
        let record = client.get(answer.header("location")).is(200).json();
        assert_eq!(
            (&record["level"], record["result_length"].as_u64()),
            (&level.into(), Some(answer.body.len() as u64))
        );
        let kind = [("content-type", "application/pdf")];
        let report = client.call("POST", "/v1/documents/verify", &kind, answer.body.clone()).is(200).json();
        let said = report["signatures"][0]["level"].as_str().unwrap_or_default().to_lowercase();
        assert_eq!(said, level, "{report:#}");
    }
}

#[test]
fn several_bodies_seal_in_one_request_and_foreign_judges_see_each() {
    let (appliance, client) = equipped();
    let (root, folder) = (appliance.certificate("root"), corpus::scratch());
    let sealed = folder.path().join("sealed.pdf");
    let order = r#"{"level":"b-t","seals":[
        {"seal":"bureau-seal","page":1,"x_mm":20,"y_mm":30,"case_number":"2026-1"},
        {"seal":"second-seal","page":1,"x_mm":120,"y_mm":30},
        {"seal":"second-seal","place":"field","field":"Approval"}]}"#;
    let headers = [("content-type", "multipart/form-data; boundary=frontier")];
    let answer = client.call("POST", "/v1/documents/seal", &headers, form(order, &with_fields())).is(201);
    std::fs::write(&sealed, &answer.body).unwrap();
    // pdfsig lists them in the order of the fields, of which the last that was signed is the first.
    let done = run("pdfsig", [Path::new("-nocert"), &sealed]);
    assert_eq!(done.stdout.matches("Signature is Valid.").count(), 3, "{}", done.told());
    assert_eq!(done.stdout.matches("- Total document signed").count(), 1, "{}", done.told());
    judges::openssl_accepts(&sealed, &root);
    let verdicts = judges::pyhanko(&sealed, &root).json();
    for verdict in verdicts.as_array().unwrap() {
        assert_eq!((&verdict["intact"], &verdict["valid"]), (&true.into(), &true.into()), "{verdicts}");
    }
    assert_eq!(appliance.sql("SELECT count(*) FROM seal_uses"), ["3"]);
    appliance.audit_verify(&[]).ok();
}

#[test]
fn the_command_line_seals_many_files_and_tells_which_failed() {
    let (appliance, _) = ready();
    let folder = corpus::scratch();
    let inputs: Vec<String> = ["reportlab-single", "truncated", "chromium", "image-1m"]
        .map(|name| shown(corpus::named(name).path()))
        .into();
    let out = shown(folder.path().join("sealed"));
    let arguments = |more: &[&str]| -> Vec<String> {
        let fixed =
            ["--out-dir", &out, "--seal", "bureau-seal", "--page", "1", "--x-mm", "20", "--y-mm", "30"];
        let mut all = vec!["seal".to_owned()];
        all.extend(inputs.iter().cloned());
        all.extend(fixed.iter().chain(more).map(|word| (*word).to_owned()));
        all
    };
    let call = |more: &[&str]| {
        let all = arguments(more);
        appliance.cli_as("approval", &all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let done = call(&["--json"]).exits(1);
    let told = done.json();
    assert_eq!((&told["sealed"], &told["failed"]), (&3.into(), &1.into()), "{told:#}");
    assert_eq!(told["files"][1]["problem"]["type"], "urn:cinnabar:problem:pdf-truncated", "{told:#}");
    for (index, input) in inputs.iter().enumerate() {
        let sealed = folder.path().join("sealed").join(Path::new(input).file_name().unwrap());
        assert_eq!(sealed.exists(), index != 1, "{input}");
        if index != 1 {
            judges::pdfsig_accepts(&sealed, 1);
            assert_eq!(told["files"][index]["output"], shown(&sealed));
        }
    }
    let done = call(&[]).exits(1);
    assert!(done.stderr.contains("--force"), "{}", done.told());
    assert_eq!(appliance.sql("SELECT count(*) FROM seal_uses"), ["3"], "nothing was sent a second time");
}

#[test]
fn the_document_stays_here_and_foreign_judges_accept_what_comes_of_it() {
    let (appliance, client) = equipped();
    let (root, folder) = (appliance.certificate("root"), corpus::scratch());
    let path = |name: &str| shown(folder.path().join(name));
    let input = shown(corpus::named("chromium").path());
    let place = ["--seal", "bureau-seal", "--page", "1", "--x-mm", "20", "--y-mm", "220", "--two-phase"];
    for level in ["b-b", "b-t"] {
        let sealed = path(&format!("{level}.pdf"));
        let more = ["--level", level, "--lines", "signer,time", "--font", FONT, "--font-index", "2"];
        appliance.cli_as("approval", &[&["seal", &input, &sealed], &place[..], &more].concat()).ok();
        judges::pdfsig_accepts(Path::new(&sealed), 1);
        judges::pyhanko_accepts(Path::new(&sealed), &root);
        assert!(judges::red_pixels(Path::new(&sealed), 1) > 200);
    }
    assert_eq!(appliance.sql("SELECT DISTINCT kind FROM seal_uses"), ["two-phase"]);

    // The same by hand: prepare, have the digest signed, embed in place.
    let (own, prepared, cms) = (path("own.pdf"), path("prepared.json"), path("cms.der"));
    std::fs::copy(&input, &own).unwrap();
    let told =
        appliance.cli(&["pdf", "prepare", &own, "--out", &prepared, "--size", "6000", "--json"]).ok().json();
    let (digest, before) = (told["digest"].as_str().unwrap(), std::fs::read(&own).unwrap());
    let query = format!(
        "seal=bureau-seal&digest={digest}&algorithm=sha-256&document_digest={}&document_length={}",
        sha256(&before),
        before.len()
    );
    let answer = client.call("POST", &format!("/v1/documents/sign-digest?{query}"), &[], Vec::new()).is(201);
    std::fs::write(&cms, &answer.body).unwrap();
    std::fs::write(path("other.pdf"), small_pdf()).unwrap();
    let other =
        appliance.cli(&["pdf", "embed", &path("other.pdf"), &prepared, "--cms", &cms, "--in-place"]).exits(1);
    assert!(other.stderr.contains("not the document"), "{}", other.told());
    assert_eq!(std::fs::read(path("other.pdf")).unwrap(), small_pdf(), "left as it was");
    appliance.cli(&["pdf", "embed", &own, &prepared, "--cms", &cms, "--in-place"]).ok();
    assert!(std::fs::read(&own).unwrap().starts_with(&before));
    judges::pdfsig_accepts(Path::new(&own), 1);
    judges::pyhanko_accepts(Path::new(&own), &root);
    let again = appliance.cli(&["pdf", "embed", &own, &prepared, "--cms", &cms, "--in-place"]).exits(1);
    assert!(again.stderr.contains("not the document"), "once only: {}", again.told());
}

#[test]
fn what_a_batch_answered_before_kill_9_is_in_the_log() {
    let (mut appliance, client) = ready();
    let part = |name: &str| format!("--frontier\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
    let mut body =
        format!("{}{{\"seal\":\"bureau-seal\",\"page\":1,\"x_mm\":20,\"y_mm\":30}}\r\n", part("request"))
            .into_bytes();
    for _ in 0..150 {
        body.extend(part("document").bytes());
        body.extend(small_pdf());
        body.extend(b"\r\n");
    }
    body.extend(b"--frontier--\r\n");
    let headers = [("content-type", "multipart/form-data; boundary=frontier")];
    let request = support::client::request("POST", "/v1/documents/seal-batch", &headers, body.into());
    let (sender, received) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        support::client::blocking(async {
            let mut connection = client.connect().await.unwrap();
            let mut answer = connection.begin(request).await.unwrap();
            while let Some(chunk) = answer.next().await {
                let _ = sender.send(chunk);
            }
        });
    });
    let mut answered = Vec::new();
    let first = received.recv_timeout(Duration::from_secs(60)).expect("the first part of the answer");
    answered.extend_from_slice(&first);
    for _ in 0..3 {
        answered.extend(received.recv_timeout(Duration::from_secs(20)).unwrap_or_default());
    }
    appliance.kill();
    reader.join().unwrap();
    received.try_iter().for_each(|chunk| answered.extend_from_slice(&chunk));
    let text = String::from_utf8_lossy(&answered);
    let told: Vec<&str> =
        text.split("cinnabar-leaf: ").skip(1).filter_map(|rest| rest.split("\r\n").next()).collect();
    assert!(!told.is_empty(), "nothing was answered: {} octets", answered.len());
    assert!(told.len() < 150, "all was answered before the end came");
    appliance.serve();
    appliance.unseal();
    let logged = eventually("the rows", Duration::from_secs(20), || {
        Some(appliance.sql("SELECT leaf FROM seal_uses ORDER BY leaf")).filter(|rows| !rows.is_empty())
    });
    for leaf in &told {
        assert!(logged.iter().any(|row| row == leaf), "leaf {leaf} was answered and is not on record");
    }
    appliance.audit_verify(&[]).ok();
}

fn sha256(octets: &[u8]) -> String {
    crypto::DigestAlgorithm::Sha256.digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}
