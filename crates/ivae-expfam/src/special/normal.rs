//! The upper tail of the standard normal law, in logarithms: how normal noise becomes noise of another law.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

/// log Φ(−x) = log ½ erfc(x / √2); finite for |x| ≤ 37.
pub(crate) fn ln_tail(x: f64) -> f64 {
    libm::erfc(x * FRAC_1_SQRT_2).ln() - LN_2
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    #[test]
    fn tail_of_the_normal_law() {
        // Φ(0) = ½; Φ(−1.959963984540054) = 0.025; x → ∞: log Φ(−x) ≈ −x²/2 − log(x √2π) − 1/x².
        assert!((ln_tail(0.0) + LN_2).abs() < 1e-16);
        assert!((ln_tail(1.959963984540054) - 0.025f64.ln()).abs() < 1e-14);
        let series = -450.0 - (30.0 * (2.0 * PI).sqrt()).ln() - 1.0 / 900.0;
        assert!((ln_tail(30.0) - series).abs() < 1e-5);
    }
}
