//! Joint diagonalisation against the truth: nonstationary Gaussian sources, which FastICA cannot separate.

#![allow(clippy::unwrap_used)]

use ivae_ica::{Ajd, FastIca, IcaError};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array2, Axis};
use proptest::prelude::*;

fn normals(rows: usize, columns: usize, key: StreamKey) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns, key);
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

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

/// |unmixing · mixing| with rows divided by their largest entry: how far from a scaled permutation.
fn cross_talk(unmixing: &Array2<f64>, mixing: &Array2<f64>) -> f64 {
    let p = unmixing.dot(mixing).mapv(f64::abs);
    let rest = |row: ndarray::ArrayView1<'_, f64>| {
        let top = row.iter().copied().fold(0.0, f64::max);
        (row.sum() - top) / top
    };
    p.rows().into_iter().map(rest).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, rng_seed: proptest::test_runner::RngSeed::Fixed(5), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_the_mixing_up_to_order_and_scale(n in 2usize..6, more in 0usize..3, seed in 0u64..1000) {
        let (s, segments) = sources(n, 20, 400, seed);
        let mixing = normals(n + more, n, StreamKey::new(seed, Purpose::Init)).reversed_axes();
        let x = s.dot(&mixing) + 3.0;
        let fitted = Ajd { components: Some(n), ..Ajd::default() }.fit(x.view(), &segments).unwrap();
        prop_assert!(fitted.converged && fitted.sweeps < 60, "{} sweeps, limit {}", fitted.sweeps, fitted.limit);
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
fn short_segments_and_bad_labels() {
    let (s, mut segments) = sources(3, 10, 50, 2);
    segments[499] = 77; // a segment of one row says nothing, and does no harm
    let x = s.dot(&normals(3, 3, StreamKey::new(1, Purpose::Init)));
    let fitted = Ajd::default().fit(x.view(), &segments).unwrap();
    assert_eq!(fitted.segments, 10);
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
