//! Whitening against golden values and against its own laws.

use approx::assert_abs_diff_eq;
use ivae_data::{DataError, Whitener, read_array};
use ndarray::{Array2, Axis};

use crate::common::assert_close;

fn golden(key: &str) -> Array2<f64> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/whitening_pca.npz");
    read_array(path, Some(key)).unwrap()
}

fn covariance(y: &Array2<f64>) -> Array2<f64> {
    let centred = y - &y.mean_axis(Axis(0)).unwrap();
    centred.t().dot(&centred) / y.nrows() as f64
}

#[test]
fn agrees_with_golden_values() {
    for (name, rank) in [("well", 6), ("deficient", 4)] {
        let get = |key: &str| golden(&format!("{name}_{key}"));
        let x = get("x");
        let whitener = Whitener::fit(x.view(), None).unwrap();
        assert_eq!(whitener.components(), rank);
        assert_eq!(get("rank_rel1e-10")[[0, 0]], rank as f64);
        assert_close(&whitener.mean, &get("mean"), 1e-12);
        let values = get("eigvals_ddof0");
        for (i, &variance) in whitener.variances.iter().enumerate() {
            assert_abs_diff_eq!(variance, values[[i, 0]], epsilon = 1e-11 * values[[0, 0]]);
        }
        assert_abs_diff_eq!(whitener.explained, 1.0, epsilon = 1e-12);
        for (ours, theirs) in whitener.forward.rows().into_iter().zip(get("whitening_pca").rows()) {
            let sign = ours.dot(&theirs).signum();
            let scale = theirs.dot(&theirs).sqrt();
            assert_close(ours, &(&theirs * sign), 1e-10 * scale);
        }
        // ZCA-whitening is U Λ^(−½) Uᵀ.
        let directions = &whitener.inverse / &whitener.variances.mapv(f64::sqrt);
        let zca = directions.dot(&whitener.forward);
        assert_close(&zca, &get("whitening_zca"), 1e-9);

        let y = whitener.apply(x.view());
        assert_close(&covariance(&y), &Array2::eye(rank), 1e-10);
        assert_close(&whitener.invert(y.view()), &x, 1e-10);
        assert_close(&whitener.forward.dot(&whitener.inverse), &Array2::eye(rank), 1e-10);
        assert_eq!(whitener.log_abs_det().is_some(), rank == x.ncols());
    }
}

#[test]
fn log_det_is_that_of_the_map() {
    let whitener = Whitener::fit(golden("well_x").view(), None).unwrap();
    let (_, expected) = ivae_num::linalg::slogdet(whitener.forward.view()).unwrap();
    assert_abs_diff_eq!(whitener.log_abs_det().unwrap(), expected, epsilon = 1e-10);
}

#[test]
fn a_given_number_of_components_keeps_the_first() {
    let x = golden("well_x");
    let (all, some) = (Whitener::fit(x.view(), None).unwrap(), Whitener::fit(x.view(), Some(2)).unwrap());
    assert_eq!(some.forward, all.forward.select(Axis(0), &[0, 1]));
    assert_abs_diff_eq!(some.explained, all.variances.iter().take(2).sum::<f64>() / all.variances.sum());
    let err = Whitener::fit(golden("deficient_x").view(), Some(5)).unwrap_err();
    assert!(matches!(err, DataError::Rank { rank: 4, asked: 5 }), "{err}");
    let err = Whitener::fit(Array2::<f64>::ones((9, 3)).view(), None).unwrap_err();
    assert!(matches!(err, DataError::Rank { rank: 0, asked: 1 }), "{err}");
}

#[test]
fn single_precision_does_not_keep_rounding_as_a_direction() {
    // The third column is the sum of the others, but for its rounding to f32 at an offset of 10,000.
    let x = golden("well_x");
    let x = Array2::from_shape_fn((400, 3), |(i, j)| match j {
        2 => (x[[i, 0]] + x[[i, 1]] + 1e4) as f32,
        _ => x[[i, j]] as f32,
    });
    let whitener = Whitener::fit(x.view(), None).unwrap();
    assert_eq!(whitener.components(), 2);
    let y = whitener.apply(x.view()).mapv(f64::from);
    assert_close(&covariance(&y), &Array2::eye(2), 1e-3);
    assert_eq!(whitener.apply(x.view()), Whitener::fit(x.view(), Some(2)).unwrap().apply(x.view()));
}
