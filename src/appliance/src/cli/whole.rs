//! Output files: whole or not there, and never in the place of what they were made from.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;

/// Writes `octets` to `path`. Whoever looks finds nothing, what was there before, or all of it. A new file is as open as
/// the umask lets it be; one that is replaced keeps its mode. What is no file (a pipe, a terminal) is written to.
///
/// # Errors
/// What could not be written; `path` exists and is not to be replaced.
pub fn write(path: &Path, octets: &[u8], replace: bool) -> Result<(), Failure> {
    let cannot = |error: io::Error| format!("cannot write `{}`: {error}", path.display());
    let there = path.metadata().ok();
    if replace && there.as_ref().is_some_and(|there| !there.is_file()) {
        return Ok(std::fs::write(path, octets).map_err(cannot)?);
    }
    // What a link names is replaced, not the link.
    let path = if there.is_some() { path.canonicalize().map_err(cannot)? } else { path.to_owned() };
    let mut builder = tempfile::Builder::new();
    let mut file =
        builder.permissions(Permissions::from_mode(0o666)).tempfile_in(folder(&path)).map_err(cannot)?;
    if let Some(there) = there {
        file.as_file().set_permissions(Permissions::from_mode(there.mode() & 0o777)).map_err(cannot)?;
    }
    file.write_all(octets).map_err(cannot)?;
    keep(file, &path, replace)
}

/// Gives a written file its name, durably.
///
/// # Errors
/// What could not be written; `path` exists and is not to be replaced.
pub fn keep(file: NamedTempFile, path: &Path, replace: bool) -> Result<(), Failure> {
    let cannot = |error: io::Error| format!("cannot write `{}`: {error}", path.display());
    file.as_file().sync_all().map_err(cannot)?;
    let kept = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    kept.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => format!("`{}` exists; add --force to replace it", path.display()),
        _ => cannot(failed.error),
    })?;
    // The name is durable with its folder.
    Ok(File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(cannot)?)
}

/// The folder that `path` is in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// That `output` is none of the `inputs`, by whatever name: no `--force` means that.
///
/// # Errors
/// It is one of them.
pub fn apart<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    let Ok(there) = output.metadata() else { return Ok(()) };
    let same = |input: &Path| {
        input.metadata().is_ok_and(|input| (input.dev(), input.ino()) == (there.dev(), there.ino()))
    };
    match inputs.into_iter().find(|input| there.is_file() && same(input)) {
        Some(input) => {
            Err(format!("`{}` is the input `{}`; name another output", output.display(), input.display())
                .into())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_when_asked_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        write(&path, b"one", false).unwrap();
        assert!(write(&path, b"two", false).unwrap_err().to_string().contains("--force"));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, b"three", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
        write(Path::new("/dev/null"), b"four", true).unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[test]
    fn an_output_is_no_input_by_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let (input, link) = (folder.path().join("in.pdf"), folder.path().join("link.pdf"));
        std::fs::write(&input, b"x").unwrap();
        std::os::unix::fs::symlink(&input, &link).unwrap();
        for output in [&input, &link] {
            assert!(apart(output, [&input]).unwrap_err().to_string().contains("name another output"));
        }
        apart(&folder.path().join("out"), [&input]).unwrap();
    }
}
