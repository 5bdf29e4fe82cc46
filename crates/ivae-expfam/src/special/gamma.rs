//! ln Γ and its derivatives ψ and ψ′, by recurrence and asymptotic series.

/// From here on the asymptotic series are exact to rounding.
const LARGE: f64 = 10.0;

/// B₂ₖ / (2k (2k − 1)) for k = 1, 2, …: the series of ln Γ (Abramowitz and Stegun 1964, equation 6.1.41).
pub(super) const LN_GAMMA: [f64; 7] =
    [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0, 1.0 / 156.0];

/// B₂ₖ / 2k for k = 1, 2, …: the series of ψ (Abramowitz and Stegun 1964, equation 6.3.18).
pub(super) const DIGAMMA: [f64; 7] =
    [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32_760.0, 1.0 / 12.0];

/// B₂ₖ for k = 1, 2, …: the series of ψ′ (Abramowitz and Stegun 1964, equation 6.4.12).
const TRIGAMMA: [f64; 7] =
    [1.0 / 6.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 5.0 / 66.0, -691.0 / 2730.0, 7.0 / 6.0];

/// (ln Γ(x), ψ(x)) for x > 0, each within 1e-13 of the larger of 1 and its size; NaN gives NaN.
pub fn ln_gamma_and_digamma(x: f64) -> (f64, f64) {
    // Γ(x + m) = x (x + 1) ⋯ (x + m − 1) Γ(x): the product, and its derivative in x.
    let (mut y, mut product, mut slope) = (x, 1.0, 0.0);
    while y < LARGE {
        slope = slope * y + product;
        product *= y;
        y += 1.0;
    }
    let (log, inverse) = (y.ln(), 1.0 / y);
    let square = inverse * inverse;
    let series = |terms: &[f64]| terms.iter().rev().fold(0.0, |sum, &term| sum * square + term);
    let ln_gamma = (y - 0.5) * log - y + 0.5 * std::f64::consts::TAU.ln() + series(&LN_GAMMA) * inverse;
    let digamma = log - 0.5 * inverse - series(&DIGAMMA) * square;
    (ln_gamma - product.ln(), digamma - slope / product)
}

/// ln Γ(x) for x > 0.
pub fn ln_gamma(x: f64) -> f64 {
    ln_gamma_and_digamma(x).0
}

/// ψ(x) for x > 0.
pub fn digamma(x: f64) -> f64 {
    ln_gamma_and_digamma(x).1
}

/// ψ′(x) for x > 0, within 1e-15 of its size; NaN gives NaN.
pub fn trigamma(x: f64) -> f64 {
    // ψ′(x) = 1 / x² + ψ′(x + 1).
    let (mut y, mut sum) = (x, 0.0);
    while y < LARGE {
        sum += 1.0 / (y * y);
        y += 1.0;
    }
    let inverse = 1.0 / y;
    let square = inverse * inverse;
    let series = TRIGAMMA.iter().rev().fold(0.0, |sum, &term| sum * square + term);
    sum + (inverse + square * (0.5 + series * inverse))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x, ln Γ(x), ψ(x), from 70-digit decimal arithmetic (recurrence to 80, 29 terms of the series).
    const GOLDEN: [[f64; 3]; 18] = [
        [0.015625, 4.150063373653939, -64.55180297316785],
        [0.1, 2.252712651734206, -10.423754940411076],
        [0.25, 1.2880225246980774, -4.2274535333762655],
        [0.5, 0.5723649429247001, -1.9635100260214235],
        [1.0, 0.0, -0.5772156649015329],
        [1.1, -0.049872441259839764, -0.42375494041107664],
        [1.25, -0.09827183642181316, -0.22745353337626542],
        [1.4616321449683622, -0.12148629053584961, 0.0],
        [1.5, -0.12078223763524522, 0.03648997397857652],
        [2.0, 0.0, 0.42278433509846713],
        [2.5, 0.2846828704729192, 0.7031566406452432],
        [3.0, std::f64::consts::LN_2, 0.9227843350984671],
        [4.75, 2.8085714185757364, 1.4492040552784629],
        [9.5, 11.689333420797269, 2.1977378764029494],
        [10.0, 12.801827480081469, 2.251752589066721],
        [12.5, 18.734347511936445, 2.4851956512749123],
        [149.0, 595.005524249382, 5.000586847679706],
        [1e6, 12815504.569147611, 13.815510057964191],
    ];

    #[test]
    fn golden_values() {
        for [x, ln_gamma, digamma] in GOLDEN {
            let found = ln_gamma_and_digamma(x);
            for (found, expected) in [(found.0, ln_gamma), (found.1, digamma)] {
                let error = (found - expected).abs() / expected.abs().max(1.0);
                assert!(error < 2e-14, "at {x}: {found:e}, golden {expected:e}, error {error:e}");
            }
        }
    }

    #[test]
    fn recurrence_duplication_and_derivative() {
        for i in 1..400 {
            let x = 0.05 * f64::from(i);
            let (at, next) = (ln_gamma_and_digamma(x), ln_gamma_and_digamma(x + 1.0));
            assert!((next.0 - at.0 - x.ln()).abs() < 1e-13 * next.0.abs().max(1.0), "Γ(x + 1) = x Γ(x), {x}");
            // Γ(x) Γ(x + ½) = 2^(1 − 2x) √π Γ(2x) (Legendre).
            let (half, double) = (ln_gamma_and_digamma(x + 0.5).0, ln_gamma_and_digamma(2.0 * x).0);
            let constant = (1.0 - 2.0 * x) * 2.0f64.ln() + 0.5 * std::f64::consts::PI.ln();
            assert!((at.0 + half - constant - double).abs() < 1e-13 * double.abs().max(1.0), "{x}");
            ivae_num::gradcheck::check(&[x + 1.0], &[next.1], |x| ln_gamma_and_digamma(x[0]).0)
                .assert_below(1e-9);
        }
        assert!(ln_gamma_and_digamma(f64::NAN).0.is_nan() && ln_gamma_and_digamma(f64::NAN).1.is_nan());
    }

    #[test]
    fn trigamma_is_the_derivative_of_digamma() {
        // ψ′(1) = π²/6, ψ′(½) = π²/2 (Abramowitz and Stegun 1964, equations 6.4.2 and 6.4.4).
        let square = std::f64::consts::PI.powi(2);
        assert!((trigamma(1.0) - square / 6.0).abs() < 4e-16 && (trigamma(0.5) - square / 2.0).abs() < 2e-15);
        for i in 1..200 {
            let x = 1.0 + 0.1 * f64::from(i);
            ivae_num::gradcheck::check(&[x], &[trigamma(x)], |x| digamma(x[0])).assert_below(1e-9);
        }
        assert!(trigamma(f64::NAN).is_nan());
    }
}
