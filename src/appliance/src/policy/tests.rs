//! The shipped policies, and what is refused when loading others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::identity::{Caller, CallerKind, Registration, Role};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/authorization")
}

fn caller(kind: CallerKind, roles: &[Role]) -> Arc<Caller> {
    let person = (kind != CallerKind::Machine).then(|| "p1".to_owned());
    let registration = Registration {
        id: "c1".into(),
        kind,
        uri: "urn:cinnabar:demo:c1".into(),
        organisation: "o1".into(),
        person,
        roles: roles.to_vec(),
        active: true,
    };
    Caller::new(&registration, &"ab".repeat(32), "1f")
}

fn facts() -> Facts {
    Facts::of_request("r1")
}

#[test]
fn the_shipped_policies_fit_their_schema() {
    let report = check(&shipped());
    assert!(report.valid, "{:#?}", report.findings);
    for (id, reason) in &report.policies {
        assert!(!reason.is_empty(), "policy `{id}` gives no reason");
    }
}

#[test]
fn every_action_and_role_of_the_code_stands_in_the_schema_and_the_reverse() {
    let set = PolicySet::load(&shipped()).unwrap();
    let mut named: Vec<String> =
        set.schema().actions().map(|action| action.id().unescaped().to_owned()).collect();
    named.sort();
    let mut ours: Vec<String> = ACTION_NAMES.iter().map(|name| (*name).to_owned()).collect();
    ours.sort();
    assert_eq!(named, ours);
    let text = std::fs::read_to_string(shipped().join("cinnabar.cedarschema")).unwrap();
    let line = text.lines().find(|line| line.contains("entity Role enum")).unwrap();
    for role in Role::ALL {
        assert!(line.contains(&format!("\"{}\"", role.as_str())));
    }
    assert_eq!(line.matches('"').count(), 2 * Role::ALL.len());
}

#[test]
fn a_machine_seals_with_the_seals_of_its_own_organisation_and_with_granted_ones() {
    let policy = Policy::load(&shipped()).unwrap();
    let sealer = caller(CallerKind::Machine, &[Role::Sealer]);
    let own = Resource::seal("s1", "o1").at_version(3);
    let permit = policy.decide::<SealDocument>(&sealer, own, facts()).unwrap();
    assert_eq!(permit.policies(), ["sealer-own-organisation"]);
    assert_eq!(permit.resource().version(), Some(3));
    assert_eq!(permit.request(), "r1");

    let foreign = Resource::seal("s2", "o2");
    let denied = policy.decide::<SealDocument>(&sealer, foreign, facts()).unwrap_err();
    assert!(denied.policies.is_empty() && denied.errors.is_empty(), "{denied:?}");

    let granted = Resource::seal("s2", "o2").granted_to(["o1".to_owned()]);
    assert!(policy.decide::<SealDocument>(&sealer, granted, facts()).is_ok());
}

#[test]
fn the_wrong_role_is_denied() {
    let policy = Policy::load(&shipped()).unwrap();
    let verifier = caller(CallerKind::Machine, &[Role::Verifier]);
    assert!(policy.decide::<SealDocument>(&verifier, Resource::seal("s1", "o1"), facts()).is_err());
    assert!(policy.decide::<VerifyDocument>(&verifier, Resource::document(), facts()).is_ok());
    assert!(policy.decide::<AddCaller>(&verifier, Resource::organisation("o1"), facts()).is_err());
    let auditor = caller(CallerKind::Officer, &[Role::Auditor, Role::SecurityOfficer]);
    let denied = policy.decide::<ApplyForSeal>(&auditor, Resource::organisation("o1"), facts()).unwrap_err();
    assert_eq!(denied.policies, ["auditor-keeps-from-seals"]);
}

#[test]
fn receipts_are_read_by_their_caller_and_by_auditors() {
    let policy = Policy::load(&shipped()).unwrap();
    let machine = caller(CallerKind::Machine, &[Role::Sealer]);
    assert!(policy.decide::<ReadReceipt>(&machine, Resource::receipt(7, "c1"), facts()).is_ok());
    assert!(policy.decide::<ReadReceipt>(&machine, Resource::receipt(8, "c2"), facts()).is_err());
    let auditor = caller(CallerKind::Officer, &[Role::Auditor]);
    assert!(policy.decide::<ReadReceipt>(&auditor, Resource::receipt(8, "c2"), facts()).is_ok());
}

#[test]
fn nobody_approves_their_own_proposal() {
    let policy = Policy::load(&shipped()).unwrap();
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    let subject = || Resource::caller("c9", CallerKind::Officer, "o1");
    let by = |person: &str| Facts { proposer: Some(person.to_owned()), ..facts() };
    assert!(policy.decide::<ApproveCaller>(&officer, subject(), by("p2")).is_ok());
    let denied = policy.decide::<ApproveCaller>(&officer, subject(), by("p1")).unwrap_err();
    assert_eq!(denied.policies, ["four-eyes"]);
}

#[test]
fn security_officers_let_platform_servers_in_and_the_service_acts_for_them() {
    let policy = Policy::load(&shipped()).unwrap();
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    let organisation = || Resource::organisation("o1");
    assert!(policy.decide::<BindAcme>(&officer, organisation(), facts()).is_ok());
    assert!(policy.decide::<WithdrawAcmeBinding>(&officer, organisation(), facts()).is_ok());
    let auditor = caller(CallerKind::Officer, &[Role::Auditor]);
    assert!(policy.decide::<ReadAcmeBinding>(&auditor, organisation(), facts()).is_ok());
    assert!(policy.decide::<BindAcme>(&auditor, organisation(), facts()).is_err());
    let both = caller(CallerKind::Officer, &[Role::Auditor, Role::SecurityOfficer]);
    let denied = policy.decide::<BindAcme>(&both, organisation(), facts()).unwrap_err();
    assert_eq!(denied.policies, ["auditor-binds-nobody"]);
    for (kind, role) in [(CallerKind::Operator, Role::Operator), (CallerKind::Machine, Role::Sealer)] {
        let other = caller(kind, &[role]);
        assert!(policy.decide::<BindAcme>(&other, organisation(), facts()).is_err());
        assert!(policy.decide::<ReadAcmeBinding>(&other, organisation(), facts()).is_err());
    }
    let service = Caller::system("acme");
    assert!(policy.decide::<ServeAcme>(&service, Resource::appliance(), facts()).is_ok());
    assert!(policy.decide::<IssueAcme>(&service, Resource::appliance(), facts()).is_ok());
    assert!(policy.decide::<RevokeCertificate>(&service, Resource::certificate("f1"), facts()).is_ok());
    assert!(policy.decide::<ServeAcme>(&Caller::system("reload"), Resource::appliance(), facts()).is_err());
    assert!(policy.decide::<BindAcme>(&service, organisation(), facts()).is_err());
}

#[test]
fn who_speaks_for_holders_issues_nothing_and_who_issues_does_not_speak_for_holders() {
    let policy = Policy::load(&shipped()).unwrap();
    let licence = || Resource::licence("l1", "o1");
    let platform = caller(CallerKind::Machine, &[Role::HolderPlatform]);
    assert!(policy.decide::<ShowLicence>(&platform, licence(), facts()).is_ok());
    assert!(policy.decide::<DelegateLicence>(&platform, licence(), facts()).is_ok());
    assert!(policy.decide::<ReadOwnUses>(&platform, Resource::appliance(), facts()).is_ok());
    assert!(policy.decide::<RedeemShowCode>(&platform, Resource::appliance(), facts()).is_err());
    assert!(policy.decide::<QueryLicences>(&platform, Resource::licence_type("t1", "o1"), facts()).is_err());
    let both = caller(CallerKind::Machine, &[Role::HolderPlatform, Role::Licensor]);
    let denied = policy.decide::<ShowLicence>(&both, licence(), facts()).unwrap_err();
    assert_eq!(denied.policies, ["issuers-do-not-speak-for-holders"]);
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    assert!(
        policy.decide::<ShowLicence>(&officer, licence(), facts()).is_err(),
        "people do not show for others"
    );
    assert!(policy.decide::<ReadLicenceUses>(&officer, licence(), facts()).is_ok());
    let elsewhere = caller(CallerKind::Machine, &[Role::Licensor]);
    assert!(policy.decide::<ReadLicenceUses>(&elsewhere, Resource::licence("l2", "o2"), facts()).is_err());
    let verifier = caller(CallerKind::Machine, &[Role::Verifier]);
    assert!(policy.decide::<RedeemShowCode>(&verifier, Resource::appliance(), facts()).is_ok());
    assert!(policy.decide::<ReadLicenceUses>(&verifier, licence(), facts()).is_err());
    let portal = Caller::system("portal");
    assert!(policy.decide::<RedeemShowCode>(&portal, Resource::appliance(), facts()).is_ok());
    assert!(
        policy.decide::<RedeemShowCode>(&Caller::system("acme"), Resource::appliance(), facts()).is_err()
    );
    let auditor = caller(CallerKind::Officer, &[Role::Auditor, Role::Verifier]);
    let denied = policy.decide::<RedeemShowCode>(&auditor, Resource::appliance(), facts()).unwrap_err();
    assert_eq!(denied.policies, ["auditor-takes-no-licences"]);
}

#[test]
fn anything_wrong_with_the_question_is_a_denial_with_its_error() {
    let policy = Policy::load(&shipped()).unwrap();
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    let subject = Resource::caller("c9", CallerKind::Officer, "o1");
    let denied = policy.decide::<ApproveCaller>(&officer, subject, facts()).unwrap_err();
    assert!(!denied.errors.is_empty(), "a proposal without its proposer must not be decided");
    let denied = policy.decide::<SealDocument>(&officer, Resource::log(), facts()).unwrap_err();
    assert!(!denied.errors.is_empty(), "the schema does not know sealing a log");
}

#[test]
fn an_evaluation_error_denies_even_when_another_policy_permits() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(shipped().join("cinnabar.cedarschema"), folder.path().join("s.cedarschema")).unwrap();
    // An overflow is the kind of error that strict validation cannot exclude.
    std::fs::write(
        folder.path().join("p.cedar"),
        r#"@id("all") permit (principal, action == Cinnabar::Action::"document.verify", resource);
           @id("broken") forbid (principal, action == Cinnabar::Action::"document.verify", resource)
           when { context.local || 9223372036854775807 + 1 == 0 };"#,
    )
    .unwrap();
    let policy = Policy::load(folder.path()).unwrap();
    let verifier = caller(CallerKind::Machine, &[]);
    let denied = policy.decide::<VerifyDocument>(&verifier, Resource::document(), facts()).unwrap_err();
    assert!(denied.errors[0].contains("overflow"), "{:?}", denied.errors);
}

#[test]
fn policies_that_do_not_fit_refuse_to_load_and_are_named() {
    let refuse = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(shipped().join("cinnabar.cedarschema"), folder.path().join("s.cedarschema")).unwrap();
        std::fs::write(folder.path().join("p.cedar"), text).unwrap();
        let report = check(folder.path());
        assert!(!report.valid, "accepted: {text}");
        report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(refuse("permit (principal, action, resource);").contains("@id"));
    assert!(refuse("@id(\"a\") permit (principal").contains("p.cedar"));
    let unknown = r#"@id("typo") permit (principal, action == Cinnabar::Action::"document.sael", resource);"#;
    assert!(refuse(unknown).contains("typo"));
    let role = r#"@id("r") permit (principal in Cinnabar::Role::"boss", action, resource);"#;
    assert!(refuse(role).contains("boss"));
    let twice =
        r#"@id("t") forbid (principal, action, resource); @id("t") forbid (principal, action, resource);"#;
    assert!(refuse(twice).contains('t'));
    assert!(refuse("// nothing").contains(".cedar"));
}

#[test]
fn a_reload_that_does_not_fit_leaves_the_set_in_force() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(shipped()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let policy = Policy::load(folder.path()).unwrap();
    let before = policy.current().digest().to_owned();
    std::fs::write(folder.path().join("bad.cedar"), "permit").unwrap();
    assert!(policy.reload().is_err());
    assert_eq!(policy.current().digest(), before);
    std::fs::write(folder.path().join("bad.cedar"), r#"@id("x") forbid (principal, action, resource);"#)
        .unwrap();
    assert_ne!(policy.reload().unwrap().digest(), before);
    let verifier = caller(CallerKind::Machine, &[Role::Verifier]);
    assert!(policy.decide::<VerifyDocument>(&verifier, Resource::document(), facts()).is_err());
}

#[test]
fn explain_names_the_deciding_policies_and_their_reasons() {
    let question = Question {
        caller: "c1".into(),
        kind: CallerKind::Machine,
        organisation: "o1".into(),
        roles: vec![Role::Sealer],
        person: None,
        action: "document.seal".into(),
        resource: Resource::seal("s1", "o1"),
        local: false,
        proposer: None,
        applicant: None,
        approver: None,
        due: None,
    };
    let answer = explain(&shipped(), &question).unwrap();
    assert!(answer.permitted);
    assert_eq!(answer.policies[0].0, "sealer-own-organisation");
    let answer = explain(&shipped(), &Question { action: "document.steal".into(), ..question }).unwrap();
    assert!(!answer.permitted && !answer.errors.is_empty());
}

#[test]
fn replacing_an_authority_takes_two_officers_and_no_auditor() {
    let policy = Policy::load(&shipped()).unwrap();
    let resource = || Resource::authority("platform-ca");
    let proposed_by = |person: &str| Facts { proposer: Some(person.into()), ..facts() };
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    assert!(policy.decide::<ProposeAuthority>(&officer, resource(), facts()).is_ok());
    assert!(policy.decide::<ApproveAuthority>(&officer, resource(), proposed_by("p2")).is_ok());
    assert!(policy.decide::<ImportAuthority>(&officer, resource(), proposed_by("p2")).is_ok());
    let denied = policy.decide::<ApproveAuthority>(&officer, resource(), proposed_by("p1")).unwrap_err();
    assert_eq!(denied.policies, ["authority-four-eyes"]);
    assert!(policy.decide::<ImportAuthority>(&officer, resource(), proposed_by("p1")).is_err());
    let auditor = caller(CallerKind::Officer, &[Role::SecurityOfficer, Role::Auditor]);
    assert!(policy.decide::<ProposeAuthority>(&auditor, resource(), facts()).is_err());
    assert!(policy.decide::<RotateKey>(&auditor, resource(), facts()).is_err());
    assert!(policy.decide::<ReadAuthority>(&auditor, resource(), facts()).is_ok());
    let machine = caller(CallerKind::Machine, &[Role::Sealer]);
    assert!(policy.decide::<ReadAuthority>(&machine, resource(), facts()).is_ok());
    assert!(policy.decide::<RotateKey>(&officer, resource(), facts()).is_ok());
    let operator = caller(CallerKind::Operator, &[Role::Operator]);
    assert!(policy.decide::<RotateKey>(&operator, resource(), facts()).is_err());
    let keeper = Caller::system("authority-keeper");
    assert!(policy.decide::<RotateKey>(&keeper, resource(), facts()).is_ok());
    assert!(policy.decide::<RetireAuthority>(&keeper, resource(), facts()).is_ok());
    let other = Caller::system("reload");
    assert!(policy.decide::<RotateKey>(&other, resource(), facts()).is_err());
}

#[test]
fn certificates_are_renewed_by_officers_and_when_due_by_whom_they_name() {
    let policy = Policy::load(&shipped()).unwrap();
    let machine = caller(CallerKind::Machine, &[Role::Sealer]);
    let of = |holder: &str| Resource::certificate_of("ab", Some(holder));
    let due = |due: bool| Facts { due: Some(due), ..facts() };
    assert!(policy.decide::<RenewCertificate>(&machine, of("c1"), due(true)).is_ok());
    assert!(policy.decide::<RenewCertificate>(&machine, of("c1"), due(false)).is_err());
    assert!(policy.decide::<RenewCertificate>(&machine, of("c2"), due(true)).is_err());
    let nobodys = Resource::certificate("ab");
    assert!(policy.decide::<RenewCertificate>(&machine, nobodys.clone(), due(true)).is_err());
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    assert!(policy.decide::<RenewCertificate>(&officer, nobodys, due(false)).is_ok());
    let denied = policy.decide::<RenewCertificate>(&officer, of("c2"), facts()).unwrap_err();
    assert!(!denied.errors.is_empty(), "whether it is due must be said");
    assert!(policy.decide::<ReadCertificate>(&machine, of("c1"), facts()).is_ok());
    assert!(policy.decide::<ReadCertificate>(&machine, of("c2"), facts()).is_err());
}

#[test]
fn requests_for_certificates_are_decided_by_another_person_and_followed_by_their_own() {
    let policy = Policy::load(&shipped()).unwrap();
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    let request = || Resource::certificate_request("r", "c7");
    let by = |person: &str| Facts { proposer: Some(person.to_owned()), ..facts() };
    assert!(policy.decide::<ApproveCertificate>(&officer, request(), by("p2")).is_ok());
    assert!(policy.decide::<RefuseCertificate>(&officer, request(), by("")).is_ok());
    let denied = policy.decide::<ApproveCertificate>(&officer, request(), by("p1")).unwrap_err();
    assert_eq!(denied.policies, ["four-eyes-on-certificates"]);
    assert!(policy.decide::<RefuseCertificate>(&officer, request(), by("p1")).is_err());
    let auditor = caller(CallerKind::Officer, &[Role::SecurityOfficer, Role::Auditor]);
    assert!(policy.decide::<ApproveCertificate>(&auditor, request(), by("p2")).is_err());
    let machine = caller(CallerKind::Machine, &[]);
    let own = || Resource::certificate_request("r", "c1");
    assert!(policy.decide::<ReadCertificate>(&machine, own(), facts()).is_ok());
    assert!(policy.decide::<CancelCertificate>(&machine, own(), facts()).is_ok());
    assert!(policy.decide::<CancelCertificate>(&machine, request(), facts()).is_err());
    assert!(policy.decide::<ApproveCertificate>(&machine, own(), by("p2")).is_err());
    let keeper = Caller::system("certificate-keeper");
    assert!(policy.decide::<KeepCertificates>(&keeper, Resource::appliance(), facts()).is_ok());
    assert!(policy.decide::<KeepCertificates>(&officer, Resource::appliance(), facts()).is_err());
}

#[test]
fn a_schema_of_an_older_version_is_told_by_the_acts_it_lacks() {
    let here = shipped();
    assert_eq!(super::check(&here).unknown_acts, Vec::<&str>::new());
    let folder = tempfile::tempdir().unwrap();
    let schema = "namespace Cinnabar { entity System { id: String }; entity Log;
        action \"audit.read\" appliesTo { principal: [System], resource: [Log] }; }";
    std::fs::write(folder.path().join("old.cedarschema"), schema).unwrap();
    let policy = "@id(\"p\") @reason(\"r\") permit (principal, action, resource);";
    std::fs::write(folder.path().join("old.cedar"), policy).unwrap();
    let report = super::check(folder.path());
    assert!(report.valid, "{:?}", report.findings);
    assert!(report.unknown_acts.contains(&"certificate.issue"));
    assert!(!report.unknown_acts.contains(&"audit.read"));
}

#[test]
fn officers_decide_on_uses_of_others_and_auditors_on_none() {
    let policy = Policy::load(&shipped()).unwrap();
    let seal = || Resource::seal("s1", "o1");
    let by = |person: &str| Facts { proposer: Some(person.to_owned()), ..facts() };
    for role in [Role::Sealer, Role::SecurityOfficer] {
        let officer = caller(CallerKind::Officer, &[role]);
        assert!(policy.decide::<ApproveUse>(&officer, Resource::seal("s2", "o2"), by("p2")).is_ok());
        let denied = policy.decide::<ApproveUse>(&officer, seal(), by("p1")).unwrap_err();
        assert_eq!(denied.policies, ["four-eyes-on-uses"]);
        assert!(policy.decide::<ReadUses>(&officer, Resource::organisation("*"), facts()).is_ok());
    }
    let officer = caller(CallerKind::Officer, &[Role::SecurityOfficer]);
    assert!(policy.decide::<AddSealRule>(&officer, seal(), facts()).is_ok());
    let sealing = caller(CallerKind::Officer, &[Role::Sealer]);
    assert!(policy.decide::<AddSealRule>(&sealing, seal(), facts()).is_err());
    let both = caller(CallerKind::Officer, &[Role::Sealer, Role::SecurityOfficer]);
    let forbidden = ["sealer-sets-no-rules"];
    assert_eq!(policy.decide::<AddSealRule>(&both, seal(), facts()).unwrap_err().policies, forbidden);
    assert_eq!(policy.decide::<ChangeSealRule>(&both, seal(), facts()).unwrap_err().policies, forbidden);
    assert_eq!(policy.decide::<RetireSealRule>(&both, seal(), facts()).unwrap_err().policies, forbidden);
    assert_eq!(policy.decide::<LiftSealRules>(&both, seal(), facts()).unwrap_err().policies, forbidden);
    let auditor = caller(CallerKind::Officer, &[Role::Auditor, Role::SecurityOfficer]);
    assert!(policy.decide::<ApproveUse>(&auditor, seal(), by("p2")).is_err());
    assert!(policy.decide::<AddSealRule>(&auditor, seal(), facts()).is_err());
    assert!(policy.decide::<ReadUses>(&auditor, Resource::organisation("*"), facts()).is_ok());
    let machine = caller(CallerKind::Machine, &[Role::Sealer]);
    assert!(policy.decide::<ApproveUse>(&machine, seal(), by("")).is_err());
    assert!(policy.decide::<RequestUse>(&machine, seal(), facts()).is_ok());
    assert!(policy.decide::<RequestUse>(&machine, Resource::seal("s2", "o2"), facts()).is_err());
    assert!(policy.decide::<ReadUses>(&machine, Resource::organisation("o1"), facts()).is_ok());
    assert!(policy.decide::<ReadUses>(&machine, Resource::organisation("*"), facts()).is_err());
}
