//! The binary: parses the command line, runs the library, prints the error chain, and gives the shell its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = pipeline::cli::Cli::from_surroundings();
    let exit = match pipeline::run(&cli) {
        Ok(exit) => exit,
        Err(error) => {
            let text = pipeline::logging::with_causes(&error);
            eprintln!("error: {}", pipeline::logging::printable(&text));
            pipeline::exit_of(&error)
        }
    };
    ExitCode::from(exit.code())
}
