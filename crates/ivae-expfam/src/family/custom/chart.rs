//! [`Chart`]: a map from a line onto a continuous support, along which densities with moderate tails fall off fast.

use crate::density::Support;

/// Smallest scale near 0 that the chart of ℝ tells apart.
const SMALL: f64 = 1e-6;

/// z(s) for s in \[−[`END`](Chart::end), end\].
#[derive(Debug, Clone, Copy)]
pub(super) enum Chart {
    /// z = 1e-6 · sinh s, to ±1e12.
    Real,
    /// z = exp(sinh s), from 1e-300 to 1e300.
    Positive,
    /// z = low + width · sigmoid(sinh s).
    Interval { low: f64, width: f64 },
}

impl Chart {
    /// None for a discrete support, or an empty interval.
    pub(super) fn of(support: Support) -> Option<Self> {
        match support {
            Support::Real => Some(Self::Real),
            Support::Positive => Some(Self::Positive),
            Support::Interval { low, high } if low < high => Some(Self::Interval { low, width: high - low }),
            _ => None,
        }
    }

    /// Where it stops.
    pub(super) fn end(self) -> f64 {
        match self {
            Self::Real => 42.0,
            _ => 7.2,
        }
    }

    pub(super) fn z(self, s: f64) -> f64 {
        match self {
            Self::Real => SMALL * s.sinh(),
            Self::Positive => s.sinh().exp(),
            Self::Interval { low, width } => low + width / (1.0 + (-s.sinh()).exp()),
        }
    }

    /// s(z).
    pub(super) fn s(self, z: f64) -> f64 {
        match self {
            Self::Real => (z / SMALL).asinh(),
            Self::Positive => z.ln().asinh(),
            Self::Interval { low, width } => ((z - low) / (width - (z - low))).ln().asinh(),
        }
    }

    /// log dz/ds.
    pub(super) fn log_slope(self, s: f64) -> f64 {
        match self {
            Self::Real => SMALL.ln() + s.cosh().ln(),
            Self::Positive => s.sinh() + s.cosh().ln(),
            Self::Interval { width, .. } => {
                let t = s.sinh().abs();
                width.ln() - t - 2.0 * (-t).exp().ln_1p() + s.cosh().ln()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_and_slope() {
        let supports = [Support::Real, Support::Positive, Support::Interval { low: -1.0, high: 3.0 }];
        for chart in supports.map(|support| Chart::of(support).unwrap_or(Chart::Real)) {
            for i in -6..=6 {
                let s = 0.25 * f64::from(i);
                assert!((chart.s(chart.z(s)) - s).abs() < 1e-12, "{chart:?} at {s}");
                let scale = chart.log_slope(s).exp();
                ivae_num::gradcheck::check(&[s], &[1.0], |s| chart.z(s[0]) / scale).assert_below(1e-8);
            }
        }
        assert!(Chart::of(Support::Naturals).is_none());
    }
}
