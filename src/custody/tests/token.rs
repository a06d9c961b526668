//! PKCS#11 tokens, shown with SoftHSM 2: the contract that the file keystore keeps too, tokens that vanish and come
//! back, and what a token must refuse.
//!
//! SoftHSM reads its configuration from the environment, and a process has one instance of it; so each test runs as
//! a process of its own, started by [`alone`] with `SOFTHSM2_CONF`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod contract;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use custody::pkcs11::{Pin, Token, TokenChoice, TokenSettings};
use custody::{
    Algorithm, CredentialSource, Custodies, Custody, CustodyError, Keystore, PassphraseCost, Unlock, Usage,
    write_secret_file,
};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "1234-5678";

/// Runs the test `name` of this file in a process with a SoftHSM of its own, with these tokens.
fn alone(name: &str, tokens: &[&str]) {
    let temp = tempfile::tempdir().unwrap();
    let conf = temp.path().join("softhsm2.conf");
    fs::create_dir(temp.path().join("tokens")).unwrap();
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        temp.path().join("tokens").display()
    );
    fs::write(&conf, text).unwrap();
    for token in tokens {
        let output = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", token, "--pin", PIN, "--so-pin", "87654321"])
            .env("SOFTHSM2_CONF", &conf)
            .output()
            .expect("softhsm2 is installed by the test set-up");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("SOFTHSM2_CONF", &conf)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", child.status);
}

fn folder() -> PathBuf {
    Path::new(&std::env::var_os("SOFTHSM2_CONF").unwrap()).parent().unwrap().to_owned()
}

fn settings(label: &str) -> TokenSettings {
    TokenSettings {
        module: MODULE.into(),
        token: TokenChoice::Label(label.to_owned()),
        pin: Pin::Entered(PIN.to_owned().into()),
        sessions: 3,
    }
}

fn token(label: &str) -> Token {
    Token::open(settings(label)).unwrap()
}

/// What `cinnabar` does while it waits for a token: asks again, for up to 20 s.
fn until_available(token: &Token, wanted: bool) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let health = token.health().remove(0);
        if health.available == wanted {
            assert_eq!(health.since.is_some(), !wanted, "{health:?}");
            return health.detail;
        }
        assert!(Instant::now() < end, "{health:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_token_keeps_the_contract() {
    alone("contract_in_softhsm", &["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn contract_in_softhsm() {
    let number = std::cell::Cell::new(0);
    contract::suite(|| {
        number.set(number.get() + 1);
        token(&format!("t{}", number.get()))
    });
}

#[test]
fn file_keystore_and_token_together_keep_the_contract() {
    alone("both_in_softhsm", &["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn both_in_softhsm() {
    // Half of the labels of the suite are for the token.
    let in_token = |label: &str| label.bytes().map(u32::from).sum::<u32>() % 2 == 0;
    let number = std::cell::Cell::new(0);
    let make = || {
        number.set(number.get() + 1);
        let passphrase = "correct horse battery staple".to_owned().into();
        let unlock = Unlock::Passphrase { passphrase, cost: PassphraseCost::insecure_for_tests() };
        let path = folder().join(format!("keys-{}", number.get()));
        let file: Arc<dyn Custody> = Arc::new(Keystore::create(&path, &unlock).unwrap().keystore);
        let token: Arc<dyn Custody> = Arc::new(token(&format!("t{}", number.get())));
        (file, token)
    };
    contract::suite(|| {
        let (file, token) = make();
        Custodies::with_token(file, token, in_token)
    });
    let (file, token) = make();
    let both = Custodies::with_token(file.clone(), token.clone(), |label| label == "ca");
    both.generate("ca", Algorithm::P256, Usage::Sign).unwrap();
    both.generate("log", Algorithm::Ed25519, Usage::Sign).unwrap();
    assert!(token.key("ca").is_ok() && file.key("log").is_ok());
    assert!(file.key("ca").is_err() && token.key("log").is_err());
    // The token has mechanisms of one suite only, and says so.
    for algorithm in [Algorithm::Sm2, Algorithm::Sm4, Algorithm::HmacSm3] {
        let error = token.generate("shangmi", algorithm, algorithm.usage()).unwrap_err();
        assert!(matches!(error, CustodyError::NotOffered { .. }), "{error}");
        assert!(error.to_string().contains("PKCS #11 does not define"), "{error}");
    }
    // Another rule: what was made before is found where it is, and no label is given twice.
    let both = Custodies::with_token(file, token, |label| label == "log");
    assert!(both.signer("ca").is_ok() && both.signer("log").is_ok());
    let error = both.generate("ca", Algorithm::P256, Usage::Sign).unwrap_err();
    assert!(matches!(error, CustodyError::Exists { .. }), "{error}");
    let (tokens, away) = (folder().join("tokens"), folder().join("away"));
    fs::rename(&tokens, &away).unwrap();
    fs::create_dir(&tokens).unwrap();
    // A key in the token is missed, one in a file is not, whatever the rule says now.
    let error = both.signer("ca").unwrap().sign(b"m").unwrap_err();
    assert!(matches!(error, crypto::SignError::Unavailable { .. }), "{error}");
    assert!(both.signer("ca").is_err_and(|error| matches!(error, CustodyError::Unavailable { .. })));
    assert!(both.key("never-made").is_err_and(|error| matches!(error, CustodyError::Unavailable { .. })));
    both.signer("log").unwrap().sign(b"m").unwrap();
    assert!(!both.health().remove(0).available);
}

#[test]
fn a_token_that_vanished_is_told_and_used_again_when_it_is_back() {
    alone("vanishing_in_softhsm", &["t"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn vanishing_in_softhsm() {
    let (tokens, away) = (folder().join("tokens"), folder().join("away"));
    let token = token("t");
    let key = token.generate("ca", Algorithm::P256, Usage::Sign).unwrap();
    token.generate("data", Algorithm::Aes256, Usage::Seal).unwrap();
    let signer = token.signer("ca").unwrap();
    signer.sign(b"before").unwrap();
    let sealed = token.seal("data", b"text", b"").unwrap();
    for round in 0..2 {
        fs::rename(&tokens, &away).unwrap();
        fs::create_dir(&tokens).unwrap();
        let error = signer.sign(b"away").unwrap_err();
        assert!(matches!(error, crypto::SignError::Unavailable { .. }), "{error}");
        for error in [
            token.open("data", &sealed, b"").err(),
            token.key("ca").err(),
            token.key("never-made").err(),
            token.keys().err(),
            token.destroy("ca").err(),
            token.generate("new", Algorithm::P256, Usage::Sign).err(),
        ] {
            assert!(matches!(error, Some(CustodyError::Unavailable { .. })), "{error:?}");
        }
        assert!(until_available(&token, false).contains("no such token"));
        fs::remove_dir(&tokens).unwrap();
        fs::rename(&away, &tokens).unwrap();
        until_available(&token, true);
        // The signer made before the token went away works again, and so does every thread.
        let signature = signer.sign(b"back").unwrap();
        let public_key = key.public_key.as_deref().unwrap();
        crypto::verify(public_key, signer.scheme(), b"back", &signature).unwrap();
        assert_eq!(token.key("ca").unwrap(), key, "round {round}");
        assert_eq!(token.open("data", &sealed, b"").unwrap().as_slice(), b"text");
    }
    assert!(matches!(token.key("never-made"), Err(CustodyError::NoSuchKey { .. })));
}

#[test]
fn use_by_many_threads_survives_a_token_that_vanishes() {
    alone("threads_in_softhsm", &["t"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn threads_in_softhsm() {
    let (tokens, away) = (folder().join("tokens"), folder().join("away"));
    let token = token("t");
    let key = token.generate("ca", Algorithm::P256, Usage::Sign).unwrap();
    let public_key = key.public_key.as_deref().unwrap();
    let (running, refused) = (std::sync::atomic::AtomicBool::new(true), std::sync::atomic::AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (token, running, refused) = (&token, &running, &refused);
            scope.spawn(move || {
                let signer = token.signer("ca").unwrap();
                // Bounded by the flag below, and by itself.
                for _ in 0..1_000_000 {
                    if !running.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    match signer.sign(&[thread]) {
                        Ok(signature) => {
                            crypto::verify(public_key, signer.scheme(), &[thread], &signature).unwrap();
                        }
                        Err(crypto::SignError::Unavailable { .. }) => {
                            refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            std::thread::sleep(Duration::from_millis(10));
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(100));
        fs::rename(&tokens, &away).unwrap();
        fs::create_dir(&tokens).unwrap();
        until_available(&token, false);
        fs::remove_dir(&tokens).unwrap();
        fs::rename(&away, &tokens).unwrap();
        until_available(&token, true);
        running.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(refused.into_inner() > 0);
    token.signer("ca").unwrap().sign(b"after").unwrap();
}

#[test]
fn a_wrong_pin_is_tried_once() {
    alone("wrong_pin_in_softhsm", &["t"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn wrong_pin_in_softhsm() {
    let file = folder().join("pin");
    write_secret_file(&file, b"wrong-pin\n").unwrap();
    let pin = Pin::Credential(CredentialSource::File(file.clone()));
    let wrong = Token::open(TokenSettings { pin, ..settings("t") }).unwrap();
    // SoftHSM does not lock; the messages show that nothing is tried after the first time.
    for _ in 0..12 {
        let detail = until_available(&wrong, false);
        assert!(detail.contains("refused the PIN"), "{detail}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let error = wrong.generate("k", Algorithm::P256, Usage::Sign).unwrap_err();
    assert!(matches!(error, CustodyError::Unavailable { .. }), "{error}");
    // Mended in the file, it is taken up without a restart.
    fs::remove_file(&file).unwrap();
    write_secret_file(&file, PIN.as_bytes()).unwrap();
    until_available(&wrong, true);
    wrong.generate("k", Algorithm::P256, Usage::Sign).unwrap();
    for pin in [Pin::Missing, Pin::Entered(String::new().into())] {
        let none = Token::open(TokenSettings { pin, ..settings("t") }).unwrap();
        assert!(until_available(&none, false).contains("PIN"));
        none.enter_pin(PIN.to_owned().into());
        until_available(&none, true);
    }
    assert!(!format!("{:?}", settings("t")).contains(PIN));
}

#[test]
fn confusion_about_tokens_and_keys_is_refused() {
    alone("confusion_in_softhsm", &["twin", "twin", "t"]);
}

#[test]
#[ignore = "needs an environment of its own"]
fn confusion_in_softhsm() {
    let twin = token("twin");
    assert!(until_available(&twin, false).contains("2 tokens have this label"));
    let absent = token("absent");
    assert!(until_available(&absent, false).contains("no such token"));
    let missing = Token::open(TokenSettings { module: "/nonexistent.so".into(), ..settings("t") });
    assert!(matches!(missing, Err(CustodyError::Device { reason }) if reason.contains("/nonexistent.so")));
    let token = token("t");
    let serial = until_available(&token, true);
    let serial = serial.strip_prefix("serial ").unwrap().to_owned();
    let same = Token::open(TokenSettings { token: TokenChoice::Serial(serial), ..settings("t") }).unwrap();
    token.generate("k", Algorithm::P256, Usage::Sign).unwrap();
    assert_eq!(same.keys().unwrap(), token.keys().unwrap());
    // What another program made there: a second key of the same label, a key that can be taken out, and what is not
    // ours at all.
    foreign("k", false);
    // (A handle once found is remembered until the connection is made anew.)
    let fresh = Token::open(settings("t")).unwrap();
    let told = fresh.key("k").unwrap_err().to_string();
    assert!(told.contains("2 keys have the label `k`"), "{told}");
    foreign("extractable", true);
    let told = fresh.key("extractable").unwrap_err().to_string();
    assert!(told.contains("could be taken out"), "{told}");
    foreign("Not a label of ours", false);
    assert!(fresh.keys().is_err());
    fresh.destroy("k").unwrap();
    fresh.destroy("extractable").unwrap();
    assert!(fresh.keys().unwrap().is_empty());
}

/// Makes an AES key as another program would.
fn foreign(label: &str, extractable: bool) {
    use cryptoki::context::Pkcs11;
    use cryptoki::mechanism::Mechanism;
    use cryptoki::object::Attribute;
    let module = Pkcs11::new(MODULE).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| module.get_token_info(*slot).unwrap().label() == "t").unwrap();
    let session = module.open_rw_session(slot).unwrap();
    let template = [
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::ValueLen(32.into()),
        Attribute::Sensitive(!extractable),
        Attribute::Extractable(extractable),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}
