//! [`Objective`]: what is maximised, as a function of per-row log-densities that returns their cotangents.
//!
//! The evidence lower bound of one row (Kingma & Welling 2014, eq. 3; Khemakhem et al. 2020, eq. 8) is
//!
//! ```text
//! ELBO = E_q[log p(x|z)] − KL(q(z|x,u) ‖ p(z|u)),   by the sample   log w = log p(x|z) + log p(z|u) − log q(z|x,u).
//! ```
//!
//! K samples of one row give the importance-weighted bound log 1/K Σₖ wₖ (Burda et al. 2016, eq. 8), whose gradient weighs
//! that of each log wₖ by wₖ / Σⱼ wⱼ (eq. 14). It is a step on K copies of each row: only the cotangents differ.

pub use ivae_nn::train::Sums;
use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

/// What is maximised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectiveSpec {
    /// The ELBO, its KL divergence in closed form: for a Gaussian prior.
    Elbo,
    /// The ELBO, its KL divergence by the sample: log q(z|x,u) − log p(z|u).
    SampledElbo,
    /// The importance-weighted bound: closer to log p(x|u) the more samples there are.
    ImportanceWeighted {
        /// Samples K of each row.
        samples: usize,
    },
    /// log p(x|z) at the posterior's mean, without a KL divergence: an autoencoder.
    Reconstruction,
}

impl ObjectiveSpec {
    /// Whether the KL divergence has no sampling noise where that is possible.
    pub fn has_kl(self) -> bool {
        self != Self::Reconstruction
    }

    /// Copies of each row that a step needs, one after the other.
    pub fn samples(self) -> usize {
        match self {
            Self::ImportanceWeighted { samples } => samples,
            Self::Elbo | Self::SampledElbo | Self::Reconstruction => 1,
        }
    }

    /// The sums over the first `rows` rows, in which there are [`samples`](Self::samples) copies of each; log p(x|z) and the
    /// KL divergence are means over copies.
    pub fn sums<F: Scalar>(self, densities: &LogDensities<F>, rows: usize) -> Sums {
        let samples = self.samples();
        let mut sums = Sums { rows: rows / samples, ..Sums::default() };
        let LogDensities { x_given_z, z_given_u, z_given_xu } = densities;
        for ((x, p), q) in x_given_z[..rows].iter().zip(z_given_u).zip(z_given_xu) {
            sums.log_px += x.f64();
            sums.kl += (*q - *p).f64();
        }
        sums.objective = sums.log_px - sums.kl;
        if samples > 1 {
            let copies = samples as f64;
            (sums.log_px, sums.kl) = (sums.log_px / copies, sums.kl / copies);
            let bound = |of_row: usize| {
                let (most, sum) = densities.weights(of_row * samples..(of_row + 1) * samples, F::one());
                most + (sum / copies).ln()
            };
            sums.objective = (0..sums.rows).map(bound).sum();
        }
        sums
    }
}

/// How much the KL divergence counts in training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KlSpec {
    /// Its weight: 1 for a bound of the likelihood, more for the β of Higgins et al. 2017.
    pub weight: f64,
    /// Part of the steps over which the weight rises to that from 0 (Sønderby et al. 2016).
    pub warmup: f64,
}

impl Default for KlSpec {
    fn default() -> Self {
        Self { weight: 1.0, warmup: 0.0 }
    }
}

/// Log-densities of every row of a batch, or cotangents of the mean loss with respect to them; `[B]` each.
///
/// Where the KL divergence is in closed form, `z_given_u` and `z_given_xu` stand for it together: their difference
/// `z_given_xu − z_given_u` is KL(q ‖ p), and so are their cotangents opposite.
#[derive(Debug, Clone)]
pub struct LogDensities<F> {
    /// log p(x|z).
    pub x_given_z: Vec<F>,
    /// log p(z|u).
    pub z_given_u: Vec<F>,
    /// log q(z|x,u).
    pub z_given_xu: Vec<F>,
}

impl<F: Scalar> LogDensities<F> {
    /// Zeros for up to `batch` rows.
    pub fn zeros(batch: usize) -> Self {
        let zeros = || vec![F::zero(); batch];
        Self { x_given_z: zeros(), z_given_u: zeros(), z_given_xu: zeros() }
    }

    /// log p(x|z) − β (log q(z|x,u) − log p(z|u)) of a row.
    fn log_weight(&self, row: usize, kl_weight: F) -> f64 {
        (self.x_given_z[row] - kl_weight * (self.z_given_xu[row] - self.z_given_u[row])).f64()
    }

    /// The largest of the log-weights of `rows`, and the sum of the weights divided by that one.
    fn weights(&self, rows: std::ops::Range<usize>, kl_weight: F) -> (f64, f64) {
        let logs = || rows.clone().map(|row| self.log_weight(row, kl_weight));
        let most = logs().fold(f64::NEG_INFINITY, f64::max);
        (most, logs().map(|log| (log - most).exp()).sum())
    }
}

/// An objective with its schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// What is maximised.
    pub spec: ObjectiveSpec,
    /// How much the KL divergence counts at last.
    pub kl_weight: f64,
    /// Steps over which the KL divergence is let in (Sønderby et al. 2016): latents find their use before the prior asks
    /// what they cost.
    pub kl_warmup: u64,
}

impl Objective {
    /// Without a warm-up.
    pub fn new(spec: ObjectiveSpec) -> Self {
        Self { spec, kl_weight: 1.0, kl_warmup: 0 }
    }

    /// How much the KL divergence counts in step `step`, from 0.
    pub fn kl_weight_at(&self, step: u64) -> f64 {
        self.kl_weight * ((step + 1) as f64 / self.kl_warmup.max(1) as f64).min(1.0)
    }

    /// Overwrite the first `rows` rows of `d` with the cotangents of the mean loss in step `step`: minus the objective for each
    /// row, of which there are [`samples`](ObjectiveSpec::samples) copies with these `densities`.
    pub fn cotangents<F: Scalar>(
        &self,
        d: &mut LogDensities<F>,
        densities: &LogDensities<F>,
        rows: usize,
        step: u64,
    ) {
        let samples = self.spec.samples();
        let (count, weight) = ((rows / samples) as f64, self.kl_weight_at(step));
        let (each, kl) = (F::of(count).recip(), F::of(weight / count));
        if samples == 1 {
            d.x_given_z[..rows].fill(-each);
            d.z_given_u[..rows].fill(-kl);
            d.z_given_xu[..rows].fill(kl);
            return;
        }
        for first in (0..rows).step_by(samples) {
            let (most, sum) = densities.weights(first..first + samples, F::of(weight));
            for row in first..first + samples {
                let share = F::of((densities.log_weight(row, F::of(weight)) - most).exp() / sum);
                d.x_given_z[row] = -each * share;
                d.z_given_u[row] = -kl * share;
                d.z_given_xu[row] = kl * share;
            }
        }
    }
}
