//! [`Marginal`]: distribution function and quantiles of one continuous component, accurate in both tails.

use std::fmt::{self, Debug};

use super::chart::Chart;
use super::kronrod::rule;
use super::measure::Measure;
use crate::density::{ExpFam, Support};
use crate::special::{ln_tail, normal_quantile};

/// Error of a panel relative to its own mass, so that tails are as accurate as the middle.
const TOLERANCE: f64 = 1e-9;

/// How often a panel may be halved: near the upper end of an interval numbers are too coarse for a density to be smooth.
const HALVINGS: u32 = 12;

/// Why there is no distribution function.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MarginalError {
    /// A discrete support, or an empty interval.
    #[error("a distribution function by quadrature needs an interval or the real line, not {support:?}")]
    Support {
        /// As given.
        support: Support,
    },
    /// λ cannot be normalised.
    #[error("λ = {lambda:?} is outside the natural domain")]
    OutsideDomain {
        /// As given.
        lambda: Vec<f64>,
    },
    /// The density has no finite integral, as far as numbers go.
    #[error("the density cannot be normalised: its tails must lose all but e^-34 of the mass before ±1e12")]
    NotIntegrable,
}

/// A probability, and what is missing to 1: near 0 and near 1 one of the two keeps the digits that the other has lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tails {
    /// F(z).
    pub below: f64,
    /// 1 − F(z).
    pub above: f64,
}

/// Beyond, a tail of the normal law is no number.
const FARTHEST: f64 = 37.0;

impl Tails {
    /// Of the standard normal law at `score`, cut off at ±37.
    pub fn of_normal(score: f64) -> Self {
        let score = score.clamp(-FARTHEST, FARTHEST);
        Self { below: ln_tail(-score).exp(), above: ln_tail(score).exp() }
    }

    /// The score at which the standard normal law has these tails, Φ⁻¹, cut off at ±37.
    pub fn normal_score(self) -> f64 {
        let score = normal_quantile(self.below.min(self.above)).max(-FARTHEST);
        if self.below <= self.above { score } else { -score }
    }
}

/// The law of one continuous component: F(z) and its inverse by adaptive quadrature, within about 1e-10 of the smaller
/// tail as long as that is above 1e-20. The last 1e-28 are cut off. (The tails in an interval are no better than the
/// numbers near its ends: see [`Custom`](super::Custom).)
///
/// ```
/// use ivae_expfam::{Exponential, Marginal};
///
/// // λ = −2: F(z) = 1 − e^(−2z).
/// let law = Marginal::of_family(&Exponential, &[-2.0])?;
/// let tails = law.tails(20.0);
/// assert!((tails.above / (-40f64).exp() - 1.0).abs() < 1e-10);
/// assert!((law.quantile(tails) - 20.0).abs() < 1e-10);
/// # Ok::<(), ivae_expfam::family::custom::MarginalError>(())
/// ```
pub struct Marginal<'a> {
    log_density: Box<dyn Fn(f64) -> f64 + Send + Sync + 'a>,
    support: Support,
    chart: Chart,
    log_mass: f64,
    panels: Vec<Panel>,
}

/// A piece of the chart: its probability, and those of all panels on either side.
#[derive(Debug, Clone, Copy)]
struct Panel {
    low: f64,
    high: f64,
    mass: f64,
    below: f64,
    above: f64,
}

impl Debug for Marginal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Marginal").field("support", &self.support).finish_non_exhaustive()
    }
}

impl<'a> Marginal<'a> {
    /// The law p(z | λ) of one component of a family.
    ///
    /// # Errors
    /// If the family is discrete, λ outside its natural domain, or the density too rough for quadrature.
    pub fn of_family(family: &'a dyn ExpFam<f64>, lambda: &[f64]) -> Result<Self, MarginalError> {
        if !family.in_domain(lambda) {
            return Err(MarginalError::OutsideDomain { lambda: lambda.to_vec() });
        }
        let (lambda, support) = (lambda.to_vec(), family.support());
        Self::of_density(support, &[], move |z| {
            if !support.contains(z) {
                return f64::NEG_INFINITY;
            }
            let mut t = vec![0.0; lambda.len()];
            family.stats(&mut t, z);
            family.log_base(z) + t.iter().zip(&lambda).map(|(t, lambda)| t * lambda).sum::<f64>()
        })
    }

    /// The law of a density on a continuous support, known by its logarithm up to a constant, with kinks at `breaks`.
    ///
    /// # Errors
    /// If the support is discrete or empty, or the density has no finite integral.
    pub fn of_density(
        support: Support,
        breaks: &[f64],
        log_density: impl Fn(f64) -> f64 + Send + Sync + 'a,
    ) -> Result<Self, MarginalError> {
        let chart = Chart::of(support).ok_or(MarginalError::Support { support })?;
        let measure = Measure::new(chart, breaks, &log_density).ok_or(MarginalError::NotIntegrable)?;
        let (log_density, log_mass) = (Box::new(log_density), measure.log_mass);
        let mut law = Self { log_density, support, chart, log_mass, panels: Vec::new() };
        law.refine(measure.panels().map(|(low, high)| (low, high, HALVINGS)).collect());
        Ok(law)
    }

    /// Halve panels until the two rules agree relative to the panel's own mass.
    fn refine(&mut self, mut todo: Vec<(f64, f64, u32)>) {
        todo.reverse();
        while let Some((low, high, halvings)) = todo.pop() {
            let (mut mass, mut gap) = (0.0, 0.0);
            for (s, kronrod, gauss) in rule(low, high) {
                let p = self.density(s);
                mass += kronrod * p;
                gap += (kronrod - gauss) * p;
            }
            let middle = 0.5 * (low + high);
            if gap.abs() > TOLERANCE * mass && halvings > 0 {
                todo.extend([(middle, high, halvings - 1), (low, middle, halvings - 1)]);
            } else {
                self.panels.push(Panel { low, high, mass, below: 0.0, above: 0.0 });
            }
        }
        let total: f64 = self.panels.iter().map(|panel| panel.mass).sum();
        self.log_mass += total.ln();
        let (mut below, mut above) = (0.0, 0.0);
        for panel in &mut self.panels {
            panel.mass /= total;
            panel.below = below;
            below += panel.mass;
        }
        for panel in self.panels.iter_mut().rev() {
            panel.above = above;
            above += panel.mass;
        }
    }

    /// log p(z), −∞ outside the support.
    pub fn log_prob(&self, z: f64) -> f64 {
        if self.support.contains(z) { (self.log_density)(z) - self.log_mass } else { f64::NEG_INFINITY }
    }

    /// F(z) and 1 − F(z); NaN of NaN.
    pub fn tails(&self, z: f64) -> Tails {
        if z.is_nan() {
            return Tails { below: z, above: z };
        }
        let s = match self.support {
            Support::Positive if z <= 0.0 => f64::NEG_INFINITY,
            Support::Interval { low, .. } if z <= low => f64::NEG_INFINITY,
            Support::Interval { high, .. } if z >= high => f64::INFINITY,
            _ => self.chart.s(z),
        };
        let at = self.panels.partition_point(|panel| panel.high <= s);
        let Some(panel) = self.panels.get(at) else { return Tails { below: 1.0, above: 0.0 } };
        let s = s.max(panel.low);
        let (below, above) = (self.mass(panel.low, s), self.mass(s, panel.high));
        Tails { below: (panel.below + below).min(1.0), above: (panel.above + above).min(1.0) }
    }

    /// The z of these tails, by Newton's method on the logarithm of the smaller one; NaN of NaN.
    pub fn quantile(&self, tails: Tails) -> f64 {
        let (lower, target) =
            (tails.below <= tails.above, if tails.below <= tails.above { tails.below } else { tails.above });
        if target.is_nan() {
            return target;
        }
        let at = self.panels.partition_point(|panel| {
            if lower { panel.below + panel.mass < target } else { panel.above >= target }
        });
        let Some(panel) = self.panels.get(at.min(self.panels.len() - 1)) else { return f64::NAN };
        let (mut low, mut high) = (panel.low, panel.high);
        let mut s = 0.5 * (low + high);
        for _ in 0..100 {
            let mass = if lower {
                panel.below + self.mass(panel.low, s)
            } else {
                panel.above + self.mass(s, panel.high)
            };
            let error = (mass / target).ln();
            if (error > 0.0) == lower {
                high = s
            } else {
                low = s
            }
            let step = error * mass / self.density(s);
            let newton = if lower { s - step } else { s + step };
            let next = if low < newton && newton < high { newton } else { 0.5 * (low + high) };
            if error.abs() < 1e-15 || next == s {
                break;
            }
            s = next;
        }
        self.chart.z(s)
    }

    /// Probability of a piece of one panel.
    fn mass(&self, low: f64, high: f64) -> f64 {
        rule(low, high).map(|(s, weight, _)| weight * self.density(s)).sum()
    }

    /// Density along the chart.
    fn density(&self, s: f64) -> f64 {
        let p = ((self.log_density)(self.chart.z(s)) + self.chart.log_slope(s) - self.log_mass).exp();
        if p.is_nan() { 0.0 } else { p }
    }
}
