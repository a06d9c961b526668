//! Keeping an appliance: `backup` and `upgrade`. (`restore`, `config check` and `keystore` have files of their own.)

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Global, Outcome, Output, Tone, block_on};
use crate::backup::{self, Progress};
use crate::config::Config;
use crate::store::{DatabaseUrl, Db, SCHEMA, StoreError};

/// Options of `cinnabar backup`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar backup --out /backup/cinnabar-2026-11-22.tar --config /srv/cinnabar/cinnabar.toml
  cinnabar backup --out nightly.tar --force --json

The service may run meanwhile. The file (mode 0600) holds everything but what opens the keystore: keep the
shares, the passphrase or the credential elsewhere. It does hold the key of the TLS server.")]
pub struct BackupArgs {
    /// The file to write
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

/// Options of `cinnabar upgrade`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar upgrade --config /srv/cinnabar/cinnabar.toml
  cinnabar upgrade --backup /backup/before-upgrade.tar

Stop the service first. A backup is taken before anything is changed.")]
pub struct UpgradeArgs {
    /// Where the backup is written [default: beside the configuration, named after schema and time]
    #[arg(long)]
    backup: Option<PathBuf>,
}

/// `cinnabar config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check the configuration file and everything it points at
    #[command(after_help = "Example:\n  cinnabar config check --config /srv/cinnabar/cinnabar.toml")]
    Check,
}

/// Runs `cinnabar backup`.
pub fn backup(args: BackupArgs, global: &Global, output: Output) -> Outcome {
    let config = Config::load(&global.config)?;
    let taken = take(&global.config, &config, &args.out, args.force, output)?;
    let manifest = &taken.manifest;
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    let shown = args.out.display().to_string();
    output.result(
        &json!({
            "output": shown, "octets": taken.size, "created": manifest.created, "schema": manifest.schema,
            "engine": manifest.engine, "origin": manifest.log.origin, "leaves": manifest.log.size,
            "rows": rows, "members": manifest.members.len(),
        }),
        &[
            (Tone::Good, format!("backup: {shown} ({} octets)", taken.size)),
            (
                Tone::Plain,
                format!("{} leaves of log {}, {rows} rows in all", manifest.log.size, manifest.log.origin),
            ),
            (
                Tone::Warn,
                "it does not hold what opens the keystore: keep that elsewhere, it is worthless without"
                    .into(),
            ),
        ],
    );
    Ok(ExitCode::SUCCESS)
}

fn take(
    path: &Path,
    config: &Config,
    out: &Path,
    force: bool,
    output: Output,
) -> Result<backup::Taken, Failure> {
    let mut bar = Bar::new(output);
    let taken = block_on(backup::take(path, config, out, force, &mut |step| bar.show(step)))?;
    bar.done();
    Ok(taken?)
}

/// Runs `cinnabar upgrade`.
pub fn upgrade(args: UpgradeArgs, global: &Global, output: Output) -> Outcome {
    let config = Config::load(&global.config)?;
    let url: DatabaseUrl = config.database.url.parse()?;
    if std::os::unix::net::UnixStream::connect(&config.listeners.admin.socket).is_ok() {
        return Err(format!(
            "the service is running (it answers at `{}`); stop it first",
            config.listeners.admin.socket.display()
        )
        .into());
    }
    let found = match block_on(Db::open(&url))? {
        Ok(db) => {
            block_on(db.close())?;
            output.result(
                &json!({ "upgraded": false, "from": SCHEMA, "to": SCHEMA }),
                &[(Tone::Good, format!("nothing to do: the database has schema {SCHEMA}"))],
            );
            return Ok(ExitCode::SUCCESS);
        }
        Err(StoreError::SchemaOlder { found, .. }) if found > 0 => found,
        Err(StoreError::SchemaOlder { .. }) => {
            return Err("the database is empty; `cinnabar init` sets an appliance up".into());
        }
        Err(other) => return Err(other.into()),
    };
    let out = args.backup.unwrap_or_else(|| {
        let folder = global.config.parent().unwrap_or(Path::new("."));
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        folder.join(format!("before-upgrade-{found}-{SCHEMA}-{time}.tar"))
    });
    take(&global.config, &config, &out, false, output)?;
    output.remark(Tone::Plain, &format!("backup: {}", out.display()));
    let db = block_on(Db::upgrade(&url))?
        .map_err(|e| format!("{e}; what was there is in `{}` (`cinnabar restore`)", out.display()))?;
    block_on(db.close())?;
    let unknown = crate::policy::check(&config.policies.authorization).unknown_acts;
    let mut lines = vec![(Tone::Good, format!("upgraded: schema {found} to {SCHEMA}"))];
    lines.extend(super::policy::unknown_acts(&config.policies.authorization, &unknown));
    lines.push((Tone::Head, "next: cinnabar audit verify, then start the service".into()));
    output.result(
        &json!({ "upgraded": true, "from": found, "to": SCHEMA, "backup": out, "unknown_acts": unknown }),
        &lines,
    );
    Ok(ExitCode::SUCCESS)
}

/// Progress of backup and restore as bars, one after the other.
pub struct Bar {
    output: Output,
    bar: Option<indicatif::ProgressBar>,
}

impl Bar {
    pub fn new(output: Output) -> Self {
        Self { output, bar: None }
    }

    pub fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Begin(what, total) => {
                self.done();
                self.bar = Some(self.output.progress(total, what));
            }
            Progress::Step(steps) => {
                if let Some(bar) = &self.bar {
                    bar.inc(steps);
                }
            }
        }
    }

    pub fn done(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
