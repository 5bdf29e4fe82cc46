//! [`Spline`]: log-densities that are cubic splines with linear tails.

use super::statistics::{Range, Statistics};

/// `bumps` cubic B-splines with centres evenly spaced from `low` to `high`, then two ramps that fall off linearly to the
/// left and to the right: k = `bumps` + 2, λ of the ramps < 0.
///
/// The log-density is a twice differentiable cubic spline with exponential tails: with many bumps it comes near any
/// smooth density of such tails, which is what density estimation by exponential families needs (Sriperumbudur et al.
/// 2017).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spline {
    /// Centre of the first bump.
    pub low: f64,
    /// Centre of the last one.
    pub high: f64,
    /// At least 2.
    pub bumps: usize,
}

impl Spline {
    /// Distance between centres.
    fn step(&self) -> f64 {
        (self.high - self.low) / (self.bumps as f64 - 1.0)
    }

    /// Arguments of all statistics at z, and their derivative in z.
    fn arguments(&self, z: f64) -> impl Iterator<Item = (f64, f64)> {
        let (step, low, high) = (self.step(), self.low, self.high);
        let bumps = (0..self.bumps).map(move |j| ((z - low) / step - j as f64, 1.0 / step));
        bumps.chain([((low - z) / step + 1.0, -1.0 / step), ((z - high) / step + 1.0, 1.0 / step)])
    }
}

impl Statistics for Spline {
    fn k(&self) -> usize {
        self.bumps + 2
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        for (j, (t, (x, _))) in t.iter_mut().zip(self.arguments(z)).enumerate() {
            *t = if j < self.bumps { bump(x).0 } else { ramp(x).0 };
        }
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        for (j, (dt, (x, slope))) in dt.iter_mut().zip(self.arguments(z)).enumerate() {
            *dt = slope * if j < self.bumps { bump(x).1 } else { ramp(x).1 };
        }
    }

    fn range(&self, j: usize) -> Range {
        if j < self.bumps { Range::Real } else { Range::Negative }
    }

    fn breaks(&self) -> Vec<f64> {
        (0..self.bumps + 4).map(|i| self.low + self.step() * (i as f64 - 2.0)).collect()
    }
}

/// The cubic B-spline of knots −2, −1, 0, 1, 2, and its derivative.
fn bump(x: f64) -> (f64, f64) {
    let size = x.abs();
    if size < 1.0 {
        (2.0 / 3.0 - size * size * (1.0 - 0.5 * size), x * (1.5 * size - 2.0))
    } else {
        let left = (2.0 - size).max(0.0);
        (left.powi(3) / 6.0, -0.5 * left * left * x.signum())
    }
}

/// 0 up to 0, x − 1 from 2, the integral of the integral of a hat between, and its derivative.
fn ramp(x: f64) -> (f64, f64) {
    let (up, back) = (x.clamp(0.0, 2.0), (x.min(2.0) - 1.0).max(0.0));
    let beyond = (x - 2.0).max(0.0);
    (up.powi(3) / 6.0 - back.powi(3) / 3.0 + beyond, 0.5 * up * up - back * back)
}
