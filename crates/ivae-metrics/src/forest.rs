//! Importances of latents by random forests.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::MetricError;
use crate::error::{check_pair, check_range};
use crate::moments::Columns;

/// A random forest for each source (Breiman 2001): trees grown on resampled rows, every latent tried at every split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Forest {
    /// Trees of each forest.
    pub trees: usize,
    /// Most splits on the way to a leaf. Deep trees fit the noise as well, and count what they use for it as important.
    pub depth: u16,
    /// Names the resampled rows.
    pub seed: u64,
}

impl Default for Forest {
    fn default() -> Self {
        Self { trees: 50, depth: 8, seed: 0 }
    }
}

impl Forest {
    /// How much each latent of z `[N, b]` matters in predicting each source of s `[N, a]`, whatever the shape of the
    /// relation: `[b, a]`, each column the shares of the latents in the variance that the splits have taken away (mean
    /// decrease in impurity: Breiman, Friedman, Olshen & Stone 1984, section 5.3), of sum 1, or 0 for a constant source.
    /// For [`dci`](crate::dci). Takes about a · b · N · `trees` · `depth` steps, on one core.
    ///
    /// # Errors
    /// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite; no trees or no depth.
    pub fn importance<F: Scalar>(
        &self,
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) -> Result<Array2<f64>, MetricError> {
        check_pair(s, z)?;
        check_range(self.trees > 0, "trees", "at least 1", 0.0)?;
        check_range(self.depth > 0, "depth", "at least 1", 0.0)?;
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(self.trees)
            .with_max_depth(self.depth.saturating_add(1)) // the root is its level 1
            .with_m(z.ncols())
            .with_seed(self.seed);
        let failed = |column| {
            move |error: smartcore::error::Failed| MetricError::Importance {
                model: "random forest",
                column,
                rows: z.nrows(),
                latents: z.ncols(),
                reason: error.to_string(),
            }
        };
        let flat = z.iter().map(|v| v.f64()).collect();
        let x = DenseMatrix::new(z.nrows(), z.ncols(), flat, false).map_err(failed(0))?;
        let (at_s, mut out) = (Columns::of(s), Array2::zeros((z.ncols(), s.ncols())));
        for (column, (source, mut out)) in s.columns().into_iter().zip(out.columns_mut()).enumerate() {
            // Trees would split the rounding of its mean.
            if at_s.constant[column] {
                continue;
            }
            let y: Vec<f64> = source.iter().map(|v| v.f64()).collect();
            let forest = RandomForestRegressor::fit(&x, &y, parameters.clone()).map_err(failed(column))?;
            let found = forest.compute_feature_importances().map_err(failed(column))?;
            out.iter_mut().zip(found).for_each(|(out, found)| *out = found);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dci, lasso_importance};

    fn waves(rates: &[f64]) -> Array2<f64> {
        Array2::from_shape_fn((500, rates.len()), |(i, j)| (rates[j] * (i + 1) as f64).sin())
    }

    #[test]
    fn latents_known_up_to_even_maps_are_seen() {
        // Squares, in another order, and a latent that knows nothing.
        let s = waves(&[0.7, 1.3, 2.9]);
        let other = waves(&[5.1]);
        let z = Array2::from_shape_fn(
            (500, 4),
            |(i, j)| if j < 3 { s[[i, 2 - j]].powi(2) } else { other[[i, 0]] },
        );
        let targets = s.mapv(|v| v * v * v * v);
        let importance = Forest::default().importance(targets.view(), z.view()).unwrap();
        for (i, column) in importance.columns().into_iter().enumerate() {
            assert!((column.sum() - 1.0).abs() < 1e-12 && column[2 - i] > 0.97, "{importance:.3}");
        }
        let found = dci(importance.view()).unwrap();
        assert!(found.disentanglement > 0.9 && found.completeness > 0.9, "{found:?}");
        // Of the sources themselves a lasso sees nothing through a square.
        assert!(lasso_importance(s.view(), z.view(), 0.1).unwrap().iter().all(|&v| v == 0.0));
    }

    /// `feature_importances_` of scikit-learn 1.9.1's `RandomForestRegressor(n_estimators=50, max_depth=8)` on the same data,
    /// mean over `random_state` 0 to 19; their standard deviation is 0.0065 at most.
    #[test]
    fn importances_agree_with_scikit_learn() {
        let z = waves(&[0.7, 1.3, 2.9, 5.1]);
        let s = Array2::from_shape_fn((500, 2), |(i, j)| match j {
            0 => z[[i, 0]] + z[[i, 1]] * z[[i, 1]],
            _ => z[[i, 1]] * z[[i, 2]],
        });
        let expected =
            ndarray::array![[0.81337, 0.57022], [0.17722, 0.19192], [0.00565, 0.09946], [0.00376, 0.13840]];
        let found = Forest::default().importance(s.view(), z.view()).unwrap();
        let apart = (&found - &expected).mapv(f64::abs);
        assert!(
            apart.iter().all(|&d| d < 0.0325),
            "{found:.4}, five standard deviations and more from {expected:.4}"
        );
    }

    #[test]
    fn forests_are_reproducible_in_f32_too_and_settings_are_checked() {
        let (s, z) = (waves(&[0.7, 1.3]), waves(&[0.7, 2.0]));
        let forest = Forest { trees: 5, ..Forest::default() };
        let found = forest.importance(s.view(), z.view()).unwrap();
        assert_eq!(found, forest.importance(s.view(), z.view()).unwrap());
        assert_ne!(found, Forest { seed: 1, ..forest }.importance(s.view(), z.view()).unwrap());
        let single = |x: &Array2<f64>| x.mapv(|v| v as f32);
        assert!(forest.importance(single(&s).view(), single(&z).view()).unwrap()[[0, 0]] > 0.9);
        let constant = Array2::from_elem((500, 1), 0.1);
        assert!(forest.importance(constant.view(), z.view()).unwrap().iter().all(|&v| v == 0.0));
        assert!(forest.importance(s.view(), constant.view()).unwrap().iter().all(|&v| v == 0.0));
        for bad in [Forest { trees: 0, ..forest }, Forest { depth: 0, ..forest }] {
            assert!(matches!(bad.importance(s.view(), z.view()), Err(MetricError::Range { .. })));
        }
    }
}
