//! Degenerate data gives an error or a finite map, never NaN: constant, equal and collinear columns, few and equal rows, huge
//! and tiny units.

use ivae_ica::{Algorithm, FastIca, FittedIca, IcaError, Infomax, Nonlinearity, Pca, Picard, Scalar};
use ndarray::{Array2, Axis, concatenate};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Is every number of a fit finite, its outputs on x and back included?
fn finite<F: Scalar>(fitted: &FittedIca<F>, x: &Array2<F>) -> bool {
    let y = fitted.transform(x.view()).unwrap();
    let back = fitted.inverse_transform(y.view()).unwrap();
    let maps = fitted.unmixing.iter().chain(&fitted.mixing).chain(&fitted.whitening).chain(&fitted.mean);
    maps.chain(&y).chain(&back).all(|v| v.is_finite()) && fitted.limit.is_finite()
}

/// Is a fit finite, or an error that says what is wrong with the data?
fn finite_or_named<F: Scalar>(found: Result<FittedIca<F>, IcaError>, x: &Array2<F>) -> bool {
    match found {
        Ok(fitted) => finite(&fitted, x),
        Err(error) => matches!(
            error,
            IcaError::Components { rank: 0, .. } | IcaError::Overflow { .. } | IcaError::TooFewRows { .. }
        ),
    }
}

/// Names of the methods whose fits to x are neither.
fn broken<F: Scalar>(x: &Array2<F>) -> Vec<String> {
    let mut out = Vec::new();
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        for contrast in
            [Nonlinearity::Logcosh { alpha: 1.5 }, Nonlinearity::Exp, Nonlinearity::Cube, Nonlinearity::Skew]
        {
            let ica = FastIca { algorithm, contrast, max_iterations: 30, ..FastIca::default() };
            if !finite_or_named(ica.fit(x.view()), x) {
                out.push(format!("{algorithm:?} {contrast:?}"));
            }
        }
    }
    for (orthogonal, extended) in [(true, true), (true, false), (false, true), (false, false)] {
        let picard = Picard { orthogonal, extended, max_iterations: 30, ..Picard::default() };
        if !finite_or_named(picard.fit(x.view()), x) {
            out.push(format!("Picard, orthogonal {orthogonal}, extended {extended}"));
        }
    }
    for extended in [true, false] {
        if !finite_or_named(Infomax { extended, max_iterations: 30, ..Infomax::default() }.fit(x.view()), x) {
            out.push(format!("Infomax, extended {extended}"));
        }
    }
    let pca = match Pca::fit(x.view(), None) {
        Ok(pca) => {
            let white = pca.whiten(x.view()).unwrap();
            let scores = pca.transform(x.view()).unwrap();
            let back = pca.inverse_whiten(white.view()).unwrap();
            let again = pca.inverse_transform(scores.view()).unwrap();
            white.iter().chain(&scores).chain(&back).chain(&again).all(|v| v.is_finite())
        }
        Err(error) => matches!(
            error,
            IcaError::Components { rank: 0, .. } | IcaError::Overflow { .. } | IcaError::TooFewRows { .. }
        ),
    };
    out.extend((!pca).then(|| "PCA".to_owned()));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn small_integers_in_any_units(
        x in proptest::collection::vec(-2i8..3, 3..3 * 14),
        exponent in -200i32..200,
        offset in prop_oneof![Just(0.0), Just(1.0), Just(1e9)],
        columns in proptest::collection::vec(0usize..6, 1..5),
    ) {
        // Columns are those drawn, in any order and number, their sum, a constant, or the first in other units.
        let rows = x.len() / 3;
        let drawn = |i: usize, j: usize| f64::from(x[3 * i + j]);
        let data = Array2::from_shape_fn((rows, columns.len()), |(i, j)| offset + match columns[j] {
            3 => drawn(i, 0) + drawn(i, 1) + drawn(i, 2),
            4 => 5.0,
            5 => 1e-5 * drawn(i, 0),
            column => drawn(i, column),
        });
        let double = data.mapv(|v| v * 10f64.powi(exponent));
        prop_assert_eq!(broken(&double), Vec::<String>::new(), "{}", double);
        // From subnormal to as large as there are: a value beyond is infinite, and an error of its own.
        let single = data.mapv(|v| (v * 10f64.powi(exponent / 5)) as f32);
        if single.iter().all(|v| v.is_finite()) {
            prop_assert_eq!(broken(&single), Vec::<String>::new(), "{}", single);
        }
    }
}

#[test]
fn rows_in_few_directions() {
    let wave = |i: usize, j: usize| ((0.7 + j as f64) * i as f64).sin();
    for rows in [2, 3, 4, 50] {
        let x = Array2::from_shape_fn((rows, 3), |(i, j)| wave(i, j));
        assert_eq!(broken(&x), Vec::<String>::new(), "{rows} rows");
        let twice = concatenate![Axis(1), x, x, &x * 3.0 - 1.0];
        assert_eq!(broken(&twice), Vec::<String>::new(), "{rows} rows, columns three times");
        assert_eq!(
            broken(&twice.mapv(|v| v as f32)),
            Vec::<String>::new(),
            "{rows} rows, columns three times"
        );
        let line = x.select(Axis(1), &[0, 0, 0]);
        let fitted = FastIca::default().fit(line.view()).unwrap();
        assert_eq!((fitted.rank, fitted.unmixing.dim()), (1, (1, 3)));
    }
}

#[test]
fn units_beyond_the_scalar_are_named() {
    let x = Array2::from_shape_fn((60, 2), |(i, j)| ((0.7 + j as f64) * i as f64).sin());
    // Variances of 1e-50 and 1e60 are no f32; their roots are.
    for unit in [1e-25f32, 1e30] {
        let single = x.mapv(|v| v as f32 * unit);
        let error = Pca::fit(single.view(), None).unwrap_err();
        assert!(matches!(error, IcaError::Overflow { variance, .. } if variance > 0.0), "{error}");
        assert!(finite(&FastIca::default().fit(single.view()).unwrap(), &single));
    }
    // The inverse of a subnormal is no f32 either.
    let tiny = x.mapv(|v| (v * 1e-42) as f32);
    let error = FastIca::default().fit(tiny.view()).unwrap_err();
    assert!(matches!(error, IcaError::Overflow { column: 0, .. }), "{error}");
}
