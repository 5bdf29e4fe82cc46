//! [`FitReport`]: what a fit says about itself, in the shape of the command's JSON.

use ivae_expfam::Verdict;
use ivae_expfam::lambda::{Interval, Unspanned};
use ivae_ica::{Attempt, Method};
use serde::{Deserialize, Serialize};

use crate::code::CodeReport;
pub use crate::linear_step::LinearStepReport;
use crate::race::Search;
use crate::trainer::Ending;

/// What a fit says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitReport {
    /// The model's name, as on the command line.
    pub model: String,
    /// Wall-clock seconds of the whole fit.
    pub seconds: f64,
    /// Training steps of all restarts.
    pub steps: u64,
    /// Microseconds of training per step, summed over restarts; `None` for models without steps.
    pub us_per_step: Option<f64>,
    /// Whether the chosen restart, or the linear method, converged.
    pub converged: bool,
    /// Epochs (iterations of a linear method) of the chosen restart.
    pub epochs: usize,
    /// The objective in nats per row of x, in x's own units.
    pub objective: Objective,
    /// The variability condition on the fitted prior; `None` for models without a prior.
    pub identifiability: Option<Identifiability>,
    /// Linear ICA of the latents, where the verdict leaves a linear map free; `None` for models that make no claim.
    #[serde(default)]
    pub linear_step: Option<LinearStepReport>,
    /// How a linear ICA ended; `None` for other models, and for principal components.
    #[serde(default)]
    pub ica: Option<IcaReport>,
    /// How a bijective decoder was found; `None` for other decoders.
    #[serde(default)]
    pub search: Option<Search>,
    /// What the code of x keeps, where there are fewer latents than observed directions.
    #[serde(default)]
    pub code: Option<CodeReport>,
    /// Latents that carry nothing of x beyond u; `None` for models without a posterior.
    pub collapse: Option<Collapse>,
    /// Every restart, in order.
    pub restarts: Vec<RestartReport>,
    /// Number of the restart that was kept.
    pub chosen: u32,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// The chosen restart's objective in nats per row: ELBO or exact likelihood of x in its own units or, where there is a
/// code, exact likelihood of the white code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// On training rows.
    pub train: Option<f64>,
    /// On held-out rows.
    pub held_out: Option<f64>,
    /// Of independent Gaussians per column and level of u, fitted to the training rows, on the held-out rows: what u
    /// alone explains. `None` without held-out rows.
    pub u_only: Option<f64>,
}

/// How a linear ICA ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IcaReport {
    /// The method that found the components.
    pub method: Method,
    /// Iterations or sweeps done.
    pub iterations: usize,
    /// Whether `limit` fell below `tolerance`.
    pub converged: bool,
    /// The last value of what has to fall below the tolerance.
    pub limit: f64,
    /// What it has to fall below.
    pub tolerance: f64,
    /// Starts or directions that came out degenerate and were made again.
    pub redrawn: usize,
    /// Number of directions in which x varies.
    pub rank: usize,
    /// The attempt that did not converge and that this one went on from.
    pub before: Option<Attempt>,
}

/// What the theorems (Khemakhem et al. 2020) say of the fitted model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Identifiability {
    /// Statistics per latent.
    pub k: usize,
    /// Distinct u in the data.
    pub distinct_u: usize,
    /// nk + 1.
    pub needed: usize,
    /// Singular values of the fitted L that are significantly non-zero.
    pub rank: usize,
    /// Largest over smallest singular value; `None` if infinite.
    pub condition: Option<f64>,
    /// Of the fitted L, descending.
    pub singular_values: Vec<f64>,
    /// How small the smallest may really be; `None` for a continuous u.
    #[serde(default)]
    pub smallest: Option<Interval>,
    /// Natural parameters that no u moves.
    #[serde(default)]
    pub unspanned: Vec<Unspanned>,
    /// How much of L rests on each distinct u, `[M]`, of sum `rank`.
    #[serde(default)]
    pub leverage: Vec<f64>,
    /// In one sentence.
    pub verdict: String,
    /// Condition by condition.
    #[serde(default)]
    pub check: Option<Verdict>,
}

/// Posterior collapse: KL(q(z_i|x) ‖ p(z_i|u)) per latent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collapse {
    /// Mean KL of each latent, in nats, `[n]`.
    pub kl_per_latent: Vec<f64>,
    /// Latents (from 0) whose KL is below the threshold.
    pub collapsed: Vec<usize>,
    /// The threshold, in nats.
    pub threshold: f64,
    /// How often the fit was tried again because of it.
    #[serde(default)]
    pub retries: usize,
}

/// One restart in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestartReport {
    /// Its number.
    pub restart: u32,
    /// The class of its decoder.
    pub class: String,
    /// Whether it trained on from another restart.
    pub polished: bool,
    /// What restarts are chosen by: the held-out objective, or that of training where nothing is held out; of a
    /// variational model, the held-out importance-weighted bound of 50 samples. `None` if it never finished an epoch.
    pub objective: Option<f64>,
    /// Its best epoch.
    pub best_epoch: usize,
    /// Steps taken.
    pub steps: u64,
    /// Why it ended.
    pub ending: Ending,
}
