//! The `ivae` command.
//!
//! With `--json`, standard output holds exactly one JSON object; everything else goes to standard error. Exit status: 0
//! done, 1 failed, 2 bad usage or bad input, 130 interrupted.

#![forbid(unsafe_code)]

mod args;
mod diagnose;
mod evaluate;
mod exit;
mod fit;
mod generate;
mod input;
mod map;
mod progress;
mod report;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::{Exit, tell};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version go to standard output with status 0, mistakes to standard error with status 2.
        Err(error) => {
            let _ = error.print(); // if nobody reads, there is nobody to tell
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match &cli.command {
        Command::Generate(args) => generate::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Transform(args) => map::transform(args),
        Command::Reconstruct(args) => map::reconstruct(args),
        Command::Sample(args) => map::sample(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Diagnose(args) => diagnose::run(args),
        Command::Report(args) => report::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Exit { status, message }) => {
            tell(format_args!("error: {message}"));
            ExitCode::from(status)
        }
    }
}
