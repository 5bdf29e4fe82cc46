//! The generalised normal prior (Subbotin 1923): u moves location and scale, and every latent learns one shape.

use crate::{GeneralisedNormal, LambdaError};
use ivae_num::Scalar;
use ndarray::ArrayView2;
use rand::RngCore;

use super::family::{Conditional, PriorFamily, draw_power, power_conditional};

impl<F: Scalar> PriorFamily<F> for GeneralisedNormal {
    fn conditional_parameters(&self) -> usize {
        2
    }

    /// The log of the shape, from that of a Gaussian on.
    fn free_parameter(&self) -> Option<f64> {
        Some(2f64.ln())
    }

    fn statistics(&self) -> usize {
        1
    }

    /// At shape 2, where the variance is α²/2.
    fn from_moments(&self, mean: f64, variance: f64) -> Vec<f64> {
        vec![mean, 0.5 * (2.0 * variance).ln()]
    }

    fn moments(&self, theta: &[f64]) -> (f64, f64) {
        (theta[0], Self::variance(theta[1], theta[2]))
    }

    fn draw(&self, theta: &[f64], rng: &mut dyn RngCore) -> f64 {
        theta[0] + theta[1].exp() * draw_power(theta[2].exp(), rng)
    }

    fn shape(&self, theta: &[f64]) -> Option<f64> {
        Some(theta[2].exp())
    }

    fn conditional(&self, theta: ArrayView2<'_, f64>, n: usize) -> Result<Conditional, LambdaError> {
        let shape = |i: usize| if theta.nrows() > 0 { theta[[0, 2 * n + i]].exp() } else { 1.0 };
        power_conditional("generalised normal", theta, &(0..n).map(shape).collect::<Vec<_>>())
    }
}
