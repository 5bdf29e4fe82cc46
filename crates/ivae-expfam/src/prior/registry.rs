//! [`Family`]: the registry of prior families, by name.

use std::fmt::{Display, Formatter};
use std::sync::LazyLock;

use ivae_num::Scalar;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::custom::CustomPrior;
use super::exponential_family::Unconstrained;
use super::family::PriorFamily;
use crate::family::polynomial::PolynomialFamily;
use crate::{
    Beta, Exponential, ExponentialPower, Gamma, Gaussian, GaussianForm, GeneralisedNormal, HyperbolicSecant,
    Laplace, LogNormal, VonMises,
};

/// Distribution of a latent given u.
#[derive(Debug, Clone, Copy)]
pub enum Family {
    /// Gaussian, u moves mean and variance.
    Gaussian,
    /// Gaussian of mean 0, u moves the variance.
    GaussianVar,
    /// Gaussian of variance 1, u moves the mean (identifies the latents up to a linear map only).
    GaussianMean,
    /// Laplace with location and scale.
    Laplace,
    /// Laplace of location 0, u moves the scale: an exponential family.
    LaplaceScale,
    /// Density ∝ exp(λ |z|^β) of a fixed shape β, u moves the scale (Subbotin 1923); see [`Family::exponential_power`].
    ExponentialPower(Unconstrained<ExponentialPower>),
    /// Generalised normal (Subbotin 1923) with location, scale, and a shape learned for each latent: 2 is Gaussian, 1
    /// Laplace, larger is lighter in the tails.
    GeneralisedNormal,
    /// Density ∝ sech(z)^a, u moves a.
    HyperbolicSecant,
    /// Log-normal, u moves mean and variance of log z.
    LogNormal,
    /// Gamma, u moves shape and rate.
    Gamma,
    /// Exponential, u moves the rate.
    Exponential,
    /// Beta on (0, 1), u moves both shapes.
    Beta,
    /// Von Mises on (−π, π), u moves mean direction and concentration.
    VonMises,
    /// Log-density a polynomial of degree 4: up to two modes.
    Polynomial4,
    /// Log-density a polynomial of degree 6: up to three modes.
    Polynomial6,
    /// A family of one's own; see [`Family::custom`].
    Custom(CustomPrior),
}

/// How a shape is given: `exponential-power:1.5`.
const EXPONENTIAL_POWER: &str = "exponential-power";

const LAPLACE_SCALE: ExponentialPower = ExponentialPower { location: 0.0, shape: 1.0 };

/// The registry's families that are exponential families, each made once.
macro_rules! exponential_family {
    ($family:ty, $made:expr, $name:literal) => {{
        static FAMILY: LazyLock<Unconstrained<$family>> = LazyLock::new(|| Unconstrained::new($made, $name));
        &*FAMILY
    }};
}

impl Family {
    /// Every family without settings, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 14] = [
        (Self::Gaussian, "gauss", "Gaussian, u moves mean and variance"),
        (Self::GaussianVar, "gauss-var", "Gaussian with mean 0, u moves the variance"),
        (
            Self::GaussianMean,
            "gauss-mean",
            "Gaussian with variance 1, u moves the mean (identifies up to a linear map only)",
        ),
        (Self::Laplace, "laplace", "Laplace, u moves location and scale"),
        (Self::LaplaceScale, "laplace-scale", "Laplace of location 0, u moves the scale"),
        (
            Self::GeneralisedNormal,
            "generalised-normal",
            "Generalised normal, its shape learned for each latent",
        ),
        (Self::HyperbolicSecant, "hyperbolic-secant", "Density proportional to sech(z)^a, u moves a"),
        (Self::LogNormal, "log-normal", "Log-normal on (0, ∞), u moves mean and variance of the logarithm"),
        (Self::Gamma, "gamma", "Gamma on (0, ∞), u moves shape and rate"),
        (Self::Exponential, "exponential", "Exponential on (0, ∞), u moves the rate"),
        (Self::Beta, "beta", "Beta on (0, 1), u moves both shapes"),
        (Self::VonMises, "von-mises", "Von Mises: angles in (−π, π), u moves direction and concentration"),
        (Self::Polynomial4, "polynomial-4", "Log-density a polynomial of degree 4: up to two modes"),
        (Self::Polynomial6, "polynomial-6", "Log-density a polynomial of degree 6: up to three modes"),
    ];

    /// What [`from_name`](Self::from_name) takes beside the names of [`ALL`](Self::ALL), and what it is.
    pub const WITH_SHAPE: (&'static str, &'static str) = (
        "exponential-power:β",
        "Density proportional to exp(−|z/s|^β) of a fixed shape β > 0, u moves the scale s",
    );

    /// The exponential power family of shape β: 1 is Laplace, 2 Gaussian; of location 0. `None` for a β that is not
    /// positive and finite.
    pub fn exponential_power(shape: f64) -> Option<Self> {
        let family = ExponentialPower { location: 0.0, shape };
        (shape > 0.0 && shape.is_finite())
            .then(|| Self::ExponentialPower(Unconstrained::new(family, "exponential power")))
    }

    /// A family of one's own, called `name` in messages: any [`PriorFamily`], such as [`Unconstrained`] of a
    /// [`Custom`](crate::Custom)
    /// exponential family. A fit with it cannot be saved, for nothing on disk could name it.
    pub fn custom<P: PriorFamily<f32> + PriorFamily<f64>>(name: &'static str, family: &'static P) -> Self {
        Self::Custom(CustomPrior::new(name, family))
    }

    /// The family itself.
    pub fn part<F: Scalar>(&self) -> &dyn PriorFamily<F> {
        match self {
            Self::Gaussian => &Gaussian { form: GaussianForm::MeanVar },
            Self::GaussianVar => &Gaussian { form: GaussianForm::Var },
            Self::GaussianMean => &Gaussian { form: GaussianForm::Mean },
            Self::Laplace => &Laplace,
            Self::LaplaceScale => {
                exponential_family!(ExponentialPower, LAPLACE_SCALE, "Laplace of location 0")
            }
            Self::ExponentialPower(family) => family,
            Self::GeneralisedNormal => &GeneralisedNormal,
            Self::HyperbolicSecant => {
                exponential_family!(HyperbolicSecant, HyperbolicSecant, "hyperbolic secant")
            }
            Self::LogNormal => exponential_family!(LogNormal, LogNormal, "log-normal"),
            Self::Gamma => exponential_family!(Gamma, Gamma, "Gamma"),
            Self::Exponential => exponential_family!(Exponential, Exponential, "exponential"),
            Self::Beta => exponential_family!(Beta, Beta, "Beta"),
            Self::VonMises => exponential_family!(VonMises, VonMises, "von Mises"),
            Self::Polynomial4 => {
                exponential_family!(PolynomialFamily, PolynomialFamily::new(4), "polynomial of degree 4")
            }
            Self::Polynomial6 => {
                exponential_family!(PolynomialFamily, PolynomialFamily::new(6), "polynomial of degree 6")
            }
            Self::Custom(family) => family.part(),
        }
    }

    /// The family of this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(shape) = name.strip_prefix(EXPONENTIAL_POWER).and_then(|rest| rest.strip_prefix(':')) {
            return Self::exponential_power(shape.parse().ok()?);
        }
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(family, ..)| family)
    }

    /// In words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Gaussian | Self::GaussianVar | Self::GaussianMean => "Gaussian",
            Self::Laplace | Self::LaplaceScale => "Laplace",
            Self::ExponentialPower(_) => "exponential power",
            Self::GeneralisedNormal => "generalised normal",
            Self::HyperbolicSecant => "hyperbolic secant",
            Self::LogNormal => "log-normal",
            Self::Gamma => "Gamma",
            Self::Exponential => "exponential",
            Self::Beta => "Beta",
            Self::VonMises => "von Mises",
            Self::Polynomial4 | Self::Polynomial6 => "polynomial",
            Self::Custom(family) => family.name,
        }
    }
}

/// Its name on the command line.
impl Display for Family {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ExponentialPower(family) => write!(f, "{EXPONENTIAL_POWER}:{}", family.family().shape),
            Self::Custom(family) => f.write_str(family.name),
            other => {
                let same = |(family, ..): &&(Self, &str, &str)| {
                    std::mem::discriminant(family) == std::mem::discriminant(other)
                };
                f.write_str(Self::ALL.iter().find(same).map_or("", |(_, name, _)| name))
            }
        }
    }
}

/// The same name.
impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Custom(family) => Err(serde::ser::Error::custom(format!(
                "the prior `{}` is in no registry, so a fit with it cannot be saved",
                family.name
            ))),
            _ => serializer.serialize_str(&self.to_string()),
        }
    }
}

impl<'de> Deserialize<'de> for Family {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("there is no prior `{name}`")))
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

/// A unit type of the crate as the prior of the same name.
macro_rules! from_unit {
    ($($family:ident),*) => {$(
        impl From<$family> for Family {
            fn from(_: $family) -> Self {
                Self::$family
            }
        }
    )*};
}
from_unit!(Laplace, GeneralisedNormal, HyperbolicSecant, LogNormal, Gamma, Exponential, Beta, VonMises);
