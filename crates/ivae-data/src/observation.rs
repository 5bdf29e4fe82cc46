//! [`Observation`]: what is drawn around the mixed sources.

use std::fmt;
use std::str::FromStr;

use rand::Rng;
use rand_distr::{Distribution, Exp1, Gamma, Open01, Poisson, StandardNormal, StudentT};
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Log rates of counts are bent into ± this, near 0 the mixture itself: rates of 0.05 to 20.
const MOST_LOG_RATE: f64 = 3.0;
/// Degrees of freedom of Student t noise, and inverse dispersion of negative binomial counts.
const DEGREES: f64 = 5.0;
const INVERSE_DISPERSION: f64 = 5.0;

/// The distribution of x around the mixed sources v.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Observation {
    /// v plus Gaussian noise of the simulation's standard deviation, which may be 0.
    #[default]
    Gauss,
    /// v plus Laplace noise of that standard deviation.
    Laplace,
    /// v plus Student t noise of that scale and 5 degrees of freedom.
    StudentT,
    /// 1 with probability sigmoid(v), else 0.
    Bernoulli,
    /// Counts of rate exp(3 tanh(v/3)).
    Poisson,
    /// Counts of that mean and of variance mean + mean²/5.
    NegativeBinomial,
    /// One of so many categories k, of log-odds v (2k/(K − 1) − 1).
    Categorical(u32),
    /// sigmoid((v + ε) / T) with logistic ε and this T.
    BinaryConcrete(f64),
}

impl Observation {
    /// The names, as parsed.
    pub const NAMES: [&'static str; 8] = [
        "gauss",
        "laplace",
        "student-t",
        "bernoulli",
        "poisson",
        "negative-binomial",
        "categorical",
        "binary-concrete",
    ];

    /// Whether the simulation's noise is part of it.
    pub fn has_noise(self) -> bool {
        matches!(self, Self::Gauss | Self::Laplace | Self::StudentT)
    }

    /// A draw around `v`, with noise of standard deviation (or scale) `noise` where it has noise.
    pub(crate) fn draw(self, v: f64, noise: f64, rng: &mut impl Rng) -> f64 {
        let rate = || (MOST_LOG_RATE * (v / MOST_LOG_RATE).tanh()).exp();
        let count = |rate: f64, rng: &mut _| Poisson::new(rate).map_or(0.0, |law| law.sample(rng));
        match self {
            Self::Gauss if noise == 0.0 => v,
            Self::Gauss => v + noise * rng.sample::<f64, _>(StandardNormal),
            Self::Laplace => {
                let size: f64 = rng.sample(Exp1);
                let sign = if rng.random() { 1.0 } else { -1.0 };
                v + noise * std::f64::consts::FRAC_1_SQRT_2 * sign * size
            }
            Self::StudentT => v + noise * StudentT::new(DEGREES).map_or(0.0, |law| law.sample(rng)),
            Self::Bernoulli => f64::from(u8::from(rng.random::<f64>() < sigmoid(v))),
            Self::Poisson => count(rate(), rng),
            Self::NegativeBinomial => {
                let law = Gamma::new(INVERSE_DISPERSION, rate() / INVERSE_DISPERSION);
                let rate = law.map_or(0.0, |law| law.sample(rng));
                count(rate, rng)
            }
            Self::Categorical(categories) => {
                let last = categories.saturating_sub(1);
                let odds = |k: u32| (v * (2.0 * f64::from(k) / f64::from(last.max(1)) - 1.0) - v.abs()).exp();
                let mut left = rng.random::<f64>() * (0..=last).map(odds).sum::<f64>();
                let mut k = 0;
                while k < last && left >= odds(k) {
                    left -= odds(k);
                    k += 1;
                }
                f64::from(k)
            }
            Self::BinaryConcrete(temperature) => {
                let p: f64 = rng.sample(Open01);
                // Not rounded to 0 or 1 in single precision.
                sigmoid((v + (p / (1.0 - p)).ln()) / temperature).clamp(1e-6, 1.0 - 1e-6)
            }
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl FromStr for Observation {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let bad = || DataError::Option {
            option: "likelihood",
            value: text.into(),
            expected: "one of gauss, laplace, student-t, bernoulli, poisson, negative-binomial, categorical[:K of 2 or \
                       more], binary-concrete[:T above 0]",
        };
        let (name, number) = text.split_once(':').map_or((text, None), |(name, n)| (name, Some(n)));
        let number = number.map(str::parse::<f64>).transpose().map_err(|_| bad())?;
        let found = match (name, number) {
            ("gauss", None) => Self::Gauss,
            ("laplace", None) => Self::Laplace,
            ("student-t", None) => Self::StudentT,
            ("bernoulli", None) => Self::Bernoulli,
            ("poisson", None) => Self::Poisson,
            ("negative-binomial", None) => Self::NegativeBinomial,
            ("categorical", number) => {
                let count = number.unwrap_or(3.0);
                if !((2.0..=1000.0).contains(&count) && count.fract() == 0.0) {
                    return Err(bad());
                }
                Self::Categorical(count as u32)
            }
            ("binary-concrete", number) => {
                let temperature = number.unwrap_or(0.5);
                if !(temperature > 0.0 && temperature.is_finite()) {
                    return Err(bad());
                }
                Self::BinaryConcrete(temperature)
            }
            _ => return Err(bad()),
        };
        Ok(found)
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gauss => f.write_str("gauss"),
            Self::Laplace => f.write_str("laplace"),
            Self::StudentT => f.write_str("student-t"),
            Self::Bernoulli => f.write_str("bernoulli"),
            Self::Poisson => f.write_str("poisson"),
            Self::NegativeBinomial => f.write_str("negative-binomial"),
            Self::Categorical(count) => write!(f, "categorical:{count}"),
            Self::BinaryConcrete(temperature) => write!(f, "binary-concrete:{temperature}"),
        }
    }
}

impl TryFrom<String> for Observation {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<Observation> for String {
    fn from(observation: Observation) -> String {
        observation.to_string()
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::{Purpose, StreamKey};

    use super::*;

    /// Means of draws around 0.8 and −0.8: those that the definitions give.
    #[test]
    fn draws_have_their_means_and_their_support() {
        let mut rng = StreamKey::new(5, Purpose::Generate).rng();
        for name in Observation::NAMES {
            let law: Observation = name.parse().unwrap();
            assert_eq!(law.to_string().parse::<Observation>().unwrap(), law);
            for v in [-0.8f64, 0.8] {
                let draws: Vec<f64> = (0..40_000).map(|_| law.draw(v, 0.5, &mut rng)).collect();
                let mean = draws.iter().sum::<f64>() / 40_000.0;
                let e = v.exp();
                let expected = match law {
                    Observation::Bernoulli => sigmoid(v),
                    Observation::Poisson | Observation::NegativeBinomial => (3.0 * (v / 3.0).tanh()).exp(),
                    Observation::Categorical(_) => (1.0 + 2.0 * e) / (1.0 / e + 1.0 + e),
                    // By quadrature over the quantiles of the noise.
                    Observation::BinaryConcrete(_) => {
                        let q = |i: i32| (f64::from(i) + 0.5) / 10_000.0;
                        let at = |i: i32| sigmoid((v + (q(i) / (1.0 - q(i))).ln()) / 0.5);
                        (0..10_000).map(at).sum::<f64>() / 10_000.0
                    }
                    _ => v,
                };
                assert!((mean - expected).abs() < 0.03, "{name} around {v}: {mean}, expected {expected}");
                let whole = !law.has_noise() && !matches!(law, Observation::BinaryConcrete(_));
                assert!(!whole || draws.iter().all(|x| x.fract() == 0.0 && *x >= 0.0), "{name}");
            }
        }
        for text in
            ["poison", "poisson:3", "categorical:1", "categorical:2.5", "binary-concrete:0", "categorical:x"]
        {
            assert!(text.parse::<Observation>().is_err(), "{text}");
        }
    }
}
