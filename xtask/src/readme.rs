//! The README's command example, run as it stands.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use crate::run::{Failure, cargo, failed, read, root, run, target};

/// The comment above the code block that is run.
const MARKER: &str = "<!-- test: commands -->";

/// Builds `ivae`, and runs the commands in an empty folder with it on the path.
pub(crate) fn check() -> Result<(), Failure> {
    let text = read(&root().join("README.md"))?;
    let script =
        script(&text).ok_or_else(|| Failure::Failed(format!("README.md: no sh block after {MARKER}")))?;
    run(&mut cargo(["build", "--package", "ivae"]))?;

    let folder = target()?.join("tmp/readme");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed(format!("emptying {}", folder.display())))?;
    }
    fs::create_dir_all(&folder).map_err(failed(format!("making {}", folder.display())))?;
    let old = env::var_os("PATH").unwrap_or_default();
    let path = [target()?.join("debug")].into_iter().chain(env::split_paths(&old));
    let path = env::join_paths(path).map_err(failed("putting ivae on the path"))?;
    run(Command::new("sh")
        .args(["-eux", "-c", script])
        .current_dir(folder)
        .env("PATH", path)
        .stdin(Stdio::null()))
}

/// The `sh` block that follows the marker.
fn script(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(MARKER)?;
    let (script, _) = rest.trim_start().strip_prefix("```sh\n")?.split_once("\n```")?;
    Some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_right_after_the_marker_is_taken() {
        let text = format!("```sh\nother\n```\n{MARKER}\n\n```sh\none\ntwo --json\n```\n```sh\nlater\n```\n");
        assert_eq!(script(&text), Some("one\ntwo --json"));
        assert_eq!(script(&format!("{MARKER}\nprose\n```sh\nx\n```")), None);
        assert_eq!(script("```sh\nx\n```"), None);
    }
}
