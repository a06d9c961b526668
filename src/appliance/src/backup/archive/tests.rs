use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT.into(),
        version: VERSION,
        created: "2026-11-22T03:00:00Z".into(),
        program: "0.1.0".into(),
        engine: "sqlite".into(),
        schema: 1,
        log: LogState { origin: "demo.example/log".into(), size: 3 },
        tables: Vec::new(),
        members: Vec::new(),
    }
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 1_700_000_000);
    writer.add_bytes("configuration/cinnabar.toml", b"[appliance]").unwrap();
    writer.add_bytes("database/entries.jsonl", &b"[1,\"x\"]\n".repeat(3000)).unwrap();
    writer.finish(manifest()).unwrap().0
}

fn open(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    Archive::check(file, &mut |_| ())
}

/// An archive with members of the tar crate's making, whose manifest is honest about the plain ones.
fn forged(extra: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 0);
    writer.add_bytes("configuration/cinnabar.toml", b"x").unwrap();
    extra(&mut writer.tar);
    writer.finish(manifest()).unwrap().0
}

fn raw_member(tar: &mut tar::Builder<Vec<u8>>, name: &[u8], kind: tar::EntryType) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o600);
    header.set_cksum();
    tar.append(&header, io::empty()).unwrap();
}

#[test]
fn what_was_written_reads_back() {
    let archive = open(&written()).unwrap();
    assert_eq!(archive.content("configuration/cinnabar.toml").unwrap(), b"[appliance]");
    assert_eq!(archive.content("database/entries.jsonl").unwrap().len(), 24_000);
    assert_eq!(archive.manifest().members.len(), 2);
    assert!(matches!(archive.content("tls/server.key"), Err(ArchiveError::Missing { .. })));
}

#[test]
fn a_truncated_backup_is_refused_wherever_it_ends() {
    let whole = written();
    let end = whole.len() - 1024;
    for length in (0..end).step_by(509).chain([512, 1024, end - 1]) {
        let error = open(&whole[..length]).unwrap_err();
        assert!(
            matches!(error, ArchiveError::Truncated(_) | ArchiveError::NoManifest),
            "{length} of {}: {error:?}",
            whole.len()
        );
    }
}

#[test]
fn one_changed_octet_is_found_and_the_member_named() {
    let mut bytes = written();
    let at = bytes.windows(11).position(|w| w == b"[appliance]").unwrap();
    bytes[at] ^= 1;
    let error = open(&bytes).unwrap_err();
    assert!(matches!(&error, ArchiveError::Altered { name } if name == "configuration/cinnabar.toml"));
}

#[test]
fn a_changed_octet_is_refused_or_changes_no_member() {
    let whole = written();
    let sound = open(&whole).unwrap();
    for at in (0..whole.len() - 1024).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x01;
        // What still opens was changed in padding, or in words of the manifest that name no content.
        let Ok(archive) = open(&bytes) else { continue };
        assert_eq!(archive.manifest().members, sound.manifest().members, "octet {at}");
        for member in &sound.manifest().members {
            assert_eq!(archive.content(&member.name).unwrap(), sound.content(&member.name).unwrap());
        }
    }
}

#[test]
fn links_folders_and_devices_are_refused() {
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Directory,
        tar::EntryType::Char,
        tar::EntryType::Fifo,
        tar::EntryType::GNULongName,
        tar::EntryType::XHeader,
        tar::EntryType::GNUSparse,
    ] {
        let bytes = forged(|tar| raw_member(tar, b"keystore/log.key", kind));
        assert!(matches!(open(&bytes), Err(ArchiveError::NotAFile { .. })), "{kind:?}");
    }
}

#[test]
fn names_that_climb_or_are_absolute_or_lie_elsewhere_are_refused() {
    for name in [
        "../etc/passwd",
        "keystore/../../x",
        "/etc/passwd",
        "keystore//x",
        "keystore/./x",
        "elsewhere/x",
        "keystore",
        "keystore/",
        "keystore/a\\b",
        "keystore/a\nb",
    ] {
        let bytes = forged(|tar| raw_member(tar, name.as_bytes(), tar::EntryType::Regular));
        assert!(matches!(open(&bytes), Err(ArchiveError::Place { .. })), "{name}");
        let mut writer = Writer::new(Vec::new(), 0);
        assert!(writer.add_bytes(name, b"").is_err(), "{name}");
    }
}

#[test]
fn a_member_twice_or_unnamed_or_missing_is_refused() {
    let twice = forged(|tar| raw_member(tar, b"configuration/cinnabar.toml", tar::EntryType::Regular));
    assert!(matches!(open(&twice), Err(ArchiveError::Twice { .. })));
    let stranger = forged(|tar| raw_member(tar, b"keystore/more.toml", tar::EntryType::Regular));
    assert!(matches!(open(&stranger), Err(ArchiveError::Stranger { .. })));
    let mut writer = Writer::new(Vec::new(), 0);
    let gone = Member { name: "keystore/x".into(), size: 1, sha256: "00".into() };
    writer.members.push(gone);
    let bytes = writer.finish(manifest()).unwrap().0;
    assert!(matches!(open(&bytes), Err(ArchiveError::Missing { .. })));
}

#[test]
fn something_behind_the_manifest_or_the_end_is_refused() {
    let mut bytes = written();
    bytes.extend_from_slice(b"more");
    assert!(matches!(open(&bytes), Err(ArchiveError::Trailing)));
    let mut tar = tar::Builder::new(Vec::new());
    let text = serde_json::to_vec(&manifest()).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path(MANIFEST).unwrap();
    header.set_size(text.len() as u64);
    header.set_cksum();
    tar.append(&header, text.as_slice()).unwrap();
    raw_member(&mut tar, b"keystore/x", tar::EntryType::Regular);
    let bytes = tar.into_inner().unwrap();
    assert!(matches!(open(&bytes), Err(ArchiveError::Stranger { .. })));
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let mut later = manifest();
    later.version = 2;
    let bytes = Writer::new(Vec::new(), 0).finish(later).unwrap().0;
    assert!(matches!(open(&bytes), Err(ArchiveError::Format { version: 2, .. })));
}

#[test]
fn content_that_shrinks_while_it_is_read_is_an_error() {
    let mut writer = Writer::new(Vec::new(), 0);
    assert!(writer.add("keystore/x", 5, b"abc".as_slice()).is_err());
}
