//! The published attacks on PDF signatures: what `cinnabar verify` says of each, and beside it what the other
//! programs of the field say. The table is `tests/support/attack-table.txt`, made anew by `CINNABAR_BLESS=1`.
//!
//! Nothing in it depends on the day: ours and pyHanko judge at one fixed moment, poppler, PDFBox with
//! BouncyCastle and mupdf are asked about integrity and coverage only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::support::process::{finish, run};
use ::support::tools::{self, Opinion};
use ::support::{appliance, corpus};
use serde_json::Value;

#[path = "../../src/pdf/tests/verify/later.rs"]
#[allow(dead_code, reason = "the makers use a part of it")]
mod later;
#[path = "../../src/pdf/tests/support/attacks/mod.rs"]
mod made;
#[path = "../../src/pdf/tests/verify/people.rs"]
#[allow(dead_code, reason = "the makers use a part of it")]
mod people;
#[path = "../../src/pdf/tests/support/mod.rs"]
mod support;

/// Where the files lie, with what `cinnabar verify` needs.
struct Lair {
    folder: tempfile::TempDir,
}

impl Lair {
    fn new() -> Self {
        let folder = corpus::scratch();
        let people = people::people();
        std::fs::write(folder.path().join("root.pem"), people.root.certificate.to_pem()).unwrap();
        for (number, crl) in people.crls.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number}.crl")), crl.der()).unwrap();
        }
        Self { folder }
    }

    /// Writes a file; with `CINNABAR_ATTACKS=FOLDER` one more copy for whoever wants to look at it.
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.pdf"));
        std::fs::write(&path, bytes).unwrap();
        if let Some(folder) = std::env::var_os("CINNABAR_ATTACKS") {
            std::fs::write(Path::new(&folder).join(format!("{name}.pdf")), bytes).unwrap();
        }
        path
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Exit code and report of `cinnabar verify`.
    fn cinnabar(&self, file: &Path) -> (i32, Value) {
        let mut command = Command::new(appliance::binary());
        command.current_dir(self.folder.path()).arg("verify").arg(file);
        command.args(["--trust-anchor", "root.pem", "--crl", "0.crl", "1.crl"]);
        command.args(["--at", "2026-11-22T00:00:00Z", "--json"]);
        let done = finish(command);
        (done.code.unwrap_or(-1), done.json())
    }

    /// pyHanko at the same moment, in one process.
    fn pyhanko(&self, files: &[PathBuf]) -> BTreeMap<String, Opinion> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/support/judge_all_with_pyhanko.py");
        let mut command = Command::new(corpus::python().join("python"));
        command.arg(script).arg(self.root()).arg(people::NOW.to_string()).args(files);
        opinions(&finish(command).ok().stdout, &["valid", "bottom_line"], |last| {
            last["coverage"] == "ENTIRE_FILE"
        })
    }

    /// PDFBox and BouncyCastle, in one process.
    fn pdfbox(&self, files: &[PathBuf]) -> BTreeMap<String, Opinion> {
        let root = self.root();
        let head = ["judge-all".as_ref(), root.as_os_str()];
        let done = tools::java(head.into_iter().chain(files.iter().map(|file| file.as_os_str())));
        opinions(&done.ok().stdout, &["intact"], |last| last["whole"] == true)
    }
}

/// poppler, where a field nobody signed is no signature.
fn pdfsig(file: &Path) -> Opinion {
    let said = run("pdfsig", [Path::new("-nocert"), file]).told();
    let fields = said.matches("\nSignature #").count();
    let signatures = fields - said.matches("signature form field is not signed").count();
    let valid = said.matches("Signature Validation: Signature is Valid.").count();
    let whole = said.contains("\n  - Total document signed");
    match (signatures, valid) {
        _ if said.contains("does not contain any signatures") => Opinion::FindsNone,
        (0, _) if fields > 0 => Opinion::FindsNone,
        (0, _) => Opinion::Fails,
        (all, valid) if valid < all => Opinion::Refuses,
        _ if whole => Opinion::Accepts,
        _ => Opinion::Warns,
    }
}

/// mupdf, the same; it trusts none of our roots, so that is left out.
fn mutool(file: &Path) -> Opinion {
    let done = run("mutool", [Path::new("sign"), Path::new("-v"), file]);
    let said = done.told();
    let fields = said.matches("Verifying signature").count();
    let signatures = fields - said.matches("Signature is not signed").count();
    let whole = said.matches("document is unchanged since signing").count();
    let edited = said.matches("there have been edits since signing").count();
    match signatures {
        0 if fields > 0 || done.code == Some(0) => Opinion::FindsNone,
        0 => Opinion::Fails,
        all if whole + edited < all => Opinion::Refuses,
        _ if whole > 0 => Opinion::Accepts,
        _ => Opinion::Warns,
    }
}

/// One word per file from a program that judged them all.
fn opinions(lines: &str, claims: &[&str], covers: impl Fn(&Value) -> bool) -> BTreeMap<String, Opinion> {
    let opinion = |signatures: &Value| {
        let Some(signatures) = signatures.as_array() else { return Opinion::Fails };
        let all = |claim: &&str| signatures.iter().all(|signature| signature[*claim] == true);
        match signatures.last() {
            None => Opinion::FindsNone,
            Some(_) if !claims.iter().all(all) => Opinion::Refuses,
            Some(_) if signatures.iter().any(&covers) => Opinion::Accepts,
            Some(_) => Opinion::Warns,
        }
    };
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    lines.map(|line| (line["file"].as_str().unwrap().to_owned(), opinion(&line["signatures"]))).collect()
}

#[test]
fn every_attack_is_flagged_and_the_table_says_who_else_notices() {
    let lair = Lair::new();
    let mut rows = Vec::new();
    let mut missed = Vec::new();
    for attack in made::all() {
        let name = format!("{}-{}", attack.group, attack.name);
        let file = lair.write(&name, &attack.bytes);
        let (exit, report) = lair.cinnabar(&file);
        if exit != i32::from(attack.exit) || !report.to_string().contains(attack.because) {
            missed.push(format!("{name}: exit {exit}: {report}"));
        }
        rows.push((name, file, exit));
    }
    for honest in made::honest() {
        let name = format!("honest-{}", honest.name);
        let file = lair.write(&name, &honest.bytes);
        let (exit, report) = lair.cinnabar(&file);
        if exit != 0 {
            missed.push(format!("{name}: exit {exit}: {report}"));
        }
        rows.push((name, file, exit));
    }
    let files: Vec<PathBuf> = rows.iter().map(|(_, file, _)| file.clone()).collect();
    let (pyhanko, pdfbox) = (lair.pyhanko(&files), lair.pdfbox(&files));
    let mut table = String::from(HEAD);
    let mut accepted = BTreeMap::<&str, usize>::new();
    for (name, file, exit) in &rows {
        let own = file.file_name().unwrap().to_string_lossy().into_owned();
        let cinnabar = match exit {
            0 if name.starts_with("honest-") => "accepts",
            0 => "lowers",
            3 => "refuses",
            4 => "undecided",
            _ => "fails",
        };
        let others = [pdfsig(file), pyhanko[&own], pdfbox[&own], mutool(file)].map(Opinion::word);
        for (tool, word) in tools::TOOLS.into_iter().zip(others) {
            *accepted.entry(tool).or_default() +=
                usize::from(word == "accepts" && !name.starts_with("honest-"));
        }
        let [pdfsig, pyhanko, pdfbox, mutool] = others;
        writeln!(table, "{name:<58} {cinnabar:<10} {pdfsig:<8} {pyhanko:<8} {pdfbox:<8} {mutool}").unwrap();
    }
    writeln!(table, "\n# attacks accepted without a word: {accepted:?}").unwrap();
    print!("{table}");
    assert!(missed.is_empty(), "not flagged as they deserve:\n{}", missed.join("\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/support/attack-table.txt");
    if std::env::var_os("CINNABAR_BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    let new: Vec<&str> = table.lines().filter(|line| !known.lines().any(|other| other == *line)).collect();
    let gone: Vec<&str> = known.lines().filter(|line| !table.lines().any(|other| other == *line)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "the table changed (CINNABAR_BLESS=1 makes it anew)\nnow {new:#?}\nbefore {gone:#?}"
    );
}

#[test]
fn inspecting_shows_what_an_attack_hides() {
    let lair = Lair::new();
    let inspect = |name: &str, bytes: &[u8], more: &[&str]| {
        let file = lair.write(name, bytes);
        run(appliance::binary(), [&["pdf", "inspect", &file.display().to_string()], more].concat())
    };
    let attack =
        made::group("shadow").into_iter().find(|a| a.name == "hidden-object-no-table-mentions").unwrap();
    let report = inspect("hidden", &attack.bytes, &["--json"]).exits(3).json();
    let hidden: Vec<&Value> =
        report["objects"].as_array().unwrap().iter().filter(|object| object["status"] == "hidden").collect();
    assert_eq!((hidden.len(), &hidden[0]["object"], &hidden[0]["revision"]), (1, &4.into(), &3.into()));
    let told = inspect("hidden", &attack.bytes, &[]).exits(3).stdout;
    assert!(told.contains("hidden") && told.contains("revision 3"), "{told}");
    let sound = later::signed_page();
    let report = inspect("sound", &sound, &["--json"]).ok().json();
    assert_eq!(report["revisions"].as_array().unwrap().len(), 2);
    let cut = inspect("sound", &sound, &["--json", "--objects", "2"]).ok().json();
    assert_eq!((cut["objects"].as_array().unwrap().len(), &cut["truncated"]), (2, &true.into()));
    inspect("nothing", b"no PDF", &[]).exits(6);
}

const HEAD: &str = "\
# What each program says of each attack file (src/pdf/tests/support/attacks), made by the end-to-end test
# `every_attack_is_flagged_and_the_table_says_who_else_notices`; CINNABAR_BLESS=1 makes it anew.
#
# cinnabar: refuses (exit 3), undecided (4), fails (6: unreadable), lowers (0, but a lower level with its reason), accepts (0).
# The others: accepts; warns (signature holds, not all of the file is covered or something changed); refuses; none (finds no
# signature); fails (cannot read the file). pdfsig, PDFBox and mutool compare no revisions: for them an update after the
# signature is at most worth a warning.
#
# attack                                                   cinnabar   pdfsig   pyhanko  pdfbox   mutool
";
