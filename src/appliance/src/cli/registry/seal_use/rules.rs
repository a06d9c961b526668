//! Rules and delegations.

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Failure, Global, Output, Remote, all, done, segment, table};
use crate::cli::registry::change as changed;

/// What a rule admits. Conditions that are left out admit everything.
#[derive(Debug, Args)]
pub struct TermArgs {
    /// What the rule is called where a use is refused
    #[arg(long)]
    name: String,
    /// A caller that may use the seal, by registration (repeatable)
    #[arg(long = "caller")]
    callers: Vec<String>,
    /// An officer who may use it (repeatable)
    #[arg(long = "officer")]
    officers: Vec<String>,
    /// A role that the caller must have (one of those given)
    #[arg(long = "role")]
    roles: Vec<String>,
    /// An organisation of the caller (one of those given)
    #[arg(long = "organisation")]
    organisations: Vec<String>,
    /// Code of a service item, a final `*` for anything that begins so (repeatable)
    #[arg(long = "item")]
    items: Vec<String>,
    /// Kind of document, likewise (repeatable)
    #[arg(long = "document-kind")]
    document_kinds: Vec<String>,
    /// From this moment, RFC 3339
    #[arg(long)]
    from: Option<String>,
    /// Until before this moment, RFC 3339
    #[arg(long)]
    to: Option<String>,
    /// How often in all
    #[arg(long)]
    count: Option<u32>,
    /// How often in a while: N/minute, N/hour, N/day or N/month
    #[arg(long)]
    rate: Option<String>,
    /// How many of the approvers must approve each use
    #[arg(long, requires = "approvers")]
    needed: Option<u8>,
    /// An officer who approves (repeatable)
    #[arg(long = "approver", requires = "needed")]
    approvers: Vec<String>,
    /// Hours until the approvals of a request are void [default: 72]
    #[arg(long, requires = "needed")]
    hours: Option<u32>,
}

impl TermArgs {
    fn terms(&self) -> Result<Value, Failure> {
        let mut terms = Map::new();
        for (name, list) in [
            ("callers", &self.callers),
            ("officers", &self.officers),
            ("roles", &self.roles),
            ("organisations", &self.organisations),
            ("items", &self.items),
            ("document_kinds", &self.document_kinds),
        ] {
            if !list.is_empty() {
                terms.insert(name.into(), json!(list));
            }
        }
        for (name, moment) in [("from", &self.from), ("to", &self.to)] {
            if let Some(moment) = moment {
                terms.insert(name.into(), json!(moment));
            }
        }
        if let Some(count) = self.count {
            terms.insert("count".into(), json!(count));
        }
        if let Some(rate) = &self.rate {
            let read = rate.split_once('/').and_then(|(most, per)| Some((most.parse::<u32>().ok()?, per)));
            let (most, per) = read.ok_or_else(|| format!("`{rate}` is no rate: write N/day, for example"))?;
            terms.insert("rate".into(), json!({ "most": most, "per": per }));
        }
        if let Some(needed) = self.needed {
            let mut approval = json!({ "needed": needed, "officers": self.approvers });
            if let (Some(hours), Some(members)) = (self.hours, approval.as_object_mut()) {
                members.insert("hours".into(), json!(hours));
            }
            terms.insert("approval".into(), approval);
        }
        Ok(Value::Object(terms))
    }
}

/// Options of `cinnabar seal-use add-rule`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The seal
    seal: String,
    #[command(flatten)]
    terms: TermArgs,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use change-rule`.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// The rule
    id: String,
    #[command(flatten)]
    terms: TermArgs,
    #[command(flatten)]
    remote: Remote,
}

/// A rule, and whom to ask.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// The rule
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// A seal, and whom to ask.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// The seal
    seal: String,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-use delegate`.
#[derive(Debug, Args)]
pub struct DelegateArgs {
    /// The rule
    id: String,
    /// The officer who decides in one's place
    #[arg(long)]
    to: String,
    /// Until when, RFC 3339
    #[arg(long)]
    until: String,
    #[command(flatten)]
    remote: Remote,
}

/// A delegation, and whom to ask.
#[derive(Debug, Args)]
pub struct DelegationArgs {
    /// The delegation
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn add(args: AddArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let body = json!({ "seal": args.seal, "name": args.terms.name, "terms": args.terms.terms()? });
    let answer = args.remote.client(global)?.json(Method::POST, "/v1/seal-rules", &body).await?;
    let id = answer.json().get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    done(&answer, &format!("rule {id} governs {}", args.seal), output);
    Ok(())
}

pub(super) async fn change(args: ChangeArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-rules/{}", segment(&args.id)?);
    let body = json!({ "name": args.terms.name, "terms": args.terms.terms()? });
    let answer = changed(&args.remote.client(global)?, Method::PUT, &at, &at, &body).await?;
    done(&answer, &format!("rule {} is changed", args.id), output);
    Ok(())
}

pub(super) async fn retire(args: RuleArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let rule = format!("/v1/seal-rules/{}", segment(&args.id)?);
    let at = format!("{rule}/retire");
    let answer = changed(&args.remote.client(global)?, Method::POST, &rule, &at, &Value::Null).await?;
    done(&answer, &format!("rule {} is retired", args.id), output);
    Ok(())
}

pub(super) async fn lift(args: SealArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seals/{}/lift-rules", segment(&args.seal)?);
    let answer = args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("no rules govern {}", args.seal), output);
    Ok(())
}

pub(super) async fn list(args: SealArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let query = format!("?{}", crate::cli::query(&[("seal", args.seal)]));
    let items = all(&args.remote.client(global)?, "/v1/seal-rules", &query).await?;
    table(&items, &["id", "state", "name", "officer", "changed", "terms"], output);
    Ok(())
}

pub(super) async fn delegate(args: DelegateArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-rules/{}/delegations", segment(&args.id)?);
    let body = json!({ "delegate": args.to, "until": args.until });
    let answer = args.remote.client(global)?.json(Method::POST, &at, &body).await?;
    done(&answer, &format!("{} decides in your place until {}", args.to, args.until), output);
    Ok(())
}

pub(super) async fn delegations(args: RuleArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-rules/{}/delegations", segment(&args.id)?);
    let items = all(&args.remote.client(global)?, &at, "").await?;
    table(&items, &["id", "officer", "delegate", "until", "state"], output);
    Ok(())
}

pub(super) async fn revoke(args: DelegationArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let at = format!("/v1/seal-delegations/{}/revoke", segment(&args.id)?);
    let answer = args.remote.client(global)?.send(Method::POST, &at, &[], Bytes::new()).await?;
    done(&answer, &format!("delegation {} is taken back", args.id), output);
    Ok(())
}
