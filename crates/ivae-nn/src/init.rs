//! [`Init`]: how the weights of a layer start.

use ivae_num::Scalar;
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// Distribution of the starting weights. Biases start at 0.
///
/// Levels count as one-hot columns, so that a look-up starts like the one-hot network it stands for:
/// fan-in = c + M. Numbers are drawn in `f64`, so that `f32` and `f64` networks start alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform on ±√(6 / (fan-in + fan-out)): Glorot & Bengio (2010), eq. 16.
    #[default]
    Xavier,
    /// Normal with variance 2 / fan-in: He et al. (2015), eq. 10. Made for ReLU and its kin.
    He,
    /// All zeros.
    Zeros,
}

impl Init {
    /// Overwrite `weights` of a layer with `fan_in` inputs and `fan_out` outputs.
    pub fn fill<F: Scalar>(
        self,
        weights: &mut [F],
        fan_in: usize,
        fan_out: usize,
        rng: &mut (impl Rng + ?Sized),
    ) {
        match self {
            Init::Xavier => {
                let bound = (6.0 / (fan_in + fan_out) as f64).sqrt();
                weights.iter_mut().for_each(|w| *w = F::of(bound * (2.0 * rng.random::<f64>() - 1.0)));
            }
            Init::He => {
                let std = (2.0 / fan_in as f64).sqrt();
                weights.iter_mut().for_each(|w| *w = F::of(std * rng.sample::<f64, _>(StandardNormal)));
            }
            Init::Zeros => weights.fill(F::zero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::{Purpose, StreamKey};

    /// Mean and variance of 200 × 100 weights.
    fn moments(init: Init) -> (Vec<f64>, f64, f64) {
        let mut w = vec![f64::NAN; 20_000];
        init.fill(&mut w, 200, 100, &mut StreamKey::new(1, Purpose::Init).rng());
        let mean = w.iter().sum::<f64>() / w.len() as f64;
        let var = w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / w.len() as f64;
        (w, mean, var)
    }

    #[test]
    fn xavier_has_its_bound_and_variance() {
        let (w, mean, var) = moments(Init::Xavier);
        let bound = (6.0f64 / 300.0).sqrt();
        assert!(w.iter().all(|v| v.abs() <= bound));
        assert!(w.iter().any(|v| *v > 0.99 * bound) && w.iter().any(|v| *v < -0.99 * bound));
        assert!(mean.abs() < 4.0 * (var / 2e4).sqrt());
        assert!((var / (2.0 / 300.0) - 1.0).abs() < 0.03, "variance {var}");
    }

    #[test]
    fn he_has_its_variance() {
        let (w, mean, var) = moments(Init::He);
        assert!(mean.abs() < 4.0 * (var / 2e4).sqrt());
        assert!((var / 0.01 - 1.0).abs() < 0.05, "variance {var}");
        let beyond = w.iter().filter(|v| v.abs() > 2.0 * 0.1).count() as f64 / 2e4;
        assert!((beyond - 0.0455).abs() < 0.008, "share beyond two deviations {beyond}");
    }

    #[test]
    fn zeros_are_zero() {
        assert!(moments(Init::Zeros).0.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn f32_and_f64_start_alike() {
        for init in [Init::Xavier, Init::He] {
            let (mut a, mut b) = ([0f32; 50], [0f64; 50]);
            init.fill(&mut a, 5, 10, &mut StreamKey::new(3, Purpose::Init).rng());
            init.fill(&mut b, 5, 10, &mut StreamKey::new(3, Purpose::Init).rng());
            assert!(a.iter().zip(&b).all(|(a, b)| *a == *b as f32));
        }
    }
}
