//! The file keystore: the contract, its three unlock methods, and files altered, swapped, exposed or half written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod contract;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crypto::Suite;
use custody::{
    Algorithm, BlindPermit, CredentialSource, Custody, CustodyError, Keystore, KeystoreError, Method,
    PassphraseCost, Secret, Share, Unlock, UnlockError, Usage, write_secret_file,
};
use tempfile::TempDir;

const PASSPHRASE: &str = "correct horse battery staple";

fn passphrase(text: &str) -> Unlock {
    Unlock::Passphrase { passphrase: text.to_owned().into(), cost: PassphraseCost::insecure_for_tests() }
}

fn secret(text: &str) -> Secret {
    Secret::Passphrase(text.to_owned().into())
}

fn credential(path: &Path, byte: u8) -> CredentialSource {
    let content: Vec<u8> = (0..32).map(|i| byte ^ i).collect();
    write_secret_file(path, &content).unwrap();
    CredentialSource::File(path.to_owned())
}

/// A keystore with one key of each kind, and the directory it lives in.
fn keystore() -> (TempDir, PathBuf, Keystore) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let keystore = Keystore::create(&path, &passphrase(PASSPHRASE)).unwrap().keystore;
    keystore.generate("log", Algorithm::Ed25519, Usage::Sign).unwrap();
    keystore.generate("seals", Algorithm::P256, Usage::Sign).unwrap();
    keystore.generate("data", Algorithm::Aes256, Usage::Seal).unwrap();
    keystore.generate("lookup", Algorithm::HmacSha256, Usage::Mac).unwrap();
    (temp, path, keystore)
}

fn reopen(path: &Path) -> Result<Keystore, KeystoreError> {
    Keystore::open(path)?.unseal(&secret(PASSPHRASE))
}

fn shares(texts: &[String]) -> Secret {
    Secret::Shares(texts.iter().map(|text| text.parse().unwrap()).collect())
}

#[test]
fn the_file_keystore_keeps_the_contract() {
    let temp = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    contract::suite(|| {
        number.set(number.get() + 1);
        let path = temp.path().join(number.get().to_string());
        Keystore::create(&path, &passphrase(PASSPHRASE)).unwrap().keystore
    });
}

#[test]
fn what_one_process_made_the_next_one_uses() {
    let (_temp, path, first) = keystore();
    let sealed = first.seal("data", b"text", b"aad").unwrap();
    let (mac, keys) = (first.mac("lookup", b"m").unwrap(), first.keys().unwrap());
    drop(first);
    let second = reopen(&path).unwrap();
    assert_eq!(second.keys().unwrap(), keys);
    assert_eq!(second.open("data", &sealed, b"aad").unwrap().as_slice(), b"text");
    assert_eq!(second.mac("lookup", b"m").unwrap(), mac);
    let signer = second.signer("log").unwrap();
    let signature = signer.sign(b"m").unwrap();
    let public_key = keys.iter().find(|key| key.label == "log").unwrap().public_key.clone().unwrap();
    crypto::verify(&public_key, signer.scheme(), b"m", &signature).unwrap();
    // A key made by another process while this one runs is found.
    reopen(&path).unwrap().generate("late", Algorithm::P256, Usage::Sign).unwrap();
    assert!(second.signer("late").is_ok());
}

#[test]
fn a_sealed_keystore_tells_its_keys_and_method_only() {
    let (_temp, path, opened) = keystore();
    let sealed = Keystore::open(&path).unwrap();
    assert_eq!(sealed.keys().unwrap(), opened.keys().unwrap());
    assert_eq!((sealed.id(), sealed.generation()), (opened.id(), 1));
    assert_eq!(sealed.method().name(), "passphrase");
}

#[test]
fn sm2_keys_are_kept_and_sign() {
    let (_temp, path, created) = keystore();
    let made = created.generate("seal", Algorithm::Sm2, Usage::Sign).unwrap();
    assert_eq!(made.algorithm.name(), "sm2");
    let keystore = reopen(&path).unwrap();
    assert_eq!(keystore.key("seal").unwrap(), made);
    let signer = keystore.signer("seal").unwrap();
    assert_eq!(made.public_key.as_deref(), Some(signer.public_key()));
    let signature = signer.sign(b"message").unwrap();
    crypto::verify(signer.public_key(), crypto::SignatureScheme::Sm2Sm3, b"message", &signature).unwrap();
}

#[test]
fn a_keystore_of_the_shangmi_suite_seals_with_its_algorithms_and_opens_again() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let created = Keystore::create_in(&path, &passphrase(PASSPHRASE), &Suite::SHANGMI).unwrap().keystore;
    assert_eq!(created.suite(), &Suite::SHANGMI);
    let (sealing, mac) = (Algorithm::sealing_in(created.suite()), Algorithm::mac_in(created.suite()));
    assert_eq!((sealing.name(), mac.name()), ("sm4-gcm", "hmac-sm3"));
    created.generate("data", sealing, Usage::Seal).unwrap();
    created.generate("lookup", mac, Usage::Mac).unwrap();
    created.generate("seal", Algorithm::Sm2, Usage::Sign).unwrap();
    // Keys of either suite go into a keystore of either.
    created.generate("other", Algorithm::Aes256, Usage::Seal).unwrap();
    let sealed = created.seal("data", b"text", b"aad").unwrap();
    assert_eq!(sealed[0], 2, "the format's number for SM4-GCM");
    let code = created.mac("lookup", b"m").unwrap();
    created.rewrap(&passphrase("another battery staple")).unwrap();
    drop(created);

    let header = fs::read_to_string(path.join("keystore.toml")).unwrap();
    assert!(header.contains("suite = \"shangmi\"\n"), "{header}");
    let opened = Keystore::open(&path).unwrap();
    assert_eq!(opened.suite(), &Suite::SHANGMI);
    assert!(matches!(opened.unseal(&secret(PASSPHRASE)), Err(KeystoreError::WrongSecret { .. })));
    let opened = opened.unseal(&secret("another battery staple")).unwrap();
    assert_eq!(opened.open("data", &sealed, b"aad").unwrap().as_slice(), b"text");
    assert!(matches!(opened.open("data", &sealed, b"dad"), Err(CustodyError::Unauthentic)));
    assert!(matches!(opened.open("other", &sealed, b"aad"), Err(CustodyError::Unauthentic)));
    assert_eq!(opened.mac("lookup", b"m").unwrap(), code);
    assert_eq!(opened.keys().unwrap().len(), 4);

    // Another suite's name makes it another keystore, not a readable one.
    let path_of_header = path.join("keystore.toml");
    for other in ["", "suite = \"international\"\n", "suite = \"unknown\"\n"] {
        fs::write(&path_of_header, header.replace("suite = \"shangmi\"\n", other)).unwrap();
        let opened =
            Keystore::open(&path).and_then(|sealed| sealed.unseal(&secret("another battery staple")));
        assert!(opened.is_err(), "{other}");
    }
}

#[test]
fn keystores_from_before_there_were_suites_are_the_international_one_s() {
    let (_temp, path, keystore) = keystore();
    assert_eq!(keystore.suite(), &Suite::INTERNATIONAL);
    assert_eq!(Keystore::open(&path).unwrap().suite(), &Suite::INTERNATIONAL);
    // What is written is what was written then: no new line in either kind of file, and the format's first number.
    let names = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(path.join(file)).unwrap();
        text.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())).collect()
    };
    let header = names("keystore.toml");
    assert_eq!(header[..5], ["format", "id", "generation", "check", "wrapped"]);
    assert!(!header.contains(&"suite".to_owned()));
    assert_eq!(names("data.key"), ["format", "keystore", "label", "algorithm", "usage", "sealed"]);
    assert_eq!(keystore.seal("data", b"text", b"aad").unwrap()[0], 1);
}

struct Allowed;

impl BlindPermit for Allowed {}

#[test]
fn digests_are_signed_by_keys_made_for_it_alone() {
    let (_temp, path, created) = keystore();
    for (label, algorithm) in [("p", Algorithm::P256), ("s", Algorithm::Sm2)] {
        let made = created.generate(label, algorithm, Usage::SignPrehashed).unwrap();
        assert_eq!(made.usage.name(), "sign-prehashed");
    }
    let keystore = reopen(&path).unwrap();
    for label in ["p", "s"] {
        assert_eq!(keystore.key(label).unwrap().usage, Usage::SignPrehashed);
        let blind = keystore.prehashed_signer(label, &Allowed).unwrap();
        let signer = keystore.signer(label).unwrap();
        assert_eq!(blind.public_key(), signer.public_key());
        let digest = crypto::prehash(blind.public_key(), blind.scheme(), b"message").unwrap();
        for signature in [blind.sign_prehashed(&digest).unwrap(), signer.sign(b"message").unwrap()] {
            crypto::verify(signer.public_key(), signer.scheme(), b"message", &signature).unwrap();
        }
    }
    keystore.generate("m", Algorithm::Sm2, Usage::Sign).unwrap();
    for label in ["m", "seals", "log", "data", "lookup"] {
        let refused = keystore.prehashed_signer(label, &Allowed).err().unwrap();
        let CustodyError::Usage { wanted, .. } = refused else { panic!("{refused}") };
        assert_eq!(wanted, Usage::SignPrehashed, "{label}");
    }
    for algorithm in [Algorithm::Ed25519, Algorithm::Aes256, Algorithm::HmacSm3] {
        let refused = keystore.generate("n", algorithm, Usage::SignPrehashed).unwrap_err();
        assert!(matches!(refused, CustodyError::Combination { .. }));
    }
    // The usage is part of what a key file is sealed with.
    let file = path.join("m.key");
    let text = fs::read_to_string(&file).unwrap().replace("\"sign\"", "\"sign-prehashed\"");
    fs::write(&file, text).unwrap();
    assert!(matches!(reopen(&path), Err(KeystoreError::Custody(CustodyError::Altered { .. }))));
}

#[test]
fn shares_unlock_from_the_threshold_on() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let created = Keystore::create(&path, &Unlock::Shares { threshold: 3, count: 5 }).unwrap();
    created.keystore.generate("log", Algorithm::Ed25519, Usage::Sign).unwrap();
    let texts: Vec<String> = created.shares.iter().map(|share| share.to_text().to_string()).collect();
    assert_eq!(texts.len(), 5);
    let sealed = Keystore::open(&path).unwrap();
    assert!(matches!(sealed.method(), Method::Shares { threshold: 3, count: 5, .. }));
    for pick in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
        let keystore = sealed.unseal(&shares(&pick.map(|i| texts[i].clone()))).unwrap();
        assert!(keystore.signer("log").is_ok());
    }
    assert!(sealed.unseal(&shares(&texts)).is_ok());
    let refused = |texts: &[String]| match sealed.unseal(&shares(texts)).unwrap_err() {
        KeystoreError::Unlock(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(refused(&texts[..2]), UnlockError::TooFewShares { found: 2, needed: 3 }));
    let twice = [texts[0].clone(), texts[1].clone(), texts[0].clone()];
    assert!(matches!(refused(&twice), UnlockError::DuplicateShare { index: 1 }));
    let error = sealed.unseal(&secret(PASSPHRASE)).unwrap_err().to_string();
    assert_eq!(error, "this keystore is unlocked by shares, not by passphrase");
}

#[test]
fn shares_of_another_keystore_are_named() {
    let temp = tempfile::tempdir().unwrap();
    let unlock = Unlock::Shares { threshold: 2, count: 3 };
    let (a, b) = (temp.path().join("a"), temp.path().join("b"));
    let ours = Keystore::create(&a, &unlock).unwrap().shares;
    let theirs = Keystore::create(&b, &unlock).unwrap().shares;
    let sealed = Keystore::open(&a).unwrap();
    assert!(sealed.check_share(&ours[0]).is_ok());
    let error = sealed.check_share(&theirs[2]).unwrap_err().to_string();
    assert!(error.starts_with("share 3 belongs to set"), "{error}");
    let mixed = Secret::Shares(vec![ours[0].clone(), theirs[1].clone()]);
    assert!(matches!(
        sealed.unseal(&mixed),
        Err(KeystoreError::Unlock(UnlockError::ForeignShare { index: 2, .. }))
    ));
}

#[test]
fn the_rebuilt_key_is_checked() {
    // Shares whose own checksums are right but whose values are of an earlier sharing of the same keystore: their set
    // id is rewritten in the header, as an attacker with the disk could.
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let unlock = Unlock::Shares { threshold: 2, count: 3 };
    let created = Keystore::create(&path, &unlock).unwrap();
    let fresh = created.keystore.rewrap(&unlock).unwrap();
    let file = path.join("keystore.toml");
    let header = fs::read_to_string(&file).unwrap().replace(&fresh[0].set(), &created.shares[0].set());
    fs::write(&file, header).unwrap();
    let error = Keystore::open(&path).unwrap().unseal(&Secret::Shares(created.shares)).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongSecret { method: "shares" }), "{error}");
}

#[test]
fn resharing_voids_the_old_shares_and_keeps_the_keys() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let created = Keystore::create(&path, &Unlock::Shares { threshold: 2, count: 3 }).unwrap();
    created.keystore.generate("data", Algorithm::Aes256, Usage::Seal).unwrap();
    let sealed_data = created.keystore.seal("data", b"text", b"").unwrap();
    let before = fs::read(path.join("data.key")).unwrap();
    let fresh = created.keystore.rewrap(&Unlock::Shares { threshold: 3, count: 4 }).unwrap();
    let sealed = Keystore::open(&path).unwrap();
    assert_eq!(sealed.generation(), 2);
    assert!(sealed.unseal(&Secret::Shares(created.shares)).is_err());
    let keystore = sealed.unseal(&Secret::Shares(fresh)).unwrap();
    assert_eq!(keystore.open("data", &sealed_data, b"").unwrap().as_slice(), b"text");
    assert_eq!(fs::read(path.join("data.key")).unwrap(), before);
}

#[test]
fn rewrapping_changes_the_method() {
    let (temp, path, keystore) = keystore();
    let source = credential(&temp.path().join("credential"), 1);
    assert!(keystore.rewrap(&Unlock::Credential(source.clone())).unwrap().is_empty());
    let sealed = Keystore::open(&path).unwrap();
    assert!(sealed.unseal(&secret(PASSPHRASE)).is_err());
    let keystore = sealed.unseal(&Secret::Credential(source.clone())).unwrap();
    keystore.rewrap(&passphrase("another passphrase")).unwrap();
    let sealed = Keystore::open(&path).unwrap();
    assert_eq!(sealed.generation(), 3);
    assert!(sealed.unseal(&Secret::Credential(source)).is_err());
    assert!(matches!(sealed.unseal(&secret(PASSPHRASE)), Err(KeystoreError::WrongSecret { .. })));
    assert_eq!(sealed.unseal(&secret("another passphrase")).unwrap().keys().unwrap().len(), 4);
}

#[test]
fn a_failed_rewrap_leaves_the_old_state() {
    let (temp, path, keystore) = keystore();
    let missing = CredentialSource::File(temp.path().join("missing"));
    assert!(keystore.rewrap(&Unlock::Credential(missing)).is_err());
    assert!(keystore.rewrap(&Unlock::Shares { threshold: 3, count: 2 }).is_err());
    assert!(keystore.rewrap(&passphrase("short")).is_err());
    assert!(reopen(&path).is_ok());
    // What a crash between writing and renaming leaves behind: ignored, then swept by the next writer.
    write_secret_file(&path.join(".new-0123456789abcdef"), b"half").unwrap();
    let keystore = reopen(&path).unwrap();
    keystore.generate("next", Algorithm::Aes256, Usage::Seal).unwrap();
    assert!(!path.join(".new-0123456789abcdef").exists());
}

#[test]
fn credentials_must_be_32_random_private_bytes() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("credential");
    let create = |source: &CredentialSource| {
        Keystore::create(&temp.path().join("keys"), &Unlock::Credential(source.clone())).map(drop)
    };
    let source = CredentialSource::File(file.clone());
    for content in [vec![], vec![1; 31], vec![0; 32], (0..33).collect()] {
        write_secret_file(&file, &content).unwrap();
        let error = create(&source).unwrap_err();
        assert!(
            matches!(
                error,
                KeystoreError::Unlock(
                    UnlockError::CredentialLength { .. } | UnlockError::WeakCredential { .. }
                )
            ),
            "{error}"
        );
        fs::remove_file(&file).unwrap();
    }
    let source = credential(&file, 9);
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let error = create(&source).unwrap_err().to_string();
    assert!(error.ends_with(&format!("chmod 600 {}", file.display())), "{error}");
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    create(&source).unwrap();
    assert!(Keystore::open(&temp.path().join("keys")).unwrap().unseal(&Secret::Credential(source)).is_ok());
    let other = credential(&temp.path().join("other"), 10);
    let error =
        Keystore::open(&temp.path().join("keys")).unwrap().unseal(&Secret::Credential(other)).unwrap_err();
    assert!(matches!(error, KeystoreError::WrongSecret { method: "credential" }), "{error}");
    for name in ["", ".", "..", "../credential", "a/b", "/etc/shadow"] {
        let source = CredentialSource::Systemd { name: name.to_owned() };
        assert!(create(&source).is_err(), "{name}");
    }
}

/// Runs as a process of its own, started by the next test with `CREDENTIALS_DIRECTORY` as systemd sets it.
#[test]
#[ignore = "needs an environment of its own"]
fn with_credentials_directory() {
    let directory = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY").unwrap());
    let source = CredentialSource::Systemd { name: "cinnabar-kek".to_owned() };
    let path = directory.parent().unwrap().join("keys");
    Keystore::create(&path, &Unlock::Credential(source.clone())).unwrap();
    let sealed = Keystore::open(&path).unwrap();
    assert_eq!(*sealed.method(), Method::Credential { name: "cinnabar-kek".to_owned() });
    let unseal = || sealed.unseal(&Secret::Credential(source.clone())).map(drop);
    unseal().unwrap();
    let file = directory.join("cinnabar-kek");
    let by_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&file).unwrap()) == 0;
    for (mode, fine) in [(0o400, true), (0o440, by_root), (0o444, false), (0o460, false)] {
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!(unseal().is_ok(), fine, "{mode:o}");
    }
}

#[test]
fn systemd_credentials_unlock_and_may_be_readable_by_their_acl() {
    let temp = tempfile::tempdir().unwrap();
    let directory = temp.path().join("credentials");
    fs::create_dir(&directory).unwrap();
    credential(&directory.join("cinnabar-kek"), 3);
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "with_credentials_directory", "--ignored"])
        .env("CREDENTIALS_DIRECTORY", &directory)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[test]
fn weak_passphrases_and_parameters_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let error = Keystore::create(&temp.path().join("keys"), &passphrase("elevenchars")).unwrap_err();
    assert!(matches!(error, KeystoreError::Unlock(UnlockError::ShortPassphrase)));
    assert!(!temp.path().join("keys").exists());
    for (memory, iterations, parallelism) in
        [(65_535, 3, 4), (65_536, 0, 4), (65_536, 3, 0), (u32::MAX, 1, 1)]
    {
        assert!(PassphraseCost::new(memory, iterations, parallelism).is_err());
    }
    assert_eq!(PassphraseCost::new(65_536, 3, 4).unwrap(), PassphraseCost::default());
}

#[test]
fn the_default_parameters_work() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let unlock =
        Unlock::Passphrase { passphrase: PASSPHRASE.to_owned().into(), cost: PassphraseCost::default() };
    Keystore::create(&path, &unlock).unwrap();
    assert!(reopen(&path).is_ok());
    assert!(fs::read_to_string(path.join("keystore.toml")).unwrap().contains("memory_kib = 65536"));
}

#[test]
fn an_envelope_with_any_byte_changed_is_refused() {
    let (_temp, path, _) = keystore();
    let sealed = Keystore::open(&path).unwrap();
    for name in ["log.key", "data.key"] {
        let file = path.join(name);
        let content = fs::read(&file).unwrap();
        for position in 0..content.len() {
            for bit in [0x01, 0x20] {
                let mut changed = content.clone();
                changed[position] ^= bit;
                fs::write(&file, changed).unwrap();
                match sealed.unseal(&secret(PASSPHRASE)).unwrap_err() {
                    KeystoreError::Custody(CustodyError::Altered { path }) => assert_eq!(path, file),
                    other => panic!("byte {position}: {other}"),
                }
            }
        }
        for changed in [&content[..0], &content[..content.len() - 1], &[&content[..], b"\n"].concat()] {
            fs::write(&file, changed).unwrap();
            assert!(sealed.unseal(&secret(PASSPHRASE)).is_err());
        }
        fs::write(&file, content).unwrap();
    }
    assert!(reopen(&path).is_ok());
}

#[test]
fn a_header_with_any_byte_changed_is_refused() {
    let (_temp, path, _) = keystore();
    let file = path.join("keystore.toml");
    let content = fs::read(&file).unwrap();
    for position in 0..content.len() {
        for bit in [0x01, 0x20] {
            let mut changed = content.clone();
            changed[position] ^= bit;
            fs::write(&file, changed).unwrap();
            assert!(reopen(&path).is_err(), "byte {position}");
        }
    }
    fs::write(&file, content).unwrap();
    assert!(reopen(&path).is_ok());
}

#[test]
fn swapped_and_borrowed_key_files_are_refused() {
    let (_temp, path, keystore) = keystore();
    keystore.generate("log2", Algorithm::Ed25519, Usage::Sign).unwrap();
    let (a, b) = (path.join("log.key"), path.join("log2.key"));
    let (log, log2) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
    fs::write(&a, &log2).unwrap();
    fs::write(&b, &log).unwrap();
    assert!(matches!(reopen(&path), Err(KeystoreError::Custody(CustodyError::Altered { .. }))));
    // With the labels inside exchanged too, the seal itself refuses.
    let relabelled = String::from_utf8(log2).unwrap().replace("\"log2\"", "\"log\"");
    fs::write(&a, relabelled).unwrap();
    fs::remove_file(&b).unwrap();
    assert!(matches!(reopen(&path), Err(KeystoreError::Custody(CustodyError::Altered { .. }))));
    // Another keystore's file of the same name.
    let (_other_temp, other, _) = self::keystore();
    fs::copy(other.join("log.key"), &a).unwrap();
    assert!(matches!(reopen(&path), Err(KeystoreError::Custody(CustodyError::Altered { .. }))));
    // A usage or algorithm rewritten.
    let text = String::from_utf8(log).unwrap().replace("ed25519", "p256");
    fs::write(&a, text).unwrap();
    assert!(matches!(reopen(&path), Err(KeystoreError::Custody(CustodyError::Altered { .. }))));
}

#[test]
fn exposed_files_and_directories_are_refused_with_the_remedy() {
    let (_temp, path, _) = keystore();
    for name in ["keystore.toml", "data.key"] {
        let file = path.join(name);
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let error = Keystore::open(&path).unwrap_err().to_string();
            assert!(error.ends_with(&format!("chmod 600 {}", file.display())), "{error}");
        }
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let error = Keystore::open(&path).unwrap_err().to_string();
    assert!(error.ends_with(&format!("chmod 700 {}", path.display())), "{error}");
}

#[test]
fn everything_written_is_private() {
    let (_temp, path, _) = keystore();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_keystore_is_not_made_over_anything() {
    let (temp, path, _) = keystore();
    assert!(matches!(Keystore::create(&path, &passphrase(PASSPHRASE)), Err(KeystoreError::NotEmpty { .. })));
    assert!(reopen(&path).is_ok());
    let empty = temp.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, PermissionsExt::from_mode(0o700)).unwrap();
    assert!(matches!(Keystore::open(&empty), Err(KeystoreError::NotAKeystore { .. })));
    assert!(Keystore::create(&empty, &passphrase(PASSPHRASE)).is_ok());
}

#[test]
fn no_secret_is_shown_by_debug_or_stands_in_a_file() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("keys");
    let created = Keystore::create(&path, &Unlock::Shares { threshold: 2, count: 2 }).unwrap();
    created.keystore.generate("log", Algorithm::Ed25519, Usage::Sign).unwrap();
    let shown = format!(
        "{created:?} {:?} {:?} {:?}",
        passphrase(PASSPHRASE),
        secret(PASSPHRASE),
        Keystore::open(&path).unwrap()
    );
    assert!(!shown.contains(PASSPHRASE));
    let files: String = fs::read_dir(&path)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for share in &created.shares {
        let text = share.to_text();
        let body = text.rsplit('.').next().unwrap();
        assert!(!shown.contains(body) && !files.contains(body));
        let _: Share = text.parse().unwrap();
    }
}
