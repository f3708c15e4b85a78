//! The command line and its environment variables together. A flag overrules the environment, and a variable that is set to nothing is not
//! set: that is how compose files and scripts leave one out.

use super::Cli;
use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

/// Options that cannot stand together. One that is given on the command line overrules the variable of the other.
const CONTRARY: [[&str; 2]; 2] = [["quiet", "verbose"], ["sample", "failed"]];

impl Cli {
    /// What this process was called with. Ends it where that cannot be read, or where help was asked for.
    pub fn from_surroundings() -> Self {
        let command = forget(Cli::command(), &is_empty);
        let is_contrary = |arg: &Arg| CONTRARY.as_flattened().contains(&arg.get_id().as_str());
        let given = match forget(command.clone(), &is_contrary).try_get_matches() {
            Ok(given) => given,
            Err(error) if error.use_stderr() => error.exit(),
            // Help was asked for: all of it.
            Err(_) => Cli::command().get_matches(),
        };
        let overruled = |arg: &Arg| {
            let others = CONTRARY.iter().filter_map(|pair| match arg.get_id() {
                id if id == pair[0] => Some(pair[1]),
                id if id == pair[1] => Some(pair[0]),
                _ => None,
            });
            others.into_iter().any(|other| is_given(&given, other))
        };
        let matches = forget(command, &overruled).get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// The command without the variables of some arguments.
fn forget(command: Command, which: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| match which(&arg) {
            true => arg.env(Resettable::Reset),
            false => arg,
        })
        .mut_subcommands(|below| forget(below, which))
}

fn is_empty(arg: &Arg) -> bool {
    let value = arg.get_env().and_then(std::env::var_os);
    value.is_some_and(|value| value.is_empty())
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    let is_known = matches.try_contains_id(id).is_ok();
    let is_here = is_known && matches.value_source(id) == Some(ValueSource::CommandLine);
    let below = matches.subcommand();
    is_here || below.is_some_and(|(_, below)| is_given(below, id))
}
