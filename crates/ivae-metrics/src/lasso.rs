//! Importances of latents by the lasso.

use ivae_num::{Scalar, linalg};
use linfa::Dataset;
use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet;
use ndarray::{Array2, ArrayView1, ArrayView2};
use ndarray_linfa as other; // another version than ours

use crate::MetricError;
use crate::error::{check_pair, check_range};
use crate::moments::{Columns, Products};

/// Duality gap, in shares of the sources' variance, from which the solver is done, and the sweeps that it may take.
const TOLERANCE: f64 = 1e-12;
const SWEEPS: u32 = 10_000;

/// By how much the conditions of the optimum may be missed, in correlations.
const MISSED: f64 = 1e-8;

/// Eigenvalues of a correlation matrix, in shares of the largest, from which latents vary in a direction.
const VARIES: f64 = 1e-13;

/// How much each latent of z `[N, b]` matters in predicting each source of s `[N, a]`: |β| `[b, a]` of the lasso
/// (Tibshirani 1996) from standardised latents to standardised sources,
///
/// ```text
/// β = argmin ½ mean (s − z β)² + penalty Σ |β|,
/// ```
///
/// by coordinate descent (Friedman, Hastie & Tibshirani 2010, eqs. 5 and 9), that of the crate linfa-elasticnet. Above a
/// penalty of 1 all are 0; about 0.02 is usual. A constant column has importance 0. For [`dci`](crate::dci).
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite; a penalty that is not
/// positive; coefficients that miss the conditions of the optimum by more than 10⁻⁸ after 10⁴ sweeps (almost collinear
/// latents at a tiny penalty).
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
    let rows = FewRows::of(among.view())?;
    let mut out = Array2::zeros(with.dim());
    for (column, (mut out, with)) in out.columns_mut().into_iter().zip(with.columns()).enumerate() {
        rows.lasso(with, penalty, column)?.into_iter().zip(&mut out).for_each(|(b, out)| *out = b.abs());
    }
    Ok(out)
}

/// b rows of b latents that have the correlations R of all N: the lasso depends on nothing else, and a solver is then as
/// fast for a million rows as for b.
struct FewRows<'a> {
    among: ArrayView2<'a, f64>, // R [b, b]
    root: Array2<f64>,          // Λ^½ Vᵀ of R = V Λ Vᵀ [b, b]
    unroot: Array2<f64>,        // Λ^−½ Vᵀ, 0 where Λ is
}

impl<'a> FewRows<'a> {
    fn of(among: ArrayView2<'a, f64>) -> Result<Self, MetricError> {
        let eigen = linalg::eigh(among)?;
        let least = VARIES * eigen.values.iter().copied().fold(0.0, f64::max);
        let scaled = |power: f64| {
            let mut rows = eigen.vectors.t().to_owned();
            for (mut row, &value) in rows.rows_mut().into_iter().zip(&eigen.values) {
                row *= if value > least { value.powf(power) } else { 0.0 };
            }
            rows
        };
        Ok(Self { among, root: scaled(0.5), unroot: scaled(-0.5) })
    }

    /// β `[b]` for correlations `with` a source `[b]`, that of a column.
    fn lasso(&self, with: ArrayView1<'_, f64>, penalty: f64, column: usize) -> Result<Vec<f64>, MetricError> {
        let b = with.len();
        // Then 0 is the optimum, and with a constant source the solver's relative tolerance could not be reached.
        if with.iter().all(|r| r.abs() <= penalty) {
            return Ok(vec![0.0; b]);
        }
        let z = other::Array2::from_shape_fn((b, b), |(i, j)| self.root[[i, j]]);
        let s = other::Array1::from_vec(self.unroot.dot(&with).to_vec());
        let lasso = ElasticNet::<f64>::lasso()
            .penalty(penalty / b as f64) // its squares are averaged over rows
            .with_intercept(false)
            .tolerance(TOLERANCE)
            .max_iterations(SWEEPS)
            .fit(&Dataset::new(z, s))
            .map_err(|e| {
                let reason = e.to_string();
                MetricError::Importance { model: "lasso", column, rows: b, latents: b, reason }
            })?;
        let beta = lasso.hyperplane().to_vec();
        let missed = self.missed(&beta, with, penalty);
        if missed > MISSED {
            return Err(MetricError::NotSettled { column, missed, sweeps: lasso.n_steps(), penalty });
        }
        Ok(beta)
    }

    /// By how much β misses what holds at the optimum: g = r − R β is the penalty with the sign of β, or, where β is 0, at
    /// most the penalty.
    fn missed(&self, beta: &[f64], with: ArrayView1<'_, f64>, penalty: f64) -> f64 {
        let gradient = &with - &self.among.dot(&ArrayView1::from(beta));
        let missed = |(g, b): (&f64, &f64)| match *b == 0.0 {
            true => (g.abs() - penalty).max(0.0),
            false => (g - penalty * b.signum()).abs(),
        };
        gradient.iter().zip(beta).map(missed).fold(0.0, f64::max)
    }
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
                let beta = FewRows::of(among.view()).unwrap().lasso(with, penalty, 0).unwrap();
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

    #[test]
    fn odd_columns_and_almost_collinear_latents() {
        let z = waves(&[0.7, 1.3, 2.9]);
        let constant = Array2::from_elem((400, 2), 3.0);
        assert!(lasso_importance(constant.view(), z.view(), 0.02).unwrap().iter().all(|&v| v == 0.0));
        let nothing = lasso_importance(z.view(), constant.view(), 0.02).unwrap();
        assert!(nothing.iter().all(|&v| v == 0.0));
        assert_eq!(crate::dci(nothing.view()).unwrap().warnings.len(), 5);
        let single = |x: &Array2<f64>| x.mapv(|v| v as f32);
        let found = lasso_importance(single(&z).view(), single(&z).view(), 0.02).unwrap();
        assert!((found - lasso_importance(z.view(), z.view(), 0.02).unwrap()).iter().all(|d| d.abs() < 1e-6));
        // A copy shares what its twin gets alone.
        let twice = ndarray::concatenate![ndarray::Axis(1), z, z];
        let found = lasso_importance(z.view(), twice.view(), 0.02).unwrap();
        for i in 0..3 {
            assert!((found[[i, i]] + found[[i + 3, i]] - 0.98).abs() < 1e-3, "{found}");
        }
        // Four latents that differ by hardly anything, and sources that are what they differ by.
        let noise = waves(&[5.1, 0.3, 2.1, 1.7]);
        let close = Array2::from_shape_fn((400, 4), |(i, j)| z[[i, 0]] + 1e-4 * noise[[i, j]]);
        let error = lasso_importance(noise.view(), close.view(), 1e-6).unwrap_err();
        let MetricError::NotSettled { column: 0, missed, sweeps, penalty } = error else { panic!("{error}") };
        assert!(missed > MISSED && sweeps == SWEEPS && penalty == 1e-6, "{missed} {sweeps}");
    }
}
