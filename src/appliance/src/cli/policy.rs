//! `cinnabar policy`: checks a folder of authorization policies before it is put in force, and explains decisions.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, Global, Outcome, Output, Tone, paragraph};
use crate::config::Config;
use crate::identity::{CallerKind, Role};
use crate::policy::{self, ACTION_NAMES, Question, Resource, ResourceKind};

/// `cinnabar policy …`
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a folder of authorization policies or of certificate profiles, or both of the configuration
    Check(CheckArgs),
    /// Say what would be decided, by which policies, and why
    Explain(Box<ExplainArgs>),
}

/// Options of `cinnabar policy check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar policy check
  cinnabar policy check policies/authorization --json
  cinnabar policy check policies/certificates

Exit codes: 0 the appliance would take this set; 1 it would not; 2 wrong usage")]
pub struct CheckArgs {
    /// The folder; one with `*.toml` files holds certificate profiles [default: both of the configuration's]
    directory: Option<PathBuf>,
}

/// Options of `cinnabar policy explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cinnabar policy explain --principal machine:approval --organisation bureau --role sealer \\
      --action document.seal --resource seal:bureau --resource-organisation bureau
  cinnabar policy explain --principal officer:li --person p-li --role security-officer \\
      --action caller.approve --resource caller:wang --proposer p-zhang

Exit codes: 0 permitted; 1 denied, or the policies cannot be loaded; 2 wrong usage")]
pub struct ExplainArgs {
    /// Who acts: KIND:ID, kind is machine, officer, operator or system
    #[arg(long)]
    principal: String,
    /// Organisation the principal acts for
    #[arg(long, default_value = "")]
    organisation: String,
    /// A role of the principal; several times for several
    #[arg(long = "role")]
    roles: Vec<String>,
    /// Registered person behind an officer or operator
    #[arg(long)]
    person: Option<String>,
    /// What is to be done, for example document.seal
    #[arg(long)]
    action: String,
    /// On what: KIND:ID, for example seal:bureau; document, log, policies and appliance need no id
    #[arg(long)]
    resource: String,
    /// Organisation that the seal or caller acted upon belongs to
    #[arg(long, default_value = "")]
    resource_organisation: String,
    /// Kind of the caller acted upon
    #[arg(long, default_value = "machine")]
    resource_kind: String,
    /// Caller whose act the receipt proves, whom the certificate names, or who asked for it
    #[arg(long, default_value = "")]
    resource_caller: String,
    /// Further organisations the seal is granted to
    #[arg(long)]
    granted_to: Vec<String>,
    /// Person who proposed what is to be approved
    #[arg(long)]
    proposer: Option<String>,
    /// Person who applied for a seal (`machine:ID` for a machine)
    #[arg(long)]
    applicant: Option<String>,
    /// Person who approved that application
    #[arg(long)]
    approver: Option<String>,
    /// The certificate to be renewed is, or is not, in the last third of its validity
    #[arg(long)]
    due: Option<bool>,
    /// As if it came over the local admin socket
    #[arg(long)]
    local: bool,
    /// The folder [default: the configuration's]
    #[arg(long)]
    policies: Option<PathBuf>,
}

/// Runs `cinnabar policy …`.
pub fn run(command: PolicyCommand, global: &Global, output: Output) -> Outcome {
    match command {
        PolicyCommand::Check(args) => check(args, global, output),
        PolicyCommand::Explain(args) => explain(&args, global, output),
    }
}

fn folder(named: Option<PathBuf>, global: &Global) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) => Ok(folder),
        None => Ok(Config::load(&global.config)?.policies.authorization),
    }
}

fn check(args: CheckArgs, global: &Global, output: Output) -> Outcome {
    match args.directory {
        Some(folder) if holds_profiles(&folder) => {
            let (valid, value, lines) = profiles(&folder);
            output.result(&value, &lines);
            Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(folder) => {
            let (valid, value, lines) = authorization(&folder)?;
            output.result(&value, &lines);
            Ok(if valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        None => {
            let config = Config::load(&global.config)?;
            let (permits, mut value, mut lines) = authorization(&config.policies.authorization)?;
            let (certifies, certificates, more) = profiles(&config.policies.certificates);
            lines.extend(more);
            if let Some(object) = value.as_object_mut() {
                object.insert("valid".into(), (permits && certifies).into());
                object.insert("certificates".into(), certificates);
            }
            output.result(&value, &lines);
            Ok(if permits && certifies { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

type Checked = (bool, serde_json::Value, Vec<(Tone, String)>);

fn holds_profiles(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().extension().is_some_and(|extension| extension == "toml"))
}

fn profiles(folder: &Path) -> Checked {
    match crate::profiles::load(folder) {
        Ok(set) => {
            let named = set
                .iter()
                .map(|profile| (Tone::Plain, format!("  {:<32} {}", profile.name(), profile.description())));
            let mut lines: Vec<_> = named.collect();
            let count = set.iter().count();
            lines.push((Tone::Good, format!("{count} certificate profiles fit; set {}", set.digest())));
            let described: std::collections::BTreeMap<_, _> =
                set.iter().map(|profile| (profile.name(), profile.description())).collect();
            (true, json!({ "valid": true, "profiles": described, "digest": set.digest() }), lines)
        }
        Err(error) => {
            let text = error.to_string();
            let lines = paragraph(Tone::Bad, "", 2, &text);
            (false, json!({ "valid": false, "findings": [text] }), lines)
        }
    }
}

/// That files of an older version leave newer acts refused, and how to mend it.
pub(super) fn unknown_acts(folder: &Path, acts: &[&str]) -> Option<(Tone, String)> {
    (!acts.is_empty()).then(|| {
        let (folder, acts) = (folder.display(), acts.join(", "));
        let text = format!(
            "`{folder}` is of an older version: its schema does not know {acts}, which are refused to everybody; \
             copy the schema and the policies of this version (`cinnabar init` writes them) and merge your own"
        );
        (Tone::Warn, text)
    })
}

fn authorization(folder: &Path) -> Result<Checked, Failure> {
    let report = policy::check(folder);
    let findings = report.findings.iter();
    let mut lines: Vec<_> =
        findings.flat_map(|finding| paragraph(Tone::Bad, "", 2, &finding.to_string())).collect();
    if report.valid {
        for (id, reason) in &report.policies {
            lines.push((Tone::Plain, format!("  {id:<32} {reason}")));
        }
        let digest = report.digest.as_deref().unwrap_or_default();
        lines.push((Tone::Good, format!("{} policies fit; set {digest}", report.policies.len())));
        lines.extend(unknown_acts(folder, &report.unknown_acts));
    } else {
        lines.push((Tone::Bad, format!("`{}` would be refused", folder.display())));
    }
    Ok((report.valid, serde_json::to_value(&report)?, lines))
}

fn explain(args: &ExplainArgs, global: &Global, output: Output) -> Outcome {
    let question = question(args)?;
    let folder = folder(args.policies.clone(), global)?;
    let answer = policy::explain(&folder, &question)?;
    let mut lines = vec![if answer.permitted {
        (Tone::Good, format!("permitted: {} may {} {}", args.principal, args.action, args.resource))
    } else {
        (Tone::Bad, format!("denied: {} may not {} {}", args.principal, args.action, args.resource))
    }];
    for (id, reason) in &answer.policies {
        lines.push((Tone::Plain, format!("  {id}: {reason}")));
    }
    for error in &answer.errors {
        lines.push((Tone::Warn, format!("  could not be evaluated, which denies: {error}")));
    }
    if answer.policies.is_empty() && answer.errors.is_empty() {
        lines.push((Tone::Plain, "  no policy speaks for it".into()));
    }
    output.result(&serde_json::to_value(&answer)?, &lines);
    Ok(if answer.permitted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn question(args: &ExplainArgs) -> Result<Question, Failure> {
    let unknown = |what: &str, word: &str, known: &[&str]| -> Failure {
        format!("unknown {what} `{word}`; known are {}", known.join(", ")).into()
    };
    let (kind, caller) = args
        .principal
        .split_once(':')
        .ok_or_else(|| format!("write --principal as KIND:ID, not `{}`", args.principal))?;
    let kind = CallerKind::parse(kind)
        .ok_or_else(|| unknown("kind of caller", kind, &["machine", "officer", "operator", "system"]))?;
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let roles = args.roles.iter().map(|word| Role::parse(word).ok_or_else(|| unknown("role", word, &names)));
    if !ACTION_NAMES.contains(&args.action.as_str()) {
        return Err(unknown("action", &args.action, ACTION_NAMES));
    }
    Ok(Question {
        caller: caller.to_owned(),
        kind,
        organisation: args.organisation.clone(),
        roles: roles.collect::<Result<_, _>>()?,
        person: args.person.clone(),
        action: args.action.clone(),
        resource: resource(args)?,
        local: args.local,
        proposer: args.proposer.clone(),
        applicant: args.applicant.clone(),
        approver: args.approver.clone(),
        due: args.due,
    })
}

fn resource(args: &ExplainArgs) -> Result<Resource, Failure> {
    let (word, id) = args.resource.split_once(':').unwrap_or((&args.resource, ""));
    let kind = ResourceKind::parse(word).ok_or_else(|| {
        format!(
            "unknown resource `{word}`; write seal:ID, seal-application:ID, licence-type:CODE, licence:ID, document, receipt:LEAF, caller:ID, certificate:ID, certificate-request:ID, \
             organisation:ID, authority:LABEL, log, policies or appliance"
        )
    })?;
    let organisation = args.resource_organisation.as_str();
    Ok(match kind {
        ResourceKind::Seal => Resource::seal(id, organisation).granted_to(args.granted_to.iter().cloned()),
        ResourceKind::SealApplication => {
            Resource::seal_application(id, organisation, args.resource_caller.as_str())
        }
        ResourceKind::LicenceType => {
            Resource::licence_type(id, organisation).granted_to(args.granted_to.iter().cloned())
        }
        ResourceKind::Licence => Resource::licence(id, organisation),
        ResourceKind::Document => Resource::document(),
        ResourceKind::Receipt => {
            let leaf = id.parse().map_err(|_| format!("write receipt:LEAF with a number, not `{id}`"))?;
            Resource::receipt(leaf, args.resource_caller.as_str())
        }
        ResourceKind::Caller => {
            let kind = CallerKind::parse(&args.resource_kind)
                .ok_or_else(|| format!("unknown --resource-kind `{}`", args.resource_kind))?;
            Resource::caller(id, kind, organisation)
        }
        ResourceKind::Certificate => {
            let holder = Some(args.resource_caller.as_str()).filter(|holder| !holder.is_empty());
            Resource::certificate_of(id, holder)
        }
        ResourceKind::CertificateRequest => Resource::certificate_request(id, args.resource_caller.as_str()),
        ResourceKind::Organisation => Resource::organisation(id),
        ResourceKind::Authority => Resource::authority(id),
        ResourceKind::Log => Resource::log(),
        ResourceKind::Policies => Resource::policies(),
        ResourceKind::Appliance => Resource::appliance(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn asked(arguments: &str) -> Result<Question, String> {
        let words = ["cinnabar", "policy", "explain"].into_iter().chain(arguments.split_whitespace());
        let Ok(Cli { command: Command::Policy(PolicyCommand::Explain(args)), .. }) =
            Cli::try_parse_from(words)
        else {
            return Err("usage".into());
        };
        question(&args).map_err(|e| e.to_string())
    }

    #[test]
    fn every_kind_of_resource_can_be_asked_about() {
        for resource in [
            "seal:s",
            "document",
            "receipt:7",
            "caller:c",
            "certificate:ab",
            "certificate-request:1",
            "organisation:o",
            "log",
            "policies",
            "appliance",
        ] {
            let text =
                format!("--principal machine:m --role sealer --action document.seal --resource {resource}");
            asked(&text).unwrap();
        }
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        for (wrong, says) in [
            ("--principal m --action document.seal --resource log", "KIND:ID"),
            ("--principal robot:m --action document.seal --resource log", "machine, officer"),
            ("--principal machine:m --role king --action document.seal --resource log", "auditor"),
            ("--principal machine:m --action steal --resource log", "document.seal"),
            ("--principal machine:m --action document.seal --resource moon:1", "organisation:ID"),
            ("--principal machine:m --action document.seal --resource receipt:x", "receipt:LEAF"),
            ("--principal machine:m --action document.seal", "usage"),
        ] {
            let error = asked(wrong).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_shipped_policies_decide_as_explained() {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/authorization"));
        let question =
            asked("--principal machine:m --organisation o --role sealer --action document.seal --resource seal:s --resource-organisation o")
                .unwrap();
        assert!(policy::explain(&folder, &question).unwrap().permitted);
        let other = asked("--principal machine:m --organisation o --role sealer --action document.seal --resource seal:s --resource-organisation p").unwrap();
        assert!(!policy::explain(&folder, &other).unwrap().permitted);
    }
}
