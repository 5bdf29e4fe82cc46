//! Second-order blind identification as a model: a time series without u, held-out rows, a saved fit.

use ivae_core::model::linear::LinearSpec;
use ivae_core::{FitSpec, Fitted};
use ivae_data::Dataset;
use ivae_metrics::{Correlation, mcc};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, array};

use super::common::normals;

/// Three Gaussian series s_t = a s_(t−1) + noise, `[3000, 3]`, mixed into four columns.
fn series() -> (Array2<f64>, Dataset<f64>) {
    let mut s = normals(3000, 3, StreamKey::new(1, Purpose::Generate));
    for t in 1..3000 {
        for (i, a) in [0.9, 0.3, -0.6].into_iter().enumerate() {
            s[[t, i]] += a * s[[t - 1, i]];
        }
    }
    let mixing = array![[1.0, 0.4, -0.3, 0.2], [-0.5, 1.0, 0.6, -0.7], [0.3, -0.8, 1.0, 0.5]];
    let data = Dataset::new(s.dot(&mixing));
    (s, data)
}

#[test]
fn it_recovers_series_that_no_method_without_time_could() {
    let (s, data) = series();
    let score = |fitted: &Fitted<f64>| {
        mcc(s.view(), fitted.transform(&data).unwrap().view(), Correlation::Pearson).unwrap().score
    };
    let fitted = FitSpec::new(3, LinearSpec::Sobi { lags: None }).fit(&data).unwrap();
    assert!(score(&fitted) > 0.99 && fitted.report.converged, "MCC {}", score(&fitted));
    assert!(score(&FitSpec::new(3, LinearSpec::FastIca).fit(&data).unwrap()) < 0.95);
    let back = fitted.reconstruct(&data).unwrap();
    assert!((&back - &data.x).iter().all(|v| v.abs() < 1e-9), "three series give all four columns");

    // One stretch is held out, so that rows which follow each other in time still do.
    let held_out = &fitted.split.held_out;
    assert_eq!(held_out.len(), 300);
    assert!(held_out.windows(2).all(|w| w[1] == w[0] + 1));

    let folder = tempfile::tempdir().unwrap();
    fitted.save(folder.path()).unwrap();
    let loaded = Fitted::<f64>::load(folder.path()).unwrap();
    assert_eq!(loaded.transform(&data).unwrap(), fitted.transform(&data).unwrap());
    assert_eq!(loaded.spec, fitted.spec);
}

#[test]
fn lags_are_a_setting() {
    let (_, data) = series();
    let with_lags = |lags| FitSpec::new(3, LinearSpec::Sobi { lags });
    let (usual, two) = (with_lags(None), with_lags(Some(vec![1, 2])));
    assert_eq!(FitSpec::from_toml(&two.to_toml().unwrap()).unwrap(), two);
    assert_ne!(
        two.fit(&data).unwrap().transform(&data).unwrap(),
        usual.fit(&data).unwrap().transform(&data).unwrap()
    );
    for lags in [vec![], vec![0, 1], vec![1, 2699]] {
        assert!(with_lags(Some(lags)).fit(&data).is_err());
    }
}
