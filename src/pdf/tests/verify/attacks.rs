//! The published attacks, group by group: each is flagged with its exit code and a reason that names what
//! happened; the honest counterparts pass.

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Level, Verdict, verify};

use super::made;
use super::people::options;

/// Exit code and everything a report says about it.
fn judged(bytes: &[u8]) -> (u8, Vec<String>, Option<Level>) {
    match verify(&bytes, &options(), &Limits::default()) {
        Ok(report) => {
            let reasons = report.signatures.iter().flat_map(|signature| signature.reasons.clone());
            let said = reasons.chain(report.warnings.iter().cloned()).collect();
            (report.exit_code(), said, report.signatures.first().map(|signature| signature.level))
        }
        Err(error) => (error.exit_code(), vec![error.to_string()], None),
    }
}

fn flagged(group: &str) {
    let attacks: Vec<_> = made::group(group);
    assert!(attacks.len() >= 15, "{group}: {}", attacks.len());
    let mut wrong = Vec::new();
    for attack in attacks {
        let (exit, said, level) = judged(&attack.bytes);
        let named = said.iter().any(|reason| reason.contains(attack.because));
        let lowered = attack.exit != 0 || level.is_some_and(|level| level <= Level::BB);
        if exit != attack.exit || !named || !lowered {
            wrong.push(format!(
                "{}: exit {exit} instead of {}, {level:?}, {said:?}, wanted `{}`",
                attack.name, attack.exit, attack.because
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn forged_signature_dictionaries_are_flagged() {
    flagged("forgery");
}

#[test]
fn wrapped_signatures_are_flagged() {
    flagged("wrapping");
}

#[test]
fn octets_saved_behind_a_signature_are_flagged() {
    flagged("saving");
}

#[test]
fn shadow_documents_are_flagged() {
    flagged("shadow");
}

#[test]
fn annotations_and_signatures_on_certified_documents_are_flagged() {
    flagged("certification");
}

#[test]
fn objects_that_readers_disagree_about_are_flagged() {
    flagged("objects");
}

#[test]
fn messages_that_prove_less_than_they_seem_to_are_flagged() {
    flagged("cms");
}

#[test]
fn honest_counterparts_pass() {
    let mut wrong = Vec::new();
    for honest in made::honest() {
        let report = verify(&honest.bytes, &options(), &Limits::default()).unwrap();
        if report.verdict != Verdict::Valid {
            wrong.push(format!(
                "{}: {:?}",
                honest.name,
                report.signatures.iter().map(|s| &s.reasons).collect::<Vec<_>>()
            ));
        }
        if honest.name.ends_with("as-allowed")
            && !report.signatures[0].reasons.iter().any(|r| r.contains("look at"))
        {
            wrong.push(format!("{}: no warning", honest.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn attacks_have_names_of_their_own() {
    let mut names: Vec<String> = made::all().into_iter().map(|a| format!("{}-{}", a.group, a.name)).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
