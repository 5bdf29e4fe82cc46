//! Agreement with SciPy and scikit-learn (golden values; NaN in a stored matrix is a constant column).
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;

use ivae_metrics::{
    AffineMap, Correlation, Rows, assignment, average_ranks, cca, linear_r2, mcc, pearson, spearman,
};
use ndarray::{Array1, Array2, Axis};
use ndarray_npy::NpzReader;

fn open(name: &str) -> NpzReader<File> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

fn matrix(npz: &mut NpzReader<File>, key: &str) -> Array2<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn vector(npz: &mut NpzReader<File>, key: &str) -> Vec<f64> {
    let v: Array1<f64> = npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    v.to_vec()
}

fn indices(npz: &mut NpzReader<File>, key: &str) -> Vec<usize> {
    let v: Array1<i64> = npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    v.iter().map(|&i| i as usize).collect()
}

#[track_caller]
fn assert_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    for (found, expected) in found.into_iter().zip(expected) {
        let expected = if expected.is_nan() { 0.0 } else { *expected };
        assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
    }
}

#[test]
fn correlations_assignments_and_scores() {
    let mut npz = open("corr_assignment.npz");
    for pair in 0..7 {
        let s = matrix(&mut npz, &format!("p{pair}_s"));
        let z = matrix(&mut npz, &format!("p{pair}_z"));
        for (name, correlation) in [("pearson", Correlation::Pearson), ("spearman", Correlation::Spearman)] {
            let key = |what: &str| format!("p{pair}_{name}{what}");
            let found = match correlation {
                Correlation::Pearson => pearson(s.view(), z.view()),
                Correlation::Spearman => spearman(s.view(), z.view()),
            };
            let found = found.unwrap();
            assert_close(&found, &matrix(&mut npz, &key("")), 1e-10);

            let scored = mcc(s.view(), z.view(), correlation).unwrap();
            assert_close(&[scored.score], &vector(&mut npz, &key("_mcc")), 1e-10);
            assert_eq!(scored.matched.len(), s.ncols().min(z.ncols()));
            // Ties between assignments are possible only where constant columns are.
            if pair != 4 {
                let pairs: Vec<_> = scored.matched.iter().map(|m| (m.source, m.latent)).collect();
                let rows = indices(&mut npz, &key("_row_ind"));
                let columns = indices(&mut npz, &key("_col_ind"));
                assert_eq!(pairs, rows.into_iter().zip(columns).collect::<Vec<_>>(), "pair {pair} {name}");
                let matched: Vec<_> = scored.matched.iter().map(|m| m.correlation.abs()).collect();
                assert_close(&matched, &vector(&mut npz, &key("_matched")), 1e-10);
            }
            assert_eq!(
                scored.warnings.iter().filter(|w| w.to_string().contains("constant")).count() == 2,
                pair == 4
            );
        }
    }
}

#[test]
fn ranks_with_ties() {
    let mut npz = open("corr_assignment.npz");
    for (pair, side) in [(3, "s"), (3, "z"), (5, "s"), (5, "z")] {
        let x = matrix(&mut npz, &format!("p{pair}_{side}"));
        let expected = matrix(&mut npz, &format!("p{pair}_rank_{side}"));
        for (x, expected) in x.axis_iter(Axis(1)).zip(expected.axis_iter(Axis(1))) {
            assert_eq!(average_ranks(x), expected.to_vec());
        }
    }
}

#[test]
fn rectangular_assignment_problems() {
    let mut npz = open("corr_assignment.npz");
    for problem in 0..6 {
        let cost = matrix(&mut npz, &format!("lsa{problem}_cost"));
        let pairs = assignment(&cost.mapv(|c| -c));
        let total: f64 = pairs.iter().map(|&(i, j)| cost[[i, j]]).sum();
        assert_close(&[total], &vector(&mut npz, &format!("lsa{problem}_total")), 1e-10);
        let rows = indices(&mut npz, &format!("lsa{problem}_row_ind"));
        let columns = indices(&mut npz, &format!("lsa{problem}_col_ind"));
        assert_eq!(pairs, rows.into_iter().zip(columns).collect::<Vec<_>>(), "problem {problem}");
    }
}

#[test]
fn regression_and_canonical_correlations() {
    let mut npz = open("metrics.npz");
    let (s, z) = (matrix(&mut npz, "r2_s"), matrix(&mut npz, "r2_z"));
    let map = AffineMap::fit(s.view(), z.view()).unwrap();
    assert_close(&map.coefficients, matrix(&mut npz, "r2_coef").t().iter(), 1e-10);
    let intercept = &map.s_mean - &map.z_mean.dot(&map.coefficients);
    assert_close(&intercept, &vector(&mut npz, "r2_intercept"), 1e-10);

    let r2 = linear_r2(s.view(), z.view(), Rows::All).unwrap();
    assert_close(&r2.per_source, &vector(&mut npz, "r2_per_source"), 1e-10);
    assert_close(&[r2.mean], &vector(&mut npz, "r2_uniform"), 1e-10);

    let (fit, score): (Vec<_>, Vec<_>) = (0..300).partition(|&i| i < 200);
    let r2 = linear_r2(s.view(), z.view(), Rows::Split { fit: &fit, score: &score }).unwrap();
    assert_close(&r2.per_source, &vector(&mut npz, "r2_holdout_per_source"), 1e-10);

    let found = cca(s.view(), z.view()).unwrap();
    assert_close(&found.correlations, &vector(&mut npz, "cca_corr"), 1e-10);
    assert_close(&[found.mean], &vector(&mut npz, "cca_mean"), 1e-10);
}
