//! The Gaussian likelihood: f(z) is the mean, the noise variance is fixed, shared, or one for each column.

use ivae_data::Dataset;
use ivae_expfam::{Density, Gaussian, GaussianForm, Reparam};
use ivae_metrics::u_only_gaussian;
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use super::member::{FreeParameter, Likelihood, Noise, u_only};
use crate::error::{SpecError, positive};
use crate::theta::ThetaSpec;

/// Directions of x per latent that raise the variance floor.
const MOST_DIRECTIONS: f64 = 10.0;

const MEAN_VAR: Gaussian = Gaussian { form: GaussianForm::MeanVar };

/// The noise variance of a Gaussian likelihood.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VarianceSpec {
    /// Fixed.
    Fixed(f64),
    /// Learned, one for all columns.
    Shared {
        /// Where it starts.
        start: f64,
        /// It never falls below this, times the directions of x per latent (d/n, at most 10).
        floor: f64,
    },
    /// Learned, one for each column.
    PerDimension {
        /// Where they start.
        start: f64,
        /// They never fall below this, times the directions of x per latent (d/n, at most 10).
        floor: f64,
    },
}

impl VarianceSpec {
    /// The default: one for each column, from 0.3 on.
    ///
    /// The floor, 1 % of each whitened direction (more where x has more directions than latents), keeps noiseless data
    /// from driving the likelihood to infinity. Held-out ELBO cannot choose it: without noise a lower floor is always
    /// likelier.
    pub const PER_DIMENSION: Self = Self::PerDimension { start: 0.3, floor: 0.01 };
    /// As [`PER_DIMENSION`](Self::PER_DIMENSION), with one variance for all columns.
    pub const SHARED: Self = Self::Shared { start: 0.3, floor: 0.01 };
}

impl<F: Scalar> Likelihood<F> for VarianceSpec {
    fn density(&self) -> &dyn Density<F> {
        &MEAN_VAR
    }

    fn check(&self) -> Result<(), SpecError> {
        match *self {
            Self::Fixed(v) => positive("the fixed noise variance", v),
            Self::Shared { start, floor } | Self::PerDimension { start, floor } => {
                positive("the start of the noise variance", start)?;
                positive("the floor of the noise variance", floor)
            }
        }
    }

    fn free_parameters(&self, observed: usize, latents: usize) -> Vec<FreeParameter> {
        let per_latent = directions_per_latent(observed, latents);
        let (source, floor) = match *self {
            Self::Fixed(v) => (ThetaSpec::Fixed(v.ln()), f64::NEG_INFINITY),
            Self::Shared { start, floor } => (ThetaSpec::Shared(start.ln()), (floor * per_latent).ln()),
            Self::PerDimension { start, floor } => (ThetaSpec::Free(start.ln()), (floor * per_latent).ln()),
        };
        vec![FreeParameter { name: "noise.log_var".into(), columns: observed, source, floor }]
    }

    fn sample(&self, x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let noise = normals(x.dim(), key);
        MEAN_VAR.sample(x, theta, noise.view());
    }

    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_gaussian, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Gaussian
    }
}

/// x has d/n directions for each latent: so many times the noise leaves as much known of it.
fn directions_per_latent(observed: usize, latents: usize) -> f64 {
    (observed as f64 / latents as f64).clamp(1.0, MOST_DIRECTIONS)
}

/// Start and floor of the variance of noise of other laws.
pub(super) fn start_and_floor(observed: usize, latents: usize) -> (f64, f64) {
    (0.3, 0.01 * directions_per_latent(observed, latents))
}

/// Standard normal deviates.
pub(super) fn normals<F: Scalar>(shape: (usize, usize), key: StreamKey) -> Array2<F> {
    let mut noise = Array2::zeros(shape);
    if let Some(flat) = noise.as_slice_mut() {
        stream::fill_normal(flat, shape.1, key);
    }
    noise
}
