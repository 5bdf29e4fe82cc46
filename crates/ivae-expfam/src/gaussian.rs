//! [`Gaussian`] in its three conditional forms, the same type as [`Density`](crate::Density),
//! [`Reparam`](crate::Reparam) and [`ExpFam`](crate::ExpFam).

mod kl;
mod natural;
mod rows;

use serde::{Deserialize, Serialize};

pub use kl::{gaussian_kl, gaussian_kl_backward};

use crate::terms::Places;

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

    /// First columns of the mean and of the log-variance, of n each, where θ has them.
    fn places(self, n: usize) -> Places {
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
