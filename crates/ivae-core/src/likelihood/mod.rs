//! The likelihood p(x|z): one file a member, and [`LikelihoodFamily`], their registry.

mod bernoulli;
mod counts;
mod gaussian;
mod member;
mod negative_binomial;
mod poisson;

use ivae_expfam::{Bernoulli, NegativeBinomial, Poisson};
use ivae_num::Scalar;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

pub use counts::are_counts;
pub use gaussian::VarianceSpec;
pub use member::{FreeParameter, Likelihood, Noise, Suited, u_only};

/// The distribution of x around the decoder's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodFamily {
    /// Gaussian, the output its mean; with a noise variance in units of the scaled x.
    Gaussian(VarianceSpec),
    /// Bernoulli, the output its log-odds: for x of 0 and 1, not scaled.
    Bernoulli,
    /// Poisson, the output its log rate: for counts, not scaled.
    Poisson,
    /// Negative binomial, the output its log mean, with a learned dispersion of each column: for counts that vary more than
    /// Poisson ones.
    NegativeBinomial,
}

impl LikelihoodFamily {
    /// Every likelihood in its usual form, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
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
        (Self::Poisson, "poisson", "Poisson, for counts"),
        (Self::NegativeBinomial, "negative-binomial", "Negative binomial, for counts of learned dispersion"),
    ];

    /// The likelihood of this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(family, ..)| family)
    }

    /// The likelihood that x `[N, d]` gets unless told otherwise, where it is discrete: Bernoulli for 0 and 1, Poisson for
    /// [counts](are_counts).
    pub fn of_discrete<F: Scalar>(x: ArrayView2<'_, F>) -> Option<Self> {
        if Self::Bernoulli.part::<F>().check_x(x).is_ok() {
            return Some(Self::Bernoulli);
        }
        are_counts(x).then_some(Self::Poisson)
    }

    /// The likelihood itself.
    pub fn part<F: Scalar>(&self) -> &dyn Likelihood<F> {
        match self {
            Self::Gaussian(variance) => variance,
            Self::Bernoulli => &Bernoulli,
            Self::Poisson => &Poisson,
            Self::NegativeBinomial => &NegativeBinomial,
        }
    }
}

impl From<Bernoulli> for LikelihoodFamily {
    fn from(_: Bernoulli) -> Self {
        Self::Bernoulli
    }
}

impl From<Poisson> for LikelihoodFamily {
    fn from(_: Poisson) -> Self {
        Self::Poisson
    }
}

impl From<NegativeBinomial> for LikelihoodFamily {
    fn from(_: NegativeBinomial) -> Self {
        Self::NegativeBinomial
    }
}

impl From<VarianceSpec> for LikelihoodFamily {
    fn from(variance: VarianceSpec) -> Self {
        Self::Gaussian(variance)
    }
}
