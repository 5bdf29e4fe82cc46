//! The tails of the standard normal law, in logarithms, and their inverse: how normal noise becomes noise of another
//! law, and back.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, TAU};

/// log Φ(−x) = log ½ erfc(x / √2); finite for |x| ≤ 37.
pub(crate) fn ln_tail(x: f64) -> f64 {
    libm::erfc(x * FRAC_1_SQRT_2).ln() - LN_2
}

/// Φ⁻¹(p) for a lower tail 0 ≤ p ≤ ½, exact to rounding: Newton's method on log Φ from a rational approximation
/// (Abramowitz and Stegun 1964, equation 26.2.23). −∞ at 0.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let ln_p = p.ln();
    let t = (-2.0 * ln_p).sqrt();
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = t - numerator / denominator;
    for _ in 0..3 {
        // d log Φ(−x) / dx = −φ(x) / Φ(−x).
        let tail = ln_tail(x);
        x += (tail - ln_p) * (tail + 0.5 * (x * x + TAU.ln())).exp();
    }
    -x
}

/// Standard logistic noise of standard normal noise, log Φ(x) − log Φ(−x).
pub(crate) fn logistic(x: f64) -> f64 {
    let tail = ln_tail(x.abs());
    // log Φ(|x|) = log(1 − Φ(−|x|)).
    ((-tail.exp()).ln_1p() - tail).copysign(x)
}

/// Standard Gumbel noise of standard normal noise, −log(−log Φ(x)).
pub(crate) fn gumbel(x: f64) -> f64 {
    let ln_probability = if x > 0.0 { (-ln_tail(x).exp()).ln_1p() } else { ln_tail(-x) };
    -(-ln_probability).ln()
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

    #[test]
    fn quantiles_of_the_normal_law() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert!(normal_quantile(0.5).abs() < 1e-15 && normal_quantile(f64::NAN).is_nan());
        for i in 0..=370 {
            let x = 0.1 * f64::from(i);
            let found = -normal_quantile(ln_tail(x).exp());
            assert!((found - x).abs() < 4e-15 * x.max(1.0), "{found} of the tail at {x}");
        }
    }

    #[test]
    fn noise_of_other_laws() {
        // At the upper quartile: log 3 and −log log(4/3); far out both are near −log Φ(−x).
        let quartile = 0.674_489_750_196_081_7;
        assert!((logistic(quartile) - 3.0f64.ln()).abs() < 1e-15);
        assert!((logistic(-quartile) + 3.0f64.ln()).abs() < 1e-15);
        assert!((gumbel(quartile) + (4.0f64 / 3.0).ln().ln()).abs() < 1e-15);
        assert!((gumbel(-quartile) + 4.0f64.ln().ln()).abs() < 1e-15);
        assert!(
            (gumbel(20.0) + ln_tail(20.0)).abs() < 1e-13 && (logistic(20.0) + ln_tail(20.0)).abs() < 1e-13
        );
    }
}
