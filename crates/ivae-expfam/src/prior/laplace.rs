//! The Laplace prior: u moves location and scale.

use crate::{LambdaError, Laplace};
use ivae_num::Scalar;
use ndarray::ArrayView2;
use rand::RngCore;

use super::family::{Conditional, PriorFamily, draw_power, power_conditional};

impl<F: Scalar> PriorFamily<F> for Laplace {
    fn conditional_parameters(&self) -> usize {
        2
    }

    fn statistics(&self) -> usize {
        1
    }

    /// The variance of a Laplace distribution of scale b is 2 b².
    fn from_moments(&self, mean: f64, variance: f64) -> Vec<f64> {
        vec![mean, 0.5 * (0.5 * variance).ln()]
    }

    fn moments(&self, theta: &[f64]) -> (f64, f64) {
        (theta[0], 2.0 * (2.0 * theta[1]).exp())
    }

    fn draw(&self, theta: &[f64], rng: &mut dyn RngCore) -> f64 {
        theta[0] + theta[1].exp() * draw_power(1.0, rng)
    }

    fn conditional(&self, theta: ArrayView2<'_, f64>, n: usize) -> Result<Conditional, LambdaError> {
        power_conditional("Laplace", theta, &vec![1.0; n])
    }
}
