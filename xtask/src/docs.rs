//! `cargo xtask docs`: the API documentation without a warning, and the book.

use std::io;
use std::process::{Command, Stdio};

use crate::run::{Failure, cargo, failed, root, run};
use crate::{book, suggest};

/// `--open` shows the API documentation in a browser.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    if let Some(arg) = args.iter().find(|arg| *arg != "--open") {
        return Err(Failure::Usage(suggest::unknown("option", arg, ["--open"].into_iter())));
    }
    book::check()?;
    run(rustdoc().arg("--workspace"))?;
    if mdbook_is_installed()? {
        run(Command::new("mdbook").args(["build", "docs"]).current_dir(root()))?;
    } else {
        println!("mdbook is not installed, so the book was checked but not built (`cargo install mdbook`)");
    }
    if args.is_empty() { Ok(()) } else { run(rustdoc().args(["--package", "ivae", "--open"])) }
}

fn rustdoc() -> Command {
    let mut command = cargo(["doc", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn mdbook_is_installed() -> Result<bool, Failure> {
    match Command::new("mdbook").arg("--version").stdout(Stdio::null()).status() {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("starting mdbook")(error)),
    }
}
