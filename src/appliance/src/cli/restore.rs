//! `cinnabar restore`: a backup back onto an empty machine, believed only when its log verifies.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tlog::SignedCheckpoint;

use super::maintenance::Bar;
use super::{Outcome, Output, Tone, audit, block_on, receipt};
use crate::backup;
use crate::journal::last_released;
use crate::store::DatabaseUrl;

/// Options of `cinnabar restore`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar restore /backup/cinnabar-2026-11-22.tar --dir /srv/cinnabar
  cinnabar restore nightly.tar --dir /srv/cinnabar --database postgres://cinnabar@db/cinnabar
  cinnabar restore nightly.tar --dir /srv/cinnabar --checkpoint kept/checkpoint --log-key kept/log.key

Nothing that exists is overwritten: the folder must be empty or absent, the database without a table. The log is
verified before the folder gets its name. Bring the log key and a late checkpoint from elsewhere when you can:
without them the backup is only shown to agree with itself, and nobody knows whether the log went on after it.

Exit codes: 0 restored and verified; 1 refused, or the log is not sound (then the folder keeps the name DIR.restoring)")]
pub struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Folder for the appliance: empty, or absent
    #[arg(long)]
    dir: PathBuf,
    /// Another database than SQLite in the folder: an empty one
    #[arg(long)]
    database: Option<String>,
    /// A checkpoint that was kept elsewhere: the restored log must extend it; several times for several
    #[arg(long = "checkpoint")]
    checkpoints: Vec<PathBuf>,
    /// The log's public key as known from elsewhere, a file or the key itself [default: the backup's own]
    #[arg(long)]
    log_key: Option<String>,
}

/// Runs `cinnabar restore`.
pub fn run(args: RestoreArgs, output: Output) -> Outcome {
    let mut checkpoints = Vec::new();
    for path in &args.checkpoints {
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
        checkpoints.push(
            SignedCheckpoint::parse(&bytes)
                .map_err(|e| format!("`{}` is no checkpoint: {e}", path.display()))?,
        );
    }
    let known = args.log_key.as_deref().map(receipt::log_keys).transpose()?;
    let mut bar = Bar::new(output);
    let restoring =
        block_on(backup::prepare(&args.file, &args.dir, args.database.as_deref(), &mut |step| {
            bar.show(step)
        }))?;
    bar.done();
    let restoring = restoring?;
    let keys = match known {
        Some(keys) => keys,
        None => receipt::log_keys(&restoring.log_key().display().to_string())?,
    };
    checkpoints.extend(last_released(&restoring.work().join("state"))?);
    let url = match restoring.url() {
        DatabaseUrl::Lite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    };
    let report = block_on(audit::check(&url, &keys.all_keys(), &checkpoints, output))??;
    if !report.sound {
        let mut lines = audit::lines(&report);
        lines.push((
            Tone::Bad,
            format!(
                "not restored: what was written stays in `{}` to be looked at",
                restoring.work().display()
            ),
        ));
        output.result(&json!({ "restored": false, "work": restoring.work(), "audit": report }), &lines);
        return Ok(ExitCode::FAILURE);
    }
    let manifest = restoring.manifest().clone();
    let restored = restoring.finish()?;
    let mut lines = audit::lines(&report);
    lines.push((Tone::Good, format!("restored: {}", restored.folder.display())));
    lines.push((Tone::Plain, format!("  configuration {}", restored.config.display())));
    lines.push((Tone::Plain, format!("  as of {}, {} leaves", manifest.created, report.entries)));
    for line in [
        "  in it: configuration, hierarchy, policies, certificates, TLS server key, sealed keystore, every row",
        "  not in it: what opens the keystore, and the credential folders of callers and officers",
    ] {
        lines.push((Tone::Plain, line.into()));
    }
    if args.log_key.is_none() {
        let text = "  the log key is the backup's own: compare it with the ceremony's transcript";
        lines.push((Tone::Warn, text.into()));
    }
    if args.checkpoints.is_empty() {
        let text = "  serve from it only if the original made no act after the backup: the log would fork. Details \
                    and licences erased since are still here";
        lines.push((Tone::Warn, text.into()));
    }
    let config = restored.config.display();
    lines.push((Tone::Head, format!("next: cinnabar config check --config {config}, serve, unseal")));
    output.result(
        &json!({
            "restored": true, "directory": restored.folder, "config": restored.config,
            "created": manifest.created, "from": manifest.engine, "schema": manifest.schema, "audit": report,
        }),
        &lines,
    );
    Ok(ExitCode::SUCCESS)
}
