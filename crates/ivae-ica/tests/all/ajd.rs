//! Joint diagonalisation against the truth: nonstationary Gaussian sources, which FastICA cannot separate.

use crate::common::{cross_talk, normals};
use ivae_ica::{Ajd, FastIca, FittedIca, IcaError};
use ivae_num::{Purpose, StreamKey, linalg};
use ndarray::{Array2, Axis, Slice, concatenate};
use proptest::prelude::*;

/// Sources of zero mean whose standard deviations are log-normal in each of `count` segments of `rows` rows.
fn sources(n: usize, count: usize, rows: usize, seed: u64) -> (Array2<f64>, Vec<u32>) {
    let key = StreamKey::new(seed, Purpose::Generate);
    let std = normals(count, n, key).mapv(|v| (0.7 * v).exp());
    let segments: Vec<u32> = (0..count * rows).map(|i| (i / rows) as u32).collect();
    let mut s = normals(count * rows, n, key.step(1));
    for (mut row, &u) in s.rows_mut().into_iter().zip(&segments) {
        row *= &std.row(u as usize);
    }
    (s, segments)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, rng_seed: proptest::test_runner::RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_the_mixing_up_to_order_and_scale(n in 2usize..6, more in 0usize..3, seed in 0u64..1000) {
        let (s, segments) = sources(n, 20, 400, seed);
        let mixing = normals(n + more, n, StreamKey::new(seed, Purpose::Init)).reversed_axes();
        let x = s.dot(&mixing) + 3.0;
        let fitted = Ajd { components: Some(n), ..Ajd::default() }.fit(x.view(), &segments).unwrap();
        prop_assert!(fitted.converged && fitted.iterations < 60, "{} sweeps, limit {}", fitted.iterations, fitted.limit);
        let error = cross_talk(&fitted.unmixing, &mixing.t().to_owned());
        prop_assert!(error < 0.25, "{error}");
        // Outputs have unit variance, and go back to x.
        let z = fitted.transform(x.view()).unwrap();
        for column in z.columns() {
            prop_assert!((column.var(0.0) - 1.0).abs() < 1e-8);
        }
        let back = fitted.inverse_transform(z.view()).unwrap();
        prop_assert!((&back - &x).iter().all(|v| v.abs() < 1e-7));
    }
}

#[test]
fn covariances_that_commute_are_diagonalised_exactly() {
    // Rows ±aᵢ along orthogonal-in-source axes: every segment's covariance is exactly diagonal in the sources.
    let scales = [[1.0, 4.0, 2.0], [3.0, 1.0, 2.5], [0.5, 2.0, 7.0]];
    let mut s = Array2::zeros((18, 3));
    let mut segments = Vec::new();
    for (u, scale) in scales.iter().enumerate() {
        for i in 0..3 {
            s[[6 * u + 2 * i, i]] = scale[i];
            s[[6 * u + 2 * i + 1, i]] = -scale[i];
            segments.extend([u as u32, u as u32]);
        }
    }
    let mixing = ndarray::arr2(&[[1.0, 0.4, -0.3], [0.2, 1.5, 0.7], [-0.6, 0.1, 0.9]]);
    let x: Array2<f64> = s.dot(&mixing.t());
    let fitted = Ajd::default().fit(x.view(), &segments).unwrap();
    assert!(fitted.converged);
    assert!(cross_talk(&fitted.unmixing, &mixing) < 1e-4, "{}", cross_talk(&fitted.unmixing, &mixing));
}

#[test]
fn stationary_gaussian_mixtures_are_beyond_fastica_but_not_beyond_segments() {
    let (s, segments) = sources(3, 30, 500, 7);
    // Each source divided by its overall scale within segments would be Gaussian; what varies is the segment's variance.
    let mixing = normals(3, 3, StreamKey::new(3, Purpose::Init));
    let x = s.dot(&mixing.t());
    let ajd = Ajd::default().fit(x.view(), &segments).unwrap();
    assert!(cross_talk(&ajd.unmixing, &mixing) < 0.1);
    let shuffled: Vec<u32> = (0..x.nrows()).map(|i| (i % 30) as u32).collect();
    let blind = Ajd::default().fit(x.view(), &shuffled).unwrap();
    assert!(cross_talk(&blind.unmixing, &mixing) > 0.3, "labels that mean nothing must not separate");
    let fast = FastIca { components: Some(3), ..FastIca::default() }.fit(x.view()).unwrap();
    assert_eq!(fast.unmixing.dim(), (3, 3));
}

#[test]
fn too_few_sweeps_are_reported() {
    let (x, _, segments) = mixed(5, 12, 100);
    let short = Ajd { max_sweeps: 1, ..Ajd::default() }.fit(x.view(), &segments).unwrap();
    assert!(!short.converged && short.iterations == 1 && short.limit >= short.tolerance, "{}", short.limit);
    assert!(Ajd::default().fit(x.view(), &segments).unwrap().converged);
}

#[track_caller]
fn assert_finite(fitted: &FittedIca<f64>) {
    let all = fitted.unmixing.iter().chain(&fitted.mixing).chain(&fitted.mean).chain([&fitted.limit]);
    assert!(all.into_iter().all(|v| v.is_finite()), "{fitted:?}");
}

#[test]
fn short_segments_and_bad_labels() {
    let (s, mut segments) = sources(3, 10, 50, 2);
    segments[499] = 77; // a segment of one row says nothing, and does no harm
    let x = s.dot(&normals(3, 3, StreamKey::new(1, Purpose::Init)));
    let fitted = Ajd::default().fit(x.view(), &segments).unwrap();
    assert!(fitted.unmixing.iter().all(|v| v.is_finite()));
    let error = Ajd::default().fit(x.view(), &segments[1..]).unwrap_err();
    assert_eq!(error, IcaError::Segments { rows: 500, segments: 499 });
    let error = Ajd::default().fit(x.view(), &vec![4; 500]).unwrap_err();
    assert_eq!(error, IcaError::OneSegment { found: 1 });
    // f32 finds the same.
    let small = Ajd::default().fit(x.mapv(|v| v as f32).view(), &segments).unwrap();
    let (_, log_det) = linalg::slogdet(fitted.unmixing.view()).unwrap();
    let (_, small_det) = linalg::slogdet(small.unmixing.mapv(f64::from).view()).unwrap();
    assert!((log_det - small_det).abs() < 1e-3);
    assert_eq!(fitted.mean.len(), x.len_of(Axis(1)));
}

/// x of `rows` rows with a mixing, and its segments.
fn mixed(n: usize, count: usize, rows: usize) -> (Array2<f64>, Array2<f64>, Vec<u32>) {
    let (s, segments) = sources(n, count, rows, 4);
    let mixing = normals(n, n, StreamKey::new(9, Purpose::Init));
    (s.dot(&mixing.t()), mixing, segments)
}

#[test]
fn segments_of_few_rows_are_shrunk_and_do_no_harm() {
    let (x, mixing, mut segments) = mixed(4, 20, 400);
    let whole = Ajd::default().fit(x.view(), &segments).unwrap();
    // The last 40 rows in segments of 1, 2, 3 rows, and two of labels far away.
    for (k, label) in segments[7960..].iter_mut().enumerate() {
        *label = 100 + [0, 1, 1, 2, 2, 2][k % 6] + 3 * (k / 6) as u32;
    }
    segments[7999] = u32::MAX;
    segments[7998] = u32::MAX;
    let fitted = Ajd::default().fit(x.view(), &segments).unwrap();
    assert_finite(&fitted);
    assert!(fitted.converged && cross_talk(&fitted.unmixing, &mixing) < 0.25);
    let (a, b) = (whole.unmixing.dot(&mixing), fitted.unmixing.dot(&mixing));
    assert!((a.mapv(f64::abs) - b.mapv(f64::abs)).iter().all(|v| v.abs() < 0.05), "{a} {b}");

    // Nothing but segments of two and three rows, fewer than columns.
    let few: Vec<u32> = (0..600).map(|i| i / 3 + u32::from(i % 3 == 2)).collect();
    let x = x.slice_axis(Axis(0), Slice::from(..600));
    assert_finite(&Ajd::default().fit(x, &few).unwrap());
}

#[test]
fn labels_are_names() {
    let (x, _, segments) = mixed(3, 5, 60);
    let far: Vec<u32> = segments.iter().map(|u| [7, 3_000_000_000, 12, u32::MAX, 0][*u as usize]).collect();
    let (a, b) = (Ajd::default().fit(x.view(), &segments), Ajd::default().fit(x.view(), &far));
    let (a, b) = (a.unwrap(), b.unwrap());
    // Sums over segments are taken in another order.
    assert!((a.unmixing - b.unmixing).iter().all(|v| v.abs() < 1e-8));
}

#[test]
fn directions_without_variance_are_dropped_or_refused() {
    let (x, _, segments) = mixed(3, 10, 100);
    let first = x.slice_axis(Axis(1), Slice::from(..1));
    let fourths = [
        first.to_owned(),                                 // a duplicate column
        Array2::from_elem((1000, 1), 5.0),                // a constant one
        (x.sum_axis(Axis(1)) * 0.5).insert_axis(Axis(1)), // a combination of the others
    ];
    let alone = Ajd::default().fit(x.view(), &segments).unwrap();
    for fourth in fourths {
        let wide = concatenate![Axis(1), x, fourth];
        let fitted = Ajd::default().fit(wide.view(), &segments).unwrap();
        assert_finite(&fitted);
        assert_eq!(fitted.unmixing.dim(), (3, 4));
        // The sources are those of the three columns.
        let first = fitted.mixing.slice_axis(Axis(0), Slice::from(..3)).to_owned();
        let error = cross_talk(&alone.unmixing, &first);
        assert!(error < 1e-6, "{error}");
        let error = Ajd { components: Some(4), ..Ajd::default() }.fit(wide.view(), &segments).unwrap_err();
        assert_eq!(error, IcaError::Components { requested: 4, rank: 3, columns: 4 });
    }
    // A column that the segment determines varies, but never within one.
    let label = Array2::from_shape_fn((1000, 1), |(i, _)| f64::from(segments[i]).sin());
    let wide = concatenate![Axis(1), x, label];
    let error = Ajd::default().fit(wide.view(), &segments).unwrap_err();
    assert_eq!(error, IcaError::WithinSegments { components: 4, rank: 3 });
    let narrow = wide.mapv(|v| v as f32);
    assert_eq!(Ajd::default().fit(narrow.view(), &segments).unwrap_err(), error);
}

#[test]
fn duplicate_rows_are_only_rows() {
    let (x, mixing, mut segments) = mixed(3, 10, 200);
    // Every row twice: the same covariances, less shrinking.
    let twice = concatenate![Axis(0), x, x];
    let both = [segments.clone(), segments.clone()].concat();
    let fitted = Ajd::default().fit(twice.view(), &both).unwrap();
    assert!(fitted.converged && cross_talk(&fitted.unmixing, &mixing) < 0.25);
    // Segments of one row repeated have no variance of their own.
    let mut x = x;
    for (i, label) in segments.iter_mut().enumerate().skip(1800) {
        *label = 50 + i as u32 / 50;
        let row = x.row(i - i % 50).to_owned();
        x.row_mut(i).assign(&row);
    }
    let fitted = Ajd::default().fit(x.view(), &segments).unwrap();
    assert_finite(&fitted);
    // Nothing but such segments: no direction varies within any.
    let constant: Vec<u32> = (0..20).map(|i| i / 4).collect();
    let rows = Array2::from_shape_fn((20, 3), |(i, j)| ((i / 4 * 3 + j).pow(2) as f64).sin());
    let error = Ajd::default().fit(rows.view(), &constant).unwrap_err();
    assert_eq!(error, IcaError::WithinSegments { components: 3, rank: 0 });
    // Segments of one row each.
    let each: Vec<u32> = (0..20).collect();
    assert_eq!(Ajd::default().fit(rows.view(), &each).unwrap_err(), IcaError::OneSegment { found: 0 });
}

#[test]
fn bad_settings_and_values_are_named() {
    let (mut x, _, segments) = mixed(2, 4, 10);
    for tolerance in [0.0, f64::NAN, f64::INFINITY] {
        let error = Ajd { tolerance, ..Ajd::default() }.fit(x.view(), &segments).unwrap_err();
        assert!(matches!(error, IcaError::Setting { name: "tolerance", .. }));
    }
    let error = Ajd { max_sweeps: 0, ..Ajd::default() }.fit(x.view(), &segments).unwrap_err();
    assert!(matches!(error, IcaError::Setting { name: "max_sweeps", .. }));
    x[[7, 1]] = f64::NAN;
    let error = Ajd::default().fit(x.view(), &segments).unwrap_err();
    assert!(matches!(error, IcaError::NotFinite { row: 7, column: 1, .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(6), failure_persistence: None, ..ProptestConfig::default() })]

    /// Small integers: equal rows, constant and equal columns, tiny segments. An error or a finite map, never NaN.
    #[test]
    fn never_nan(
        x in proptest::collection::vec(-2i8..3, 3 * 2..3 * 14),
        labels in proptest::collection::vec(0u32..5, 14),
        large in prop::bool::ANY,
    ) {
        let rows = x.len() / 3;
        let scale = if large { 1e12 } else { 1.0 };
        let x = Array2::from_shape_fn((rows, 3), |(i, j)| scale * f64::from(x[3 * i + j]));
        if let Ok(fitted) = Ajd::default().fit(x.view(), &labels[..rows]) {
            assert_finite(&fitted);
            prop_assert!(fitted.transform(x.view()).unwrap().iter().all(|v| v.is_finite()));
        }
    }
}
