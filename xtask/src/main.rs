//! The project's tasks: `cargo xtask experiments | test | bench | docs | ci`.
//!
//! Depends on nothing but the standard library, so that it compiles in seconds; every task spawns cargo.

mod bench;
mod book;
mod ci;
mod docs;
mod experiments;
mod packages;
mod peers;
mod readme;
mod run;
mod structure;
mod suggest;
mod test;

use std::process::ExitCode;

use run::Failure;

/// One task: its name, the line `cargo xtask --help` shows, its usage, and what it does.
struct Task {
    name: &'static str,
    summary: &'static str,
    usage: &'static str,
    /// Whether `--help` is for the program that the task starts.
    passes_help: bool,
    start: fn(&[String]) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[
    Task {
        name: "experiments",
        summary: "rebuild the figures and tables, all or the named ones",
        usage: "[NAME..] [OPTIONS OF THE EXPERIMENTS]    (--help lists the experiments)",
        passes_help: true,
        start: experiments::start,
    },
    Task {
        name: "test",
        summary: "run every test of the workspace: unit, property, command, documentation",
        usage: "[ARGUMENTS OF CARGO TEST]    (with -p PACKAGE only that package)",
        passes_help: false,
        start: test::start,
    },
    Task {
        name: "bench",
        summary: "run the Criterion suites and print one table",
        usage: "[ARGUMENTS OF CRITERION] | --peers [--record] [--rounds=N] [WORD..]    (a plain word is a filter on names)",
        passes_help: false,
        start: bench::start,
    },
    Task {
        name: "docs",
        summary: "build the API documentation, check the book, and build it where mdbook is installed",
        usage: "[--open]",
        passes_help: false,
        start: docs::start,
    },
    Task {
        name: "ci",
        summary: "everything that must be green before a change is taken",
        usage: ci::USAGE,
        passes_help: false,
        start: ci::start,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            ExitCode::from(failure.status())
        }
    }
}

fn dispatch(args: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        return Err(Failure::Usage(format!("which task?\n\n{}", overview())));
    };
    if is_help(name) || name == "help" {
        println!("{}", overview());
        return Ok(());
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        let names = TASKS.iter().map(|task| task.name);
        return Err(Failure::Usage(suggest::unknown("task", name, names) + "\n\n" + &overview()));
    };
    if !task.passes_help && rest.iter().take_while(|arg| *arg != "--").any(|arg| is_help(arg)) {
        println!("cargo xtask {} {}\n{}", task.name, task.usage, task.summary);
        return Ok(());
    }
    (task.start)(rest)
}

fn is_help(arg: &str) -> bool {
    arg == "--help" || arg == "-h"
}

fn overview() -> String {
    let mut text = String::from("usage: cargo xtask TASK [ARGUMENTS]\n\ntasks:");
    for task in TASKS {
        text += &format!("\n  {:<12} {}", task.name, task.summary);
    }
    text + "\n\n`cargo xtask TASK --help` says more."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn usage_errors_exit_2_and_name_the_nearest_task() {
        for (line, expected) in [("", "which task?"), ("tset", "`test`"), ("docs --opne", "--open")] {
            let failure = dispatch(&words(line)).expect_err(line);
            assert_eq!(failure.status(), 2, "{line}");
            let message = failure.message().unwrap();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn help_is_no_error_and_names_every_task() {
        assert!(dispatch(&words("--help")).is_ok());
        assert!(dispatch(&words("test --help")).is_ok());
        assert!(TASKS.iter().all(|task| overview().contains(task.name)));
    }
}
