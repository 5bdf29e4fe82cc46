//! How the command ends: a message for a person and a status for a script.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

/// A failure, with its exit status.
#[derive(Debug)]
pub(crate) struct Exit {
    /// 1 failed, 2 bad usage or input, 130 interrupted.
    pub(crate) status: u8,
    /// For standard error.
    pub(crate) message: String,
}

impl Exit {
    /// Bad usage or bad input.
    pub(crate) fn input(message: impl Display) -> Self {
        Self { status: 2, message: message.to_string() }
    }

    /// Bad input in a file, which the message names.
    pub(crate) fn file(path: &Path, message: impl Display) -> Self {
        let (path, message) = (path.display().to_string(), message.to_string());
        Self::input(if message.contains(&path) { message } else { format!("{path}: {message}") })
    }

    /// Anything else that went wrong.
    pub(crate) fn failed(message: impl Display) -> Self {
        Self { status: 1, message: message.to_string() }
    }

    /// Ctrl-C.
    pub(crate) fn interrupted(message: impl Display) -> Self {
        Self { status: 130, message: message.to_string() }
    }
}

/// Print one line, or end quietly if nobody reads any more.
pub(crate) fn print(text: &str) -> Result<(), Exit> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Exit::failed(format!("standard output: {e}"))),
        _ => Ok(()),
    }
}

/// Print the one JSON object of `--json`.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Exit> {
    print(&serde_json::to_string(value).map_err(Exit::failed)?)
}

/// Print one line to standard error; if that cannot be written to, there is nobody to tell.
pub(crate) fn tell(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Print warnings to standard error.
pub(crate) fn warn<S: Display>(warnings: impl IntoIterator<Item = S>) {
    for warning in warnings {
        tell(format_args!("warning: {warning}"));
    }
}
