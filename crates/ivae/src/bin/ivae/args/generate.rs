//! The options of `ivae generate`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ivae::data::{Mixing, Observation, SourcePrior};

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
    /// Family of the mixing: the standard network, or an injective nonlinear map of another kind
    #[arg(long, default_value_t = Mixing::Network, value_parser = mixing())]
    pub(crate) mixing: Mixing,
    /// Layers of the mixing network; 1 mixes linearly [default: 3]
    #[arg(long)]
    pub(crate) layers: Option<usize>,
    /// Family of the sources within a segment: gauss, gauss-var, gauss-mean, laplace, laplace-scale, exponential-power:β,
    /// generalised-normal, hyperbolic-secant, log-normal, gamma, exponential, beta, von-mises, polynomial-4, polynomial-6
    #[arg(long, default_value = "gauss")]
    pub(crate) prior: SourcePrior,
    /// Standard deviation of observation noise
    #[arg(long, default_value_t = 0.0)]
    pub(crate) noise: f64,
    /// Let the means vary between segments too
    #[arg(long)]
    pub(crate) uncentred: bool,
    /// Observe binary data: Bernoulli draws with the mixture as logits
    #[arg(long)]
    pub(crate) discrete: bool,
    /// Observe draws around the mixture: gauss, laplace, student-t (scale --noise), bernoulli, poisson, negative-binomial,
    /// categorical[:K], binary-concrete[:T]
    #[arg(long, default_value = "gauss", conflicts_with = "discrete")]
    pub(crate) likelihood: Observation,
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

/// The name of a mixing.
fn mixing() -> impl TypedValueParser<Value = Mixing> {
    PossibleValuesParser::new(Mixing::ALL.map(Mixing::name)).try_map(|name| name.parse::<Mixing>())
}
