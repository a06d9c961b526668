//! What signatures lock and certify, what fields demand, and how a hierarchy of fields is signed.

use cinnabar_pdf::appearance::Placement;
use cinnabar_pdf::sign::{DocMdp, FieldLock, PrepareError, SignatureRequest, sign};

use super::forms::{accepted, into, judged, minimal, refused, with_fields};
use super::peers::{assert_ours, assert_pdfsig, at, keys, pyhanko, qpdf_check, request, signed};

#[test]
fn locks_of_an_empty_field_take_effect_and_are_respected() {
    let original = with_fields("/Lock<</Type/SigFieldLock/Action/Include/Fields[(Name)(Later)]>>");
    let tail = accepted(&original, &into("Approval", None));
    assert!(tail.contains("/TransformMethod/FieldMDP"), "{tail}");
    let (once, _) = signed(&original, &into("Approval", None));
    assert!(matches!(refused(&once, &into("Later", None)), PrepareError::FieldLocked { .. }));
    assert!(sign(&once, &into("Other", None), &keys().signer).is_ok());
    let (all, _) = signed(&with_fields("/Lock<</Action/All>>"), &into("Approval", None));
    assert!(matches!(refused(&all, &request(None)), PrepareError::FieldLocked { .. }));
    let (but, _) = signed(&with_fields("/Lock<</Action/Exclude/Fields[(Seal1)]>>"), &into("Approval", None));
    assert!(sign(&but, &request(None), &keys().signer).is_ok());
    assert!(matches!(refused(&but, &into("Else", None)), PrepareError::FieldLocked { .. }));
    let (nothing, _) = signed(&with_fields("/Lock<</Action/Include/Fields[]/P 1>>"), &into("Approval", None));
    assert!(matches!(refused(&nothing, &request(None)), PrepareError::Certified { .. }));
}

#[test]
fn a_request_locks_fields_and_says_so_in_signature_and_field() {
    let locking = |lock| SignatureRequest { lock: Some(lock), ..request(None) };
    let tail = accepted(&with_fields(""), &locking(FieldLock::Include(vec!["Name".into()])));
    assert!(tail.contains("/Type/SigFieldLock/Action/Include/Fields[(Name)]"), "{tail}");
    let parameters = "/TransformMethod/FieldMDP/TransformParams<</Type/TransformParams/Action/Include";
    assert!(tail.contains(parameters) && tail.contains("/Data 1 0 R"), "{tail}");
    let all = accepted(&with_fields(""), &locking(FieldLock::All));
    assert!(all.contains("/Action/All/V/1.2") && !all.contains("/Fields[]"), "{all}");
    let tail = accepted(&with_fields(""), &locking(FieldLock::Exclude(vec!["Approval".into()])));
    assert!(tail.contains("/Action/Exclude/Fields[(Approval)]"), "{tail}");
    // A certification may lock fields too; its DocMDP transform comes first.
    let both = SignatureRequest { certify: Some(DocMdp::FormsAndSignatures), ..locking(FieldLock::All) };
    let tail = accepted(&with_fields(""), &both);
    assert!(tail.find("/DocMDP").unwrap() < tail.find("/FieldMDP").unwrap(), "{tail}");
    let (closed, _) = signed(&with_fields(""), &both);
    assert!(matches!(refused(&closed, &request(None)), PrepareError::FieldLocked { .. }));
    assert!(matches!(refused(&closed, &into("Approval", None)), PrepareError::FieldLocked { .. }));
    // What a lock leaves open can be signed, and the first signature stays as good as it was.
    let (open, _) = signed(&with_fields(""), &locking(FieldLock::Exclude(vec!["Approval".into()])));
    let (twice, _) = signed(&open, &into("Approval", None));
    assert_ours(&twice, 2);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("twice.pdf");
    std::fs::write(&file, twice).unwrap();
    assert_pdfsig(&file, 2);
    for verdict in pyhanko(&[file]) {
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
        assert_eq!(verdict["docmdp_ok"], true, "{verdict}");
    }
}

#[test]
fn locks_that_cannot_be_kept_are_refused() {
    let locking = |lock| SignatureRequest { lock: Some(lock), ..into("Approval", None) };
    let misspelt = locking(FieldLock::Include(vec!["Nmae".into()]));
    assert!(
        matches!(refused(&with_fields(""), &misspelt), PrepareError::LockedFieldMissing { name } if name == "Nmae")
    );
    let demanding = with_fields("/Lock<</Action/Include/Fields[<FEFF004E0061006D0065>]>>");
    let other = locking(FieldLock::All);
    assert!(matches!(refused(&demanding, &other), PrepareError::LockDemanded { .. }));
    // The same lock, spelled otherwise.
    accepted(&demanding, &locking(FieldLock::Include(vec!["Name".into()])));
    // An existing field without a lock is not rewritten: the transform is what binds.
    let tail = accepted(&with_fields(""), &locking(FieldLock::All));
    assert!(tail.contains("/FieldMDP") && !tail.contains("/Lock"), "{tail}");
}

#[test]
fn a_certification_states_what_may_follow() {
    let certify = |level| SignatureRequest { certify: Some(level), ..request(None) };
    let tail = accepted(&minimal("", "", ""), &certify(DocMdp::FormsAndSignatures));
    assert!(tail.contains("/Perms<</DocMDP") && tail.contains("/P 2/V/1.2"), "{tail}");
    let (open, _) = signed(&minimal("", "", ""), &certify(DocMdp::Annotations));
    assert!(sign(&open, &request(None), &keys().signer).is_ok());
    assert!(matches!(refused(&open, &certify(DocMdp::NoChanges)), PrepareError::CertifyAfterSignature));
    let (closed, _) = signed(&minimal("", "", ""), &certify(DocMdp::NoChanges));
    assert!(matches!(refused(&closed, &request(None)), PrepareError::Certified { .. }));
}

#[test]
fn a_certified_document_gets_no_new_picture_but_takes_one_in_its_own_field() {
    let certify = |level| SignatureRequest { certify: Some(level), ..request(None) };
    let (certified, _) = signed(&with_fields(""), &certify(DocMdp::FormsAndSignatures));
    let visible = request(at(1, 20.0, 20.0, 20.0, 20.0));
    assert!(
        matches!(refused(&certified, &visible), PrepareError::CertifiedPicture { field } if field == "Seal1")
    );
    for next in [request(None), into("Approval", Some(Placement::Field))] {
        let (whole, _) = signed(&certified, &next);
        assert_ours(&whole, 2);
    }
    let (open, _) = signed(&with_fields(""), &certify(DocMdp::Annotations));
    let (whole, _) = signed(&open, &visible);
    assert_ours(&whole, 2);
}

#[test]
fn seed_values_are_met_or_refused_by_name() {
    let seeded = |seed: &str| with_fields(&format!("/SV<</Type/SV{seed}>>"));
    let plain = into("Approval", None);
    let reason = plain.reason.clone().unwrap();
    let silent = SignatureRequest { reason: None, ..plain.clone() };
    let certify = |level| SignatureRequest { certify: Some(level), ..plain.clone() };
    let listed: String = reason.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    let met = [
        ("/Ff 3/Filter/Adobe.PPKLite/SubFilter[/ETSI.CAdES.detached/adbe.pkcs7.detached]".into(), &plain),
        ("/Ff 4/V 2".into(), &plain),
        (format!("/Ff 8/Reasons[(x)<FEFF{listed}>]"), &plain),
        ("/Ff 8/Reasons[(.)]".into(), &silent),
        ("/Ff 64/DigestMethod[(SHA1)(SHA256)]".into(), &plain),
        ("/MDP<</P 0>>".into(), &plain),
        ("/MDP<</P 2>>".into(), &certify(DocMdp::FormsAndSignatures)),
        ("/Ff 128/LockDocument/true".into(), &certify(DocMdp::NoChanges)),
        ("/Ff 128/LockDocument/auto".into(), &plain),
        // Hints are hints.
        (
            "/Reasons[(x)]/SubFilter[/adbe.x509.rsa_sha1]/LockDocument/true/DigestMethod[(SHA1)]".into(),
            &plain,
        ),
        ("/TimeStamp<</URL(http://tsa.example/)/Ff 0>>".into(), &plain),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (seed, request) in met {
        let file = folder.path().join(format!("{}.pdf", files.len()));
        judged(&seeded(&seed), request, &file);
        files.push(file);
    }
    for verdict in pyhanko(&files) {
        // pyHanko holds /LockDocument and /Reasons against it as well.
        assert_eq!(verdict["bottom_line"], true, "{verdict}");
    }
    let refusals = [
        ("/Ff 1/Filter/Entrust.PPKEF", &plain, "handler"),
        ("/Ff 2/SubFilter[/adbe.pkcs7.detached]", &plain, "encoding"),
        ("/Ff 4/V 4", &plain, "version"),
        ("/Ff 8/Reasons[(x)(y)]", &plain, "reasons it lists"),
        ("/Ff 8/Reasons[(x)]", &silent, "reasons it lists"),
        ("/Ff 8/Reasons[(.)]", &plain, "without a reason"),
        ("/Ff 32/AddRevInfo true", &plain, "PAdES"),
        ("/Ff 64/DigestMethod[(SHA384)]", &plain, "digest"),
        ("/Ff 64/DigestMethod[(SHA1)(MD5)]", &plain, "no longer safe"),
        ("/Ff 128/LockDocument/true", &plain, "locks the document"),
        ("/Ff 128/LockDocument/false", &certify(DocMdp::NoChanges), "open"),
        ("/Ff 256/AppearanceFilter(Acme)", &plain, "appearance"),
        ("/Ff 1024", &plain, "no standard"),
        ("/MDP<</P 0>>", &certify(DocMdp::Annotations), "approval"),
        ("/MDP<</P 1>>", &plain, "no changes"),
        ("/MDP<</P 3>>", &certify(DocMdp::NoChanges), "annotations"),
        ("/Cert<</Ff 2>>", &plain, "certificate"),
        ("/TimeStamp<</URL(http://tsa.example/)/Ff 1>>", &plain, "time-stamp"),
    ];
    for (seed, request, word) in refusals {
        match refused(&seeded(seed), request) {
            PrepareError::SeedValue { name, demand } => {
                assert!(name == "Approval" && demand.contains(word), "{seed}: {demand}");
            }
            other => panic!("{seed}: {other}"),
        }
    }
}

#[test]
fn fields_of_a_hierarchy_inherit_kind_and_value() {
    // The kind from above; a widget apart from its field; no widget at all.
    let form = "<</Fields[6 0 R 10 0 R 11 0 R]>>\
        |<</T(Board)/FT/Sig/Kids[7 0 R 8 0 R]>>\
        |<</T(Chair)/Parent 6 0 R/Type/Annot/Subtype/Widget/F 4/Rect[10 10 60 40]/P 3 0 R>>\
        |<</T(Clerk)/Parent 6 0 R/Kids[9 0 R]>>\
        |<</Parent 8 0 R/Type/Annot/Subtype/Widget/F 4/Rect[80 10 130 40]/P 3 0 R>>\
        |<</T(Bare)/FT/Sig>>\
        |<</T(Twice)/FT/Sig/Kids[12 0 R 13 0 R]>>\
        |<</Parent 11 0 R/Type/Annot/Subtype/Widget/Rect[0 0 9 9]/P 3 0 R>>\
        |<</Parent 11 0 R/Type/Annot/Subtype/Widget/Rect[9 9 18 18]/P 3 0 R>>";
    let original = minimal("/Annots[7 0 R 9 0 R 12 0 R 13 0 R]", "/AcroForm 5 0 R", form);
    let tail = accepted(&original, &into("Board.Chair", Some(Placement::Field)));
    assert!(tail.contains("\n7 0 obj") && !tail.contains("\n6 0 obj"), "{tail}");
    // Poppler finds no signature in a field whose widget is an object of its own, whoever signed it.
    let (whole, apart) = signed(&original, &into("Board.Clerk", Some(Placement::Field)));
    let tail: String = apart.tail.iter().map(|&byte| char::from(byte)).collect();
    assert!(tail.contains("\n8 0 obj") && tail.contains("\n9 0 obj"), "value above, picture below: {tail}");
    assert_ours(&whole, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apart.pdf");
    std::fs::write(&file, whole).unwrap();
    assert_eq!(qpdf_check(&file).0, 0);
    let verdict = &pyhanko(&[file])[0];
    assert_eq!(verdict["bottom_line"], true, "{verdict}");
    let tail = accepted(&original, &into("Bare", None));
    assert!(tail.contains("10 0 obj"), "{tail}");
    let seen = into("Bare", Some(Placement::Field));
    assert!(matches!(refused(&original, &seen), PrepareError::FieldWidgets { widgets: 0, .. }));
    assert!(matches!(
        refused(&original, &into("Twice", None)),
        PrepareError::FieldWidgets { widgets: 2, .. }
    ));
    // One after the other, the names locked by what stands above them.
    let lock = FieldLock::Include(vec!["Board".into()]);
    let (once, _) = signed(&original, &SignatureRequest { lock: Some(lock), ..into("Board.Chair", None) });
    assert!(matches!(refused(&once, &into("Board.Clerk", None)), PrepareError::FieldLocked { .. }));
    assert!(matches!(refused(&once, &into("Bare", None)), PrepareError::FieldWidgets { widgets: 0, .. }));
    let inherited = minimal(
        "",
        "/AcroForm<</Fields[5 0 R]>>",
        "<</T(a)/FT/Sig/V 7 0 R/Kids[6 0 R]>>|<</T(b)/Parent 5 0 R>>|<</Type/Sig>>",
    );
    assert!(matches!(refused(&inherited, &into("a.b", None)), PrepareError::FieldSigned { .. }));
}
