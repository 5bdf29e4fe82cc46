//! [`FitReport`]: what a fit says about itself, in the shape of the command's JSON.

use ivae_ica::{Attempt, Method};
use serde::{Deserialize, Serialize};

use super::warning::Warning;
use crate::message;
use crate::objective::ObjectiveSpec;
use crate::search::SearchReport;
use crate::theory::{Identifiability, LinearStepReport};
use crate::train::{Ending, Restart, Stage};

/// What a fit says about itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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
    /// What the theorems say; `None` for models without a prior.
    pub identifiability: Option<Identifiability>,
    /// Linear ICA of the latents, where the verdict leaves a linear map free; `None` for models that make no claim.
    pub linear_step: Option<LinearStepReport>,
    /// How a linear ICA ended; `None` for other models, and for principal components.
    pub ica: Option<IcaReport>,
    /// How a flow was found; `None` for other models.
    pub search: Option<SearchReport>,
    /// What the bottleneck keeps of x, where a flow has fewer latents than observed directions.
    pub bottleneck: Option<BottleneckReport>,
    /// Latents that carry nothing of x beyond u; `None` for models without a posterior.
    pub collapse: Option<Collapse>,
    /// Every restart, in order.
    pub restarts: Vec<RestartReport>,
    /// Number of the restart that was kept.
    pub chosen: u32,
    /// What weakens the result.
    #[serde(with = "message::list")]
    pub warnings: Vec<Warning>,
}

/// The chosen restart's objective in nats per row: ELBO or exact likelihood of x in its own units or, where there is a
/// bottleneck, exact likelihood of the white bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Objective {
    /// On training rows.
    pub train: Option<f64>,
    /// On held-out rows.
    pub held_out: Option<f64>,
    /// What u alone explains: of independent columns given the level of u, fitted to the training rows, on the held-out
    /// rows. `None` without held-out rows.
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
    pub retries: usize,
}

/// How much of x a bottleneck keeps: the ceiling of what can be separated from it. On held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BottleneckReport {
    /// What it was trained for.
    pub objective: ObjectiveSpec,
    /// Its columns n.
    pub latents: usize,
    /// Mean squared error of the scaled x after encoding and decoding: the part of the variance that the bottleneck loses,
    /// noise included.
    pub lost_variance: f64,
    /// Mean squared error of the white bottleneck, over its n columns, after a round trip through x: 0 where the decoder
    /// is injective and undone by the encoder.
    pub round_trip: f64,
    /// Why its training ended; `None` where that was not asked.
    pub ending: Option<Ending>,
    /// Starts before it that became non-finite.
    pub dropped: usize,
}

/// One restart in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestartReport {
    /// Its number.
    pub restart: u32,
    /// The class of its decoder.
    pub class: String,
    /// Whether it refines another restart.
    pub refined: bool,
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

impl FitReport {
    /// What trained restarts, each with the name of its class, and the chosen one say.
    pub(crate) fn of_restarts<'a, F: 'a>(
        restarts: impl Iterator<Item = (&'a Restart<F>, &'static str)> + Clone,
        chosen: &Restart<F>,
    ) -> Self {
        let best = chosen.history.get(chosen.best_epoch.wrapping_sub(1));
        let steps: u64 = restarts.clone().map(|(r, _)| r.steps).sum();
        let seconds: f64 = restarts.clone().filter_map(|(r, _)| r.history.last()).map(|e| e.seconds).sum();
        let summary = |(r, class): (&Restart<F>, &'static str)| RestartReport {
            restart: r.restart,
            class: class.into(),
            refined: r.stage == Stage::Refine,
            objective: Some(r.objective).filter(|o| o.is_finite()),
            best_epoch: r.best_epoch,
            steps: r.steps,
            ending: r.ending,
        };
        Self {
            converged: matches!(chosen.ending, Ending::Converged | Ending::EarlyStopped),
            epochs: chosen.history.len(),
            steps,
            us_per_step: (steps > 0).then(|| 1e6 * seconds / steps as f64),
            objective: Objective {
                train: best.map(|e| e.train),
                held_out: best.and_then(|e| e.held_out),
                u_only: None,
            },
            restarts: restarts.map(summary).collect(),
            chosen: chosen.restart,
            ..Self::default()
        }
    }
}
