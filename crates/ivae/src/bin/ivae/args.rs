//! The command line, as data.

mod generate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ivae::data::Columns;

pub(crate) use generate::{GenerateArgs, SourceArg};

/// Identifiable VAEs and nonlinear ICA: from data with an auxiliary variable u to the latents behind them.
#[derive(Debug, Parser)]
#[command(name = "ivae", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the standard simulation: nonstationary sources, mixed by a random network or another random map
    Generate(GenerateArgs),
    /// Fit a model to data and write a run folder
    Fit(Box<FitArgs>),
    /// Write the latents (posterior means) of data
    Transform(TransformArgs),
    /// Write data sent through the latents and back
    Reconstruct(MapArgs),
    /// Draw observations from a fitted model
    Sample(SampleArgs),
    /// Score a fitted model against true sources and baselines
    Evaluate(EvaluateArgs),
    /// Say what the identifiability theorems make of a fitted model, condition by condition
    Diagnose(DiagnoseArgs),
    /// Write a page about a run
    Report(ReportArgs),
}

/// Where the data are, and which of their columns are what.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Data: .npz (keys x, u, s), .npy (x), .csv or .tsv with a header
    #[arg(value_name = "DATA")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
}

/// Which columns of the data are what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct ColumnArgs {
    /// Columns (or key) of x, such as `x1..x8`, `1-12` or `a,b,c` [default: `x`, or all columns but u and s]
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) x: Option<Columns>,
    /// Columns (or keys) of u [default: `u`, or `u1`, `u2`, ..]
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) u: Option<Columns>,
    /// Columns (or key) of the true sources [default: `s`, or `s1`, `s2`, ..]
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) s: Option<Columns>,
    /// Make u from so many contiguous windows of rows (time series without labels)
    #[arg(long, value_name = "COUNT", conflicts_with = "u", value_parser = positive)]
    pub(crate) windows: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelArg {
    /// Identifiable VAE: prior conditional on u
    Ivae,
    /// VAE with a standard normal prior
    Vae,
    /// Linear ICA by fixed-point iteration; by picard where that does not converge
    Fastica,
    /// Linear ICA by maximum likelihood, with uncorrelated outputs
    Picard,
    /// Linear ICA by maximum likelihood, with natural gradients
    Infomax,
    /// Linear ICA of nonstationary sources: joint diagonalisation of the covariances of u's levels
    Ajd,
    /// Linear ICA of time series, without u: joint diagonalisation of lagged covariances
    Sobi,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecoderArg {
    /// A race of the bijective classes by held-out likelihood, where u is categorical; else mlp
    Auto,
    /// Multilayer perceptron with a linear part, and noise on x
    Mlp,
    /// Bijection of square linear maps with tanh or spline units; of a code of x where it has more columns than latents
    Square,
    /// Bijection of affine coupling blocks
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
    /// Bernoulli, for x of 0 and 1
    Bernoulli,
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
    #[arg(long, help_heading = "Output")]
    pub(crate) out: PathBuf,
    /// Write into a run folder that exists
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Show no progress
    #[arg(long, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Model [default: ivae]
    #[arg(long, value_enum, help_heading = "Model")]
    pub(crate) model: Option<ModelArg>,
    /// Number of latents [default: the number of columns of x]
    #[arg(long, value_name = "COUNT", value_parser = positive, help_heading = "Model")]
    pub(crate) latents: Option<usize>,
    /// Lags of sobi, in rows, such as `1,2,5` [default: 1 to 20, at most a quarter of the rows]
    #[arg(long, value_name = "ROWS", value_delimiter = ',', value_parser = positive, help_heading = "Model")]
    pub(crate) lags: Option<Vec<usize>>,
    /// Conditional prior p(z|u) [default: gauss]
    #[arg(long, value_enum, help_heading = "Model")]
    pub(crate) prior: Option<PriorArg>,
    /// Likelihood p(x|z) of the mlp [default: gauss; bernoulli where every x is 0 or 1]
    #[arg(long, value_enum, help_heading = "Model")]
    pub(crate) likelihood: Option<LikelihoodArg>,
    /// Decoder
    #[arg(long, value_enum, default_value = "auto", help_heading = "Model")]
    pub(crate) decoder: DecoderArg,
    /// Width of the hidden layers of the mlp [default: 128]
    #[arg(long, value_name = "UNITS", value_parser = positive, help_heading = "Model")]
    pub(crate) hidden: Option<usize>,

    /// Passes over the training rows [default: 90, of a race 10 to 120; more for small data]
    #[arg(long, value_name = "COUNT", value_parser = positive, help_heading = "Training")]
    pub(crate) epochs: Option<usize>,
    /// Most starts of each class; the best on held-out rows is kept [default: 2, of a race 2 to 8]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Training")]
    pub(crate) restarts: Option<u32>,
    /// Rows in a step [default: 256]
    #[arg(long, value_name = "ROWS", value_parser = positive, help_heading = "Training")]
    pub(crate) batch: Option<usize>,
    /// Learning rate [default: 0.006, of a race 0.004 to 0.02]
    #[arg(long, value_name = "RATE", value_parser = positive_real, help_heading = "Training")]
    pub(crate) lr: Option<f64>,
    /// Seconds after which training ends with what it has; what that is depends on the machine [default: none]
    #[arg(long, value_name = "SECONDS", value_parser = positive_real, help_heading = "Training")]
    pub(crate) time_budget: Option<f64>,
    /// Stop after so many epochs without progress on held-out rows [default: never]
    #[arg(long, value_name = "EPOCHS", value_parser = positive, help_heading = "Training")]
    pub(crate) patience: Option<usize>,
    /// Part of the rows held out to judge by; 0 holds out none, and leaves one start [default: 0.1]
    #[arg(long, value_name = "PART", value_parser = part, help_heading = "Training")]
    pub(crate) held_out: Option<f64>,
    /// Hold out contiguous blocks of so many rows (time series)
    #[arg(long, value_name = "ROWS", value_parser = positive, help_heading = "Training")]
    pub(crate) held_out_block: Option<usize>,
    /// Add uniform noise of one quantum to discrete columns of x before fitting; other commands take x as it is
    #[arg(long, help_heading = "Training")]
    pub(crate) dequantise: bool,
    /// Same data, options and seed give the same model, bit for bit [default: 0]
    #[arg(long, help_heading = "Training")]
    pub(crate) seed: Option<u64>,
    /// Threads; the model does not depend on it [default: all cores]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Training")]
    pub(crate) threads: Option<u16>,

    /// Settings to start from: the spec.toml of a run folder, or its [fit] table alone; options given here win
    #[arg(long, value_name = "TOML", conflicts_with = "preset", help_heading = "Settings")]
    pub(crate) config: Option<PathBuf>,
    /// Named settings to start from
    #[arg(long, value_enum, help_heading = "Settings")]
    pub(crate) preset: Option<PresetArg>,
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
pub(crate) struct TransformArgs {
    #[command(flatten)]
    pub(crate) map: MapArgs,
    /// File for the standard deviations of the latents' posterior, of the same kinds
    #[arg(long, value_name = "FILE")]
    pub(crate) std: Option<PathBuf>,
    /// Standard deviation of the noise in every column of x, if it is known: the latents of a bijective model are then
    /// the mode of their posterior at that noise
    #[arg(long, value_name = "SD", value_parser = positive_real)]
    pub(crate) noise: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    /// Level of u to draw for: its name; or comma-separated values of a continuous u
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) u: Option<String>,
    /// How many rows
    #[arg(short = 'n', long, default_value_t = 100, value_parser = positive)]
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
pub(crate) struct DiagnoseArgs {
    /// Run folder of `ivae fit`
    pub(crate) run: PathBuf,
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
    #[command(flatten)]
    pub(crate) columns: ColumnArgs,
    /// Page to write (.html)
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// A whole number from 1.
fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&v| v > 0).ok_or_else(|| "must be a whole number, 1 or more".into())
}

/// A finite number above 0.
fn positive_real(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|v: &f64| *v > 0.0 && v.is_finite())
        .ok_or_else(|| "must be a number above 0".into())
}

/// A number in [0, 1).
fn part(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|v| (0.0..1.0).contains(v))
        .ok_or_else(|| "must be a number from 0 to below 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use ivae::core::{DecoderKind, spec::DecoderSpec};
    use ivae::prelude::FitSpec;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_tells_the_real_defaults() {
        let spec = FitSpec::ivae(2);
        let t = &spec.training;
        let DecoderSpec::Bijective(race) = FitSpec::bijective(2, 4, DecoderKind::Bijective).decoder else {
            panic!("a race is bijective");
        };
        let both = |mlp: f64, of: Vec<f64>| {
            let least = of.iter().copied().fold(f64::INFINITY, f64::min);
            format!("{mlp}, of a race {least} to {}", of.into_iter().fold(0.0, f64::max))
        };
        let epochs = race.classes.iter().map(|c| c.epochs).chain([race.polish_epochs, race.code.epochs]);
        let rates = race.classes.iter().map(|c| c.learning_rate).chain([race.code.learning_rate]);
        let restarts = race.classes.iter().map(|c| c.restarts as f64);
        let defaults = [
            ("epochs", both(t.epochs as f64, epochs.map(|e| e as f64).collect())),
            ("restarts", both(t.restarts as f64, restarts.collect())),
            ("batch", t.batch.to_string()),
            ("lr", both(t.learning_rate, rates.collect())),
            ("held_out", t.held_out.to_string()),
            ("patience", t.patience.map_or("never".into(), |p| p.to_string())),
            ("hidden", spec.vae.likelihood.net.hidden[0].to_string()),
            ("seed", spec.seed.to_string()),
            ("model", spec.model.name().into()),
        ];
        let command = Cli::command();
        let fit = command.find_subcommand("fit").expect("there is a command fit");
        for (name, value) in defaults {
            let arg = fit.get_arguments().find(|a| a.get_id() == name).expect(name);
            let help = arg.get_help().expect(name).to_string();
            assert!(help.contains(&format!("[default: {value}")), "--{name} is {value} by default: {help}");
        }
    }
}
