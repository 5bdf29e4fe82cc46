//! [`MixingMap`]: the true mixing f of simulated data, and its inverse.

use ivae_num::{LinalgError, Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::kind::Mixing;
use super::step::Step;
use super::{draw, network};

/// The map f that made simulated data from its sources, and the way back. Computes in f64 whatever the scalar is.
#[derive(Debug, Clone, PartialEq)]
pub struct MixingMap {
    steps: Vec<Step>,
}

impl MixingMap {
    /// x = f(z): z `[N, n]`; returns `[N, d]`.
    ///
    /// # Panics
    /// If z has another number of columns than there are sources.
    pub fn apply<F: Scalar>(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        self.steps.iter().fold(z.mapv(F::f64), |h, step| step.forward(h)).mapv(F::of)
    }

    /// The z with f(z) = x: x `[N, d]`, each row in the range of f; returns `[N, n]`.
    ///
    /// # Errors
    /// A linear part of f that cannot be inverted to working precision.
    ///
    /// # Panics
    /// If x has another number of columns than f gives.
    pub fn invert<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, LinalgError> {
        let z = self.steps.iter().rev().try_fold(x.mapv(F::f64), |h, step| step.inverse(h))?;
        Ok(z.mapv(F::of))
    }

    /// The network of `layers` linear maps from `n` to `d` dimensions.
    pub(crate) fn network(n: usize, d: usize, layers: usize, key: StreamKey) -> Result<Self, LinalgError> {
        Ok(Self { steps: network::draw(n, d, layers, key)? })
    }

    /// A map of another kind to `d` dimensions, for sources with these means and standard deviations in segments of
    /// equal size, `[M, n]`.
    pub(crate) fn draw(
        kind: Mixing,
        means: &Array2<f64>,
        stds: &Array2<f64>,
        d: usize,
        key: StreamKey,
    ) -> Result<Self, LinalgError> {
        let mut steps = standardise(means, stds);
        steps.extend(draw::steps(kind, means.ncols(), d, &mut key.rng())?);
        Ok(Self { steps })
    }
}

/// Each source to mean 0 and variance 1. The variance of a mixture is the mean of the variances plus the variance of
/// the means.
fn standardise(means: &Array2<f64>, stds: &Array2<f64>) -> Vec<Step> {
    let over = |a: &Array2<f64>| -> Array1<f64> { a.sum_axis(Axis(0)) / a.nrows() as f64 };
    let mean = over(means);
    let variance = over(&((means - &mean).mapv(|v| v * v) + stds.mapv(|s| s * s)));
    vec![Step::Shift(-mean), Step::Linear(Array2::from_diag(&variance.mapv(|v| 1.0 / v.sqrt())))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::Purpose;
    use ndarray::array;

    #[test]
    fn sources_are_standardised_by_the_moments_of_their_mixture() {
        // Two segments, N(1, 4) and N(3, 10): mean 2, variance 7 + 1.
        let steps = standardise(&array![[1.0], [3.0]], &array![[2.0], [10f64.sqrt()]]);
        let map = MixingMap { steps };
        let expected = array![[0.0], [1.0]];
        let found = map.apply(array![[2.0], [2.0 + 8f64.sqrt()]].view());
        assert!((&found - &expected).iter().all(|e: &f64| e.abs() < 1e-14), "{found}");
    }

    #[test]
    fn kinds_with_one_seed_are_different_maps() {
        let key = StreamKey::new(1, Purpose::Generate);
        let (means, stds) = (Array2::zeros((2, 3)), Array2::ones((2, 3)));
        let z = array![[0.3, -1.0, 2.0]];
        let images: Vec<_> = Mixing::ALL[1..]
            .iter()
            .map(|&kind| MixingMap::draw(kind, &means, &stds, 3, key).unwrap().apply(z.view()))
            .collect();
        for (i, a) in images.iter().enumerate() {
            assert!(images[..i].iter().all(|b| a != b));
        }
    }
}
