//! Writing a document with what was appended to it: never held in memory, never half there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::Failure;

/// Writes `input` and `tail` behind it to `output`, which appears whole or not at all. Where the file system can, the
/// original's blocks are shared (`FICLONE`), else copied inside the kernel (`copy_file_range`).
///
/// # Errors
/// What could not be read or written; `output` exists and is not to be replaced.
pub fn beside(input: &Path, output: &Path, tail: &[u8], replace: bool) -> Result<(), Failure> {
    let cannot =
        |what: &str, path: &Path, error: io::Error| format!("cannot {what} `{}`: {error}", path.display());
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut from = File::open(input).map_err(|e| cannot("read", input, e))?;
    let mut to = tempfile::NamedTempFile::new_in(folder).map_err(|e| cannot("write in", folder, e))?;
    write(&mut from, to.as_file_mut(), tail).map_err(|e| cannot("write", output, e))?;
    let kept = if replace { to.persist(output) } else { to.persist_noclobber(output) };
    kept.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => format!("`{}` exists; add --force to replace it", output.display()),
        _ => cannot("write", output, failed.error),
    })?;
    // The name is durable with its folder.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| cannot("write in", folder, e))?;
    Ok(())
}

fn write(from: &mut File, to: &mut File, tail: &[u8]) -> io::Result<()> {
    use std::io::Seek;
    use std::os::unix::fs::PermissionsExt;
    to.set_permissions(std::fs::Permissions::from_mode(from.metadata()?.permissions().mode() & 0o777))?;
    if rustix::fs::ioctl_ficlone(&*to, &*from).is_err() {
        io::copy(from, to)?;
    }
    to.seek(io::SeekFrom::End(0))?;
    to.write_all(tail)?;
    to.sync_all()
}

/// Appends `tail` to `path`, which must have `length` octets. What cannot be appended whole is taken back.
///
/// # Errors
/// What could not be written.
pub fn in_place(path: &Path, length: u64, tail: &[u8]) -> Result<(), Failure> {
    let cannot = |error: io::Error| format!("cannot append to `{}`: {error}", path.display());
    let mut file = OpenOptions::new().append(true).open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.len() != length {
        return Err(format!("`{}` has changed meanwhile; prepare it again", path.display()).into());
    }
    let written = file.write_all(tail).and_then(|()| file.sync_all());
    written.or_else(|error| {
        file.set_len(length).map_err(cannot)?;
        Err(cannot(error).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_stays_and_the_result_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, vec![7; 300_000]).unwrap();
        beside(&input, &output, b"tail", false).unwrap();
        let written = std::fs::read(&output).unwrap();
        assert_eq!((written.len(), &written[300_000..]), (300_004, b"tail".as_slice()));
        assert!(beside(&input, &output, b"other", false).unwrap_err().to_string().contains("--force"));
        assert_eq!(std::fs::read(&output).unwrap(), written, "nothing is replaced unasked");
        beside(&input, &output, b"other", true).unwrap();
        assert_eq!(std::fs::metadata(&output).unwrap().len(), 300_005);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        in_place(&input, 300_000, b"tail").unwrap();
        assert_eq!(std::fs::metadata(&input).unwrap().len(), 300_004);
        assert!(in_place(&input, 300_000, b"tail").is_err(), "a file that changed is left alone");
    }
}
