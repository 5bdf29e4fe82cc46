//! Starting other programs, and passing their exit status on.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense: exit status 2.
    Usage(String),
    /// A program that we started failed and has said why: its exit status.
    Child(u8),
    /// Something we checked ourselves is wrong: exit status 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Child(status) => *status,
            Failure::Failed(_) => 1,
        }
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Failure::Usage(message) | Failure::Failed(message) => Some(message),
            Failure::Child(_) => None,
        }
    }
}

/// For `map_err`: says what was being done when an input or output error struck.
pub(crate) fn failed<E: Display>(doing: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Failed(format!("{doing}: {error}"))
}

/// A text file's contents.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(failed(format!("reading {}", path.display())))
}

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The target folder of this build, two levels above this program: so that a moved one is followed.
pub(crate) fn target() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(failed("finding the build folder"))?;
    let target = own.ancestors().nth(2).map(Path::to_path_buf);
    target.ok_or_else(|| Failure::Failed(format!("{} is in no target folder", own.display())))
}

/// Cargo, at the root of the workspace; without colours unless a person is watching.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    if !watched() {
        command.env("CARGO_TERM_COLOR", "never");
    }
    command
}

/// Whether a person is watching: neither stream goes to a file or another program.
pub(crate) fn watched() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status =
        command.status().map_err(failed(format!("starting {}", command.get_program().to_string_lossy())))?;
    check(status)
}

/// Turns a child's exit status into ours; a signal counts as 128 + its number, as in a shell.
pub(crate) fn check(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let code = status.code().or_else(|| signal(status).map(|number| 128 + number));
    Err(Failure::Child(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn status(script: &str) -> u8 {
        run(Command::new("sh").args(["-c", script])).map_or_else(|failure| failure.status(), |()| 0)
    }

    #[test]
    fn exit_statuses_are_passed_on() {
        assert_eq!(status("exit 0"), 0);
        assert_eq!(status("exit 101"), 101);
        assert_eq!(status("kill -TERM $$"), 143);
    }

    #[test]
    fn a_missing_program_is_a_failure_that_names_it() {
        let failure = run(&mut Command::new("no-such-program")).expect_err("it does not exist");
        assert_eq!(failure.status(), 1);
        assert!(failure.message().unwrap().contains("no-such-program"));
    }
}
