//! [`SourcePrior`]: the families that simulated sources are drawn from.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};
use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand_distr::{Beta, Distribution, Exp1, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Shape of the generalised normal sources.
const SHAPE: f64 = 4.0;
/// Polynomial sources lie between ± this.
const WIDEST: f64 = 3.5;

/// The family of the sources within a segment. Two numbers of each source and segment set its parameters: one between 0.5 and
/// 3, the other between −5 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourcePrior {
    /// Gaussian; standard deviation, and mean unless the simulation is centred.
    #[default]
    Gauss,
    /// Gaussian of mean 0; standard deviation.
    GaussVar,
    /// Gaussian of variance 1; mean between −3 and 3.
    GaussMean,
    /// Laplace; standard deviation, and mean unless the simulation is centred.
    Laplace,
    /// Laplace of location 0; standard deviation.
    LaplaceScale,
    /// Exponential power of location 0 and this shape; standard deviation.
    ExponentialPower(f64),
    /// Generalised normal of shape 4; standard deviation, and mean unless the simulation is centred.
    GeneralisedNormal,
    /// Density ∝ cosh(z)^−a; a between 0.5 and 5.
    HyperbolicSecant,
    /// Log-normal; mean of log z between −0.7 and 0.7, its standard deviation between 0.2 and 0.8.
    LogNormal,
    /// Gamma; shape between 1 and 6, scale between 0.5 and 2.
    Gamma,
    /// Exponential; mean between 0.3 and 3.
    Exponential,
    /// Beta; both parameters between 0.5 and 5.
    Beta,
    /// Von Mises; direction between −1 and 1, concentration between 0.5 and 6.
    VonMises,
    /// Density ∝ exp(λ₁ z + λ₂ z² + λ₃ z³ − z⁴/4).
    Polynomial4,
    /// Density ∝ exp(λ₁ z + … + λ₅ z⁵ − z⁶/6).
    Polynomial6,
}

/// A draw of mean 0 and variance 1, of density ∝ exp(−|cz|^shape).
fn exponential_power(shape: f64, rng: &mut impl Rng) -> f64 {
    // |z|^β is a Gamma variable of shape 1/β, and E z² = Γ(3/β) / Γ(1/β).
    let power = Gamma::new(shape.recip(), 1.0).map_or(0.0, |law| law.sample(rng));
    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
    sign * power.powf(shape.recip()) / (0.5 * (ln_gamma(3.0 / shape) - ln_gamma(1.0 / shape))).exp()
}

/// log Γ(x) for x > 0, to about ten digits: Stirling's series after x is raised by 8.
fn ln_gamma(x: f64) -> f64 {
    let raised = x + 8.0;
    let product: f64 = (0..8).map(|i| x + f64::from(i)).product();
    let square = raised * raised;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * square)) / square) / raised;
    (raised - 0.5) * raised.ln() - raised + 0.5 * TAU.ln() + series - product.ln()
}

/// A draw of density ∝ exp(`log_p`) between ± `widest`, `most` the maximum of `log_p`, by rejection.
fn rejection(widest: f64, most: f64, log_p: impl Fn(f64) -> f64, rng: &mut impl Rng) -> f64 {
    loop {
        let z = rng.random_range(-widest..widest);
        if rng.random::<f64>().ln() < log_p(z) - most {
            return z;
        }
    }
}

/// A draw of density ∝ exp(Σⱼ λⱼ zʲ − z^`degree`/`degree`), the λⱼ waves of two numbers between 0 and 1.
fn polynomial(degree: i32, (a, b): (f64, f64), rng: &mut impl Rng) -> f64 {
    let wave = |j: i32| (TAU * (f64::from(j) * a + f64::from(j + 1) * b)).cos() / f64::from(j);
    let log_p = |z: f64| {
        let lower: f64 = (1..degree).map(|j| wave(j) * z.powi(j)).sum();
        lower - z.powi(degree) / f64::from(degree)
    };
    // Between points of a grid of step 0.035 no maximum is higher by as much as 0.05.
    let grid = (-100..=100).map(|i| log_p(f64::from(i) * WIDEST / 100.0));
    rejection(WIDEST, grid.fold(f64::NEG_INFINITY, f64::max) + 0.05, log_p, rng)
}

impl SourcePrior {
    /// All of them, an exponential power of shape 1.5 among them.
    pub const ALL: [Self; 15] = [
        Self::Gauss,
        Self::GaussVar,
        Self::GaussMean,
        Self::Laplace,
        Self::LaplaceScale,
        Self::ExponentialPower(1.5),
        Self::GeneralisedNormal,
        Self::HyperbolicSecant,
        Self::LogNormal,
        Self::Gamma,
        Self::Exponential,
        Self::Beta,
        Self::VonMises,
        Self::Polynomial4,
        Self::Polynomial6,
    ];

    /// Whether a source is `place` + `scale` times a variable of mean 0 and variance 1, whose place may be 0.
    pub(crate) fn has_location(self) -> bool {
        matches!(self, Self::Gauss | Self::Laplace | Self::GeneralisedNormal)
    }

    /// A draw with the parameters that `scale`, between 0.5 and 3, and `place`, between −5 and 5, stand for.
    pub(crate) fn draw(self, scale: f64, place: f64, rng: &mut impl Rng) -> f64 {
        let (a, b) = ((scale - 0.5) / 2.5, (place + 5.0) / 10.0);
        let between = |t: f64, low: f64, high: f64| low + t * (high - low);
        let gamma = |shape: f64, rng: &mut _| Gamma::new(shape, 1.0).map_or(0.0, |law| law.sample(rng));
        match self {
            Self::Gauss => place + scale * rng.sample::<f64, _>(StandardNormal),
            Self::GaussVar => scale * rng.sample::<f64, _>(StandardNormal),
            Self::GaussMean => 0.6 * place + rng.sample::<f64, _>(StandardNormal),
            Self::Laplace => place + scale * laplace(rng),
            Self::LaplaceScale => scale * laplace(rng),
            Self::ExponentialPower(shape) => scale * exponential_power(shape, rng),
            Self::GeneralisedNormal => place + scale * exponential_power(SHAPE, rng),
            Self::HyperbolicSecant => {
                // (1 + tanh z)/2 is a Beta(a/2, a/2) variable.
                let half = 0.5 * between(a, 0.5, 5.0);
                0.5 * (gamma(half, rng) / gamma(half, rng)).ln()
            }
            Self::LogNormal => {
                (between(b, -0.7, 0.7) + between(a, 0.2, 0.8) * rng.sample::<f64, _>(StandardNormal)).exp()
            }
            Self::Gamma => between(a, 0.5, 2.0) * gamma(between(b, 1.0, 6.0), rng),
            Self::Exponential => between(a, 0.3, 3.0) * rng.sample::<f64, _>(Exp1),
            Self::Beta => {
                let law = Beta::new(between(a, 0.5, 5.0), between(b, 0.5, 5.0));
                law.map_or(0.0, |law| law.sample(rng))
            }
            Self::VonMises => {
                let (direction, concentration) = (between(b, -1.0, 1.0), between(a, 0.5, 6.0));
                rejection(PI, 0.0, |z| concentration * ((z - direction).cos() - 1.0), rng)
            }
            Self::Polynomial4 => polynomial(4, (a, b), rng),
            Self::Polynomial6 => polynomial(6, (a, b), rng),
        }
    }
}

fn laplace(rng: &mut impl Rng) -> f64 {
    let size: f64 = rng.sample(Exp1);
    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
    sign * size * FRAC_1_SQRT_2
}

impl fmt::Display for SourcePrior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Gauss => "gauss",
            Self::GaussVar => "gauss-var",
            Self::GaussMean => "gauss-mean",
            Self::Laplace => "laplace",
            Self::LaplaceScale => "laplace-scale",
            Self::ExponentialPower(shape) => return write!(f, "exponential-power:{shape}"),
            Self::GeneralisedNormal => "generalised-normal",
            Self::HyperbolicSecant => "hyperbolic-secant",
            Self::LogNormal => "log-normal",
            Self::Gamma => "gamma",
            Self::Exponential => "exponential",
            Self::Beta => "beta",
            Self::VonMises => "von-mises",
            Self::Polynomial4 => "polynomial-4",
            Self::Polynomial6 => "polynomial-6",
        };
        f.write_str(name)
    }
}

impl FromStr for SourcePrior {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let shape = text.strip_prefix("exponential-power:").and_then(|shape| shape.parse::<f64>().ok());
        if let Some(shape) = shape.filter(|shape| (0.1..=100.0).contains(shape)) {
            return Ok(Self::ExponentialPower(shape));
        }
        let named = Self::ALL.into_iter().filter(|prior| !matches!(prior, Self::ExponentialPower(_)));
        named.into_iter().find(|prior| prior.to_string() == text).ok_or_else(|| DataError::Option {
            option: "prior",
            value: text.into(),
            expected: "one of gauss, gauss-var, gauss-mean, laplace, laplace-scale, exponential-power:β (0.1 to 100), \
                       generalised-normal, hyperbolic-secant, log-normal, gamma, exponential, beta, von-mises, \
                       polynomial-4, polynomial-6",
        })
    }
}

impl TryFrom<String> for SourcePrior {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<SourcePrior> for String {
    fn from(prior: SourcePrior) -> Self {
        prior.to_string()
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::{Purpose, StreamKey};

    use super::*;

    const DRAWS: usize = 200_000;

    /// The mean of `of` over draws.
    fn mean(prior: SourcePrior, scale: f64, place: f64, of: impl Fn(f64) -> f64) -> f64 {
        let mut rng = StreamKey::new(4, Purpose::Generate).rng();
        (0..DRAWS).map(|_| of(prior.draw(scale, place, &mut rng))).sum::<f64>() / DRAWS as f64
    }

    /// Against textbook moments, five standard errors or so apart at most; scale 1.5 is a = 0.4, place 1 is b = 0.6.
    #[test]
    fn draws_have_the_moments_of_their_family() {
        use SourcePrior as P;
        type Case = (SourcePrior, fn(f64) -> f64, f64);
        let square = |z: f64| z * z;
        let cases: [Case; 13] = [
            (P::GaussMean, |z| z, 0.6),
            (P::GaussVar, |z| z * z, 2.25),
            (P::LaplaceScale, |z| z.abs(), 1.5 * FRAC_1_SQRT_2),
            (P::ExponentialPower(1.0), |z| z.abs(), 1.5 * FRAC_1_SQRT_2),
            (P::ExponentialPower(2.0), |z| z.powi(4), 3.0 * 1.5f64.powi(4)),
            (P::GeneralisedNormal, |z| (z - 1.0).powi(2), 2.25),
            // E tanh² z = 1/(a + 1), a = 2.3
            (P::HyperbolicSecant, |z| z.tanh().powi(2), 1.0 / 3.3),
            (P::LogNormal, f64::ln, 0.14),
            (P::LogNormal, |z| (z.ln() - 0.14).powi(2), 0.44 * 0.44),
            (P::Gamma, |z| z, 4.0 * 1.1),
            (P::Exponential, |z| z, 1.38),
            (P::Beta, |z| z, 2.3 / 5.5),
            // E cos(z − 0.2) = I₁(κ)/I₀(κ) at κ = 2.7 (Abramowitz & Stegun 1964, table 9.8)
            (P::VonMises, |z| (z - 0.2).cos(), 0.786_6),
        ];
        for (prior, of, expected) in cases {
            let found = mean(prior, 1.5, 1.0, of);
            let error = (mean(prior, 1.5, 1.0, |z| square(of(z) - found)) / DRAWS as f64).sqrt();
            assert!((found - expected).abs() < 5.0 * error + 1e-4, "{prior}: {found}, not {expected}");
        }
    }

    /// ∫ p′ = 0: E[d log p/dz] = 0 and E[z d log p/dz] = −1, whatever the normalisation.
    #[test]
    fn polynomial_draws_have_the_density_that_is_said() {
        for (prior, degree) in [(SourcePrior::Polynomial4, 4), (SourcePrior::Polynomial6, 6)] {
            let score = |z: f64| {
                let wave = |j: i32| (TAU * (f64::from(j) * 0.4 + f64::from(j + 1) * 0.6)).cos();
                (1..degree).map(|j| wave(j) * z.powi(j - 1)).sum::<f64>() - z.powi(degree - 1)
            };
            assert!(mean(prior, 1.5, 1.0, score).abs() < 0.02, "{prior}");
            assert!((mean(prior, 1.5, 1.0, |z| z * score(z)) + 1.0).abs() < 0.02, "{prior}");
        }
    }

    #[test]
    fn names_are_read_and_come_back() {
        for prior in SourcePrior::ALL {
            assert_eq!(prior.to_string().parse::<SourcePrior>().unwrap(), prior);
        }
        for wrong in ["gaus", "exponential-power", "exponential-power:0", "exponential-power:x", "gamma:2"] {
            assert!(wrong.parse::<SourcePrior>().unwrap_err().to_string().contains(wrong));
        }
    }
}
