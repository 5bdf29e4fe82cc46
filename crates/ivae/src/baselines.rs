//! What a score must be read against, as functions: chance, u alone, principal components, FastICA.
//!
//! s is `[N, a]`, the true sources; x `[N, d]` the data; [`Rows`] says which rows are fitted and which scored, so that a
//! baseline is held out wherever the model is.
//!
//! ```
//! use ivae::baselines::{chance, fast_ica, pca, u_only};
//! use ivae::prelude::*;
//!
//! let data = Simulation { observed: 3, latents: 3, layers: 1, seed: 1, ..Simulation::default() }.generate::<f64>()?.data;
//! let (s, x) = (data.s.as_ref().expect("simulated").view(), data.x.view());
//! let levels = data.u.levels.as_ref().expect("segments").index.as_slice();
//! let (rows, pearson) = (Rows::All, Correlation::Pearson);
//!
//! let (found, ica) = fast_ica(s, x, &FastIca::default(), rows, pearson)?;
//! println!("FastICA {:.3} (converged: {})", found.score, ica.converged);
//! println!("PCA     {:.3}", pca(s, x, None, rows, pearson)?.score);
//! println!("u alone {:.3}", u_only(s, levels, rows, pearson)?.score);
//! println!("chance  {:.3}", chance(s, x, rows, pearson, 5, 0)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use ivae_ica::{FastIca, FittedIca, Pca};
use ivae_metrics::{Correlation, Mcc, Rows, blind};
pub use ivae_metrics::{chance, u_only};
use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::error::EvaluateError;

/// MCC of the first `components` principal components of x, `None` for all directions in which it varies.
///
/// # Errors
/// Returns any error of [`Pca::fit`] or [`ivae_metrics::mcc_on`].
pub fn pca<F: Scalar>(
    s: ArrayView2<'_, F>,
    x: ArrayView2<'_, F>,
    components: Option<usize>,
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, EvaluateError> {
    blind(s, x, rows, correlation, |x| {
        let pca = Pca::fit(x, components)?;
        Ok(move |x: ArrayView2<'_, F>| Ok(pca.whiten(x)?))
    })
}

/// MCC of the components that `ica` finds in x, and the fit itself: look whether it has converged.
///
/// # Errors
/// Returns any error of [`FastIca::fit`] or [`ivae_metrics::mcc_on`].
pub fn fast_ica<F: Scalar>(
    s: ArrayView2<'_, F>,
    x: ArrayView2<'_, F>,
    ica: &FastIca,
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<(Mcc, FittedIca<F>), EvaluateError> {
    let mut found = None;
    let mcc = blind(s, x, rows, correlation, |x| {
        let ica = &*found.insert(ica.fit(x)?);
        Ok(move |x: ArrayView2<'_, F>| Ok::<_, EvaluateError>(ica.transform(x)?))
    })?;
    Ok((mcc, found.expect("it was scored")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ivae_data::Simulation;
    use ivae_metrics::mcc_on;
    use ndarray::Axis;

    use super::*;

    #[test]
    fn they_are_fitted_on_the_rows_that_train() {
        let simulation = Simulation { latents: 3, observed: 5, layers: 1, seed: 3, ..Simulation::default() };
        let data = simulation.generate::<f64>().unwrap().data;
        let s = data.s.unwrap();
        let (train, held_out): (Vec<usize>, Vec<usize>) = (0..s.nrows()).partition(|i| i % 3 > 0);
        let rows = Rows::Split { fit: &train, score: &held_out };
        let fitted_on = data.x.select(Axis(0), &train);
        let score = |z: ndarray::Array2<f64>| mcc_on(s.view(), z.view(), rows, Correlation::Pearson).unwrap();

        let by_hand = Pca::fit(fitted_on.view(), Some(3)).unwrap().whiten(data.x.view()).unwrap();
        let found = pca(s.view(), data.x.view(), Some(3), rows, Correlation::Pearson).unwrap();
        assert_eq!(found, score(by_hand));

        let settings = FastIca { components: Some(3), seed: 1, ..FastIca::default() };
        let by_hand = settings.fit(fitted_on.view()).unwrap();
        let (found, ica) = fast_ica(s.view(), data.x.view(), &settings, rows, Correlation::Pearson).unwrap();
        assert_eq!(found, score(by_hand.transform(data.x.view()).unwrap()));
        assert_eq!(ica, by_hand);
    }

    #[test]
    fn errors_say_whose_they_are() {
        let s = ndarray::Array2::<f64>::from_shape_fn((50, 2), |(i, j)| (i * (j + 1)) as f64);
        let constant = ndarray::Array2::<f64>::ones((50, 2));
        let error = pca(s.view(), constant.view(), Some(2), Rows::All, Correlation::Pearson).unwrap_err();
        assert!(matches!(error, EvaluateError::Ica(_)), "{error}");
        let error = pca(s.view(), s.view().split_at(Axis(0), 9).0, None, Rows::All, Correlation::Pearson);
        assert!(matches!(error, Err(EvaluateError::Metric(_))));
    }
}
