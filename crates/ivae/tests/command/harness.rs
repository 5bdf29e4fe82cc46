//! A folder to run the command in, and what a run must and must not do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ivae::data::{Dataset, Simulation, write};
use serde_json::Value;
use tempfile::TempDir;

/// Options of a fit that takes no time.
pub(crate) const QUICK: &str = "--epochs 2 --restarts 2 --hidden 8 --batch 64";

/// A temporary folder, the working directory of the commands run in it.
pub(crate) struct Place {
    dir: TempDir,
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Small simulated data: 2 sources in 3 columns, 6 segments of 30 rows.
pub(crate) fn small() -> Dataset<f32> {
    let simulation = Simulation {
        segments: 6,
        per_segment: 30,
        latents: 2,
        observed: 3,
        layers: 2,
        ..Simulation::default()
    };
    simulation.generate().unwrap().data
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A folder with [`small`] data in `d.npz`.
    pub(crate) fn with_data() -> Self {
        let place = Self::new();
        write(place.path("d.npz"), &small()).unwrap();
        place
    }

    /// A folder with `d.npz` and a model of it in `run`.
    pub(crate) fn with_run() -> Self {
        let place = Self::with_data();
        place.done(&format!("fit d.npz --latents 2 --out run {QUICK}"));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Everything in the folder: files with their bytes, folders with [`None`].
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        fn walk(dir: &Path, into: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, into);
                    into.insert(path, None);
                } else {
                    into.insert(path.clone(), Some(fs::read(&path).unwrap()));
                }
            }
        }
        let mut all = BTreeMap::new();
        walk(self.dir.path(), &mut all);
        all
    }

    /// The command with the arguments of `line`, separated by spaces.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ivae"));
        command.args(line.split_whitespace()).current_dir(self.dir.path()).env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran::of(line, self.command(line).output().unwrap())
    }

    /// Run a command that must succeed.
    pub(crate) fn done(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.status, Some(0), "ivae {line}\n{}", ran.err);
        ran
    }

    /// Run a command that must succeed, with `--json`.
    pub(crate) fn json(&self, line: &str) -> Value {
        let ran = self.done(&format!("{line} --json"));
        assert_eq!(ran.out.lines().count(), 1, "one object on one line: {}", ran.out);
        let value: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(value.is_object());
        value
    }

    /// Run a command that must be refused with status 2, say all of `says` (that is, something a person can act on),
    /// print nothing, and leave everything on disk as it was.
    pub(crate) fn refused(&self, line: &str, says: &[&str]) {
        let before = self.everything();
        let ran = self.run(line);
        assert_eq!(ran.status, Some(2), "ivae {line}\n{}", ran.err);
        assert_eq!(ran.out, "", "ivae {line}");
        for part in says {
            assert!(ran.err.contains(part), "ivae {line}\nshould say {part:?}, but says\n{}", ran.err);
        }
        assert!(before == self.everything(), "ivae {line}\nchanged what is on disk");
    }
}

impl Ran {
    pub(crate) fn of(line: &str, output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for sign in ["panicked", "backtrace"] {
            assert!(!ran.err.contains(sign), "ivae {line}\n{}", ran.err);
        }
        ran
    }
}
