//! `cinnabar pdf …`: work on PDF files that needs no server.

mod augment;
mod embed;
mod inspect;
mod prepare;

use clap::Subcommand;

use super::{Outcome, Output};
pub use prepare::image;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum PdfCommand {
    /// Raise the signatures of a document to a level that lasts: time-stamps, validation material, renewal
    Augment(Box<augment::AugmentArgs>),
    /// Prepare a signature whose key is elsewhere, and print the digest to be signed
    Prepare(Box<prepare::PrepareArgs>),
    /// Put a CMS signature into a document that was prepared for it
    Embed(embed::EmbedArgs),
    /// Show what a file consists of: revisions, cross-references, objects, and what nothing mentions
    Inspect(inspect::InspectArgs),
}

/// Runs `cinnabar pdf …`.
pub fn run(command: PdfCommand, output: Output) -> Outcome {
    match command {
        PdfCommand::Augment(args) => augment::run(&args, output),
        PdfCommand::Prepare(args) => prepare::run(&args, output),
        PdfCommand::Embed(args) => embed::run(&args, output),
        PdfCommand::Inspect(args) => inspect::run(&args, output),
    }
}
