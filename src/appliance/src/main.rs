//! The binary `cinnabar`.

use std::process::ExitCode;

fn main() -> ExitCode {
    appliance::cli::run()
}
