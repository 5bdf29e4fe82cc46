//! Families as a conditional prior p(z|u): one file a family, and [`Family`], their registry.

mod family;
mod gaussian;
mod generalised_normal;
mod laplace;

use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

pub use family::{Conditional, LOCATION_FIXED, PriorFamily};

use crate::{Gaussian, GaussianForm, GeneralisedNormal, Laplace};

/// Distribution of a latent given u.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Gaussian, u moves mean and variance.
    Gaussian,
    /// Gaussian of mean 0, u moves the variance.
    GaussianVar,
    /// Gaussian of variance 1, u moves the mean (identifies the latents up to a linear map only).
    GaussianMean,
    /// Laplace with location and scale.
    Laplace,
    /// Generalised normal (Subbotin 1923) with location, scale, and a shape learned for each latent: 2 is Gaussian, 1
    /// Laplace, larger is lighter in the tails.
    GeneralisedNormal,
}

impl Family {
    /// Every family, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Gaussian, "gauss", "Gaussian, u moves mean and variance"),
        (Self::GaussianVar, "gauss-var", "Gaussian with mean 0, u moves the variance"),
        (
            Self::GaussianMean,
            "gauss-mean",
            "Gaussian with variance 1, u moves the mean (identifies up to a linear map only)",
        ),
        (Self::Laplace, "laplace", "Laplace, u moves location and scale"),
        (
            Self::GeneralisedNormal,
            "generalised-normal",
            "Generalised normal, its shape learned for each latent",
        ),
    ];

    /// The family itself.
    pub fn part<F: Scalar>(self) -> &'static dyn PriorFamily<F> {
        match self {
            Self::Gaussian => &Gaussian { form: GaussianForm::MeanVar },
            Self::GaussianVar => &Gaussian { form: GaussianForm::Var },
            Self::GaussianMean => &Gaussian { form: GaussianForm::Mean },
            Self::Laplace => &Laplace,
            Self::GeneralisedNormal => &GeneralisedNormal,
        }
    }

    /// The family of this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(family, ..)| family)
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Gaussian | Self::GaussianVar | Self::GaussianMean => "Gaussian",
            Self::Laplace => "Laplace",
            Self::GeneralisedNormal => "generalised normal",
        }
    }
}

impl From<Gaussian> for Family {
    fn from(Gaussian { form }: Gaussian) -> Self {
        match form {
            GaussianForm::MeanVar => Self::Gaussian,
            GaussianForm::Var => Self::GaussianVar,
            GaussianForm::Mean => Self::GaussianMean,
        }
    }
}

impl From<Laplace> for Family {
    fn from(_: Laplace) -> Self {
        Self::Laplace
    }
}

impl From<GeneralisedNormal> for Family {
    fn from(_: GeneralisedNormal) -> Self {
        Self::GeneralisedNormal
    }
}
