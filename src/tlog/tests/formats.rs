//! Notes, checkpoints, proofs and receipts: C2SP's own vectors, round trips, and every byte changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use tlog::checkpoint::CheckpointError;
use tlog::history::{HistoryError, KeyHistory};
use tlog::note::{Note, NoteError, NoteSigner, SigningKey};
use tlog::proof::{ProofTextError, TlogProof};
use tlog::receipt::ReceiptError;
use tlog::{Batch, Checkpoint, CompactRange, Receipt, SignedCheckpoint, VerifierKey, leaf_hash};

const ORIGIN: &str = "log.example/cinnabar";

fn signer(name: &str) -> impl NoteSigner<Error = std::convert::Infallible> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let key = VerifierKey::new(name, pair.public_key().as_ref().try_into().unwrap()).unwrap();
    SigningKey::new(key, move |text: &[u8]| Ok(pair.sign(text).as_ref().to_vec()))
}

fn receipt(leaves: u8, index: u64) -> (Receipt, VerifierKey) {
    let signer = signer(ORIGIN);
    let bodies: Vec<Vec<u8>> = (0..leaves).map(|i| format!("{{\"n\":{i}}}").into_bytes()).collect();
    let batch =
        Batch::append(&CompactRange::empty(), bodies.iter().map(|body| leaf_hash(body)).collect()).unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, batch.size(), batch.root()).sign(&signer).unwrap();
    let proof = batch.inclusion_proof(index).unwrap();
    (Receipt::new(bodies[index as usize].clone(), index, proof, checkpoint).unwrap(), signer.key().clone())
}

// The example key and note of Go's golang.org/x/mod/sumdb/note documentation, which C2SP signed-note codifies.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn a_foreign_note_verifies() {
    let key: VerifierKey = PETER.parse().unwrap();
    assert_eq!(key.id(), 0xc74f_20a3);
    assert_eq!(key.to_string(), PETER);
    let note = Note::parse(PETER_NOTE.as_bytes()).unwrap();
    assert_eq!(note.verify([&key]).unwrap(), [&key]);
    let changed = PETER_NOTE.replace("your", "their");
    assert_eq!(
        Note::parse(changed.as_bytes()).unwrap().verify([&key]),
        Err(NoteError::Signature("PeterNeumann".into()))
    );
}

#[test]
fn the_specifications_example_checkpoint_reads() {
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
    assert_eq!(signed.checkpoint().origin, "example.com/behind-the-sofa");
    assert_eq!(signed.checkpoint().size, 20_852_163);
    assert_eq!(signed.note(), note);
    assert!(note.starts_with(&signed.checkpoint().text()));
}

#[test]
fn verifier_keys_with_a_typing_mistake_are_refused() {
    for (text, expected) in [
        ("", "is not a verifier key"),
        ("PeterNeumann", "is not a verifier key"),
        ("PeterNeumann+c74f20a3", "is not a verifier key"),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "typing mistake"),
        ("PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "typing mistake"),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "typing mistake"),
        ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", "is not a verifier key"),
        ("PeterNeumann+c74f20a3+AhpcaQ==", "has type 0x02"),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "is not a key name"),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "is not a key name"),
    ] {
        let error = text.parse::<VerifierKey>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn spki_of_another_algorithm_is_refused() {
    let key: VerifierKey = PETER.parse().unwrap();
    let mut spki = hex::decode("302a300506032b6570032100").unwrap();
    spki.extend_from_slice(key.public_key());
    assert_eq!(VerifierKey::from_spki("PeterNeumann", &spki).unwrap(), key);
    spki[8] ^= 1;
    assert_eq!(VerifierKey::from_spki("PeterNeumann", &spki), Err(NoteError::NotEd25519));
    assert!(VerifierKey::from_spki("PeterNeumann", &[]).is_err());
}

#[test]
fn unknown_signatures_are_ignored_and_known_wrong_ones_reject() {
    let (log, witness) = (signer(ORIGIN), signer("witness.example"));
    let signed = Checkpoint::new(ORIGIN, 0, tlog::tree::empty_root()).sign(&log).unwrap();
    let foreign = tlog::note::sign(&signed.checkpoint().text(), &witness).unwrap();
    let line = foreign.rsplit_once("\n\n").unwrap().1;
    let both = SignedCheckpoint::parse(format!("{}{line}", signed.note()).as_bytes()).unwrap();
    let reversed = {
        let (text, own) = signed.note().rsplit_once("\n\n").unwrap();
        SignedCheckpoint::parse(format!("{text}\n\n{line}{own}").as_bytes()).unwrap()
    };
    let keys = [log.key().clone()];
    for note in [&signed, &both, &reversed] {
        assert_eq!(note.verify(&keys).unwrap(), log.key());
    }
    // The witness alone does not speak for the log.
    assert_eq!(both.verify(&[witness.key().clone()]), Err(CheckpointError::UnknownLog(ORIGIN.to_owned())));
    // Another key of the same name: unknown id, ignored, nobody signed.
    assert_eq!(
        signed.verify(&[signer(ORIGIN).key().clone()]),
        Err(CheckpointError::Note(NoteError::NoKnownSignature))
    );
    // A line that claims the log's key but is wrong rejects the note, even beside a right one.
    let other = Checkpoint::new(ORIGIN, 1, [1; 32]).sign(&log).unwrap();
    let wrong = other.note().rsplit_once("\n\n").unwrap().1;
    let note = SignedCheckpoint::parse(format!("{}{wrong}", signed.note()).as_bytes()).unwrap();
    assert!(matches!(note.verify(&keys), Err(CheckpointError::Note(NoteError::Signature(_)))));
}

#[test]
fn checkpoints_of_another_form_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    assert!(Checkpoint::from_text(&format!("o\n0\n{root}\n")).is_ok());
    assert_eq!(Checkpoint::from_text(&format!("o\n1\n{root}\nx\n")).unwrap().extensions, ["x"]);
    for text in [
        String::new(),
        "\n".into(),
        format!("o\n1\n{root}"),
        format!("\n1\n{root}\n"),
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("o\n18446744073709551616\n{root}\n"),
        format!("o\n1\n{root}=\n"),
        "o\n1\nCsUY\n".into(),
        "o\n1\n".into(),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{root}\n\nx\n"),
    ] {
        assert!(Checkpoint::from_text(&text).is_err(), "{text:?}");
    }
}

#[test]
fn an_origin_with_a_line_break_is_not_signed() {
    let signer = signer(ORIGIN);
    let mut checkpoint = Checkpoint::new(ORIGIN, 1, [0; 32]);
    checkpoint.extensions.push("a\nb".into());
    assert!(checkpoint.sign(&signer).is_err());
    assert!(Checkpoint::new("other.example", 1, [0; 32]).sign(&signer).is_err());
}

#[test]
fn the_specifications_proof_form_reads_and_writes_back() {
    let text = "c2sp.org/tlog-proof@v1\nextra YWdl\nindex 73894\n\
        gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n\
        example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n\
        — example.com/fancylog hI2DJwAA\n— witness1.example mJirIklj\n";
    let proof = TlogProof::parse(text.as_bytes()).unwrap();
    assert_eq!(proof.extra.as_deref(), Some(b"age".as_slice()));
    assert_eq!((proof.index, proof.hashes.len()), (73894, 2));
    assert_eq!(proof.to_text(), text);
    let without = text.replace("extra YWdl\n", "");
    let proof = TlogProof::parse(without.as_bytes()).unwrap();
    assert_eq!(proof.extra, None);
    assert_eq!(proof.to_text(), without);
    assert_eq!(Receipt::from_text(without.as_bytes()), Err(ReceiptError::NoLeaf));
    for (from, to, expected) in [
        ("@v1", "@v2", ProofTextError::Header),
        ("extra YWdl", "extra YWd", ProofTextError::Extra),
        ("extra YWdl\n", "extra YWdl\nextra YWdl\n", ProofTextError::Index),
        ("index 73894", "index 073894", ProofTextError::Index),
        ("index 73894\n", "", ProofTextError::Index),
        ("gSKy", "gSK", ProofTextError::Hash(1)),
        ("B95l", "B95l ", ProofTextError::Hash(2)),
    ] {
        assert_eq!(TlogProof::parse(text.replace(from, to).as_bytes()), Err(expected));
    }
    let long = text
        .replace("\n\nexample", &format!("\n{}\nexample", format!("{}\n", "A".repeat(43) + "=").repeat(65)));
    assert_eq!(TlogProof::parse(long.as_bytes()), Err(ProofTextError::TooLong));
}

#[test]
fn a_receipt_verifies_offline_in_both_forms() {
    for (leaves, index) in [(1, 0), (2, 1), (7, 6), (100, 64)] {
        let (receipt, key) = receipt(leaves, index);
        let keys = [key.clone()];
        let verified = receipt.verify(&keys).unwrap();
        assert_eq!((verified.origin, verified.index, verified.size), (ORIGIN, index, u64::from(leaves)));
        assert_eq!(verified.key, key);
        let read = Receipt::from_text(receipt.to_text().as_bytes()).unwrap();
        assert_eq!(read, receipt);
        let json = serde_json::to_string(&receipt).unwrap();
        assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
    }
}

/// `golden/receipt.tlog-proof` was written by the first version of this crate for leaf 4 of an 11-leaf log, with a key
/// made for it and thrown away: receipts are kept for decades, so it must verify for as long.
#[test]
fn a_receipt_of_the_first_version_still_verifies() {
    let text = include_bytes!("golden/receipt.tlog-proof");
    let history = KeyHistory::parse(include_str!("golden/log.key")).unwrap();
    let receipt = Receipt::from_text(text).unwrap();
    assert_eq!(receipt.verify(&history.all_keys()).unwrap().leaf, b"{\"n\":4}");
    assert_eq!(receipt.to_text().as_bytes(), text);
    let json: Receipt = serde_json::from_str(include_str!("golden/receipt.json")).unwrap();
    assert_eq!(json, receipt);
}

#[test]
fn a_receipt_with_any_byte_changed_is_refused() {
    let (receipt, key) = receipt(11, 4);
    let keys = [key];
    let text = receipt.to_text().into_bytes();
    for position in 0..text.len() {
        for bit in [0x01, 0x20] {
            let mut changed = text.clone();
            changed[position] ^= bit;
            let verdict = Receipt::from_text(&changed).map(|r| r.verify(&keys).is_ok());
            assert!(!matches!(verdict, Ok(true)), "byte {position}");
        }
    }
    for length in 0..text.len() {
        let verdict = Receipt::from_text(&text[..length]).map(|r| r.verify(&keys).is_ok());
        assert!(!matches!(verdict, Ok(true)), "length {length}");
    }
}

#[test]
fn key_histories_select_by_the_time_of_the_act() {
    let (first, second) = (signer(ORIGIN), signer(ORIGIN));
    let file = format!(
        "# keys of the log\n\n{} notAfter=2027-03-01T00:00:00Z # replaced\n{} notBefore=2027-03-01T08:00:00+08:00\n",
        first.key(),
        second.key()
    );
    let history = KeyHistory::parse(&file).unwrap();
    let change = 1_803_859_200;
    assert_eq!(history.keys_at(change - 1), [first.key().clone()]);
    assert_eq!(history.keys_at(change), [first.key().clone(), second.key().clone()]);
    assert_eq!(history.keys_at(change + 1), [second.key().clone()]);
    assert_eq!(history.all_keys().len(), 2);
    let (receipt, key) = receipt(3, 1);
    let history = KeyHistory::parse(&format!("{key} notAfter=2027-03-01T00:00:00Z")).unwrap();
    assert!(receipt.verify_dated(&history, change).is_ok());
    assert!(receipt.verify_dated(&history, change + 1).is_err());
}

#[test]
fn bad_lines_of_a_key_file_are_named() {
    let key = signer(ORIGIN).key().to_string();
    assert_eq!(KeyHistory::parse("# nothing\n"), Err(HistoryError::Empty));
    for (file, expected) in [
        ("\nnonsense".to_owned(), "line 2:"),
        (format!("{key} notAfter"), "line 1: `notAfter`"),
        (format!("{key} notafter=2027-03-01T00:00:00Z"), "line 1:"),
        (format!("{key} notAfter=2027"), "line 1:"),
        (format!("{key} notAfter=2027-03-01T00:00:00Z notAfter=2028-03-01T00:00:00Z"), "line 1:"),
    ] {
        let error = KeyHistory::parse(&file).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn oversized_and_malformed_notes_are_refused() {
    let line = "— a AAAAAAA=\n";
    assert!(Note::parse(format!("t\n\n{}", line.repeat(64)).as_bytes()).is_ok());
    assert!(matches!(
        Note::parse(format!("t\n\n{}", line.repeat(65)).as_bytes()),
        Err(NoteError::TooManySignatures { .. })
    ));
    assert!(matches!(Note::parse(&vec![b'\n'; 300_000]), Err(NoteError::TooLarge { .. })));
    for note in [
        "",
        "\n",
        "\n\n",
        "t\n\n",
        "t\n",
        "t\n— a AAAAAAA=\n",
        "t\n\n— a AAAAAAA=",
        "t\n\n- a AAAAAAA=\n",
        "t\n\n— a AAAAAA==\n",
        "t\n\n—  AAAAAAA=\n",
        "t\n\n— a+b AAAAAAA=\n",
        "t\n\n— a b AAAAAAA=\n",
        "t\r\n\n— a AAAAAAA=\n",
        "t\0\n\n— a AAAAAAA=\n",
        "t\n\n— a AAAAAAA=\n\n",
    ] {
        assert!(Note::parse(note.as_bytes()).is_err(), "{note:?}");
    }
}

proptest! {
    #[test]
    fn parsers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "(?s).{0,200}") {
        for input in [bytes.as_slice(), text.as_bytes(), format!("c2sp.org/tlog-proof@v1\n{text}").as_bytes()] {
            let _ = Note::parse(input);
            let _ = SignedCheckpoint::parse(input);
            let _ = TlogProof::parse(input);
            let _ = Receipt::from_text(input);
            let _ = CompactRange::from_bytes(input);
            let _ = tlog::canonical::parse(input);
            let _ = serde_json::from_slice::<Receipt>(input);
        }
        let _ = text.parse::<VerifierKey>();
        let _ = text.parse::<tlog::Tile>();
        let _ = KeyHistory::parse(&text);
    }

    #[test]
    fn tile_paths_read_back(level in 0_u8..=63, index in any::<u64>(), width in 1_u16..=256) {
        let tile = tlog::Tile::new(level, index, width).unwrap();
        prop_assert_eq!(tile.path().parse::<tlog::Tile>().unwrap(), tile);
    }
}
