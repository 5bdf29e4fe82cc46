//! [`Scale`]: the exponential of a log scale, kept finite.

use ivae_num::{Functions, Scalar};

/// e^(factor · log scale), capped at a finite number where it would overflow to +∞, so that 0 · exp(..) stays 0. NaN
/// stays NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale<F> {
    factor: F,
    most: F,
}

impl<F: Scalar> Scale<F> {
    pub(crate) fn new(factor: f64) -> Self {
        Self { factor: F::of(factor), most: F::max_value().ln() - F::of(0.01) }
    }

    #[inline(always)]
    pub(crate) fn at<M: Functions<F>>(self, log_scale: F) -> F {
        let exponent = self.factor * log_scale;
        M::exp(if exponent > self.most { self.most } else { exponent })
    }
}
