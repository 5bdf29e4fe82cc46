//! The behaviours that scikit-learn's tests publish for its FastICA, asked of every method here: recovery without and
//! with noise, more observed columns than sources, ways of whitening, the inverse, no convergence, the same seed.

use crate::common::normals;
use ivae_ica::{
    Algorithm, Auto, Contrast, FastIca, FittedIca, IcaError, Infomax, Method, Nonlinearity, Pca, Picard,
    Scalar, Start, Whitening,
};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, Axis, array};

const ROWS: usize = 1000;

fn normed(mut x: Array2<f64>) -> Array2<f64> {
    x -= &x.mean_axis(Axis(0)).unwrap();
    let std = x.std_axis(Axis(0), 0.0);
    x / &std
}

fn noise(columns: usize, seed: u64) -> Array2<f64> {
    normals(ROWS, columns, StreamKey::new(seed, Purpose::Generate))
}

/// A square wave and Cauchy noise, normed.
fn wave_and_cauchy(seed: u64) -> Array2<f64> {
    let g = noise(2, seed);
    normed(Array2::from_shape_fn((ROWS, 2), |(i, j)| match j {
        0 => (100.0 * i as f64 / (ROWS - 1) as f64).sin().signum(),
        _ => g[[i, 0]] / g[[i, 1]],
    }))
}

/// A fit by every method, with its name.
fn fits(
    x: &Array2<f64>,
    whitening: Whitening,
    components: Option<usize>,
    seed: u64,
) -> Vec<(String, FittedIca<f64>)> {
    let mut out = Vec::new();
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        for contrast in [Nonlinearity::Logcosh { alpha: 1.0 }, Nonlinearity::Exp, Nonlinearity::Cube] {
            let ica = FastIca { algorithm, contrast, whitening, components, seed, ..FastIca::default() };
            out.push((format!("{algorithm:?} {contrast:?}"), ica.fit(x.view()).unwrap()));
        }
    }
    for orthogonal in [true, false] {
        let picard = Picard { orthogonal, whitening, components, seed, ..Picard::default() };
        out.push((format!("Picard, orthogonal {orthogonal}"), picard.fit(x.view()).unwrap()));
    }
    let infomax = Infomax { whitening, components, seed, ..Infomax::default() };
    out.push(("Infomax".into(), infomax.fit(x.view()).unwrap()));
    out
}

/// |mean(s_i y_j)| of the better of both orders, both normed, the worse of the two sources.
fn agreement(s: &Array2<f64>, y: Array2<f64>) -> f64 {
    let c = (s.t().dot(&normed(y)) / ROWS as f64).mapv(f64::abs);
    f64::max(c[[0, 0]].min(c[[1, 1]]), c[[0, 1]].min(c[[1, 0]]))
}

#[test]
fn two_sources_come_back_without_and_with_noise() {
    let s = wave_and_cauchy(1);
    let (sin, cos) = 0.6f64.sin_cos();
    let mixed = s.dot(&array![[cos, sin], [sin, -cos]].t());
    for (x, least) in [(mixed.clone(), 0.995), (normed(mixed) + noise(2, 2) * 0.1, 0.95)] {
        for (name, ica) in fits(&x, Whitening::Pca, None, 1) {
            let y = ica.transform(x.view()).unwrap();
            let found = agreement(&s, y);
            assert!(found > least, "{name}: {found}");
        }
    }
}

#[test]
fn more_columns_than_sources() {
    let s = normed(Array2::from_shape_fn((ROWS, 2), |(i, j)| {
        let t = 100.0 * i as f64 / (ROWS - 1) as f64;
        if j == 0 { t.sin() } else { (std::f64::consts::PI * t).sin().ceil() }
    }));
    let a = normals(6, 2, StreamKey::new(3, Purpose::Generate));
    let clean = s.dot(&a.t());
    for (x, least) in [(clean.clone(), 0.999), (normed(clean) + noise(6, 4) * 0.1, 0.99)] {
        for (name, ica) in fits(&x, Whitening::Pca, Some(2), 1) {
            assert_eq!((ica.unmixing.dim(), ica.mixing.dim()), ((2, 6), (6, 2)));
            let found = agreement(&s, ica.transform(x.view()).unwrap());
            assert!(found > least, "{name}: {found}");
        }
    }
}

#[test]
fn outputs_have_unit_variance_and_go_back() {
    let x = noise(5, 5).mapv(|v| v * v * v) + 7.0;
    for components in [5, 3] {
        for (name, ica) in fits(&x, Whitening::Pca, Some(components), 2) {
            let y = ica.transform(x.view()).unwrap();
            assert!(y.var_axis(Axis(0), 0.0).iter().all(|v| (v - 1.0).abs() < 1e-9), "{name}");
            let identity = ica.unmixing.dot(&ica.mixing) - Array2::<f64>::eye(components);
            assert!(identity.iter().all(|v| v.abs() < 1e-9), "{name}");
            let back = ica.inverse_transform(y.view()).unwrap();
            assert_eq!(back.dim(), x.dim());
            // All components: x itself; fewer: x on their principal components.
            let pca = Pca::fit(x.view(), Some(components)).unwrap();
            let kept = pca.inverse_transform(pca.transform(x.view()).unwrap().view()).unwrap();
            assert!((&back - &kept).iter().all(|d| d.abs() < 1e-8), "{name}");
        }
    }
}

#[test]
fn arbitrary_variance_scales_outputs_and_warm_starts() {
    let x = noise(5, 5).mapv(|v| v * v * v) + 7.0;
    let root = (ROWS as f64).sqrt();
    for components in [None, Some(3)] {
        let unit = fits(&x, Whitening::Pca, components, 2);
        for ((name, ica), (_, unit)) in
            fits(&x, Whitening::ArbitraryVariance, components, 2).iter().zip(&unit)
        {
            let close = |a: &Array2<f64>, b: Array2<f64>| (a - &b).iter().all(|d| d.abs() < 1e-12);
            assert!(close(&ica.unmixing, &unit.unmixing / root), "{name}");
            assert!(close(&(&ica.mixing / root), unit.mixing.clone()), "{name}");
            assert!(close(&ica.whitening, &unit.whitening / root), "{name}");
            assert_eq!((ica.iterations, ica.limit), (unit.iterations, unit.limit), "{name}");
            let y = ica.transform(x.view()).unwrap();
            assert!(y.var_axis(Axis(0), 0.0).iter().all(|v| (v * ROWS as f64 - 1.0).abs() < 1e-9), "{name}");
            let back = ica.inverse_transform(y.view()).unwrap();
            let pca = Pca::fit(x.view(), components).unwrap();
            let kept = pca.inverse_transform(pca.transform(x.view()).unwrap().view()).unwrap();
            assert!((&back - &kept).iter().all(|d| d.abs() < 1e-8), "{name}");
        }
    }
    // A warm start is the same point, also where the likelihood sets the scale.
    let warm = |whitening| {
        let cold = Picard { orthogonal: false, whitening, ..Picard::default() };
        let first = cold.fit(x.view()).unwrap();
        let warm = Picard { start: Start::Unmixing(first.unmixing), ..cold }.fit(x.view()).unwrap();
        (first.iterations, warm.iterations, warm.unmixing)
    };
    let (unit, arbitrary) = (warm(Whitening::Pca), warm(Whitening::ArbitraryVariance));
    assert!(unit.0 == arbitrary.0 && unit.1 == arbitrary.1 && unit.1 < unit.0, "{unit:?} {arbitrary:?}");
    assert!((&arbitrary.2 * root - &unit.2).iter().all(|d| d.abs() < 1e-9));
}

#[test]
fn data_that_is_white_already() {
    let s = wave_and_cauchy(6);
    let x = s.dot(&array![[1.0, 0.4], [-0.5, 2.0]]) + 3.0;
    let white = Pca::fit(x.view(), None).unwrap().whiten(x.view()).unwrap();
    let (given, found) = (fits(&white, Whitening::Given, None, 1), fits(&x, Whitening::Pca, None, 1));
    for ((name, given), (_, found)) in given.into_iter().zip(found) {
        // The same coordinates up to signs of axes, so the same sources.
        let found = found.transform(x.view()).unwrap();
        let given = given.transform(white.view()).unwrap();
        let c = (given.t().dot(&found) / ROWS as f64).mapv(f64::abs);
        let same = f64::max(c[[0, 0]].min(c[[1, 1]]), c[[0, 1]].min(c[[1, 0]]));
        assert!(same > 0.999, "{name}: {same}");
    }
    // Any whitening will do: the symmetric one is this one, rotated.
    let symmetric = white.dot(&Pca::fit(x.view(), None).unwrap().components);
    for (name, given) in fits(&symmetric, Whitening::Given, None, 1) {
        assert!(agreement(&s, given.transform(symmetric.view()).unwrap()) > 0.995, "{name}");
    }
    let fastica = FastIca { whitening: Whitening::Given, ..FastIca::default() };
    let error = fastica.fit(x.view()).unwrap_err();
    assert!(matches!(error, IcaError::NotWhite { row: 0, column: 0, .. }), "{error}");
    // All of it is used: there is no order by which to leave directions out.
    let error = FastIca { components: Some(1), ..fastica }.fit(white.view()).unwrap_err();
    assert_eq!(error, IcaError::Components { requested: 1, rank: 2, columns: 2 });
}

#[test]
fn directions_without_variance_are_dropped() {
    // Ten columns that are two sources.
    let s = wave_and_cauchy(7);
    let x = s.dot(&normals(10, 2, StreamKey::new(8, Purpose::Generate)).t());
    for (name, ica) in fits(&x, Whitening::Pca, None, 3) {
        assert_eq!((ica.rank, ica.unmixing.dim()), (2, (2, 10)), "{name}");
        assert!(agreement(&s, ica.transform(x.view()).unwrap()) > 0.995, "{name}");
    }
}

#[test]
fn more_columns_than_rows() {
    let x = noise(50, 11).select(Axis(0), &(0..20).collect::<Vec<_>>());
    for (components, n) in [(Some(5), 5), (None, 19)] {
        for (name, ica) in fits(&x, Whitening::Pca, components, 1) {
            assert_eq!((ica.rank, ica.unmixing.dim(), ica.mixing.dim()), (19, (n, 50), (50, n)), "{name}");
            let y = ica.transform(x.view()).unwrap();
            assert!(y.var_axis(Axis(0), 0.0).iter().all(|v| (v - 1.0).abs() < 1e-9), "{name}");
            let back = ica.inverse_transform(y.view()).unwrap();
            let whole = (&back - &x).iter().all(|d| d.abs() < 1e-9);
            assert_eq!(whole, n == 19, "{name}");
        }
    }
}

#[test]
fn no_convergence_is_reported_and_seeds_are_reproducible() {
    let x = noise(4, 9).mapv(|v| v.abs().sqrt() * v);
    let short = [
        FastIca { max_iterations: 2, tolerance: 1e-15, ..FastIca::default() }.fit(x.view()),
        Picard { max_iterations: 2, tolerance: 1e-15, ..Picard::default() }.fit(x.view()),
        Infomax { max_iterations: 2, tolerance: 1e-15, ..Infomax::default() }.fit(x.view()),
    ];
    for ica in short.map(Result::unwrap) {
        assert!(!ica.converged && ica.iterations == 2 && ica.limit >= 1e-15, "{:?}", ica.method);
    }
    let (a, again) = (fits(&x, Whitening::Pca, None, 5), fits(&x, Whitening::Pca, None, 5));
    assert_eq!(a, again);
    assert_ne!(a, fits(&x, Whitening::Pca, None, 6));
}

/// Squares of normals, mixed: asymmetric sources.
fn asymmetric() -> (Array2<f64>, Array2<f64>) {
    let s = normed(noise(3, 10).mapv(|v| v * v));
    let a = array![[2.0, 0.3, 0.1], [-0.4, 1.0, 0.5], [0.2, -0.6, 1.5]];
    (s.dot(&a.t()), a)
}

#[test]
fn skewness_separates_asymmetric_sources() {
    // Symmetric ones it cannot see.
    let (x, a) = asymmetric();
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { contrast: Nonlinearity::Skew, algorithm, ..FastIca::default() };
        let ica = ica.fit(x.view()).unwrap();
        assert!(ica.converged, "{algorithm:?}");
        let found = crate::common::cross_talk(&ica.unmixing, &a);
        assert!(found < 0.2, "{algorithm:?}: {found}");
    }
}

#[test]
fn a_small_step_that_is_the_last_must_be_confirmed() {
    // Two uniform sources, exactly independent, and a start a thousandth from the saddle half way between them, from where
    // kurtosis leads away by a factor of 3 each step.
    let unit = 1.0 / (110.0f64 / 3.0).sqrt();
    let s = Array2::from_shape_fn((441, 2), |(i, j)| unit * (([i / 21, i % 21][j] as f64) - 10.0));
    let (sin, cos) = (std::f64::consts::FRAC_PI_4 + 1e-3).sin_cos();
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let start = Start::Whitened(array![[cos, sin], [-sin, cos]]);
        let ica = FastIca {
            contrast: Nonlinearity::Cube,
            algorithm,
            whitening: Whitening::Given,
            start,
            ..FastIca::default()
        };
        let free = ica.fit(s.view()).unwrap();
        let found = crate::common::cross_talk(&free.unmixing, &Array2::eye(2));
        // A step below the tolerance is within 0.014 of a source, and each step cubes that.
        assert!(free.converged && found < 2.0 * 0.014f64.powi(3), "{algorithm:?}: {found:e}");
        let cut = |max_iterations| FastIca { max_iterations, ..ica.clone() }.fit(s.view()).unwrap();
        for count in 1..free.iterations {
            let cut = cut(count);
            assert!(!cut.converged && cut.iterations == count, "{algorithm:?} {count}: {}", cut.limit);
        }
        assert!(cut(1).limit < ica.tolerance);
        // As many iterations as it takes are enough.
        assert_eq!(cut(free.iterations), free);
    }
}

/// tanh of half, as a user would write it.
struct Logistic;

impl Contrast for Logistic {
    fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
        let mut slope = 0.0;
        for y in y {
            *y = (F::of(0.5) * *y).tanh();
            slope += 0.5 * (1.0 - (*y * *y).f64());
        }
        slope
    }
}

#[test]
fn steeper_contrasts_and_ones_own_separate_too() {
    let s = wave_and_cauchy(1);
    let x = s.dot(&array![[0.8, 0.6], [0.6, -0.8]]);
    let single = x.mapv(|v| v as f32);
    let score = |name: &str, ica: FittedIca<f64>, small: FittedIca<f32>| {
        assert!(ica.converged && small.converged, "{name}");
        for y in [ica.transform(x.view()).unwrap(), small.transform(single.view()).unwrap().mapv(f64::from)] {
            let found = agreement(&s, y);
            assert!(found > 0.995, "{name}: {found}");
        }
    };
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let fastica = FastIca { algorithm, tolerance: 1e-4, ..FastIca::default() };
        for alpha in [1.5, 2.0] {
            let steep = FastIca { contrast: Nonlinearity::Logcosh { alpha }, ..fastica.clone() };
            score(
                &format!("{algorithm:?} {alpha}"),
                steep.fit(x.view()).unwrap(),
                steep.fit(single.view()).unwrap(),
            );
        }
        let own = fastica.with_contrast(Logistic);
        score(&format!("{algorithm:?} own"), own.fit(x.view()).unwrap(), own.fit(single.view()).unwrap());
    }
    for (orthogonal, extended) in [(true, false), (true, true), (false, true)] {
        // Laplace-like sources alone are what the plain likelihood is right for.
        let heavy = normed(noise(2, 12).mapv(|v| v * v * v));
        let x = heavy.dot(&array![[0.8, 0.6], [0.6, -0.8]]);
        let ica = Picard { orthogonal, extended, ..Picard::default() }.fit(x.view()).unwrap();
        let found = agreement(&heavy, ica.transform(x.view()).unwrap());
        assert!(ica.converged && found > 0.995, "orthogonal {orthogonal}, extended {extended}: {found}");
    }
}

#[test]
fn what_the_second_attempt_went_on_from_is_told() {
    let x = noise(4, 9).mapv(|v| v.abs().sqrt() * v);
    let fastica = FastIca { max_iterations: 2, ..FastIca::default() };
    let found = Auto { fastica: fastica.clone(), ..Auto::default() }.fit(x.view()).unwrap();
    let first = fastica.fit(x.view()).unwrap();
    let before = found.before.unwrap();
    assert_eq!((found.method, before.method), (Method::Picard, Method::FastIca));
    assert_eq!((before.iterations, before.limit, before.redrawn), (2, first.limit, first.redrawn));
    assert_eq!(before.tolerance, fastica.tolerance);
    assert!(found.converged && found.limit < found.tolerance);
    assert_eq!(Auto::default().fit(asymmetric().0.view()).unwrap().before, None);
}
