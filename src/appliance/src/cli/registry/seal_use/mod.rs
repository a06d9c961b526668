//! `cinnabar seal-use`: rules of use of seals, approvals, delegation, records of use and figures.

mod approvals;
mod records;
mod rules;

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, Global, Outcome, Output, Remote, Tone, all, block_on, done, segment, table};

/// `cinnabar seal-use …`
#[derive(Debug, Subcommand)]
pub enum SealUseCommand {
    /// Set a rule on a seal: from then on it is used by rules only
    #[command(after_help = "Examples:
  cinnabar seal-use add-rule bureau-seal --name 结果文书 --caller approval --item '370300-*' --rate 500/day --identity credentials/officer-1
  cinnabar seal-use add-rule bureau-seal --name 重大事项 --needed 2 --approver officer-1 --approver officer-2 --approver officer-3 --identity credentials/officer-1")]
    AddRule(rules::AddArgs),
    /// Change a rule: all its conditions anew
    #[command(
        after_help = "Example:\n  cinnabar seal-use change-rule 0193… --name 结果文书 --caller approval --rate 900/day --identity credentials/officer-1"
    )]
    ChangeRule(rules::ChangeArgs),
    /// Retire a rule: it admits nothing any more
    #[command(
        after_help = "Example:\n  cinnabar seal-use retire-rule 0193… --identity credentials/officer-1"
    )]
    RetireRule(rules::RuleArgs),
    /// Let a seal without rules in force be used by the policies alone again
    #[command(
        after_help = "Example:\n  cinnabar seal-use lift-rules bureau-seal --identity credentials/officer-1"
    )]
    LiftRules(rules::SealArgs),
    /// List the rules of a seal
    #[command(
        after_help = "Example:\n  cinnabar seal-use rules bureau-seal --json --identity credentials/officer-1"
    )]
    Rules(rules::SealArgs),
    /// Let another officer decide in one's place until a date
    #[command(
        after_help = "Example:\n  cinnabar seal-use delegate 0193… --to officer-4 --until 2026-12-31T16:00:00Z --identity credentials/officer-1"
    )]
    Delegate(rules::DelegateArgs),
    /// List delegations under a rule
    #[command(
        after_help = "Example:\n  cinnabar seal-use delegations 0193… --identity credentials/officer-1"
    )]
    Delegations(rules::RuleArgs),
    /// Take a delegation back
    #[command(
        after_help = "Example:\n  cinnabar seal-use revoke-delegation 0193… --identity credentials/officer-1"
    )]
    RevokeDelegation(rules::DelegationArgs),
    /// Ask officers to approve the use of a seal on one document
    #[command(
        after_help = "Example:\n  cinnabar seal-use request bureau-seal decision.pdf --purpose 建筑工程施工许可 --item 370300-001 --case-number 2026-17 --identity credentials/approval"
    )]
    Request(approvals::RequestArgs),
    /// List requests for approval, or show one
    #[command(
        after_help = "Example:\n  cinnabar seal-use requests --state open --identity credentials/officer-1"
    )]
    Requests(approvals::RequestsArgs),
    /// Approve a request for the document one has seen
    #[command(
        after_help = "Example:\n  cinnabar seal-use approve 0193… decision.pdf --identity credentials/officer-1"
    )]
    Approve(approvals::ApproveArgs),
    /// Refuse a request
    #[command(
        after_help = "Example:\n  cinnabar seal-use refuse 0193… --reason 材料不全 --identity credentials/officer-1"
    )]
    Refuse(approvals::RefuseArgs),
    /// Take one's own request back
    #[command(after_help = "Example:\n  cinnabar seal-use withdraw 0193… --identity credentials/approval")]
    Withdraw(approvals::WithdrawArgs),
    /// Search the records of use
    #[command(
        after_help = "Example:\n  cinnabar seal-use list --case-number 2026-17 --identity credentials/officer-1"
    )]
    List(records::ListArgs),
    /// Show the record of one use
    #[command(after_help = "Example:\n  cinnabar seal-use show 0193… --identity credentials/officer-1")]
    Show(records::ShowArgs),
    /// Count uses per month, organisation, seal and item
    #[command(
        after_help = "Example:\n  cinnabar seal-use figures --from 2026-01 --to 2026-12 --csv figures.csv --identity credentials/officer-1"
    )]
    Figures(records::FiguresArgs),
}

/// Runs `cinnabar seal-use …`.
pub fn seal_use(command: SealUseCommand, global: &Global, output: Output) -> Outcome {
    block_on(async {
        match command {
            SealUseCommand::AddRule(args) => rules::add(args, global, output).await,
            SealUseCommand::ChangeRule(args) => rules::change(args, global, output).await,
            SealUseCommand::RetireRule(args) => rules::retire(args, global, output).await,
            SealUseCommand::LiftRules(args) => rules::lift(args, global, output).await,
            SealUseCommand::Rules(args) => rules::list(args, global, output).await,
            SealUseCommand::Delegate(args) => rules::delegate(args, global, output).await,
            SealUseCommand::Delegations(args) => rules::delegations(args, global, output).await,
            SealUseCommand::RevokeDelegation(args) => rules::revoke(args, global, output).await,
            SealUseCommand::Request(args) => approvals::request(args, global, output).await,
            SealUseCommand::Requests(args) => approvals::requests(args, global, output).await,
            SealUseCommand::Approve(args) => approvals::approve(args, global, output).await,
            SealUseCommand::Refuse(args) => approvals::refuse(args, global, output).await,
            SealUseCommand::Withdraw(args) => approvals::withdraw(args, global, output).await,
            SealUseCommand::List(args) => records::list(args, global, output).await,
            SealUseCommand::Show(args) => records::show(args, global, output).await,
            SealUseCommand::Figures(args) => records::figures(args, global, output).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })?
}

/// Prints the members of one record.
fn members(record: &serde_json::Value, output: Output) {
    let line = |(name, value): (&String, &serde_json::Value)| {
        let text = match value {
            serde_json::Value::Null => return None,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(crate::cli::paragraph(Tone::Plain, &format!("  {name:<16} "), 19, &text))
    };
    let lines: Vec<_> = record.as_object().into_iter().flatten().filter_map(line).flatten().collect();
    output.result(record, &lines);
}
