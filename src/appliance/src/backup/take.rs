//! Taking a backup, with the service stopped or running.
//!
//! Order matters while the service runs. The node's last released checkpoint is read *before* the snapshot of the
//! rows, so that the rows always extend it; the keystore is read *after* the snapshot began, so that every key
//! that a row names is there.

use std::fs::{self, File};
use std::io::{BufWriter, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::{ArchiveError, FORMAT, MAX_SMALL, Manifest, VERSION, Writer};
use super::rows::{RowsError, Snapshot, TableShape};
use super::{Progress, Reporter};
use crate::config::Config;
use crate::store::{DatabaseUrl, StoreError};

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    /// What it holds.
    pub manifest: Manifest,
    /// Octets of the file.
    pub size: u64,
}

/// Why no backup was taken. Nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The file is there already.
    #[error("`{0}` exists; name another file, or add --force to replace it")]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the configuration is too large to be one.
    #[error("`{0}` is larger than any file of its kind; is the path in the configuration right?")]
    TooLarge(PathBuf),
    /// A name that cannot stand in a tar file.
    #[error("`{0}` has a name that cannot stand in a backup; rename the file")]
    Name(PathBuf),
    /// The database's address.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The file's format.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// Takes a backup of the appliance that `config` (read from `config_path`) describes, into `out`, mode 0600.
///
/// # Errors
/// [`TakeError`]; then there is no new file at `out`, and an old one is as it was.
pub async fn take(
    config_path: &Path,
    config: &Config,
    out: &Path,
    force: bool,
    report: Reporter<'_>,
) -> Result<Taken, TakeError> {
    if out.exists() && !force {
        return Err(TakeError::Exists(out.into()));
    }
    let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| TakeError::File { path, source }
    };
    // Mode 0600 from the first octet on; the name appears only when everything is in it.
    let file = tempfile::Builder::new().prefix(".backup-").tempfile_in(folder).map_err(at(folder))?;
    let now = Timestamp::now();
    let mut writer = Writer::new(BufWriter::new(file), now.as_second().unsigned_abs());

    add_folder(&mut writer, &config.appliance.state, "log/state", Depth::Top)?;
    let mut snapshot = Snapshot::open(&config.database.url.parse::<DatabaseUrl>()?).await?;
    let schema = snapshot.schema().await?;
    let log = snapshot.log().await?;
    add_configuration(&mut writer, config_path, config)?;
    let tables = snapshot.tables().await?;
    for table in &tables {
        report(Progress::Begin(&table.name, table.rows));
        add_table(&mut writer, &mut snapshot, table, folder, report).await?;
    }
    let engine = snapshot.engine().to_owned();
    snapshot.close().await?;

    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        created: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        program: env!("CARGO_PKG_VERSION").into(),
        engine,
        schema,
        log,
        tables,
        members: Vec::new(),
    };
    let (buffered, manifest) = writer.finish(manifest)?;
    let file = buffered.into_inner().map_err(|e| at(out)(e.into_error()))?;
    file.as_file().sync_all().map_err(at(out))?;
    let size = file.as_file().metadata().map_err(at(out))?.len();
    let named = if force { file.persist(out) } else { file.persist_noclobber(out) };
    named.map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => TakeError::Exists(out.into()),
        _ => at(out)(e.error),
    })?;
    File::open(folder).and_then(|f| f.sync_all()).map_err(at(folder))?;
    Ok(Taken { manifest, size })
}

type Archive = Writer<BufWriter<tempfile::NamedTempFile>>;

fn add_configuration(writer: &mut Archive, path: &Path, config: &Config) -> Result<(), TakeError> {
    for (name, path) in [
        ("configuration/cinnabar.toml", path),
        ("configuration/hierarchy.toml", &config.keystore.hierarchy),
        ("log/verifier.key", &config.log.verifier_key),
        ("tls/server.crt", &config.listeners.platform.certificate),
        ("tls/server.key", &config.listeners.platform.key),
    ] {
        add_file(writer, path, name)?;
    }
    // The ceremony's transcript, which tells the log's key and every authority's fingerprint.
    let transcript = path.with_file_name("ceremony.txt");
    if transcript.is_file() {
        add_file(writer, &transcript, "configuration/ceremony.txt")?;
    }
    add_folder(writer, &config.keystore.directory, "keystore", Depth::All)?;
    add_folder(writer, &config.appliance.certificates, "certificates", Depth::All)?;
    if config.policies.certificates.is_dir() {
        add_folder(writer, &config.policies.certificates, "policies/certificates", Depth::All)?;
    }
    if let Some(trust) = config.policies.trust.as_deref().filter(|folder| folder.is_dir()) {
        add_folder(writer, trust, "policies/trust", Depth::All)?;
    }
    if let Some(own) = config.policies.signature_validation.as_deref().filter(|folder| folder.is_dir()) {
        add_folder(writer, own, "policies/signature-validation", Depth::All)?;
    }
    add_folder(writer, &config.policies.authorization, "policies/authorization", Depth::All)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// The folder's own files.
    Top,
    /// Folders in it too.
    All,
}

/// Adds the plain files of a folder, in the order of their names. Sockets and the like are not of a backup.
fn add_folder(writer: &mut Archive, folder: &Path, prefix: &str, depth: Depth) -> Result<(), TakeError> {
    let failed = |source| TakeError::File { path: folder.into(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or_else(|| TakeError::Name(path.clone()))?;
        let name = format!("{prefix}/{name}");
        let kind = fs::metadata(&path).map_err(|source| TakeError::File { path: path.clone(), source })?;
        if kind.is_file() {
            add_file(writer, &path, &name)?;
        } else if kind.is_dir() && depth == Depth::All {
            if name.split('/').count() > 16 {
                return Err(TakeError::Name(path));
            }
            add_folder(writer, &path, &name, depth)?;
        }
    }
    Ok(())
}

fn add_file(writer: &mut Archive, path: &Path, name: &str) -> Result<(), TakeError> {
    let content = fs::read(path).map_err(|source| TakeError::File { path: path.into(), source })?;
    if content.len() as u64 > MAX_SMALL {
        return Err(TakeError::TooLarge(path.into()));
    }
    writer.add_bytes(name, &content).map_err(|error| match error {
        ArchiveError::Place { .. } => TakeError::Name(path.into()),
        other => other.into(),
    })
}

/// A tar header wants the size first: the lines go through an unlinked file beside the backup.
async fn add_table(
    writer: &mut Archive,
    snapshot: &mut Snapshot,
    table: &TableShape,
    folder: &Path,
    report: Reporter<'_>,
) -> Result<(), TakeError> {
    let failed = |source| TakeError::File { path: folder.into(), source };
    let spool = tempfile::tempfile_in(folder).map_err(failed)?;
    spool.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let mut lines = BufWriter::new(spool);
    snapshot.dump(table, &mut lines, &mut |rows| report(Progress::Step(rows))).await?;
    lines.flush().map_err(failed)?;
    let mut spool = lines.into_inner().map_err(|e| failed(e.into_error()))?;
    let size = spool.stream_position().map_err(failed)?;
    spool.rewind().map_err(failed)?;
    Ok(writer.add(&format!("database/{}.jsonl", table.name), size, spool)?)
}
