//! The likelihood p(x|z): one file a member, and [`LikelihoodFamily`], their registry.

mod bernoulli;
mod gaussian;
mod member;

use ivae_expfam::Bernoulli;
use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

pub use gaussian::VarianceSpec;
pub use member::{Likelihood, Noise, u_only};

/// The distribution of x around the decoder's output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodFamily {
    /// Gaussian, the output its mean; with a noise variance in units of the scaled x.
    Gaussian(VarianceSpec),
    /// Bernoulli, the output its log-odds: for x of 0 and 1, not scaled.
    Bernoulli,
}

impl LikelihoodFamily {
    /// Every likelihood in its usual form, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (
            Self::Gaussian(VarianceSpec::PER_DIMENSION),
            "gauss",
            "Gaussian, noise variance learned for each column",
        ),
        (Self::Gaussian(VarianceSpec::SHARED), "gauss-shared", "Gaussian, one learned noise variance"),
        (
            Self::Gaussian(VarianceSpec::Fixed(0.01)),
            "gauss-fixed",
            "Gaussian, noise variance fixed at 0.01 of the scaled data",
        ),
        (Self::Bernoulli, "bernoulli", "Bernoulli, for x of 0 and 1"),
    ];

    /// The likelihood of this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(family, ..)| family)
    }

    /// The likelihood itself.
    pub fn part<F: Scalar>(&self) -> &dyn Likelihood<F> {
        match self {
            Self::Gaussian(variance) => variance,
            Self::Bernoulli => &Bernoulli,
        }
    }
}

impl From<Bernoulli> for LikelihoodFamily {
    fn from(_: Bernoulli) -> Self {
        Self::Bernoulli
    }
}

impl From<VarianceSpec> for LikelihoodFamily {
    fn from(variance: VarianceSpec) -> Self {
        Self::Gaussian(variance)
    }
}
