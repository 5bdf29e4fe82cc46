//! [`Custom`]: a family of your own statistics, by quadrature.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::Array2;
use rand::{Rng, RngCore};

use super::chart::Chart;
use super::measure::Measure;
use super::statistics::{Range, Statistics};
use crate::density::scalar_fallback::impl_scalar_fallback;
use crate::density::{ExpFam, Support};

/// Why statistics make no family.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CustomError {
    /// A discrete support, or an empty interval.
    #[error("quadrature needs an interval or the real line, not {support:?}")]
    Support {
        /// As given.
        support: Support,
    },
    /// No statistics.
    #[error("a family needs at least one statistic")]
    Empty,
    /// T or log h is not a number at one of a few places inside the support, which are looked at.
    #[error("T or log h is not a number at z = {z}, inside the support {support:?}")]
    NotANumber {
        /// Where.
        z: f64,
        /// As given.
        support: Support,
    },
    /// h(z) exp(λ · T(z)) has no finite integral at η = 0, as far as numbers go.
    #[error(
        "h exp(λ · T) cannot be normalised at λ = {lambda:?}: its tails must lose all but e^-34 of the mass before ±1e12"
    )]
    NotIntegrable {
        /// λ of η = 0.
        lambda: Vec<f64>,
    },
    /// Some combination of the statistics is constant.
    #[error("the statistics are linearly dependent: their correlation has an eigenvalue of {smallest:e}")]
    Dependent {
        /// Smallest eigenvalue of the correlation matrix of T at η = 0.
        smallest: f64,
    },
}

/// A family of given [`Statistics`]: log-partition, moments, draws and entropy by adaptive Gauss–Kronrod quadrature,
/// to about ten digits (fewer where λ · T is so large that its own rounding counts).
///
/// A λ costs about a thousand values of T, the first time; the last thousand are kept with their E\[T\], so that a
/// table of parameters for the levels of u is integrated once. A λ inside the declared ranges where the integral is not
/// finite, or where mass lies beyond ±1e12, gives NaN. So does mass closer to the upper end of an interval than numbers
/// can tell (where the density has no bound there).
///
/// ```
/// use ivae_expfam::family::custom::{Custom, Polynomial};
/// use ivae_expfam::ExpFam;
///
/// // p(z) ∝ exp(λ₁ z + λ₂ z² + λ₃ z³ + λ₄ z⁴), here with two modes.
/// let family = Custom::new(Polynomial { degree: 4 })?;
/// let lambda = [0.0, 2.0, 0.0, -1.0];
/// let mut mean = [0.0f64; 4];
/// family.mean_stats(&mut mean, &lambda);
/// assert!(mean[0].abs() < 1e-10 && mean[1] > 0.8);
/// # Ok::<(), ivae_expfam::family::custom::CustomError>(())
/// ```
pub struct Custom<S> {
    statistics: S,
    chart: Chart,
    breaks: Vec<f64>,
    /// Laws that are kept, by the bits of λ.
    laws: Mutex<HashMap<Vec<u64>, Option<Arc<Law>>>>,
}

/// A copy that keeps no laws yet.
impl<S: Clone> Clone for Custom<S> {
    fn clone(&self) -> Self {
        Self {
            statistics: self.statistics.clone(),
            chart: self.chart,
            breaks: self.breaks.clone(),
            laws: Mutex::default(),
        }
    }
}

/// The law of one λ.
struct Law {
    measure: Measure,
    /// E\[T\], computed at its first use.
    mean: OnceLock<Vec<f64>>,
}

impl<S: Debug> Debug for Custom<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("statistics", &self.statistics).finish_non_exhaustive()
    }
}

/// Most laws that are kept: more take more memory, fewer are integrated again more often.
const MOST_LAWS: usize = 1024;

/// Some places well inside a support. Quadrature itself takes what is not a number for a tail that overflows.
fn probes(support: Support) -> [f64; 6] {
    match support {
        Support::Interval { low, high } => {
            [0.05, 0.2, 0.4, 0.6, 0.8, 0.95].map(|part| low + part * (high - low))
        }
        Support::Positive => [0.03, 0.1, 0.3, 1.1, 3.1, 9.7],
        _ => [-3.1, -1.1, -0.1, 0.3, 1.3, 2.9],
    }
}

impl<S: Statistics> Custom<S> {
    /// Check the statistics at η = 0.
    ///
    /// # Errors
    /// See [`CustomError`].
    pub fn new(statistics: S) -> Result<Self, CustomError> {
        let (support, k) = (statistics.support(), statistics.k());
        let chart = Chart::of(support).ok_or(CustomError::Support { support })?;
        if k == 0 {
            return Err(CustomError::Empty);
        }
        let not_a_number = |z: &f64| {
            let mut t = vec![0.0; k];
            statistics.stats(&mut t, *z);
            statistics.log_base(*z).is_nan() || t.iter().any(|t| t.is_nan())
        };
        if let Some(z) = probes(support).into_iter().find(not_a_number) {
            return Err(CustomError::NotANumber { z, support });
        }
        let breaks = statistics.breaks();
        let family = Self { statistics, chart, breaks, laws: Mutex::default() };
        let mut lambda = vec![0.0; k];
        ExpFam::<f64>::natural(&family, &mut lambda, &vec![0.0; k]);
        let mut cov = vec![0.0; k * k];
        family.fisher(&mut cov, lambda.as_slice());
        if cov.iter().any(|x| !x.is_finite()) {
            return Err(CustomError::NotIntegrable { lambda });
        }
        let mut mean = vec![0.0; k];
        family.mean_stats(&mut mean, lambda.as_slice());
        // A variance that is rounding noise is 0.
        let inverse_std = |j: usize| {
            let var = cov[j * k + j];
            if var > 1e-18 * mean[j] * mean[j] { var.sqrt().recip() } else { 0.0 }
        };
        let correlation =
            Array2::from_shape_fn((k, k), |(i, j)| cov[i * k + j] * inverse_std(i) * inverse_std(j));
        let smallest = ivae_num::linalg::eigh(correlation.view()).map_or(f64::NAN, |eigh| eigh.values[0]);
        if smallest > 1e-10 { Ok(family) } else { Err(CustomError::Dependent { smallest }) }
    }

    /// The statistics of the family.
    pub fn statistics(&self) -> &S {
        &self.statistics
    }

    /// log h(z) + λ · T(z).
    fn log_density<'a>(&'a self, lambda: &'a [f64]) -> impl Fn(f64) -> f64 + 'a {
        let t = RefCell::new(vec![0.0; lambda.len()]);
        move |z| {
            let mut t = t.borrow_mut();
            self.statistics.stats(&mut t, z);
            self.statistics.log_base(z) + t.iter().zip(lambda).map(|(t, lambda)| t * lambda).sum::<f64>()
        }
    }

    /// The law of λ; `None` if the density cannot be normalised.
    fn law(&self, lambda: &[f64]) -> Option<Arc<Law>> {
        let inside = lambda.iter().enumerate().all(|(j, &lambda)| match self.statistics.range(j) {
            Range::Real => lambda.is_finite(),
            Range::Negative => lambda.is_finite() && lambda < 0.0,
        });
        if !inside {
            return None;
        }
        let key: Vec<u64> = lambda.iter().map(|lambda| lambda.to_bits()).collect();
        let lock = || self.laws.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(law) = lock().get(&key) {
            return law.clone();
        }
        let law = Measure::new(self.chart, &self.breaks, &self.log_density(lambda))
            .map(|measure| Arc::new(Law { measure, mean: OnceLock::new() }));
        let mut laws = lock();
        if laws.len() >= MOST_LAWS {
            laws.clear();
        }
        laws.insert(key, law.clone());
        law
    }
}

impl<S: Statistics> ExpFam<f64> for Custom<S> {
    fn k(&self) -> usize {
        self.statistics.k()
    }

    fn support(&self) -> Support {
        self.statistics.support()
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        self.statistics.stats(t, z);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        self.statistics.dstats(dt, z);
    }

    fn log_base(&self, z: f64) -> f64 {
        self.statistics.log_base(z)
    }

    fn dlog_base(&self, z: f64) -> f64 {
        self.statistics.dlog_base(z)
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        self.law(lambda).is_some()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        self.law(lambda).map_or(f64::NAN, |law| law.measure.log_mass)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        let Some(law) = self.law(lambda) else { return mean.fill(f64::NAN) };
        let known_mean = law.mean.get_or_init(|| {
            let (mut mean, mut t) = (vec![0.0; lambda.len()], vec![0.0; lambda.len()]);
            for (z, p) in law.measure.points() {
                self.statistics.stats(&mut t, z);
                mean.iter_mut().zip(&t).for_each(|(mean, t)| *mean += p * t);
            }
            mean
        });
        mean.copy_from_slice(known_mean);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let Some(law) = self.law(lambda) else { return cov.fill(f64::NAN) };
        let k = lambda.len();
        let (mut mean, mut t) = (vec![0.0; k], vec![0.0; k]);
        self.mean_stats(&mut mean, lambda);
        cov.fill(0.0);
        for (z, p) in law.measure.points() {
            self.statistics.stats(&mut t, z);
            t.iter_mut().zip(&mean).for_each(|(t, mean)| *t -= mean);
            for (row, t_i) in cov.chunks_exact_mut(k).zip(&t) {
                row.iter_mut().zip(&t).for_each(|(cov, t_j)| *cov += p * (t_i * t_j));
            }
        }
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        let Some(law) = self.law(lambda) else { return f64::NAN };
        let log_density = self.log_density(lambda);
        law.measure.log_mass - law.measure.points().map(|(z, p)| p * log_density(z)).sum::<f64>()
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        for (j, (lambda, &eta)) in lambda.iter_mut().zip(eta).enumerate() {
            *lambda = match self.statistics.range(j) {
                Range::Real => eta,
                Range::Negative => -eta.exp(),
            };
        }
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        for (j, ((d_eta, &eta), &d)) in d_eta.iter_mut().zip(eta).zip(d_lambda).enumerate() {
            *d_eta += match self.statistics.range(j) {
                Range::Real => d,
                Range::Negative => -d * eta.exp(),
            };
        }
    }

    /// By inversion of the distribution function.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let u = rng.random();
        self.law(lambda).map_or(f64::NAN, |law| law.measure.quantile(u, &self.log_density(lambda)))
    }
}

impl_scalar_fallback!([S: Statistics] Custom<S>);
