//! `cargo xtask test`: every test of the workspace, and how many there were.

use std::io::{self, BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run::{Failure, cargo, check, failed};

/// Sums over the result lines of all test programs.
#[derive(Debug, Default, PartialEq)]
struct Total {
    programs: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Arguments are cargo test's; with none that chooses packages, the whole workspace is tested.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    let mut command = cargo(["test", "--no-fail-fast"]);
    if !chooses_packages(args) {
        command.arg("--workspace");
    }
    let mut child = command.args(args).stdout(Stdio::piped()).spawn().map_err(failed("starting cargo"))?;
    let mut total = Total::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let mut line = line.map_err(failed("reading cargo's output"))?;
            total.add(&String::from_utf8_lossy(&line));
            line.push(b'\n');
            io::stdout().write_all(&line).map_err(failed("writing to standard output"))?;
        }
    }
    let status = child.wait().map_err(failed("waiting for cargo"))?;
    println!(
        "total: {} passed, {} failed, {} ignored, in {} test programs",
        total.passed, total.failed, total.ignored, total.programs
    );
    check(status)
}

fn chooses_packages(args: &[String]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| {
        arg.starts_with("-p")
            || ["--package", "--workspace", "--all"]
                .iter()
                .any(|long| arg == long || arg.starts_with(&format!("{long}=")))
    })
}

impl Total {
    /// Adds a line `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines count nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        self.programs += 1;
        for part in result.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let Some(count) = words.next().and_then(|word| word.parse::<usize>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed") => self.failed += count,
                Some("ignored") => self.ignored += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_others_are_not() {
        let mut total = Total::default();
        for line in [
            "running 4 tests",
            "test suggest::tests::distances ... ok",
            "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.20s",
        ] {
            total.add(line);
        }
        assert_eq!(total, Total { programs: 2, passed: 14, failed: 2, ignored: 1 });
    }

    #[test]
    fn the_workspace_is_tested_unless_packages_are_chosen() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for line in ["-p ivae-num", "--package=ivae-num", "--workspace --exclude ivae"] {
            assert!(chooses_packages(&words(line)), "{line}");
        }
        for line in ["", "--release", "adam -- -p", "--all-targets"] {
            assert!(!chooses_packages(&words(line)), "{line}");
        }
    }
}
