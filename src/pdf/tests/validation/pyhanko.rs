//! pyHanko's AdES validation of the same documents, and the table of both verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use pki::Indication;
use pki::validation::Process;
use serde_json::{Value, json};

use super::cases::{Case, Outcome};

/// What pyHanko says of each case in the process the case names; `OK` stands for a pass.
pub fn judge(cases: &[Case]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    let mut put = |octets: &[u8], ending: &str| {
        written += 1;
        let path = folder.path().join(format!("{written}.{ending}"));
        std::fs::write(&path, octets).unwrap();
        path.display().to_string()
    };
    let mut asked: Vec<Value> = Vec::new();
    for case in cases {
        let mut all = |items: &[Vec<u8>]| items.iter().map(|der| put(der, "der")).collect::<Vec<_>>();
        let anchors: Vec<Vec<u8>> = case.anchors.iter().map(|anchor| anchor.der().to_vec()).collect();
        let (anchors, crls, ocsps) = (all(&anchors), all(&case.crls), all(&case.ocsps));
        asked.push(json!({
            "name": case.name, "at": case.at, "anchors": anchors, "certificates": [], "crls": crls, "ocsps": ocsps,
            "ends": case.ends.iter().copied().collect::<BTreeMap<_, _>>(),
            "file": match &case.detached {
                Some(cms) => put(cms, "p7s"),
                None => put(&case.paper.bytes, "pdf"),
            },
        }));
    }
    let list = folder.path().join("cases.json");
    std::fs::write(&list, serde_json::to_vec(&asked).unwrap()).unwrap();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let venv = std::env::var("CINNABAR_VENV").unwrap_or_else(|_| {
        let output = Command::new(top.join("tests/peers/python")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
    });
    let output = Command::new(format!("{venv}/bin/python"))
        .arg(top.join("tests/support/judge_ades_with_pyhanko.py"))
        .arg(&list)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(&output.stdout).unwrap();
    cases
        .iter()
        .map(|case| {
            let process = match case.process {
                Process::Basic => "basic",
                Process::WithTime => "time",
                Process::Archival => "archival",
            };
            (case.name.to_owned(), said[case.name][process].clone())
        })
        .collect()
}

/// Compares with `committed`, the differences that are known and explained (`CASE: pyHanko's word: why`): an unknown
/// difference fails, and so does one that is gone.
pub fn compare(cases: &[Case], committed: &str) {
    let theirs = judge(cases);
    let known: BTreeMap<&str, &str> = committed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut parts = line.splitn(3, ": ");
            let (name, word) = (parts.next().unwrap(), parts.next().unwrap());
            assert!(parts.next().is_some_and(|why| why.len() > 20), "no explanation: {line}");
            (name, word)
        })
        .collect();
    let (mut table, mut wrong) = (String::new(), String::new());
    for case in cases {
        let ours = word(case.expected);
        let other = &theirs[case.name];
        let agrees = ours == *other;
        let note = if agrees { "" } else { "differs" };
        writeln!(table, "{:<52} {:<36} {other:<36} {note}", case.name, ours).unwrap();
        match (agrees, known.get(case.name)) {
            (true, Some(_)) => writeln!(wrong, "{}: pyHanko agrees by now", case.name).unwrap(),
            (false, None) => writeln!(wrong, "{}: pyHanko says {other}, unexplained", case.name).unwrap(),
            (false, Some(word)) if *word != other.as_str() => {
                writeln!(wrong, "{}: pyHanko says {other}, not {word}", case.name).unwrap();
            }
            _ => {}
        }
    }
    println!("{:<52} {:<36} {:<36}\n{table}", "case", "ours", "pyHanko");
    for name in known.keys().filter(|name| !theirs.contains_key(**name)) {
        writeln!(wrong, "{name}: there is no such case").unwrap();
    }
    assert!(wrong.is_empty(), "{table}\n{wrong}");
}

fn word(outcome: Outcome) -> String {
    match outcome {
        (Indication::TotalPassed, _) => "OK".to_owned(),
        (_, Some(sub_indication)) => sub_indication.as_str().to_owned(),
        (_, None) => "GENERIC".to_owned(),
    }
}
