//! `cinnabar pdf …`: work on PDF files that needs no server.

mod augment;

use clap::Subcommand;

use super::{Outcome, Output};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum PdfCommand {
    /// Raise the signatures of a document to a level that lasts: time-stamps, validation material, renewal
    Augment(Box<augment::AugmentArgs>),
}

/// Runs `cinnabar pdf …`.
pub fn run(command: PdfCommand, output: Output) -> Outcome {
    match command {
        PdfCommand::Augment(args) => augment::run(&args, output),
    }
}
