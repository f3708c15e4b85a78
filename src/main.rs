//! The binary: parses the command line, runs the library, prints the error chain, and gives the shell its exit code.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = pipeline::cli::Cli::parse();
    let exit = match pipeline::run(&cli) {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!(
                "error: {}",
                pipeline::logging::printable(&format!("{error:#}"))
            );
            pipeline::exit_of(&error)
        }
    };
    ExitCode::from(exit.code())
}
