//! `cargo xtask ci`: everything that must be green before a change is taken, quickest first.

use std::time::Instant;

use crate::run::{Failure, cargo, run, watched};
use crate::{book, docs, packages, readme, structure, suggest, test};

pub(crate) const USAGE: &str =
    "[STEP..]    (all, or some of: format, book, structure, packages, lint, test, docs, readme, lapack)";

type Step = (&'static str, fn() -> Result<(), Failure>);

const STEPS: &[Step] = &[
    ("format", format),
    ("book", book::check),
    ("structure", structure::check),
    ("packages", packages::check),
    ("lint", lint),
    ("test", || test::start(&[])),
    ("docs", || docs::start(&[])),
    ("readme", readme::check),
    ("lapack", lapack),
];

/// Runs the named steps, or all, and stops at the first that fails.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    let names = || STEPS.iter().map(|(name, _)| *name);
    if let Some(arg) = args.iter().find(|arg| !names().any(|name| name == *arg)) {
        return Err(Failure::Usage(suggest::unknown("step", arg, names())));
    }
    for (name, step) in STEPS {
        if !args.is_empty() && !args.iter().any(|arg| arg == name) {
            continue;
        }
        println!("== {name}");
        let begin = Instant::now();
        step().inspect_err(|_| eprintln!("ci: step `{name}` failed; again with `cargo xtask ci {name}`"))?;
        println!("== {name}: ok, {:.1} s", begin.elapsed().as_secs_f64());
    }
    Ok(())
}

/// rustfmt colours its output even into a file unless it is told not to.
fn format() -> Result<(), Failure> {
    let colour = if watched() { "auto" } else { "never" };
    run(&mut cargo(["fmt", "--all", "--check", "--", "--color", colour]))
}

fn lint() -> Result<(), Failure> {
    run(&mut cargo(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// The other back end of the linear algebra; it links the system's OpenBLAS. Its tests, which compile the crate with the
/// pointers once more, have the standard library's debug assertions, too.
fn lapack() -> Result<(), Failure> {
    let openblas = ["--package", "ivae-num", "--features", "lapack"];
    run(cargo(["clippy", "--all-targets"]).args(openblas).args(["--", "-D", "warnings"]))?;
    let assertions = ["--config", "profile.dev.package.ivae-num.debug-assertions=true"];
    run(cargo(["test"]).args(assertions).args(openblas))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_names_every_step() {
        assert!(STEPS.iter().all(|(name, _)| USAGE.contains(name)));
    }

    #[test]
    fn an_unknown_step_is_a_usage_error() {
        let failure = start(&["lnit".into()]).expect_err("no such step");
        assert_eq!((failure.status(), failure.message()), (2, Some("no step `lnit`; did you mean `lint`?")));
    }
}
