//! [`Polynomial`]: log-densities that are polynomials.

use super::statistics::{Range, Statistics};

/// T = (z, z², …, z^d) on ℝ with d even, λ_d < 0: d = 2 is the Gaussian, d = 4 has up to two modes, d = 6 up to three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polynomial {
    /// d.
    pub degree: u32,
}

impl Statistics for Polynomial {
    fn k(&self) -> usize {
        self.degree as usize
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        let mut power = 1.0;
        for t in t {
            power *= z;
            *t = power;
        }
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        let mut power = 1.0;
        for (j, dt) in dt.iter_mut().enumerate() {
            *dt = (j + 1) as f64 * power;
            power *= z;
        }
    }

    fn range(&self, j: usize) -> Range {
        if j + 1 == self.k() { Range::Negative } else { Range::Real }
    }
}
