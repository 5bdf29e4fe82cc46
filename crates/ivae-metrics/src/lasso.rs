//! Importances of latents by the lasso.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::MetricError;
use crate::error::{check_pair, check_range};
use crate::moments::{Columns, Products};

/// Sweeps over the coefficients, at most.
const SWEEPS: usize = 10_000;

/// Converged when no coefficient of a sweep changes by more.
const TOLERANCE: f64 = 1e-12;

/// How much each latent of z `[N, b]` matters in predicting each source of s `[N, a]`: |β| `[b, a]` of the lasso
/// (Tibshirani 1996) from standardised latents to standardised sources,
///
/// ```text
/// β = argmin ½ mean (s − z β)² + penalty Σ |β|,
/// ```
///
/// by coordinate descent on the correlations (Friedman, Hastie & Tibshirani 2010, eqs. 5 and 9). Above a penalty of 1
/// all are 0; about 0.02 is usual. A constant column has importance 0. For [`dci`](crate::dci).
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite; a penalty that is not
/// positive; coefficients that have not settled after 10⁴ sweeps (almost collinear latents at a tiny penalty).
pub fn lasso_importance<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    penalty: f64,
) -> Result<Array2<f64>, MetricError> {
    check_pair(s, z)?;
    check_range(penalty > 0.0 && penalty.is_finite(), "penalty", "positive and finite", penalty)?;
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let among = Products::of(z, &at_z, z, &at_z).correlations(&at_z, &at_z);
    let with = Products::of(z, &at_z, s, &at_s).correlations(&at_z, &at_s);
    let mut out = Array2::zeros(with.dim());
    for (mut out, with) in out.columns_mut().into_iter().zip(with.columns()) {
        descend(among.view(), with, penalty)?.into_iter().zip(&mut out).for_each(|(b, out)| *out = b.abs());
    }
    Ok(out)
}

/// β `[b]` of correlations `among` latents `[b, b]` and `with` a source `[b]`.
fn descend(
    among: ArrayView2<'_, f64>,
    with: ArrayView1<'_, f64>,
    penalty: f64,
) -> Result<Vec<f64>, MetricError> {
    let mut beta = vec![0.0; with.len()];
    let mut change = 0.0;
    for _ in 0..SWEEPS {
        change = 0.0;
        for j in 0..beta.len() {
            let others: f64 = (0..beta.len()).filter(|&k| k != j).map(|k| among[[j, k]] * beta[k]).sum();
            let target = with[j] - others;
            let next = target.signum() * (target.abs() - penalty).max(0.0);
            change = f64::max(change, (next - beta[j]).abs());
            beta[j] = next;
        }
        if change <= TOLERANCE {
            return Ok(beta);
        }
    }
    Err(MetricError::NotSettled { change, sweeps: SWEEPS })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(rates: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((400, rates.len()), |(i, j)| (rates[j] * (i + 1) as f64).sin())
    }

    #[test]
    fn the_conditions_of_the_optimum_hold() {
        let z = waves(&[0.7, 0.72, 1.3, 2.9]);
        let s = Array2::from_shape_fn((400, 2), |(i, j)| {
            [z[[i, 0]] + 0.5 * z[[i, 1]] - z[[i, 2]], z[[i, 3]] * 1e6 + 7.0][j]
        });
        let (at_s, at_z) = (Columns::of(s.view()), Columns::of(z.view()));
        let among = Products::of(z.view(), &at_z, z.view(), &at_z).correlations(&at_z, &at_z);
        let with = Products::of(z.view(), &at_z, s.view(), &at_s).correlations(&at_z, &at_s);
        for penalty in [0.001, 0.02, 0.3] {
            for with in with.columns() {
                let beta = descend(among.view(), with, penalty).unwrap();
                let gradient = &with - &among.dot(&ndarray::Array1::from(beta.clone()));
                for (g, b) in gradient.iter().zip(beta) {
                    let fits = if b == 0.0 {
                        g.abs() <= penalty + 1e-10
                    } else {
                        (g - penalty * b.signum()).abs() < 1e-10
                    };
                    assert!(fits, "gradient {g} at {b}, penalty {penalty}");
                }
            }
        }
    }

    #[test]
    fn importances_tell_which_latent_is_which_source() {
        let s = waves(&[0.7, 1.3, 2.9]);
        let z = Array2::from_shape_fn((400, 4), |(i, j)| if j < 3 { -3.0 * s[[i, 2 - j]] } else { 0.1 });
        let importance = lasso_importance(s.view(), z.view(), 0.02).unwrap();
        let found = crate::dci(importance.view()).unwrap();
        assert!(found.disentanglement > 0.99 && found.completeness > 0.99, "{importance}");
        assert!(importance.row(3).iter().all(|&v| v == 0.0));
        assert!(lasso_importance(s.view(), z.view(), 1.01).unwrap().iter().all(|&v| v == 0.0));
        assert!(lasso_importance(s.view(), z.view(), 0.0).is_err());
    }
}
