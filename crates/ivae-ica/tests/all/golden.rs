//! Agreement with scikit-learn and NumPy (golden values), and with the true sources.

use std::fs::File;
use std::path::Path;

use ivae_ica::{Algorithm, FastIca, FittedIca, Nonlinearity, Pca, Picard, Start, Whitening};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_npy::NpzReader;

fn open(name: &str) -> NpzReader<File> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    NpzReader::new(File::open(path).unwrap()).unwrap()
}

fn matrix(npz: &mut NpzReader<File>, key: &str) -> Array2<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn vector(npz: &mut NpzReader<File>, key: &str) -> Array1<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn vector_of<T: ndarray_npy::ReadableElement>(npz: &mut NpzReader<File>, key: &str) -> Array1<T> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |worst: f64, d| worst.max(d.abs()))
}

/// Absolute correlations of the columns of a and b, `[a, b]`.
fn correlations(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let standard = |x: ArrayView2<'_, f64>| {
        let centred = &x - &x.mean_axis(Axis(0)).unwrap();
        &centred / &centred.map_axis(Axis(0), |c| c.dot(&c).sqrt())
    };
    standard(a).t().dot(&standard(b)).mapv(f64::abs)
}

/// Mean of the largest entry of each row, which must be in different columns.
fn matched(correlations: &Array2<f64>) -> f64 {
    let best = |row: ndarray::ArrayView1<'_, f64>| {
        (0..row.len()).max_by(|&i, &j| row[i].total_cmp(&row[j])).unwrap()
    };
    let mut columns: Vec<usize> = correlations.rows().into_iter().map(best).collect();
    let sum: f64 = columns.iter().enumerate().map(|(i, &j)| correlations[[i, j]]).sum();
    columns.sort_unstable();
    columns.dedup();
    assert_eq!(columns.len(), correlations.nrows(), "two sources have the same best match");
    sum / correlations.nrows() as f64
}

/// What every fit must obey, whatever the data.
fn check_fit(ica: &FittedIca<f64>, x: &Array2<f64>) {
    assert!(ica.converged, "limit {:e} after {}", ica.limit, ica.iterations);
    assert_eq!(ica.redrawn, 0);
    let y = ica.transform(x.view()).unwrap();
    let n = y.ncols();
    let covariance = y.t().dot(&y) / x.nrows() as f64;
    assert!(distance(&covariance, &Array2::eye(n)) < 1e-9);
    assert!(distance(&ica.unmixing.dot(&ica.mixing), &Array2::eye(n)) < 1e-9);
}

fn scikit_learn(file: &str) {
    let mut npz = open(file);
    for kind in ["laplace", "uniform", "mixed"] {
        let x = matrix(&mut npz, &format!("{kind}_x"));
        let s: Array2<f32> = npz.by_name(&format!("{kind}_s")).unwrap();
        let s = s.mapv(f64::from);
        // Starts live in whitened coordinates, where scikit-learn's axes may have the other sign.
        let whitening = Pca::fit(x.view(), None).unwrap().whitening();
        let theirs = matrix(&mut npz, &format!("{kind}_sk_whitening")) * (x.nrows() as f64).sqrt();
        let signs = (&whitening * &theirs).sum_axis(Axis(1)).mapv(f64::signum);
        assert!(distance(&(&theirs * &signs.view().insert_axis(Axis(1))), &whitening) < 1e-9);
        let w_init = matrix(&mut npz, &format!("{kind}_w_init")) * &signs;

        for (algorithm, algorithm_name) in
            [(Algorithm::Parallel, "parallel"), (Algorithm::Deflation, "deflation")]
        {
            for (contrast, contrast_name) in [
                (Nonlinearity::Logcosh { alpha: 1.0 }, "logcosh"),
                (Nonlinearity::Exp, "exp"),
                (Nonlinearity::Cube, "cube"),
            ] {
                let key = |what: &str| format!("{kind}_{algorithm_name}_{contrast_name}_{what}");
                let ica = FastIca {
                    algorithm,
                    contrast,
                    tolerance: 1e-9,
                    max_iterations: 1000,
                    start: Start::Whitened(w_init.clone()),
                    ..FastIca::default()
                };
                let ica = ica.fit(x.view()).unwrap();
                check_fit(&ica, &x);
                let scale = ica.unmixing.iter().fold(1.0, |a: f64, v| a.max(v.abs()));
                let apart = distance(&ica.unmixing, &matrix(&mut npz, &key("components")));
                assert!(apart < 1e-10 * scale, "{}: {apart:e}", key("components"));
                let scale = ica.mixing.iter().fold(1.0, |a: f64, v| a.max(v.abs()));
                let apart = distance(&ica.mixing, &matrix(&mut npz, &key("mixing")));
                assert!(apart < 1e-10 * scale, "{}: {apart:e}", key("mixing"));
                let truth = matched(&correlations(s.view(), ica.transform(x.view()).unwrap().view()));
                let expected = vector(&mut npz, &key("mcc"))[0];
                assert!(truth >= expected - 1e-6, "{}: {truth} instead of {expected}", key("mcc"));
            }
        }
    }
}

#[test]
fn scikit_learn_4d() {
    scikit_learn("fastica_4d.npz");
}

#[test]
fn scikit_learn_10d() {
    scikit_learn("fastica_10d.npz");
}

#[test]
fn scikit_learn_arbitrary_variance() {
    let mut npz = open("arbitrary_variance.npz");
    let x = matrix(&mut npz, "x");
    for (algorithm, name) in [(Algorithm::Parallel, "parallel"), (Algorithm::Deflation, "deflation")] {
        let mut theirs = |what: &str| matrix(&mut npz, &format!("{name}_{what}"));
        let (whitening, components, mixing) = (theirs("whitening"), theirs("components"), theirs("mixing"));
        let sources = theirs("sources");
        let ica = FastIca {
            algorithm,
            components: Some(3),
            whitening: Whitening::ArbitraryVariance,
            // The start lives in their whitened coordinates, whose axes may have the other sign.
            start: Start::Unmixing(matrix(&mut npz, "w_init").dot(&whitening)),
            tolerance: 1e-9,
            max_iterations: 1000,
            ..FastIca::default()
        };
        let ica = ica.fit(x.view()).unwrap();
        assert!(ica.converged);
        let signs = (&ica.whitening * &whitening).sum_axis(Axis(1)).mapv(f64::signum);
        assert!(distance(&ica.whitening, &(&whitening * &signs.insert_axis(Axis(1)))) < 1e-12, "{name}");
        assert!(distance(&ica.unmixing, &components) < 1e-12, "{name}");
        let size = mixing.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        assert!(distance(&ica.mixing, &mixing) < 1e-10 * size, "{name}");
        assert!(distance(&ica.transform(x.view()).unwrap(), &sources) < 1e-10, "{name}");
    }
}

fn python_picard(file: &str) {
    let mut npz = open(file);
    for kind in ["laplace", "uniform", "mixed"] {
        let x = matrix(&mut npz, &format!("{kind}_x"));
        let s: Array2<f32> = npz.by_name(&format!("{kind}_s")).unwrap();
        let s = s.mapv(f64::from);
        for (name, orthogonal, extended) in
            [("ortho_ext", true, true), ("noortho_ext", false, true), ("noortho_plain", false, false)]
        {
            if !extended && kind != "laplace" {
                continue;
            }
            let mut key = |what: &str| matrix(&mut npz, &format!("{kind}_picard_{name}_{what}"));
            // The start lives in their whitened coordinates.
            let (whitening, w) = (key("K"), key("W"));
            let start = matrix(&mut npz, &format!("{kind}_w_init_orth")).dot(&whitening);
            let start = Start::Unmixing(start);
            let picard = Picard { orthogonal, extended, tolerance: 1e-9, start, ..Picard::default() };
            let ica = picard.fit(x.view()).unwrap();
            assert!(ica.converged, "{kind} {name}: limit {:e} after {}", ica.limit, ica.iterations);
            let theirs = vector_of::<i64>(&mut npz, &format!("{kind}_picard_{name}_n_iter"))[0] as usize;
            assert!(
                ica.iterations < 2 * theirs,
                "{kind} {name}: {} iterations, not {theirs}",
                ica.iterations
            );

            let y = ica.transform(x.view()).unwrap();
            let mut expected = w.dot(&whitening);
            // Their outputs have any variance, ours 1.
            let centred = &x - &x.mean_axis(Axis(0)).unwrap();
            let std = centred.dot(&expected.t()).std_axis(Axis(0), 0.0);
            expected /= &std.insert_axis(Axis(1));
            let scale = expected.iter().fold(1.0, |a: f64, v| a.max(v.abs()));
            for row in ica.unmixing.rows() {
                let apart = |other: ndarray::ArrayView1<'_, f64>| {
                    let sign = row.dot(&other).signum();
                    (&row * sign - other).iter().fold(0.0, |a: f64, d| a.max(d.abs()))
                };
                let apart = expected.rows().into_iter().map(apart).fold(f64::INFINITY, f64::min);
                assert!(apart < 1e-8 * scale, "{kind} {name}: {apart:e}");
            }
            let truth = matched(&correlations(s.view(), y.view()));
            let theirs = vector(&mut npz, &format!("{kind}_picard_{name}_mcc"))[0];
            assert!(truth >= theirs - 1e-8, "{kind} {name}: {truth} instead of {theirs}");
        }
    }
}

#[test]
fn python_picard_4d() {
    python_picard("fastica_4d.npz");
}

#[test]
fn python_picard_10d() {
    python_picard("fastica_10d.npz");
}

#[test]
fn white_input_with_zeros_where_a_sign_is_taken() {
    let x = matrix(&mut open("fastica_trap.npz"), "x");
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { algorithm, ..FastIca::default() }.fit(x.view()).unwrap();
        check_fit(&ica, &x);
        for row in ica.unmixing.mapv(f64::abs).rows() {
            let largest = row.fold(0.0, |a: f64, &v| a.max(v));
            assert!((largest - 1.0).abs() < 0.01 && (row.sum() - largest) < 0.02, "{row}");
        }
        assert!(matched(&ica.unmixing.mapv(f64::abs)) > 0.99);
    }
}

#[test]
fn principal_components_and_whitening() {
    let mut npz = open("whitening_pca.npz");
    for prefix in ["well", "deficient"] {
        let x = matrix(&mut npz, &format!("{prefix}_x"));
        let rank: Array1<i64> = npz.by_name(&format!("{prefix}_rank_rel1e-10")).unwrap();
        let pca = Pca::fit(x.view(), None).unwrap();
        assert_eq!(pca.rank as i64, rank[0]);
        let mean = vector(&mut npz, &format!("{prefix}_mean"));
        assert!((&pca.mean - &mean).iter().all(|d| d.abs() < 1e-12));

        let variances = vector(&mut npz, &format!("{prefix}_eigvals_ddof0"));
        let covariance = matrix(&mut npz, &format!("{prefix}_cov_ddof0"));
        assert!((pca.total_variance - covariance.diag().sum()).abs() < 1e-11);
        for (found, expected) in pca.variances.iter().zip(&variances) {
            assert!((found - expected).abs() < 1e-11, "{found} {expected}");
        }

        let whitening = pca.whitening();
        let expected = matrix(&mut npz, &format!("{prefix}_whitening_pca"));
        assert_eq!(whitening.dim(), expected.dim());
        for (found, expected) in whitening.rows().into_iter().zip(expected.rows()) {
            let sign = found.dot(&expected).signum();
            assert!((&found * sign - expected).iter().all(|d| d.abs() < 1e-9));
        }

        let components = matrix(&mut npz, &format!("{prefix}_sk_components"));
        for (found, expected) in pca.components.rows().into_iter().zip(components.rows()) {
            assert!((found.dot(&expected).abs() - 1.0).abs() < 1e-12);
        }
        let white = pca.whiten(x.view()).unwrap();
        assert!(distance(&(white.t().dot(&white) / x.nrows() as f64), &Array2::eye(pca.rank)) < 1e-10);
        assert!(distance(&pca.inverse_whiten(white.view()).unwrap(), &x) < 1e-9);
        let scores = pca.transform(x.view()).unwrap();
        assert!(distance(&pca.inverse_transform(scores.view()).unwrap(), &x) < 1e-9);
    }
}
