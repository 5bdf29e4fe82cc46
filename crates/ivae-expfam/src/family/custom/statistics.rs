//! [`Statistics`]: the base measure, statistics and support from which [`Custom`](super::Custom) makes a family.

use std::fmt::Debug;

use crate::density::Support;

/// Base measure, sufficient statistics and support of a family on an interval or on ℝ.
pub trait Statistics: Debug + Send + Sync {
    /// Number of statistics.
    fn k(&self) -> usize;

    /// Where h > 0; continuous.
    fn support(&self) -> Support {
        Support::Real
    }

    /// T(z). Overwrites `t` `[k]`.
    fn stats(&self, t: &mut [f64], z: f64);

    /// T′(z). Overwrites `dt` `[k]`.
    fn dstats(&self, dt: &mut [f64], z: f64);

    /// log h(z).
    fn log_base(&self, _z: f64) -> f64 {
        0.0
    }

    /// Its derivative.
    fn dlog_base(&self, _z: f64) -> f64 {
        0.0
    }

    /// The values that λⱼ may take: the natural domain is the product.
    fn range(&self, j: usize) -> Range;

    /// Where T or log h is not smooth, if anywhere: quadrature does better if it knows.
    fn breaks(&self) -> Vec<f64> {
        Vec::new()
    }
}

/// Values of one natural parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// ℝ; λⱼ = ηⱼ.
    Real,
    /// (−∞, 0), for a statistic that grows to +∞ in a tail; λⱼ = −exp(ηⱼ).
    Negative,
}
