//! [`Support`]: where a family puts its mass, and a test of that without branches.

use ivae_num::Scalar;

/// Where a family puts its mass.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Support {
    /// ℝ.
    Real,
    /// (0, ∞).
    Positive,
    /// An interval of finite length.
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// 0, 1, 2, …
    Naturals,
    /// 0, 1, …, count − 1.
    Finite {
        /// Number of values.
        count: u32,
    },
}

impl Support {
    /// Is `z` inside? Intervals are open, infinities and NaN outside.
    pub fn contains(self, z: f64) -> bool {
        match self {
            Self::Real => z.is_finite(),
            Self::Positive => z > 0.0 && z.is_finite(),
            Self::Interval { low, high } => low < z && z < high,
            Self::Naturals => z >= 0.0 && z.is_finite() && z.fract() == 0.0,
            Self::Finite { count } => z >= 0.0 && z < f64::from(count) && z.fract() == 0.0,
        }
    }

    /// Does it hold an interval, so that a density has a derivative in z?
    pub fn is_continuous(self) -> bool {
        matches!(self, Self::Real | Self::Positive | Self::Interval { .. })
    }
}

/// The support as bounds, which loops test without branches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SupportBounds<F> {
    low: F,
    high: F,
    whole: bool,
}

impl<F: Scalar> SupportBounds<F> {
    pub(crate) fn new(support: Support) -> Self {
        let (low, high, whole) = match support {
            Support::Real => (f64::NEG_INFINITY, f64::INFINITY, false),
            Support::Positive => (0.0, f64::INFINITY, false),
            Support::Interval { low, high } => (low, high, false),
            Support::Naturals => (-1.0, f64::INFINITY, true),
            Support::Finite { count } => (-1.0, f64::from(count), true),
        };
        Self { low: F::of(low), high: F::of(high), whole }
    }

    /// Is `z` in the support?
    #[inline(always)]
    pub(crate) fn contains(self, z: F) -> bool {
        self.between(z) & (!self.whole | (z.trunc() == z))
    }

    /// [`contains`](Self::contains) for a continuous support.
    #[inline(always)]
    fn between(self, z: F) -> bool {
        (self.low < z) & (z < self.high)
    }

    /// `y` inside a continuous support, NaN for a NaN `z`, and `otherwise` elsewhere.
    #[inline(always)]
    pub(crate) fn choose(self, z: F, y: F, otherwise: F) -> F {
        let other = if z.is_nan() { z } else { otherwise };
        if self.between(z) { y } else { other }
    }
}
