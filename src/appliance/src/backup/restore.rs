//! Restoring a backup into an empty folder and an empty database, on SQLite or PostgreSQL whatever it came from.
//!
//! Nothing that exists is touched: the folder must be empty or absent, the database without a table. Everything is
//! built in `FOLDER.restoring` beside it, and gets its name only when the caller has verified the log
//! ([`Restoring::finish`]), so that a folder with the right name is always a whole one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::archive::{Archive, ArchiveError, Manifest};
use super::rows::{RowsError, Target, is_empty};
use super::{Progress, Reporter};
use crate::config::{Config, ConfigError};
use crate::store::{DatabaseUrl, Db, SCHEMA, StoreError};

/// Where things stand in a restored folder, relative to it.
#[derive(Debug)]
pub struct Layout;

impl Layout {
    /// The configuration.
    pub const CONFIG: &str = "cinnabar.toml";
    /// The SQLite database, unless another one was named.
    pub const DATABASE: &str = "cinnabar.db";
    /// Members of the backup (a file, or a folder's prefix ending in `/`) and their places.
    const PLACES: [(&str, &str); 12] = [
        ("configuration/ceremony.txt", "ceremony.txt"),
        ("configuration/hierarchy.toml", "hierarchy.toml"),
        ("log/verifier.key", "log.key"),
        ("log/state/", "state/"),
        ("tls/server.crt", "tls/server.crt"),
        ("tls/server.key", "tls/server.key"),
        ("keystore/", "keys/"),
        ("certificates/", "certificates/"),
        ("policies/authorization/", "policies/authorization/"),
        ("policies/certificates/", "policies/certificates/"),
        ("policies/trust/", "policies/trust/"),
        ("policies/signature-validation/", "policies/signature-validation/"),
    ];
}

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup itself.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The folder holds something.
    #[error("`{0}` is not an empty folder; a restore never overwrites, name a new one")]
    NotEmpty(PathBuf),
    /// An earlier restore was interrupted, or found the log to be bad.
    #[error("`{0}` is left of an earlier restore; look at it, remove it and try again")]
    LeftOver(PathBuf),
    /// The database holds something.
    #[error("the database holds tables already; a restore never overwrites, name an empty one")]
    DatabaseNotEmpty,
    /// The backup was taken by a later version.
    #[error(
        "the backup has schema {found}, this program knows up to {known}: restore it with the newer program"
    )]
    Newer {
        /// The backup's.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// The configuration in the backup.
    #[error("the configuration in the backup cannot be used: {0}")]
    Config(#[from] ConfigError),
    /// The configuration could not be written out again.
    #[error("the configuration cannot be written: {0}")]
    Render(#[from] toml::ser::Error),
    /// A file cannot be written.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows.
    #[error("{source}{}", left(*.touched))]
    Rows {
        /// What went wrong.
        source: RowsError,
        /// The schema was made already: the database is no longer empty.
        touched: bool,
    },
}

fn left(touched: bool) -> &'static str {
    if touched { " (the named database now holds empty tables: drop them before another try)" } else { "" }
}

/// A restored appliance.
#[derive(Debug)]
pub struct Restored {
    /// Its folder.
    pub folder: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
}

/// Rows and files are in place under a working name; whether the log proves them is still to be said.
#[derive(Debug)]
pub struct Restoring {
    folder: PathBuf,
    work: PathBuf,
    url: DatabaseUrl,
    manifest: Manifest,
}

/// Checks the whole backup, then writes its files and rows.
///
/// # Errors
/// [`RestoreError`]. What was checked before the first octet was written leaves nothing behind.
pub async fn prepare(
    backup: &Path,
    folder: &Path,
    database: Option<&str>,
    report: Reporter<'_>,
) -> Result<Restoring, RestoreError> {
    let length = fs::metadata(backup).map_or(0, |metadata| metadata.len());
    let folder = whole_name(folder)?;
    let work = working_name(&folder);
    check_empty(&folder)?;
    if work.symlink_metadata().is_ok() {
        return Err(RestoreError::LeftOver(work));
    }
    report(Progress::Begin("checking the backup", length));
    let mut seen = 0;
    let archive = Archive::open(backup, &mut |at| {
        report(Progress::Step(at - seen));
        seen = at;
    })?;
    let manifest = archive.manifest().clone();
    if manifest.schema > SCHEMA {
        return Err(RestoreError::Newer { found: manifest.schema, known: SCHEMA });
    }
    let named = database.map(database_url).transpose()?;
    let (text, folders) = configuration(&archive, named.as_ref())?;
    let url = named.unwrap_or_else(|| DatabaseUrl::Lite(work.join(Layout::DATABASE)));
    if !is_empty(&url).await.map_err(|source| RestoreError::Rows { source, touched: false })? {
        return Err(RestoreError::DatabaseNotEmpty);
    }

    // From here on something is written; what fails half-way is taken away again.
    make_folder(&work)?;
    let written = async {
        for folder in folders {
            make_folder(&work.join(folder))?;
        }
        write_files(&archive, &work)?;
        write_file(&work.join(Layout::CONFIG), text.as_bytes())?;
        rows(&archive, &url, report).await
    };
    if let Err(error) = written.await {
        let _ = fs::remove_dir_all(&work);
        return Err(error);
    }
    Ok(Restoring { folder, work, url, manifest })
}

impl Restoring {
    /// The restored database, for the verification of its log.
    #[must_use]
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The folder as it is named while it is not yet verified.
    #[must_use]
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// What the backup holds.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The restored log's public key.
    #[must_use]
    pub fn log_key(&self) -> PathBuf {
        self.work.join("log.key")
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// When something has taken the name meanwhile.
    pub fn finish(self) -> Result<Restored, RestoreError> {
        let failed = |source| RestoreError::File { path: self.folder.clone(), source };
        check_empty(&self.folder)?;
        // rename(2) replaces an empty folder and nothing else.
        fs::rename(&self.work, &self.folder).map_err(failed)?;
        if let Some(parent) = self.folder.parent() {
            File::open(parent).and_then(|f| f.sync_all()).map_err(failed)?;
        }
        Ok(Restored { config: self.folder.join(Layout::CONFIG), folder: self.folder })
    }
}

/// The configuration with every path at its place in the folder; the database is the folder's own, or the named one.
/// And the folders that it names beside the usual ones: an archive holds files only, and they may have been empty.
fn configuration(
    archive: &Archive,
    named: Option<&DatabaseUrl>,
) -> Result<(String, Vec<PathBuf>), RestoreError> {
    let name = "configuration/cinnabar.toml";
    let text = String::from_utf8_lossy(&archive.content(name)?).into_owned();
    let mut config = Config::parse(&text, Path::new(name), Path::new(""))?;
    config.appliance.state = "state".into();
    config.appliance.certificates = "certificates".into();
    config.keystore.directory = "keys".into();
    config.keystore.hierarchy = "hierarchy.toml".into();
    config.log.verifier_key = "log.key".into();
    config.listeners.platform.certificate = "tls/server.crt".into();
    config.listeners.platform.key = "tls/server.key".into();
    config.listeners.admin.socket = "state/admin.sock".into();
    config.policies.authorization = "policies/authorization".into();
    config.policies.certificates = "policies/certificates".into();
    config.policies.trust = config.policies.trust.map(|_| "policies/trust".into());
    let own = config.policies.signature_validation.take();
    config.policies.signature_validation = own.map(|_| "policies/signature-validation".into());
    let folders = [&config.policies.trust, &config.policies.signature_validation]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    config.database.url = match named {
        None => format!("sqlite:{}", Layout::DATABASE),
        Some(DatabaseUrl::Lite(path)) => format!("sqlite:{}", path.display()),
        Some(DatabaseUrl::Postgres(url)) => url.clone(),
    };
    let text = format!(
        "# Restored from a backup of {}. The original, with its remarks, is in the backup.\n{}",
        archive.manifest().created,
        toml::to_string(&config)?
    );
    Ok((text, folders))
}

/// A named database; a file is named from here, not from the restored folder.
fn database_url(text: &str) -> Result<DatabaseUrl, RestoreError> {
    match text.parse()? {
        DatabaseUrl::Lite(path) => {
            let absolute =
                std::path::absolute(&path).map_err(|source| RestoreError::File { path, source })?;
            Ok(DatabaseUrl::Lite(absolute))
        }
        other => Ok(other),
    }
}

fn write_files(archive: &Archive, work: &Path) -> Result<(), RestoreError> {
    for folder in ["state", "keys", "certificates", "tls", "policies/authorization"] {
        make_folder(&work.join(folder))?;
    }
    for member in &archive.manifest().members {
        let place = Layout::PLACES.iter().find_map(|(from, to)| match member.name.strip_prefix(from) {
            Some("") => Some((*to).to_owned()),
            Some(rest) if from.ends_with('/') => Some(format!("{to}{rest}")),
            _ => None,
        });
        let Some(place) = place else { continue };
        let path = work.join(place);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        write_file(&path, &archive.content(&member.name)?)?;
    }
    Ok(())
}

async fn rows(archive: &Archive, url: &DatabaseUrl, report: Reporter<'_>) -> Result<(), RestoreError> {
    let manifest = archive.manifest();
    let failed = |source| RestoreError::Rows { source, touched: matches!(url, DatabaseUrl::Postgres(_)) };
    // First the schema the rows had, then the rows, then whatever migrations came since.
    Db::upgrade_to(url, manifest.schema).await?;
    let mut target = Target::open(url, manifest.schema).await.map_err(failed)?;
    for table in target.order(&manifest.tables).map_err(failed)? {
        report(Progress::Begin(&table.name, table.rows));
        let mut lines =
            BufReader::with_capacity(1 << 20, archive.reader(&format!("database/{}.jsonl", table.name))?);
        target.load(&table, &mut lines, &mut |rows| report(Progress::Step(rows))).await.map_err(failed)?;
        lines.into_inner().finish()?;
    }
    target.commit().await.map_err(failed)?;
    Db::upgrade(url).await?.close().await;
    Ok(())
}

fn check_empty(folder: &Path) -> Result<(), RestoreError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(RestoreError::NotEmpty(folder.into())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(_) if folder.exists() => Err(RestoreError::NotEmpty(folder.into())),
        Err(source) => Err(RestoreError::File { path: folder.into(), source }),
    }
}

/// The folder's absolute name: its parent must exist.
fn whole_name(folder: &Path) -> Result<PathBuf, RestoreError> {
    let failed = |source| RestoreError::File { path: folder.into(), source };
    let absolute = std::path::absolute(folder).map_err(failed)?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(RestoreError::NotEmpty(folder.into()));
    };
    Ok(parent.canonicalize().map_err(failed)?.join(name))
}

fn working_name(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".restoring");
    name.into()
}

fn make_folder(path: &Path) -> Result<(), RestoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| RestoreError::File { path: path.into(), source })
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::File { path: path.into(), source };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}
