//! The Gaussian family and its three conditional forms.

use serde::{Deserialize, Serialize};

use crate::density::location_scale::FirstColumns;

/// Which parameters of a Gaussian are conditional.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GaussianForm {
    /// Mean and variance: θ = [mean | log_var], k = 2, T = (z, z²), h = 1.
    MeanVar,
    /// Variance, with mean 0: θ = log_var, k = 1, T = z², h = 1.
    Var,
    /// Mean, with variance 1: θ = mean, k = 1, T = z, h = N(0, 1). T is monotonic, so latents stay
    /// linearly ambiguous (for k = 1, theorem 3 of Khemakhem et al. 2020 asks for a T that is not).
    Mean,
}

impl GaussianForm {
    /// Statistics per component.
    pub fn k(self) -> usize {
        match self {
            Self::MeanVar => 2,
            Self::Var | Self::Mean => 1,
        }
    }

    /// Columns of θ for n components, `k * n`.
    pub fn width(self, n: usize) -> usize {
        self.k() * n
    }

    /// First columns of the n means and of the n log-variances, where θ has them.
    pub(super) fn first_columns(self, n: usize) -> FirstColumns {
        match self {
            Self::MeanVar => (Some(0), Some(n)),
            Self::Var => (None, Some(0)),
            Self::Mean => (Some(0), None),
        }
    }
}

/// Independent Gaussian components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaussian {
    /// Which parameters are conditional.
    pub form: GaussianForm,
}
