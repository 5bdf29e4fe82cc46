//! ln Γ and ψ inside a [`Formula`](ivae_num::Formula): without branches, so that loops over them become vectors.

use ivae_num::Functions;

use super::gamma::{DIGAMMA, LN_GAMMA};

/// From here on the asymptotic series are exact to rounding.
const LARGE: f64 = 10.0;
/// How far a smaller argument is raised by the recurrence.
const STEPS: i32 = 10;

/// x raised by [`STEPS`] if it is small, with the product x (x + 1) ⋯ of the steps and its derivative; (x, 1, 0) if not.
#[inline(always)]
fn raise(x: f64) -> (f64, f64, f64) {
    let small = x < LARGE;
    let from = if small { x } else { 1.0 };
    let (mut product, mut slope) = (1.0, 0.0);
    for step in 0..STEPS {
        let y = from + f64::from(step);
        slope = slope * y + product;
        product *= y;
    }
    if small { (x + f64::from(STEPS), product, slope) } else { (x, 1.0, 0.0) }
}

#[inline(always)]
fn series(terms: &[f64; 7], square: f64) -> f64 {
    let mut sum = 0.0;
    for i in (0..terms.len()).rev() {
        sum = sum * square + terms[i];
    }
    sum
}

/// ln Γ(x) for x > 0.
#[inline(always)]
pub(crate) fn ln_gamma<M: Functions<f64>>(x: f64) -> f64 {
    let (y, product, _) = raise(x);
    let inverse = 1.0 / y;
    let rest = 0.5 * std::f64::consts::TAU.ln() + series(&LN_GAMMA, inverse * inverse) * inverse;
    ((y - 0.5) * M::ln(y) - y + rest) - M::ln(product)
}

/// ψ(x) for x > 0.
#[inline(always)]
pub(crate) fn digamma<M: Functions<f64>>(x: f64) -> f64 {
    let (y, product, slope) = raise(x);
    let inverse = 1.0 / y;
    (M::ln(y) - 0.5 * inverse - series(&DIGAMMA, inverse * inverse) * (inverse * inverse)) - slope / product
}

#[cfg(test)]
mod tests {
    use ivae_num::{Formula, each};

    use super::super::gamma;
    use super::*;

    #[derive(Clone, Copy)]
    struct Both;

    impl Formula<f64, 2, 0> for Both {
        #[inline(always)]
        fn at<M: Functions<f64>>(&self, [x, y]: [f64; 2], _: [f64; 0]) -> [f64; 2] {
            [ln_gamma::<M>(x), digamma::<M>(y)]
        }
    }

    #[test]
    fn formulas_agree_with_the_scalar_functions() {
        let x: Vec<f64> = (-40..400).map(|i| (0.05 * f64::from(i)).exp()).collect();
        let (mut ln_gamma, mut digamma) = (x.clone(), x.clone());
        each([&mut ln_gamma, &mut digamma], [], Both);
        for ((x, found), psi) in x.iter().zip(ln_gamma).zip(digamma) {
            let (expected, expected_psi) = gamma::ln_gamma_and_digamma(*x);
            assert!((found - expected).abs() < 2e-14 * expected.abs().max(1.0), "ln Γ({x}): {found}");
            assert!((psi - expected_psi).abs() < 2e-14 * expected_psi.abs().max(1.0), "ψ({x}): {psi}");
        }
    }
}
