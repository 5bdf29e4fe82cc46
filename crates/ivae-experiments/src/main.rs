//! The figures and tables of the project: `cargo xtask experiments [NAME..]`.
//!
//! Writes one page and one JSON record per model, and prints the tables. Exit status: 0 done, 1 failed, 2 bad usage.

#![forbid(unsafe_code)]

mod ablations;
mod ambiguity;
mod baselines;
mod context;
mod counts;
mod estimation;
mod example_1;
mod example_2;
mod intersections;
mod numbers;
mod priors;
mod recovery;
mod segments;
mod speech;
mod statistics;
mod supervised;
mod swirls;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use context::{Context, Outcome, Result};
use ivae::report::{Page, Section};

/// Rebuild the figures and tables of the ivae project.
#[derive(Debug, Parser)]
#[command(name = "ivae-experiments", version, max_term_width = 100)]
struct Args {
    /// Experiments to run; all but `ablations` by default
    #[arg(value_name = "NAME", value_enum)]
    names: Vec<Experiment>,
    /// Folder for report.html and the JSON records
    #[arg(long, default_value = "target/experiments")]
    out: PathBuf,
    /// Seed of the first run: of the simulated data and of every fit
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Repeat simulated experiments with so many seeds; more than one makes `recovery` run every row it has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Threads; as many as there are cores by default. The results do not depend on it
    #[arg(long)]
    threads: Option<usize>,
    /// Less data and shorter fits, to see that everything works
    #[arg(long)]
    quick: bool,
    /// Folder of the real data
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data"), hide_default_value = true)]
    data_dir: PathBuf,
    /// Only these rows of `recovery`, by their names in the records, such as `gauss-5-5,swirl-5-5`
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    rows: Vec<String>,
    /// Also rewrite the pictures and tables that the README and the book show
    #[arg(long)]
    update_docs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Experiment {
    /// Other latents of the same law: rotations of Gaussian ones, and their like for any prior
    #[value(name = "ambiguity")]
    Ambiguity,
    /// Maps that leave one, two, three Gaussians unchanged: what a second variable takes away
    #[value(name = "intersections")]
    Intersections,
    /// Two latents in 1 to 16 segments: starts of equal likelihood disagree until u moves λ in n·k directions
    #[value(name = "segments")]
    Segments,
    /// Latents by T = z and by T = z²: the first are found up to a rotation
    #[value(name = "statistics")]
    Statistics,
    /// Recovery and likelihood against the rows of data, for posteriors that can and cannot be right
    #[value(name = "estimation")]
    Estimation,
    /// Two latents in five segments, bent and swirled: sources, data, iVAE and VAE side by side
    #[value(name = "example-1")]
    Example1,
    /// Five sources behind 25 observed signals: each source and the latent that found it
    #[value(name = "example-2")]
    Example2,
    /// Data of many kinds: the default fit beside simpler methods, a supervised bound, and the targets
    #[value(name = "recovery")]
    Recovery,
    /// Sources of every family: fits under that prior, a Gaussian one, and the one chosen
    #[value(name = "priors")]
    Priors,
    /// Counts of 100 neurons from two latents on a circle: R², beside u alone and published scores
    #[value(name = "counts")]
    Counts,
    /// Each piece of the defaults changed alone: what it is worth. Half an hour; runs only if named
    #[value(name = "ablations")]
    Ablations,
    /// Real speech of nine speakers: held-out likelihood, and whether independent fits agree
    #[value(name = "speech")]
    Speech,
}

impl Experiment {
    fn run(self, context: &Context) -> Result<Outcome> {
        match self {
            Self::Ambiguity => ambiguity::run(context),
            Self::Intersections => intersections::run(context),
            Self::Segments => segments::run(context),
            Self::Statistics => statistics::run(context),
            Self::Estimation => estimation::run(context),
            Self::Example1 => example_1::run(context),
            Self::Example2 => example_2::run(context),
            Self::Recovery => recovery::run(context),
            Self::Priors => priors::run(context),
            Self::Counts => counts::run(context),
            Self::Ablations => ablations::run(context),
            Self::Speech => speech::run(context),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ivae-experiments: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.out)
        .map_err(|e| format!("cannot make the folder {}: {e}", args.out.display()))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    let mut names = args.names.clone();
    names.dedup();
    if names.is_empty() {
        names = Experiment::value_variants().to_vec();
        names.retain(|&n| n != Experiment::Ablations);
    }
    let mut page = Page {
        title: "ivae: experiments".into(),
        subtitle: "Can the hidden sources of nonlinear data be found? On simulated data, where the truth is known, and \
                   on real speech, where it is not."
            .into(),
        sections: vec![introduction()],
    };
    for experiment in names {
        let context = Context {
            name: experiment.name(),
            seed: args.seed,
            seeds: args.seeds,
            quick: args.quick,
            rows: args.rows.clone(),
            data_dir: args.data_dir.clone(),
            update_docs: args.update_docs,
        };
        let began = Instant::now();
        let outcome = pool.install(|| experiment.run(&context))?;
        let seconds = began.elapsed().as_secs_f64();
        for record in &outcome.records {
            record.write(args.out.join(format!("{}.json", record.name)))?;
        }
        print!("{}", numbers::plain_text(&outcome.section, seconds));
        page.sections.push(outcome.section);
    }
    let path = args.out.join("report.html");
    page.write(&path)?;
    println!("{}", path.display());
    Ok(())
}

fn introduction() -> Section {
    Section {
        title: "How to read this page".into(),
        lead: "A few hidden **sources** (latents) are mixed by an unknown nonlinear function, and only the mixture x is \
               observed. An ordinary **VAE** models such data well, but many different sets of latents explain x \
               equally well, so the ones it finds mean little. An **iVAE** also uses a second observed variable u (a \
               segment of time, a speaker) that changes how the sources behave. By the theory of \
               [Khemakhem et al. (2020)](https://arxiv.org/abs/1907.04809) this can make the sources *identifiable*: \
               there is one answer, up to the order and the scale of the sources.\n\n\
               Two numbers recur. The **MCC** (mean correlation coefficient) compares latents with the true sources: \
               each source is matched with one latent, and the absolute correlations are averaged; 1 is perfect. Fits are \
               judged by the **log-likelihood** of a row in nats, or a lower bound of it, the **ELBO**: higher is \
               better. *Held-out* rows took no part in the training, and the fit never sees the true sources."
            .into(),
        ..Section::default()
    }
}
