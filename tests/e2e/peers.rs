//! The judges themselves: they accept what is good and notice what is not, or their agreement would mean nothing.

use std::path::Path;

use support::{corpus, judges, postgres, tools};

fn anchor() -> std::path::PathBuf {
    corpus::folder().join("pyhanko-root.pem")
}

#[test]
fn judges_accept_a_signature_made_by_pyhanko() {
    let file = corpus::named("signed-pyhanko").path();
    judges::pdfsig_accepts(&file, 1);
    judges::pyhanko_accepts(&file, &anchor());
    judges::openssl_accepts(&file, &anchor());
    judges::qpdf_finds_nothing_new(&corpus::named("chromium").path(), &file);
}

#[test]
fn judges_refuse_one_changed_octet() {
    let folder = corpus::scratch();
    let file = folder.path().join("changed.pdf");
    let mut data = corpus::named("signed-pyhanko").read();
    let at = judges::find_last(&data, b"/MediaBox").expect("a page") + 11;
    data[at] ^= 1;
    std::fs::write(&file, data).unwrap();
    let refused = |judge: fn(&Path)| {
        let file = file.clone();
        std::panic::catch_unwind(move || judge(&file)).is_err()
    };
    assert!(refused(|file| judges::pdfsig_accepts(file, 1)), "pdfsig");
    assert!(refused(|file| judges::pyhanko_accepts(file, &anchor())), "pyHanko");
    assert!(refused(|file| judges::openssl_accepts(file, &anchor())), "openssl");
}

#[test]
fn the_corpus_holds_every_kind_of_real_input() {
    let all = corpus::all();
    for kind in ["plain", "signed", "encrypted", "damaged"] {
        assert!(all.iter().any(|entry| entry.kind == kind), "no {kind} file");
    }
    for size in [20_000_000, 100_000_000] {
        assert!(all.iter().any(|entry| entry.bytes >= size), "no file of {size} octets");
    }
    assert!(
        all.iter().all(|entry| std::fs::metadata(entry.path()).is_ok_and(|meta| meta.len() == entry.bytes))
    );
}

#[test]
fn a_private_postgresql_starts_and_ends_with_its_value() {
    let server = postgres::Postgres::start();
    let url = server.database("one");
    assert!(url.starts_with("postgres://cinnabar@"));
    assert_eq!(server.psql("one", "SELECT 6 * 7").ok().stdout.trim(), "42");
    let pid = server.pid();
    drop(server);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn the_other_tools_accept_what_is_sound_and_refuse_one_changed_octet() {
    let folder = corpus::scratch();
    let good = corpus::named("signed-pyhanko").path();
    let mut data = corpus::named("signed-pyhanko").read();
    let at = judges::find_last(&data, b"/MediaBox").expect("a page") + 11;
    data[at] ^= 1;
    let bad = folder.path().join("changed.pdf");
    std::fs::write(&bad, data).unwrap();
    for (tool, opinion) in tools::opinions(&good, &anchor()) {
        assert_eq!(opinion, tools::Opinion::Accepts, "{tool}");
    }
    for (tool, opinion) in tools::opinions(&bad, &anchor()) {
        assert_eq!(opinion, tools::Opinion::Refuses, "{tool}");
    }
    for (tool, opinion) in tools::opinions(&corpus::named("plain-31k").path(), &anchor()) {
        assert_eq!(opinion, tools::Opinion::FindsNone, "{tool}");
    }
}

#[test]
fn the_other_signers_sign() {
    let folder = corpus::scratch();
    let credential = tools::Credential::make(folder.path(), "rsa:2048");
    let plain = corpus::named("plain-31k").path();
    let signed = folder.path().join("signed.pdf");
    tools::sign_with_pdfbox(&plain, &signed, &credential, Some(2));
    assert_eq!(tools::pdfsig(&signed), tools::Opinion::Accepts);
    tools::sign_with_signpdf(&plain, &signed, &credential);
    assert_eq!(tools::pdfsig(&signed), tools::Opinion::Accepts);
}
