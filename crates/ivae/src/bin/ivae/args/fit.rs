//! The options of `ivae fit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ivae::core::ModelKind;
use ivae::prelude::Families;

use super::names::{Likelihoods, Priors, models};
use super::{DataArgs, part, positive, positive_real};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecoderArg {
    /// A search of all flows where there is a u; else mlp
    Auto,
    /// Multilayer perceptron with a linear part, and noise on x
    Mlp,
    /// Flow of square linear maps with tanh or spline units
    Square,
    /// Flow of affine coupling blocks
    Coupling,
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
    #[arg(long, value_parser = models(), help_heading = "Model")]
    pub(crate) model: Option<ModelKind>,
    /// Number of latents [default: the number of columns of x]
    #[arg(long, value_name = "COUNT", value_parser = positive, help_heading = "Model")]
    pub(crate) latents: Option<usize>,
    /// Lags of sobi, in rows, such as `1,2,5` [default: 1 to 20, at most a quarter of the rows]
    #[arg(long, value_name = "ROWS", value_delimiter = ',', value_parser = positive, help_heading = "Model")]
    pub(crate) lags: Option<Vec<usize>>,
    /// Family of the conditional prior p(z|u), or one for each latent, such as `gamma,gauss,gauss` [default: gauss for mlp,
    /// chosen by held-out likelihood for flows]
    #[arg(long, value_name = "FAMILY", value_parser = Priors, help_heading = "Model")]
    pub(crate) prior: Option<Families>,
    /// Likelihood p(x|z) of the mlp, or `a,b=gauss,c=poisson` [default: gauss; bernoulli for 0 and 1, poisson for counts]
    #[arg(long, value_parser = Likelihoods, help_heading = "Model")]
    pub(crate) likelihood: Option<String>,
    /// Decoder; a flow reduces x to a bottleneck first where it has more columns than latents
    #[arg(long, value_enum, default_value = "auto", help_heading = "Model")]
    pub(crate) decoder: DecoderArg,
    /// Width of the hidden layers of the mlp [default: 128]
    #[arg(long, value_name = "UNITS", value_parser = positive, help_heading = "Model")]
    pub(crate) hidden: Option<usize>,

    /// Passes over the training rows; small data get more [default: 90 for mlp, chosen per stage for flows]
    #[arg(long, value_name = "COUNT", value_parser = positive, help_heading = "Training")]
    pub(crate) epochs: Option<usize>,
    /// Most starts; the best on held-out rows is kept [default: 2 for mlp, 2 to 8 per class for flows]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Training")]
    pub(crate) restarts: Option<u32>,
    /// Rows in a step [default: 256]
    #[arg(long, value_name = "ROWS", value_parser = positive, help_heading = "Training")]
    pub(crate) batch: Option<usize>,
    /// Learning rate; for flows, of the search [default: 0.006 for mlp, 0.01 to 0.02 by class for flows]
    #[arg(long, value_name = "RATE", value_parser = positive_real, help_heading = "Training")]
    pub(crate) lr: Option<f64>,
    /// Stop after this many seconds and keep the best model so far (not reproducible) [default: none]
    #[arg(long, value_name = "SECONDS", value_parser = positive_real, help_heading = "Training")]
    pub(crate) time_budget: Option<f64>,
    /// Stop after so many epochs without progress on held-out rows [default: never]
    #[arg(long, value_name = "EPOCHS", value_parser = positive, help_heading = "Training")]
    pub(crate) patience: Option<usize>,
    /// Part of the rows held out for validation; 0 leaves one start [default: 0.1]
    #[arg(long, value_name = "PART", value_parser = part, help_heading = "Training")]
    pub(crate) held_out: Option<f64>,
    /// Hold out contiguous blocks of so many rows (time series)
    #[arg(long, value_name = "ROWS", value_parser = positive, help_heading = "Training")]
    pub(crate) held_out_block: Option<usize>,
    /// Add uniform noise of one quantum to discrete columns of x before fitting; other commands take x as it is
    #[arg(long, help_heading = "Training")]
    pub(crate) dequantise: bool,
    /// Seed: same data, options and seed give the same model, bit for bit [default: 0]
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use ivae::core::ModelKind;
    use ivae::core::model::flow::{FlowClasses, FlowModelSpec};
    use ivae::core::model::vae::VaeSpec;
    use ivae::core::spec::SplitSpec;
    use ivae::prelude::{Family, FitSpec, LikelihoodFamily};

    use crate::args::Cli;

    /// The help of `ivae fit` for an option.
    fn help(name: &str) -> String {
        let command = Cli::command();
        let fit = command.find_subcommand("fit").expect("there is a command fit");
        let arg = fit.get_arguments().find(|a| a.get_id() == name).expect(name);
        arg.get_help().expect(name).to_string()
    }

    #[test]
    fn help_tells_the_real_defaults() {
        let (vae, flow) = (VaeSpec::ivae(), FlowModelSpec::new(2, 4, FlowClasses::All));
        let training = &vae.training;
        let range = |values: Vec<f64>| {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            format!("{least} to {}", values.into_iter().fold(0.0, f64::max))
        };
        let rates = range(flow.classes.iter().map(|c| c.learning_rate).collect());
        let restarts = range(flow.classes.iter().map(|c| c.restarts as f64).collect());
        let defaults = [
            ("epochs", format!("{} for mlp, chosen per stage for flows", training.epochs)),
            ("restarts", format!("{} for mlp, {restarts} per class for flows", vae.restarts)),
            ("batch", training.step.batch.to_string()),
            ("lr", format!("{} for mlp, {rates} by class for flows", training.learning_rate)),
            ("held_out", SplitSpec::default().held_out.to_string()),
            ("patience", training.step.patience.map_or("never".into(), |p| p.to_string())),
            ("time_budget", training.step.time_budget.map_or("none".into(), |s| s.to_string())),
            ("hidden", vae.likelihood.net.hidden[0].to_string()),
            ("seed", FitSpec::ivae(2).seed.to_string()),
            ("model", FitSpec::ivae(2).model.name().into()),
        ];
        assert!(flow.step == training.step, "one batch size is told for both");
        let prior = &vae.prior.family;
        assert!(flow.prior.is_none());
        let defaults = defaults.into_iter().chain([("prior", format!("{prior} for mlp"))]);
        for (name, value) in defaults {
            let help = help(name);
            assert!(help.contains(&format!("[default: {value}")), "--{name} is {value} by default: {help}");
        }
    }

    #[test]
    fn every_registered_name_is_a_possible_value_with_its_help() {
        let command = Cli::command();
        let fit = command.find_subcommand("fit").expect("there is a command fit");
        let shown = |option: &str| -> Vec<(String, String)> {
            let arg = fit.get_arguments().find(|a| a.get_id() == option).expect(option);
            let values = arg.get_possible_values();
            let help =
                |v: &clap::builder::PossibleValue| v.get_help().map_or(String::new(), ToString::to_string);
            values.iter().map(|v| (v.get_name().to_string(), help(v))).collect()
        };
        let registered = |name: &str, help: &str| (name.to_string(), help.to_string());
        let priors = Family::ALL.map(|(_, name, help)| (name, help)).into_iter().chain([Family::WITH_SHAPE]);
        let priors: Vec<_> = priors.map(|(name, help)| registered(name, help)).collect();
        assert_eq!(shown("prior"), priors);
        assert_eq!(shown("likelihood"), LikelihoodFamily::ALL.map(|(_, name, help)| registered(name, help)));
        let models: Vec<_> = ModelKind::all().map(|(_, name, help)| registered(name, help)).collect();
        assert_eq!(shown("model"), models);
    }
}
