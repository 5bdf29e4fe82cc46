//! `cargo xtask experiments`: the figures and tables, by the `ivae-experiments` program.

use crate::run::{Failure, cargo, run};

/// Every argument is passed on, `--help` too.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    run(cargo(["run", "--release", "--package", "ivae-experiments", "--"]).args(args))
}
