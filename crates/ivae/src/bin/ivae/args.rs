//! The command line, as data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ivae::data::Columns;

/// Identifiable VAEs and nonlinear ICA: from data with an auxiliary variable u to the latents behind them.
#[derive(Debug, Parser)]
#[command(name = "ivae", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the standard simulation: nonstationary sources, mixed by a random network
    Generate(GenerateArgs),
    /// Fit a model to data and write a run folder
    Fit(Box<FitArgs>),
    /// Write the latents (posterior means) of data
    Transform(MapArgs),
    /// Write data sent through the latents and back
    Reconstruct(MapArgs),
    /// Draw observations from a fitted model
    Sample(SampleArgs),
    /// Score a fitted model against true sources and baselines
    Evaluate(EvaluateArgs),
    /// Write a page about a run
    Report(ReportArgs),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SourceArg {
    Gauss,
    Laplace,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// File to write (.npz, .csv or .tsv)
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Segments, the levels of u
    #[arg(long, default_value_t = 40)]
    pub(crate) segments: usize,
    /// Rows of each segment
    #[arg(long, default_value_t = 1000)]
    pub(crate) per_segment: usize,
    /// True sources
    #[arg(long, default_value_t = 5)]
    pub(crate) latents: usize,
    /// Observed columns
    #[arg(long, default_value_t = 25)]
    pub(crate) observed: usize,
    /// Layers of the mixing network; 1 mixes linearly
    #[arg(long, default_value_t = 3)]
    pub(crate) layers: usize,
    /// Distribution of the sources within a segment
    #[arg(long, value_enum, default_value = "gauss")]
    pub(crate) prior: SourceArg,
    /// Standard deviation of observation noise
    #[arg(long, default_value_t = 0.0)]
    pub(crate) noise: f64,
    /// Let the means vary between segments too
    #[arg(long)]
    pub(crate) uncentred: bool,
    /// Observe binary data: Bernoulli draws with the mixture as logits
    #[arg(long)]
    pub(crate) discrete: bool,
    /// Seed
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the data are, and which of their columns are what.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Data: .npz (keys x, u, s), .npy (x), .csv or .tsv with a header
    pub(crate) data: PathBuf,
    /// Columns (or key) of x, such as `x1..x8`, `1-12` or `a,b,c`
    #[arg(long)]
    pub(crate) x: Option<Columns>,
    /// Columns (or keys) of u
    #[arg(long)]
    pub(crate) u: Option<Columns>,
    /// Columns (or key) of the true sources
    #[arg(long)]
    pub(crate) s: Option<Columns>,
    /// Make u from so many contiguous windows of rows (time series without labels)
    #[arg(long, conflicts_with = "u")]
    pub(crate) windows: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelArg {
    /// Identifiable VAE: prior conditional on u
    Ivae,
    /// VAE with a standard normal prior
    Vae,
    /// Linear ICA
    Fastica,
    /// Principal components
    Pca,
    #[value(hide = true)]
    BetaVae,
    #[value(hide = true)]
    BetaTcVae,
    #[value(hide = true)]
    FactorVae,
    #[value(hide = true)]
    Tcl,
    #[value(hide = true)]
    Gcl,
    #[value(hide = true)]
    Ajd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecoderArg {
    /// The best class there is for the data; at present always mlp
    Auto,
    /// Multilayer perceptron with a linear part
    Mlp,
    #[value(hide = true)]
    Square,
    #[value(hide = true)]
    Coupling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriorArg {
    /// Gaussian, u modulates mean and variance
    Gauss,
    /// Gaussian with mean 0, u modulates the variance
    GaussVar,
    /// Gaussian with variance 1, u modulates the mean (identifies up to a linear map only)
    GaussMean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LikelihoodArg {
    /// Gaussian, noise variance learned for each dimension
    Gauss,
    /// Gaussian, one learned noise variance
    GaussShared,
    /// Gaussian, noise variance fixed at 0.01 of the scaled data
    GaussFixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArg {
    /// The original architecture, for comparisons of speed on equal work
    Reference,
}

#[derive(Debug, Args)]
pub(crate) struct FitArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Run folder to write
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Model
    #[arg(long, value_enum)]
    pub(crate) model: Option<ModelArg>,
    /// Decoder
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) decoder: DecoderArg,
    /// Conditional prior p(z|u)
    #[arg(long, value_enum)]
    pub(crate) prior: Option<PriorArg>,
    /// Likelihood p(x|z)
    #[arg(long, value_enum)]
    pub(crate) likelihood: Option<LikelihoodArg>,
    /// Number of latents [default: the number of columns of x]
    #[arg(long)]
    pub(crate) latents: Option<usize>,
    /// Passes over the training rows
    #[arg(long)]
    pub(crate) epochs: Option<usize>,
    /// Seed: same data, options and seed give the same model
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Independent starts; the best on held-out rows is kept
    #[arg(long)]
    pub(crate) restarts: Option<usize>,
    /// Threads [default: all cores]; the result does not depend on it
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Width of the hidden layers
    #[arg(long)]
    pub(crate) hidden: Option<usize>,
    /// Rows in a step
    #[arg(long)]
    pub(crate) batch: Option<usize>,
    /// Learning rate
    #[arg(long)]
    pub(crate) lr: Option<f64>,
    /// Stop after so many epochs without progress on held-out rows
    #[arg(long)]
    pub(crate) patience: Option<usize>,
    /// Part of the rows held out to judge by
    #[arg(long)]
    pub(crate) held_out: Option<f64>,
    /// Hold out contiguous blocks of so many rows (time series)
    #[arg(long)]
    pub(crate) held_out_block: Option<usize>,
    /// Settings as TOML, as in a run folder's spec.toml; options given here win
    #[arg(long, conflicts_with = "preset")]
    pub(crate) config: Option<PathBuf>,
    /// Start from a named set of settings
    #[arg(long, value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// Write into a run folder that exists
    #[arg(long)]
    pub(crate) force: bool,
    /// No progress
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MapArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// File to write (.npz, .npy, .csv or .tsv)
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    /// Level of u to draw for: its name; or comma-separated values of a continuous u
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) u: Option<String>,
    /// How many rows
    #[arg(short = 'n', long, default_value_t = 100)]
    pub(crate) count: usize,
    /// Seed
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// File to write (.npz, .npy, .csv or .tsv)
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsArg {
    All,
    Train,
    HeldOut,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Rows to score
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) rows: RowsArg,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    /// Data, to draw latents and scores: .npz, .npy, .csv or .tsv
    pub(crate) data: Option<PathBuf>,
    /// Page to write
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}
