//! Agreement with scikit-learn's estimators, dcor, and published formulas written out in NumPy (`golden/references.py`).

use std::fs::File;
use std::path::Path;

use ivae_metrics::{
    Correlation, KernelRidge, Mcc, Rows, cca_mcc, discretise, kernel_r2, lasso_importance, mig, modularity,
    mutual_information, svcca, u_only, udr, weak_mcc, within_u,
};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;

struct Golden(NpzReader<File>);

impl Golden {
    fn open() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/references.npz");
        Self(NpzReader::new(File::open(path).unwrap()).unwrap())
    }

    fn matrix(&mut self, key: &str) -> Array2<f64> {
        self.0.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    fn vector(&mut self, key: &str) -> Array1<f64> {
        self.0.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    fn bins(&mut self, key: &str) -> Array2<u32> {
        let v: Array2<i64> = self.0.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"));
        v.mapv(|v| v as u32)
    }
}

#[track_caller]
fn assert_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (found, expected): (Vec<_>, Vec<_>) = (found.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((*found - *expected).abs() <= tolerance, "{found:?} instead of {expected:?}");
    }
}

#[test]
fn kernel_ridge_regression() {
    let mut golden = Golden::open();
    let (s, z) = (golden.matrix("kernel_s"), golden.matrix("kernel_z"));
    let (fit, score): (Vec<_>, Vec<_>) = (0..100).partition(|&i| i < 60);
    let split = Rows::Split { fit: &fit, score: &score };
    for (name, width) in [("default", None), ("narrow", Some(0.8))] {
        for (part, rows) in [("all", Rows::All), ("holdout", split)] {
            let kernel = KernelRidge { width, ridge: 1e-2, landmarks: 100, seed: 0 };
            let found = kernel_r2(s.view(), z.view(), rows, &kernel).unwrap();
            assert_close(&found.per_source, &golden.vector(&format!("kernel_{name}_{part}")), 1e-10);
        }
    }
}

#[test]
fn lasso_coefficients() {
    let mut golden = Golden::open();
    let (s, z) = (golden.matrix("lasso_s"), golden.matrix("lasso_z"));
    for i in 0..3 {
        let penalty = golden.vector(&format!("lasso{i}_penalty"))[0];
        let expected = golden.matrix(&format!("lasso{i}_coef")).mapv(f64::abs);
        let found = lasso_importance(s.view(), z.view(), penalty).unwrap();
        assert_close(&found, &expected, 1e-8);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(*found == 0.0, *expected == 0.0);
        }
    }
}

#[test]
fn information_of_binned_columns() {
    let mut golden = Golden::open();
    let s = discretise(golden.matrix("info_s").view(), 8).unwrap();
    let z = discretise(golden.matrix("info_z").view(), 12).unwrap();
    assert_eq!((&s, &z), (&golden.bins("info_s_bins"), &golden.bins("info_z_bins")));
    assert_close(&mutual_information(s.view(), z.view()).unwrap(), &golden.matrix("info_mi"), 1e-10);
    assert_close(&mig(s.view(), z.view()).unwrap().per_source, &golden.vector("info_mig"), 1e-10);
    let (found, expected) = (modularity(s.view(), z.view()).unwrap(), golden.vector("info_modularity"));
    assert_close(&found.per_latent, &expected, 1e-10);
    assert_close(&[found.mean], &[expected.mean().unwrap()], 1e-10);
}

#[test]
fn unsupervised_disentanglement_ranking() {
    let mut golden = Golden::open();
    let fits = [0, 1, 2, 3].map(|i| golden.matrix(&format!("udr{i}")));
    let found = udr(&fits.each_ref().map(|z| z.view()), Correlation::Spearman).unwrap();
    assert_close(&found.pairs, &golden.matrix("udr_pairs"), 1e-10);
    assert_close(&found.per_run, &golden.vector("udr_per_run"), 1e-10);
    assert_eq!(found.medoid, 1);
}

fn by_source(found: Mcc) -> Vec<f64> {
    found.matched.iter().map(|m| m.correlation.abs()).collect()
}

#[test]
fn scores_after_linear_maps_and_within_u() {
    let mut golden = Golden::open();
    let (s, z) = (golden.matrix("maps_s"), golden.matrix("maps_z"));
    let u: Array1<i64> = golden.0.by_name("maps_u").unwrap();
    let u: Vec<u32> = u.iter().map(|&u| u as u32).collect();
    let (fit, score): (Vec<_>, Vec<_>) = (0..300).partition(|&i| i < 200);
    let (rows, pearson) = (Rows::Split { fit: &fit, score: &score }, Correlation::Pearson);
    let weak = weak_mcc(s.view(), z.view(), rows, pearson).unwrap();
    assert_close(&by_source(weak), &golden.vector("maps_weak"), 1e-10);
    let canonical = cca_mcc(s.view(), z.view(), rows, pearson).unwrap();
    assert_close(&by_source(canonical), &golden.vector("maps_cca_mcc"), 1e-10);
    let within = within_u(s.view(), z.view(), &u, rows, pearson).unwrap();
    assert_close(&by_source(within), &golden.vector("maps_within"), 1e-10);
    let alone = u_only(s.view(), &u, rows, pearson).unwrap();
    assert_close(&by_source(alone), &golden.vector("maps_u_only"), 1e-10);
    for part in [0.6, 0.9] {
        let found = svcca(s.view(), z.view(), part).unwrap();
        assert_close(&found.correlations, &golden.vector(&format!("maps_svcca_{part}")), 1e-10);
    }
    let squares = z.mapv(|v| v * v);
    let found = Correlation::Distance.between(s.view(), squares.view()).unwrap();
    assert_close(&found, &golden.matrix("maps_distance"), 1e-10);
}
