//! [`Objective`]: what is maximised, as a function of per-row log-densities that returns their cotangents.
//!
//! The evidence lower bound of one row (Kingma & Welling 2014, eq. 3; Khemakhem et al. 2020, eq. 8) is
//!
//! ```text
//! ELBO = E_q[log p(x|z)] − KL(q(z|x,u) ‖ p(z|u)),   by the sample   log p(x|z) + log p(z|u) − log q(z|x,u).
//! ```

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
    /// log p(x|z) at the posterior's mean, without a KL divergence: an autoencoder.
    Reconstruction,
}

impl ObjectiveSpec {
    /// Whether the KL divergence has no sampling noise where that is possible.
    pub fn has_kl(self) -> bool {
        self != Self::Reconstruction
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
}

/// An objective with its schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// What is maximised.
    pub spec: ObjectiveSpec,
    /// Steps over which the KL divergence is let in (Sønderby et al. 2016): latents find their use before the prior asks
    /// what they cost.
    pub kl_warmup: u64,
}

impl Objective {
    /// Without a warm-up.
    pub fn new(spec: ObjectiveSpec) -> Self {
        Self { spec, kl_warmup: 0 }
    }

    /// How much the KL divergence counts in step `step`, from 0.
    pub fn kl_weight(&self, step: u64) -> f64 {
        ((step + 1) as f64 / self.kl_warmup.max(1) as f64).min(1.0)
    }

    /// The sums over the first `rows` rows.
    pub fn sums<F: Scalar>(&self, densities: &LogDensities<F>, rows: usize) -> Sums {
        let mut sums = Sums { rows, ..Sums::default() };
        let LogDensities { x_given_z, z_given_u, z_given_xu } = densities;
        for ((x, p), q) in x_given_z[..rows].iter().zip(z_given_u).zip(z_given_xu) {
            sums.log_px += x.f64();
            sums.kl += (*q - *p).f64();
        }
        sums.objective = sums.log_px - sums.kl;
        sums
    }

    /// Overwrite the first `rows` rows of `d` with the cotangents of the mean loss, −objective / `rows`, in which the KL
    /// divergence counts `kl_weight` times.
    pub fn cotangents<F: Scalar>(&self, d: &mut LogDensities<F>, rows: usize, kl_weight: f64) {
        let kl = F::of(kl_weight / rows as f64);
        d.x_given_z[..rows].fill(-(F::one() / F::of(rows as f64)));
        d.z_given_u[..rows].fill(-kl);
        d.z_given_xu[..rows].fill(kl);
    }
}
