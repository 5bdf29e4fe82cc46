//! [`Monotone`]: increasing functions of one variable, onto the whole line.

use super::spline::Spline;

/// An increasing function of slope above 0 everywhere.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Monotone {
    /// tanh(g h) + s h.
    Tanh { gain: f64, slope: f64 },
    /// h above 0, s h below.
    Leaky { slope: f64 },
    /// asinh(g h)/g: logarithmic far out.
    Asinh { gain: f64 },
    /// h + c sin(g h)/g with c < 1: stairs.
    Stairs { gain: f64, depth: f64 },
    /// ln(1 + exp(g h))/g + s h: a smooth corner.
    Softplus { gain: f64, slope: f64 },
    /// h √(1 + (g h)²): quadratic far out.
    Stretch { gain: f64 },
    /// (h + c h³)/s.
    Cubic { curvature: f64, scale: f64 },
    /// See [`Spline`].
    Spline(Spline),
}

impl Monotone {
    /// The function.
    pub(super) fn value(&self, h: f64) -> f64 {
        match *self {
            Self::Tanh { gain, slope } => (gain * h).tanh() + slope * h,
            Self::Leaky { slope } => h.max(slope * h),
            Self::Asinh { gain } => (gain * h).asinh() / gain,
            Self::Stairs { gain, depth } => h + depth * (gain * h).sin() / gain,
            Self::Softplus { gain, slope } => {
                let scaled = gain * h;
                (scaled.max(0.0) + (-scaled.abs()).exp().ln_1p()) / gain + slope * h
            }
            Self::Stretch { gain } => h * (1.0 + (gain * h).powi(2)).sqrt(),
            Self::Cubic { curvature, scale } => (h + curvature * h * h * h) / scale,
            Self::Spline(ref spline) => spline.value(h),
        }
    }

    /// The h whose value is y, by bisection down to neighbouring numbers; NaN for NaN.
    pub(super) fn inverse(&self, y: f64) -> f64 {
        if !y.is_finite() {
            return y;
        }
        let (mut low, mut high) = (-1.0, 1.0);
        while self.value(low) > y {
            low *= 2.0;
        }
        while self.value(high) < y {
            high *= 2.0;
        }
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return middle;
            }
            if self.value(middle) < y { low = middle } else { high = middle }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<Monotone> {
        vec![
            Monotone::Tanh { gain: 2.0, slope: 0.1 },
            Monotone::Leaky { slope: 0.25 },
            Monotone::Asinh { gain: 3.0 },
            Monotone::Stairs { gain: 2.0, depth: 0.9 },
            Monotone::Softplus { gain: 2.0, slope: 0.2 },
            Monotone::Stretch { gain: 0.7 },
            Monotone::Cubic { curvature: 0.2, scale: 1.7 },
            Monotone::Spline(Spline::new(-1.0, &[1.0, 0.5, 2.0], &[2.0, 0.2, 1.0])),
        ]
    }

    proptest! {
        #[test]
        fn they_increase_and_invert(h in -8.0..8.0f64, step in 0.01..1.0f64) {
            for f in all() {
                prop_assert!(f.value(h + step) - f.value(h) > 0.02 * step, "{:?}", f);
                prop_assert!((f.inverse(f.value(h)) - h).abs() < 1e-12, "{:?}", f);
            }
        }
    }
}
