//! `cargo xtask bench --peers`: our programs and the peers' on the same work, one processor core each, in turn.
//!
//! The peers are Python programs (`benches/peers`). Their packages are installed once into a virtual environment below
//! the target folder, by `pip` from wherever it is set up to install from; PyTorch's alone takes several gigabytes.
//! Every task is run by all its programs in turn, round after round, each pinned to the last core where `taskset` is
//! there; a figure is the median of the rounds. Two kinds of time are told: on the wall, and of the processor, which is
//! what a busy machine leaves to compare by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Failure, cargo, failed, read, root, run, target};

/// Line of the performance page above which records go.
const MARK: &str = "<!-- cargo xtask bench --peers --record writes above this line -->";
const PAGE: &str = "docs/src/performance.md";
const ROUNDS: usize = 5;

/// One piece of work: ours and the peers' arguments, and a ratio of ours to each peer that we want at most.
struct Work {
    name: &'static str,
    ours: &'static str,
    /// Script, its arguments, the ratio wanted.
    peers: &'static [(&'static str, &'static str, f64)],
    /// How often it is run; long work varies less.
    rounds: usize,
}

/// `DATA` stands for the file of the standard simulation; the last number is epochs or repeats.
const WORK: &[Work] = &[
    Work {
        name: "step, hidden 100, batch 64",
        ours: "vae DATA 100 64 5",
        peers: &[("jax_ivae", "DATA 100 64 5", 0.40), ("torch_ivae", "DATA 100 64 2", 0.10)],
        rounds: ROUNDS,
    },
    Work {
        name: "step, hidden 200, batch 256",
        ours: "vae DATA 200 256 5",
        peers: &[("jax_ivae", "DATA 200 256 5", 0.50), ("torch_ivae", "DATA 200 256 2", 0.25)],
        rounds: ROUNDS,
    },
    Work {
        name: "step, hidden 1000, batch 1024",
        ours: "vae DATA 1000 1024 1",
        peers: &[("jax_ivae", "DATA 1000 1024 1", 0.70), ("torch_ivae", "DATA 1000 1024 1", 0.50)],
        rounds: 3,
    },
    Work {
        name: "step, square tanh, a restart",
        ours: "bijective DATA 2 5",
        peers: &[("jax_bijective", "DATA 8 5", 0.35)],
        rounds: ROUNDS,
    },
    Work {
        name: "recovery 5 → 5, to an MCC of .995",
        ours: "recovery DATA",
        peers: &[("jax_bijective", "DATA 8 40 whole", 0.30)],
        rounds: ROUNDS,
    },
    Work {
        name: "step, coupling of 10 blocks",
        ours: "flow DATA 10 3",
        peers: &[("jax_flow", "DATA 10 3", 0.40)],
        rounds: ROUNDS,
    },
    Work {
        name: "FastICA 40000 × 5",
        ours: "fastica 40000 5 5",
        peers: &[("sklearn_fastica", "40000 5 5", 0.50)],
        rounds: ROUNDS,
    },
    Work {
        name: "FastICA 100000 × 20",
        ours: "fastica 100000 20 3",
        peers: &[("sklearn_fastica", "100000 20 3", 0.50)],
        rounds: ROUNDS,
    },
    Work {
        name: "Picard 5000 × 10",
        ours: "picard 5000 10 5",
        peers: &[("python_picard", "5000 10 5", 0.50)],
        rounds: ROUNDS,
    },
    Work {
        name: "Picard 40000 × 5",
        ours: "picard 40000 5 5",
        peers: &[("python_picard", "40000 5 5", 0.50)],
        rounds: ROUNDS,
    },
    Work {
        name: "Spearman MCC 40000 × 5",
        ours: "spearman 40000 5 5",
        peers: &[("scipy_spearman", "40000 5 3", 1.0)],
        rounds: ROUNDS,
    },
    Work {
        name: "Spearman MCC 1000000 × 10",
        ours: "spearman 1000000 10 1",
        peers: &[("scipy_spearman", "1000000 10 1", 0.50)],
        rounds: 3,
    },
];

/// Wall and processor microseconds.
type Times = [f64; 2];

/// `args`: `--record` appends what was measured to the performance page, `--rounds=N` says how often all is run, a word
/// picks the work with it in its name.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    let (flags, words): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with("--"));
    let (mut record, mut rounds) = (false, None);
    for flag in flags {
        match flag.split_once('=').map(|(name, count)| (name, count.parse())) {
            None if flag == "--record" => record = true,
            Some(("--rounds", Ok(count @ 1..))) => rounds = Some(count),
            _ => {
                return Err(Failure::Usage(format!(
                    "bench --peers takes --record and --rounds=N, not `{flag}`"
                )));
            }
        }
    }
    let wanted = |work: &&Work| words.iter().all(|word| work.name.contains(word.as_str()));
    let work: Vec<&Work> = WORK.iter().filter(wanted).collect();
    if work.is_empty() {
        return Err(Failure::Usage("no work has these words in its name".into()));
    }
    let folder = target()?.join("peers");
    fs::create_dir_all(&folder).map_err(failed(format!("making {}", folder.display())))?;
    let python = environment(&folder)?;
    run(&mut cargo(["build", "--release", "--package", "ivae-benches", "--bin", "ours"]))?;
    let ours = target()?.join("release").join("ours");
    let data = folder.join("gauss_5_5.npz");
    if !data.is_file() {
        run(Command::new(&ours).arg("data").arg(&data))?;
    }

    let mut rows = Vec::new();
    for work in work {
        rows.extend(measure(work, rounds.unwrap_or(work.rounds), &ours, &python, &data)?);
    }
    let table = table(&rows);
    println!("\n{table}");
    if record {
        let entry = format!("{}{table}", heading(&python, args));
        let page = root().join(PAGE);
        let text = insert(&read(&page)?, &entry)
            .ok_or_else(|| Failure::Failed(format!("{PAGE} has no line `{MARK}`")))?;
        fs::write(&page, text).map_err(failed(format!("writing {}", page.display())))?;
        println!("recorded in {PAGE}");
    }
    Ok(())
}

/// The Python of a virtual environment with the peers' packages, made and filled if it is not there or they changed.
fn environment(folder: &Path) -> Result<PathBuf, Failure> {
    let missing = |_| {
        Failure::Failed(
            "python3 is missing: the peers are Python programs, install it to compare with them".into(),
        )
    };
    Command::new("python3").arg("--version").output().map_err(missing)?;
    let wanted = read(&root().join("benches/peers/requirements.txt"))?;
    let (venv, done) = (folder.join("venv"), folder.join("installed.txt"));
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) && python.is_file() {
        return Ok(python);
    }
    println!("installing the peers into {} (several gigabytes, once)", venv.display());
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let requirements = root().join("benches/peers/requirements.txt");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements))?;
    fs::write(&done, wanted).map_err(failed(format!("writing {}", done.display())))?;
    Ok(python)
}

/// One line of the table.
struct Row {
    work: &'static str,
    peer: &'static str,
    ours: Times,
    theirs: Times,
    at_most: f64,
}

/// Runs everything of one piece of work in turn, several times.
fn measure(work: &Work, rounds: usize, ours: &Path, python: &Path, data: &Path) -> Result<Vec<Row>, Failure> {
    let mut times = vec![Vec::new(); 1 + work.peers.len()];
    for round in 1..=rounds {
        println!("{}: round {round} of {rounds}", work.name);
        times[0].push(once(&mut pinned(ours), work.ours, data)?);
        for ((script, args, _), times) in work.peers.iter().zip(&mut times[1..]) {
            let mut command = pinned(python);
            command.arg(root().join(format!("benches/peers/{script}.py")));
            times.push(once(&mut command, args, data)?);
        }
    }
    let ours = median(&times[0]);
    let row = |(&(peer, _, at_most), theirs): (&(&'static str, _, f64), &Vec<Times>)| Row {
        work: work.name,
        peer,
        ours,
        theirs: median(theirs),
        at_most,
    };
    Ok(work.peers.iter().zip(&times[1..]).map(row).collect())
}

/// `program` on one core: pinned to the last one where `taskset` is there, and told to use one thread.
fn pinned(program: &Path) -> Command {
    let core = std::thread::available_parallelism().map_or(0, |cores| cores.get() - 1).to_string();
    let can_pin =
        Command::new("taskset").args(["-c", &core, "true"]).output().is_ok_and(|o| o.status.success());
    let mut command = match can_pin {
        true => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core]).arg(program);
            command
        }
        false => Command::new(program),
    };
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
        command.env(name, "1");
    }
    command.env("JAX_PLATFORMS", "cpu").env("CUDA_VISIBLE_DEVICES", "");
    command.env("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1");
    command
}

/// One run, and the times it tells.
fn once(command: &mut Command, args: &str, data: &Path) -> Result<Times, Failure> {
    for arg in args.split(' ') {
        match arg {
            "DATA" => command.arg(data),
            _ => command.arg(arg),
        };
    }
    let output = command.output().map_err(failed(format!("starting {command:?}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match (output.status.success(), times(&text)) {
        (true, Some(times)) => Ok(times),
        _ => {
            Err(Failure::Failed(format!("{command:?}: {text}\n{}", String::from_utf8_lossy(&output.stderr))))
        }
    }
}

/// From a line as `{"us": 1.5, "cpu_us": 1.2, ..}`.
fn times(line: &str) -> Option<Times> {
    let value = |key: &str| {
        let (_, rest) = line.split_once(key)?;
        rest.split([',', '}']).next()?.trim().parse::<f64>().ok()
    };
    Some([value("\"us\":")?, value("\"cpu_us\":")?])
}

fn median(times: &[Times]) -> Times {
    [0, 1].map(|kind| {
        let mut sorted: Vec<f64> = times.iter().map(|t| t[kind]).collect();
        sorted.sort_by(f64::total_cmp);
        0.5 * (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2])
    })
}

/// As Markdown, which is readable enough in a terminal.
fn table(rows: &[Row]) -> String {
    let mut text = "| work | ours, µs | peer | peer's, µs | ratio | of wall time | wanted |\n".to_owned();
    text += "|---|---|---|---|---|---|---|\n";
    for Row { work, peer, ours: [wall, cpu], theirs: [their_wall, their_cpu], at_most } in rows {
        let (ratio, of_wall) = (cpu / their_cpu, wall / their_wall);
        text += &format!(
            "| {work} | {cpu:.1} | `{peer}` | {their_cpu:.1} | {ratio:.2} | {of_wall:.2} | ≤ {at_most:.2} |\n"
        );
    }
    text
}

/// What a record says before its table.
fn heading(python: &Path, args: &[String]) -> String {
    let said = |program: &Path, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(root()).output();
        output.map_or_else(|_| String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
    };
    let date = said(Path::new("date"), &["-u", "+%Y-%m-%d"]);
    let commit = said(Path::new("git"), &["describe", "--always", "--dirty", "--abbrev=7"]);
    let rustc = said(Path::new("rustc"), &["--version"]);
    let packages = said(python, &["-m", "pip", "list", "--format=freeze"]);
    let peers: Vec<&str> = ["jax==", "torch==", "scikit-learn==", "python-picard==", "scipy=="]
        .iter()
        .filter_map(|name| packages.lines().find(|line| line.starts_with(name)))
        .collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "### {date}, {commit}\n\n`cargo xtask bench --peers {}`: {}, 1 core of {cores}, {}, {rustc}, {}, {}. Microseconds of \
         processor time, medians.\n\n",
        args.join(" "),
        processor(),
        std::env::consts::OS,
        said(python, &["--version"]),
        peers.join(" "),
    )
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = info.lines().find(|line| line.starts_with(key))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    match (value("model name"), value("cpu family")) {
        (Some(name), Some(family)) => format!("{name} (family {family})"),
        _ => std::env::consts::ARCH.to_owned(),
    }
}

/// The page with `entry` before [`MARK`].
fn insert(page: &str, entry: &str) -> Option<String> {
    let (before, after) = page.split_once(MARK)?;
    Some(format!("{before}{entry}\n{MARK}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_their_medians_taken() {
        let line = "{\"us\": 1.5, \"cpu_us\": 1.25, \"loss\": 3}\n";
        assert_eq!(times(line), Some([1.5, 1.25]));
        assert_eq!(times("{\"us\": 1.5}"), None);
        assert_eq!(median(&[[3.0, 1.0], [1.0, 2.0], [2.0, 9.0]]), [2.0, 2.0]);
        assert_eq!(median(&[[3.0, 1.0], [1.0, 2.0]]), [2.0, 1.5]);
    }

    #[test]
    fn a_ratio_is_of_processor_time() {
        let row = Row { work: "w", peer: "p", ours: [30.0, 10.0], theirs: [50.0, 40.0], at_most: 0.5 };
        let text = table(&[row]);
        assert_eq!(text.lines().nth(2), Some("| w | 10.0 | `p` | 40.0 | 0.25 | 0.60 | ≤ 0.50 |"));
    }

    #[test]
    fn a_record_goes_above_the_mark() {
        let page = format!("# Page\n\n{MARK}\n");
        assert_eq!(insert(&page, "entry\n").as_deref(), Some(&*format!("# Page\n\nentry\n\n{MARK}\n")));
        assert_eq!(insert("# Page", "entry"), None);
        assert!(read(&root().join(PAGE)).is_ok_and(|page| page.contains(MARK)));
    }

    #[test]
    fn an_unknown_option_is_refused_before_anything_is_installed() {
        for slip in ["--recrod", "--rounds", "--rounds=0", "--rounds=many"] {
            assert_eq!(start(&[slip.into()]).expect_err("a slip of the fingers").status(), 2, "{slip}");
        }
    }
}
