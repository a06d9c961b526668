//! What an offline verifier is handed: checkpoints, notes, proofs, receipts, tile paths, keys, canonical leaves.
//! What parses is written back and parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::compact::CompactRange;
use tlog::history::KeyHistory;
use tlog::note::{Note, VerifierKey};
use tlog::proof::TlogProof;
use tlog::receipt::Receipt;
use tlog::tile::Tile;

fuzz_target!(|data: &[u8]| {
    let _ = Note::parse(data);
    let _ = SignedCheckpoint::parse(data).map(|checkpoint| checkpoint.verify(&[]).is_ok());
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(
            TlogProof::parse(proof.to_text().as_bytes()).ok().map(|p| p.to_text()),
            Some(proof.to_text())
        );
    }
    if let Ok(receipt) = Receipt::from_text(data) {
        let text = receipt.to_text();
        assert_eq!(Receipt::from_text(text.as_bytes()).ok().map(|r| r.to_text()), Some(text));
        assert!(receipt.verify(&[]).is_err());
    }
    if let Ok(value) = tlog::canonical::parse(data) {
        assert_eq!(tlog::canonical::to_vec(&value).ok().as_deref(), Some(data));
    }
    if let Ok(range) = CompactRange::from_bytes(data) {
        assert_eq!(range.to_bytes(), data);
        let _ = range.root();
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::from_text(text) {
        assert_eq!(Checkpoint::from_text(&checkpoint.text()).ok().map(|c| c.text()), Some(checkpoint.text()));
    }
    if let Ok(tile) = Tile::from_path(text) {
        assert_eq!(tile.path(), text);
    }
    let _ = text.parse::<VerifierKey>();
    let _ = KeyHistory::parse(text);
});
