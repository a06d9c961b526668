//! `cinnabar config check`: the configuration file and everything it points at, before the service is started.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use super::{Global, Outcome, Output, Tone, block_on, paragraph};
use crate::config::{Config, TimeSource};
use crate::store::{DatabaseUrl, Db};

/// Runs `cinnabar config check`.
pub fn run(global: &Global, output: Output) -> Outcome {
    let config = Config::load(&global.config)?;
    let mut findings: Vec<(String, Result<String, String>)> = vec![(
        global.config.display().to_string(),
        Ok("reads, every key is known, every value within reason".into()),
    )];
    let mut add = |what: &Path, found| findings.push((what.display().to_string(), found));
    let platform = &config.listeners.platform;
    add(&config.keystore.hierarchy, hierarchy(&config.keystore.hierarchy));
    add(&config.log.verifier_key, log_key(&config.log.verifier_key, &config.log.origin));
    add(&platform.certificate, certificates(&platform.certificate));
    add(&platform.key, private(&platform.key).and_then(|()| key(&platform.key)));
    if let Some(listener) = &config.listeners.enrolment
        && let (Some(chain), Some(own)) = (&listener.certificate, &listener.key)
    {
        add(chain, certificates(chain));
        add(own, private(own).and_then(|()| key(own)));
    }
    add(
        &config.keystore.directory,
        private(&config.keystore.directory).map(|()| "only its owner may read it".into()),
    );
    add(&config.policies.authorization, policies(&config.policies.authorization));
    add(&config.policies.certificates, profiles(&config.policies.certificates));
    if let Some(folder) = &config.policies.signature_validation {
        let policies = crate::documents::SignaturePolicies::load(Some(folder)).map_err(|e| e.to_string());
        add(folder, policies.map(|found| format!("{} signature-validation policies", found.len())));
    }
    if let Some(folder) = &config.policies.trust {
        let anchors = crate::trust::Trust::load(Some(folder)).map_err(|e| e.to_string());
        add(folder, anchors.map(|trust| format!("{} trust anchors", trust.anchors().len())));
    }
    for folder in [&config.appliance.state, &config.appliance.certificates] {
        let entries = std::fs::read_dir(folder).map(Iterator::count);
        add(folder, entries.map(|count| format!("{count} entries")).map_err(|e| e.to_string()));
    }
    findings.push(("database".into(), database(&config.database.url)?));

    let valid = findings.iter().all(|(_, found)| found.is_ok());
    let mut lines: Vec<_> = findings
        .iter()
        .flat_map(|(what, found)| match found {
            Ok(text) => paragraph(Tone::Plain, &format!("  ok   {what}: "), 7, text),
            Err(text) => paragraph(Tone::Bad, &format!("  bad  {what}: "), 7, text),
        })
        .collect();
    if config.time.source == TimeSource::Assumed {
        lines.push((Tone::Warn, "  note time.source is `assumed`: nobody judges the clock".into()));
    }
    if config.process.allow_swap {
        lines.push((Tone::Warn, "  note process.allow_swap: secrets may reach the disk".into()));
    }
    lines.push(if valid {
        (Tone::Good, "the configuration can be served".into())
    } else {
        (Tone::Bad, "the service would refuse to start".into())
    });
    let findings: Vec<_> = findings
        .iter()
        .map(|(what, found)| {
            let (ok, text) = match found {
                Ok(text) => (true, text),
                Err(text) => (false, text),
            };
            json!({ "what": what, "ok": ok, "text": text })
        })
        .collect();
    output.result(&json!({ "valid": valid, "findings": findings }), &lines);
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

fn hierarchy(path: &Path) -> Result<String, String> {
    let hierarchy = crate::ceremony::Hierarchy::parse(&read(path)?).map_err(|e| e.to_string())?;
    Ok(format!("{} keys", hierarchy.keys().len()))
}

fn log_key(path: &Path, origin: &str) -> Result<String, String> {
    let keys = tlog::history::KeyHistory::parse(&read(path)?).map_err(|e| e.to_string())?;
    if keys.all_keys().iter().any(|key| key.name() == origin) {
        return Ok(format!("a key of log {origin}"));
    }
    Err(format!("holds no key named `{origin}`, which is log.origin"))
}

fn policies(folder: &Path) -> Result<String, String> {
    let set = crate::policy::PolicySet::load(folder).map_err(|e| e.to_string())?;
    Ok(format!("{} policies fit their schema", set.reasons().len()))
}

fn profiles(folder: &Path) -> Result<String, String> {
    let set = crate::profiles::load(folder).map_err(|e| e.to_string())?;
    let source = if folder.is_dir() { "" } else { " that come with the program; the folder is not there" };
    Ok(format!("{} certificate profiles{source}", set.iter().count()))
}

fn certificates(path: &Path) -> Result<String, String> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match chain.map_err(|e| e.to_string())?.len() {
        0 => Err("holds no certificate".into()),
        count => Ok(format!("{count} certificates")),
    }
}

fn key(path: &Path) -> Result<String, String> {
    PrivateKeyDer::from_pem_file(path)
        .map(|_| "a private key, only its owner may read it".into())
        .map_err(|e| e.to_string())
}

/// Nobody but the owner may read it.
fn private(path: &Path) -> Result<(), String> {
    let mode = std::fs::metadata(path).map_err(|e| e.to_string())?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("others may read it (mode {:03o}): chmod go= '{}'", mode & 0o777, path.display()))
}

fn database(url: &str) -> Result<Result<String, String>, super::Failure> {
    let url: DatabaseUrl = match url.parse() {
        Ok(url) => url,
        Err(error) => return Ok(Err(format!("{error}"))),
    };
    block_on(async {
        match Db::open(&url).await {
            Ok(db) => {
                db.close().await;
                Ok(format!("reachable, schema {}", crate::store::SCHEMA))
            }
            Err(error) => Err(error.to_string()),
        }
    })
}
