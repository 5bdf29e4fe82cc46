//! What a fit is asked to do, as plain data: read from and written to TOML, checked once.

mod check;

use ivae_expfam::GaussianForm;
use ivae_nn::{FlowSpec, MlpSpec, OptimiserSpec, ScheduleSpec};
use serde::{Deserialize, Serialize};

use crate::block::BlockSpec;
use crate::error::SpecError;
use crate::family::Family;

/// Everything that decides a fit, but the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitSpec {
    /// The estimator.
    pub model: ModelKind,
    /// Number of latents n.
    pub latents: usize,
    /// Lags of `sobi`, in rows; of the other models, none. Those of [`ivae_ica::Sobi`] by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lags: Option<Vec<usize>>,
    /// How x is scaled before the network sees it.
    pub scaling: Scaling,
    /// The class of the decoder f.
    pub decoder: DecoderSpec,
    /// Networks and distributions; of them, a bijective decoder uses the prior alone.
    pub vae: VaeSpec,
    /// How the parameters are found.
    pub training: TrainSpec,
    /// Seed of the run: same data, spec and seed give the same bytes.
    pub seed: u64,
}

/// Which estimator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// Identifiable VAE: the prior is conditional on u (Khemakhem et al. 2020).
    Ivae,
    /// VAE with a standard normal prior (Kingma & Welling 2014): the unidentifiable baseline.
    Vae,
    /// FastICA on x: the linear baseline (Hyvärinen 1999); Picard where it does not converge.
    #[serde(rename = "fastica")]
    FastIca,
    /// Maximum-likelihood linear ICA with uncorrelated outputs (Ablin, Cardoso & Gramfort 2018).
    Picard,
    /// Maximum-likelihood linear ICA by natural gradients (Bell & Sejnowski 1995; Lee, Girolami & Sejnowski 1999).
    Infomax,
    /// Joint diagonalisation of the covariances of u's levels: nonstationary linear ICA (Pham & Cardoso 2001).
    Ajd,
    /// Joint diagonalisation of lagged covariances: linear ICA of time series, without u (Belouchrani et al. 1997).
    Sobi,
    /// Principal components, scaled to unit variance.
    Pca,
}

impl ModelKind {
    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ivae => "ivae",
            Self::Vae => "vae",
            Self::FastIca => "fastica",
            Self::Picard => "picard",
            Self::Infomax => "infomax",
            Self::Ajd => "ajd",
            Self::Sobi => "sobi",
            Self::Pca => "pca",
        }
    }

    /// Whether it is a linear map of x.
    pub fn is_linear(self) -> bool {
        !matches!(self, Self::Ivae | Self::Vae)
    }
}

/// How x is scaled before the model sees it; undone on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// As it is.
    None,
    /// Every column to mean 0 and standard deviation 1.
    Standardise,
    /// Every column to mean 0, and all divided by the same number, so that their mean variance is 1: for columns of one
    /// unit, for which those are taken whose standard deviations lie within a factor of ten. Others as by
    /// [`Standardise`](Scaling::Standardise).
    Together,
    /// Principal components of unit variance (null directions dropped).
    Whiten,
}

/// The class of the decoder f, and with it the objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderSpec {
    /// A multilayer perceptron with noise, trained by the ELBO.
    Mlp,
    /// A bijection without noise, trained by exact likelihood: of x itself where n = d, of a code of x where n < d.
    Bijective(BijectiveSpec),
}

/// How a bijective decoder is found: classes raced against each other, the best restarts polished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BijectiveSpec {
    /// Distribution of a latent given u; if none is named, the simplest that held-out likelihood cannot tell from the
    /// best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// The best restarts of so many classes are trained on, then the better half of them while they still rise.
    pub finalists: usize,
    /// Their further epochs, at half the learning rate.
    pub polish_epochs: usize,
    /// The classes; one is no race.
    pub classes: Vec<ClassSpec>,
    /// How x is reduced to n dimensions where it has more.
    pub code: CodeSpec,
}

/// One class in the race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Most starts; fewer where they agree earlier.
    pub restarts: usize,
    /// Epochs of each.
    pub epochs: usize,
    /// Their base learning rate.
    pub learning_rate: f64,
    /// The class.
    pub flow: FlowSpec,
}

/// A code of x with n dimensions: an encoder and a decoder trained before the latents are separated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSpec {
    /// What it is trained to do.
    pub kind: CodeKind,
    /// Encoder and decoder, both.
    pub net: MlpSpec,
    /// Passes over the training rows.
    pub epochs: usize,
    /// Base learning rate.
    pub learning_rate: f64,
}

/// What a code is trained to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// As [`CodeKind::Autoencoder`], or as [`CodeKind::Elbo`] where that loses more than a tenth of the variance.
    Auto,
    /// Give x back with the least squared error.
    Autoencoder,
    /// The ELBO of the variational model.
    Elbo,
}

/// Distributions and networks of a variational model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeSpec {
    /// p(z|u).
    pub prior: PriorSpec,
    /// q(z|x) or q(z|x,u).
    pub posterior: PosteriorSpec,
    /// p(x|z).
    pub likelihood: LikelihoodSpec,
    /// The KL term of the bound.
    pub kl: KlTerm,
    /// Where the linear parts of encoder and decoder start.
    pub start: Start,
}

/// The conditional prior p(z|u).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorSpec {
    /// Which parameters of the Gaussian u modulates.
    pub form: GaussianForm,
    /// How they depend on u: a table (categorical u), a network, or the same for every u.
    pub parameters: BlockSpec,
}

/// The variational posterior: Gaussian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorSpec {
    /// Its networks.
    pub net: MlpSpec,
    /// One network with two heads, instead of one network each for mean and log-variance.
    pub shared_trunk: bool,
    /// Whether the encoder sees u beside x. If so, nothing can be inferred without u.
    pub sees_u: bool,
    /// q(z|x,u) ∝ e(z|x) p(z|u): the encoder gives a Gaussian factor, and the prior is the other one. What is fitted is
    /// what x says beyond u, so that latents can be inferred with and without u.
    #[serde(default)]
    pub product: bool,
    /// A full covariance in place of a diagonal one: the encoder gives the correlations between latents too.
    #[serde(default)]
    pub correlated: bool,
}

/// The likelihood p(x|z).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikelihoodSpec {
    /// The decoder f.
    pub net: MlpSpec,
    /// The distribution around its output.
    pub family: LikelihoodFamily,
}

/// The distribution of x around the decoder's output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodFamily {
    /// Gaussian, the output its mean; with a noise variance in units of the scaled x.
    Gaussian(VarianceSpec),
    /// Bernoulli, the output its logits: for x of 0 and 1, not scaled.
    Bernoulli,
}

/// The noise variance of a Gaussian likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VarianceSpec {
    /// Fixed.
    Fixed(f64),
    /// Learned, one for all dimensions.
    Shared {
        /// Where it starts.
        start: f64,
        /// It never falls below this, times the directions of x per latent (d/n, at most 10).
        floor: f64,
    },
    /// Learned, one for each dimension.
    PerDimension {
        /// Where they start.
        start: f64,
        /// They never fall below this, times the directions of x per latent (d/n, at most 10).
        floor: f64,
    },
}

/// How KL(q(z|x) ‖ p(z|u)) enters the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KlTerm {
    /// In closed form.
    Closed,
    /// By the sample: log q(z|x) − log p(z|u).
    Sampled,
    /// Not at all, and z is the posterior's mean without noise: an autoencoder.
    None,
}

/// Where the linear (skip) parts of encoder and decoder start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// As the initialiser draws them.
    Random,
    /// At the principal components, rotated at random.
    Pca,
    /// At the joint diagonalisation of the covariances of u's levels (Pham & Cardoso 2001): nonstationary linear ICA.
    /// Where u is not categorical, as `Pca`.
    Ajd,
}

/// How the parameters are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Rows in a step.
    pub batch: usize,
    /// The optimiser.
    pub optimiser: OptimiserSpec,
    /// Its base learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: ScheduleSpec,
    /// Seconds after which training ends with what it has: no start or polish begins, and what runs keeps its best epoch.
    /// Of a code, half of them. One epoch at least is finished. What is cut off depends on the machine, so runs with a
    /// budget are not reproducible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_budget: Option<f64>,
    /// Gradients longer than this are shortened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Stop after this many epochs without progress of the held-out objective; the best epoch is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// The part of the rows that is held out.
    pub held_out: f64,
    /// If given, rows are held out in contiguous blocks of this length (time series).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_block: Option<usize>,
    /// Independent starts; the one with the best held-out objective is kept: of a bijective model its likelihood, of a
    /// variational one the importance-weighted bound of 50 samples (Burda et al. 2016), which is closer to the
    /// likelihood than the ELBO. A bound tells how well x is explained, and near the best it does not rank how well the
    /// sources are recovered: a start that explains x better may well have the worse latents.
    pub restarts: usize,
}

impl FitSpec {
    /// Whether x is binary, of Bernoulli likelihood.
    pub fn is_binary(&self) -> bool {
        self.decoder == DecoderSpec::Mlp && self.vae.likelihood.family == LikelihoodFamily::Bernoulli
    }

    /// As TOML.
    ///
    /// # Errors
    /// If a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, SpecError> {
        toml::to_string_pretty(self).map_err(|e| SpecError::Write(e.to_string()))
    }

    /// From TOML: a spec, or the `spec.toml` of a run folder, whose table `fit` is one. Unknown keys are errors.
    ///
    /// # Errors
    /// Text that is not TOML or not a spec.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        #[derive(Deserialize)]
        struct RunFolder {
            fit: FitSpec,
        }
        let in_run_folder = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("fit"));
        match in_run_folder {
            true => toml::from_str(text).map(|RunFolder { fit }| fit),
            false => toml::from_str(text),
        }
        .map_err(|e| SpecError::Parse(e.to_string().trim_end().into()))
    }
}
