//! Agreement with SciPy and scikit-learn (golden values; NaN in a stored matrix is a constant column).

use std::fs::File;
use std::path::Path;

use ivae_metrics::{
    AffineMap, Correlation, Rows, amari, assignment, average_ranks, cca, dci, discretise, linear_r2, mcc,
    mig, mutual_information, pearson, sap, sap_binary, spearman, svcca,
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
            let found = match name {
                "pearson" => pearson(s.view(), z.view()),
                _ => spearman(s.view(), z.view()),
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

#[test]
fn svcca_of_all_directions_is_cca() {
    let mut npz = open("metrics.npz");
    let found = svcca(matrix(&mut npz, "r2_s").view(), matrix(&mut npz, "r2_z").view(), 1.0).unwrap();
    assert_close(&found.correlations, &vector(&mut npz, "cca_corr"), 1e-10);
}

#[test]
fn amari_indices() {
    let mut npz = open("metrics.npz");
    for i in 0..7 {
        let (w, a) = (matrix(&mut npz, &format!("amari{i}_W")), matrix(&mut npz, &format!("amari{i}_A")));
        let found = amari(w.view(), a.view()).unwrap();
        assert_close(&[found], &vector(&mut npz, &format!("amari{i}")), 1e-10);
    }
}

#[test]
fn disentanglement_and_completeness() {
    let mut npz = open("metrics.npz");
    for i in 0..6 {
        let mut key = |what: &str| vector(&mut npz, &format!("dci{i}_{what}"));
        let (d, c, per_latent, per_source) = (key("D"), key("C"), key("D_code"), key("C_factor"));
        let found = dci(matrix(&mut npz, &format!("dci{i}_R")).view()).unwrap();
        assert_close(&found.per_latent, &per_latent, 1e-10);
        assert_close(&found.per_source, &per_source, 1e-10);
        assert_close(&[found.disentanglement, found.completeness], &[d[0], c[0]], 1e-10);
    }
}

/// Integers of the file as levels.
fn levels(npz: &mut NpzReader<File>, key: &str) -> Array2<u32> {
    let v: Array2<i64> = npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    v.mapv(|v| v as u32)
}

#[test]
fn mutual_information_gaps() {
    let mut npz = open("metrics.npz");
    let factors = levels(&mut npz, "factors");
    let bins = discretise(matrix(&mut npz, "code_cont").view(), 20).unwrap();
    assert_eq!(bins, levels(&mut npz, "code_cont_bins20"));
    for (name, codes) in [("disc", levels(&mut npz, "code_disc")), ("cont20", bins)] {
        let expected = matrix(&mut npz, &format!("mig_{name}_mi"));
        assert_close(&mutual_information(factors.view(), codes.view()).unwrap(), &expected, 1e-10);
        let found = mig(factors.view(), codes.view()).unwrap();
        assert_close(&found.per_source, &vector(&mut npz, &format!("mig_{name}_per_factor")), 1e-10);
        assert_close(&[found.mean], &vector(&mut npz, &format!("mig_{name}")), 1e-10);
    }
}

#[test]
fn separated_attributes() {
    let mut npz = open("metrics.npz");
    let codes = matrix(&mut npz, "code_cont");
    let found = sap(levels(&mut npz, "factors").mapv(f64::from).view(), codes.view()).unwrap();
    assert_close(&found.scores, &matrix(&mut npz, "sap_r2_matrix"), 1e-10);
    assert_close(&[found.mean], &vector(&mut npz, "sap_r2"), 1e-10);
    let classes = levels(&mut npz, "factors_bin").mapv(|v| v == 1);
    let found = sap_binary(classes.view(), codes.view()).unwrap();
    assert_close(&found.scores, &matrix(&mut npz, "sap_thr_matrix"), 1e-10);
    assert_close(&[found.mean], &vector(&mut npz, "sap_thr"), 1e-10);
}
