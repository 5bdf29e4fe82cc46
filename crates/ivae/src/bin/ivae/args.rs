//! The command line, as data.

mod fit;
mod generate;
mod names;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ivae::data::ColumnSelection;

pub(crate) use fit::{DecoderArg, FitArgs, PresetArg};
pub(crate) use generate::GenerateArgs;

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
    pub(crate) x: Option<ColumnSelection>,
    /// Columns (or keys) of u: levels, numbers, or both [default: `u`, or `u1`, `u2`, ..]
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) u: Option<ColumnSelection>,
    /// Columns (or key) of the true sources [default: `s`, or `s1`, `s2`, ..]
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) s: Option<ColumnSelection>,
    /// Make u from so many contiguous windows of rows (time series without labels)
    #[arg(long, value_name = "COUNT", conflicts_with = "u", value_parser = positive)]
    pub(crate) windows: Option<usize>,
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
    /// Standard deviation of the noise in every column of x, if known: the latents of a flow are then the mode of their
    /// posterior at that noise
    #[arg(long, value_name = "SD", value_parser = positive_real)]
    pub(crate) noise: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Run folder
    pub(crate) run: PathBuf,
    /// u to draw for: a level's name, values, or both, such as `rest`, `0.5,1` or `rest,0.5`
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

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
