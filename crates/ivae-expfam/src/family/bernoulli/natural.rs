//! The Bernoulli component as an exponential family.

use ivae_num::Scalar;
use rand::{Rng, RngCore};

use super::rows::Bernoulli;
use crate::density::{ExpFam, Support};
use crate::special::{sigmoid, softplus};

/// The logit, in double precision; NaN if it is infinite.
fn logit<F: Scalar>(lambda: &[F]) -> f64 {
    let logit = lambda[0].f64();
    if logit.is_finite() { logit } else { f64::NAN }
}

impl<F: Scalar> ExpFam<F> for Bernoulli {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Finite { count: 2 }
    }

    fn stats(&self, t: &mut [F], z: F) {
        t[0] = z;
    }

    fn dstats(&self, dt: &mut [F], _: F) {
        dt[0] = F::one();
    }

    fn log_base(&self, _: F) -> F {
        F::zero()
    }

    fn dlog_base(&self, _: F) -> F {
        F::zero()
    }

    fn in_domain(&self, lambda: &[F]) -> bool {
        lambda[0].is_finite()
    }

    fn log_partition(&self, lambda: &[F]) -> F {
        F::of(softplus(logit(lambda)))
    }

    fn mean_stats(&self, mean: &mut [F], lambda: &[F]) {
        mean[0] = F::of(sigmoid(logit(lambda)));
    }

    fn fisher(&self, cov: &mut [F], lambda: &[F]) {
        let logit = logit(lambda);
        cov[0] = F::of(sigmoid(logit) * sigmoid(-logit));
    }

    fn entropy(&self, lambda: &[F]) -> F {
        // With the sign of the logit turned so that it is positive: neither term cancels.
        let size = logit(lambda).abs();
        F::of((-size).exp().ln_1p() + size * sigmoid(-size))
    }

    fn kl(&self, lambda: &[F], to: &[F]) -> F {
        let (from, to) = (logit(lambda), logit(to));
        // p log(p / q), log p = −softplus(−logit).
        let part = |from: f64, to: f64| sigmoid(from) * (softplus(-to) - softplus(-from));
        F::of(part(from, to) + part(-from, -to))
    }

    fn natural(&self, lambda: &mut [F], eta: &[F]) {
        lambda[0] = eta[0];
    }

    fn natural_backward(&self, d_eta: &mut [F], _: &[F], d_lambda: &[F]) {
        d_eta[0] += d_lambda[0];
    }

    fn draw(&self, lambda: &[F], rng: &mut dyn RngCore) -> F {
        let probability = sigmoid(logit(lambda));
        let one = if rng.random::<f64>() < probability { F::one() } else { F::zero() };
        if probability.is_nan() { F::nan() } else { one }
    }
}
