//! Agreement of both joint diagonalisations with pyRiemann's (`golden/joint.py`).

use std::fs::File;
use std::path::Path;

use ivae_ica::{Ajd, FittedIca, Sobi};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;

fn open() -> NpzReader<File> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/joint.npz");
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

/// Rows are those of `expected`, up to order and sign.
#[track_caller]
fn assert_same_rows(found: &FittedIca<f64>, expected: &Array2<f64>) {
    assert!(found.converged, "limit {:e} after {}", found.limit, found.iterations);
    let mut taken = Vec::new();
    for row in found.unmixing.rows() {
        let apart = |other: ndarray::ArrayView1<'_, f64>| {
            let sign = row.dot(&other).signum();
            (&row * sign - other).iter().fold(0.0, |a: f64, d| a.max(d.abs()))
        };
        let apart: Vec<f64> = expected.rows().into_iter().map(apart).collect();
        let nearest = (0..apart.len()).min_by(|&i, &j| apart[i].total_cmp(&apart[j])).unwrap();
        assert!(apart[nearest] < 1e-8, "{:e}", apart[nearest]);
        taken.push(nearest);
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..expected.nrows()).collect::<Vec<_>>());
}

#[test]
fn segments_by_pham() {
    let mut npz = open();
    let x: Array2<f64> = npz.by_name("segments_x").unwrap();
    let segments: Array1<i64> = npz.by_name("segments").unwrap();
    let segments: Vec<u32> = segments.iter().map(|&u| u as u32).collect();
    let found = Ajd { tolerance: 1e-20, ..Ajd::default() }.fit(x.view(), &segments).unwrap();
    assert_same_rows(&found, &npz.by_name("segments_unmixing").unwrap());
}

#[test]
fn lags_by_jacobi_angles() {
    let mut npz = open();
    let x: Array2<f64> = npz.by_name("lags_x").unwrap();
    let found = Sobi { lags: Some((1..=10).collect()), ..Sobi::default() }.fit(x.view()).unwrap();
    assert_same_rows(&found, &npz.by_name("lags_unmixing").unwrap());
}
