//! Laws of ICA: true sources come back, the mixing does not matter, the same seed gives the same result; and what
//! odd or bad input gives.

use std::sync::atomic::{AtomicUsize, Ordering};

use ivae_ica::{Algorithm, Contrast, FastIca, IcaError, Nonlinearity, Pca, Start};
use ivae_num::{Purpose, Scalar, StreamKey, stream::fill_normal};
use ndarray::{Array1, Array2, ArrayView2, Axis, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// Sources of unit variance: products of pairs of normals, whose sums are Laplace, or uniform ones from their angles.
fn sources(rows: usize, kinds: &[bool], seed: u64) -> Array2<f64> {
    let g = normals(rows, 4 * kinds.len(), seed);
    Array2::from_shape_fn((rows, kinds.len()), |(i, j)| {
        let g = |k: usize| g[[i, 4 * j + k]];
        if kinds[j] {
            // A determinant of normals is Laplace with scale 1 (Nyquist, Rice & Riordan 1954), variance 2.
            (g(0) * g(3) - g(1) * g(2)) / 2f64.sqrt()
        } else {
            g(0).atan2(g(1)) * 3f64.sqrt() / std::f64::consts::PI
        }
    })
}

/// A mixing [d, n] with singular values between 1 and 2: a random one, its singular values replaced.
fn mixing(d: usize, n: usize, seed: u64) -> Array2<f64> {
    let svd = ivae_num::linalg::svd(normals(d, n, seed).view()).unwrap();
    let values = Array1::linspace(2.0, 1.0, svd.s.len());
    (&svd.u * &values).dot(&svd.vt)
}

/// Each source's best absolute correlation, the best ones being all different.
fn recovered(s: ArrayView2<'_, f64>, y: ArrayView2<'_, f64>) -> Vec<f64> {
    let standard = |x: ArrayView2<'_, f64>| {
        let centred = &x - &x.mean_axis(Axis(0)).unwrap();
        &centred / &centred.map_axis(Axis(0), |c| c.dot(&c).sqrt())
    };
    let c = standard(s).t().dot(&standard(y)).mapv(f64::abs);
    let mut taken = Vec::new();
    let best = c.rows().into_iter().map(|row| {
        let j = (0..row.len()).max_by(|&i, &j| row[i].total_cmp(&row[j])).unwrap();
        taken.push(j);
        row[j]
    });
    let best = best.collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), s.ncols(), "two sources have the same best match: {c}");
    best
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn true_sources_come_back(
        kinds in prop::collection::vec(any::<bool>(), 2..6),
        extra in 0usize..3,
        deflation: bool,
        contrast in 0usize..3,
        seed in 0u64..10_000,
    ) {
        let s = sources(8000, &kinds, seed);
        let n = kinds.len();
        let x = s.dot(&mixing(n + extra, n, seed + 1).t()) - 40.0;
        let ica = FastIca {
            algorithm: if deflation { Algorithm::Deflation } else { Algorithm::Parallel },
            contrast: [Nonlinearity::Logcosh { alpha: 1.0 }, Nonlinearity::Exp, Nonlinearity::Cube][contrast],
            seed,
            ..FastIca::default()
        };
        let fitted = ica.fit(x.view()).unwrap();
        prop_assert!(fitted.converged, "limit {:e}", fitted.limit);
        prop_assert_eq!(fitted.rank, n);
        let y = fitted.transform(x.view()).unwrap();
        for r in recovered(s.view(), y.view()) {
            prop_assert!(r > 0.99, "correlation {r}");
        }
        let back = fitted.inverse_transform(y.view()).unwrap();
        prop_assert!((&back - &x).iter().all(|d| d.abs() < 1e-9));
    }

    #[test]
    fn the_mixing_does_not_matter(kinds in prop::collection::vec(any::<bool>(), 2..5), seed in 0u64..10_000) {
        let s = sources(3000, &kinds, seed);
        let n = kinds.len();
        let ica = FastIca { tolerance: 1e-13, max_iterations: 500, ..FastIca::default() };
        let fit = |x: &Array2<f64>| {
            let fitted = ica.fit(x.view()).unwrap();
            assert!(fitted.converged);
            fitted.transform(x.view()).unwrap()
        };
        let (a, b) = (fit(&s), fit(&(s.dot(&mixing(n, n, seed + 1)) + 3.0)));
        for r in recovered(a.view(), b.view()) {
            prop_assert!(r > 1.0 - 1e-9, "correlation {r}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_one_the_same_sources() {
    let s = sources(2000, &[true, false, true], 5);
    let x = s.dot(&mixing(3, 3, 6));
    let fit = |seed| FastIca { seed, ..FastIca::default() }.fit(x.view()).unwrap();
    let (a, again, b) = (fit(1), fit(1), fit(2));
    assert_eq!(a.unmixing, again.unmixing);
    assert_ne!(a.unmixing, b.unmixing);
    let (a, b) = (a.transform(x.view()).unwrap(), b.transform(x.view()).unwrap());
    assert!(recovered(a.view(), b.view()).into_iter().all(|r| r > 0.9999));
}

#[test]
fn f32_finds_what_f64_finds() {
    let s = sources(5000, &[true, false, true, false], 7);
    let x = s.dot(&mixing(4, 4, 8)) + 100.0;
    let single = x.mapv(|v| v as f32);
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { algorithm, ..FastIca::default() };
        let (a, b) = (ica.fit(x.view()).unwrap(), ica.fit(single.view()).unwrap());
        assert!(a.converged && b.converged);
        let (a, b) = (a.transform(x.view()).unwrap(), b.transform(single.view()).unwrap().mapv(f64::from));
        assert!(recovered(a.view(), b.view()).into_iter().all(|r| r > 1.0 - 1e-6));
    }
}

#[test]
fn memory_order_does_not_matter() {
    let x = sources(1000, &[true, false], 9).dot(&mixing(2, 2, 10));
    let turned = x.t().as_standard_layout().to_owned();
    let ica = FastIca::default();
    assert_eq!(ica.fit(x.view()).unwrap().unmixing, ica.fit(turned.t()).unwrap().unmixing);
}

#[test]
fn fewer_components_than_directions() {
    let s = sources(4000, &[true, true, true, true], 11);
    // Two strong sources and two weak ones: two components span the strong ones.
    let x = &s * &array![10.0, 8.0, 0.01, 0.01];
    let fitted = FastIca { components: Some(2), ..FastIca::default() }.fit(x.view()).unwrap();
    assert_eq!((fitted.unmixing.dim(), fitted.mixing.dim(), fitted.rank), ((2, 4), (4, 2), 4));
    let y = fitted.transform(x.view()).unwrap();
    let strong = s.select(Axis(1), &[0, 1]);
    assert!(recovered(strong.view(), y.view()).into_iter().all(|r| r > 0.99));
}

#[test]
fn not_converging_is_reported() {
    let x = sources(1000, &[true, false, true], 12).dot(&mixing(3, 3, 13));
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { algorithm, max_iterations: 1, tolerance: 1e-12, ..FastIca::default() };
        let fitted = ica.fit(x.view()).unwrap();
        assert!(!fitted.converged && fitted.limit >= 1e-12);
        assert_eq!(fitted.iterations, 1);
    }
}

#[test]
fn a_degenerate_start_is_drawn_again_and_counted() {
    let s = sources(4000, &[true, false], 14);
    let x = s.dot(&mixing(2, 2, 15));
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let start = Start::Whitened(array![[0.3, 1.0], [0.0, 0.0]]);
        let fitted = FastIca { algorithm, start, ..FastIca::default() }.fit(x.view()).unwrap();
        assert!(fitted.converged);
        assert_eq!(fitted.redrawn, 1);
        let y = fitted.transform(x.view()).unwrap();
        assert!(recovered(s.view(), y.view()).into_iter().all(|r| r > 0.99));
    }
}

/// Gives NaN, always.
#[derive(Debug)]
struct Nothing;

impl Contrast for Nothing {
    fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
        y.fill(F::nan());
        f64::NAN
    }
}

#[test]
fn a_contrast_that_gives_nothing_is_an_error() {
    let x = sources(100, &[true, false], 16);
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { algorithm, ..FastIca::default() }.with_contrast(Nothing);
        assert!(matches!(ica.fit(x.view()), Err(IcaError::Contrast { .. })));
    }
}

#[test]
fn bad_input_is_named() {
    let x = sources(50, &[true, false], 17);
    let ica = FastIca::default();
    let error = |ica: FastIca, x: &Array2<f64>| ica.fit(x.view()).unwrap_err();
    assert_eq!(error(ica.clone(), &array![[1.0, 2.0]]), IcaError::TooFewRows { found: 1 });
    let mut bad = x.clone();
    bad[[31, 1]] = f64::NEG_INFINITY;
    let expected = IcaError::NotFinite { row: 31, column: 1, value: f64::NEG_INFINITY };
    assert_eq!(error(ica.clone(), &bad), expected);
    let overflow = error(ica.clone(), &(&x * 1e200));
    let IcaError::Overflow { column: 0, mean, variance } = overflow else { panic!("{overflow}") };
    assert!(mean.abs() > 1e197 && !variance.is_finite(), "{overflow}");
    assert_eq!(
        error(FastIca { components: Some(3), ..ica.clone() }, &x),
        IcaError::Components { requested: 3, rank: 2, columns: 2 }
    );
    assert_eq!(
        error(ica.clone(), &Array2::ones((50, 2))),
        IcaError::Components { requested: 0, rank: 0, columns: 2 }
    );
    assert_eq!(
        error(FastIca { start: Start::Whitened(Array2::eye(3)), ..ica.clone() }, &x),
        IcaError::StartShape { expected: 2, expected_columns: 2, rows: 3, columns: 3 }
    );
    for (broken, name) in [
        (FastIca { tolerance: f64::NAN, ..ica.clone() }, "tolerance"),
        (FastIca { max_iterations: 0, ..ica.clone() }, "max_iterations"),
        (FastIca { contrast: Nonlinearity::Logcosh { alpha: 0.0 }, ..ica.clone() }, "alpha"),
        (FastIca { start: Start::Unmixing(array![[1.0, f64::NAN], [0.0, 1.0]]), ..ica.clone() }, "start"),
    ] {
        assert!(matches!(error(broken, &x), IcaError::Setting { name: found, .. } if found == name));
    }
    let fitted = ica.fit(x.view()).unwrap();
    let wrong = IcaError::Columns { expected: 2, found: 3 };
    assert_eq!(fitted.transform(Array2::zeros((4, 3)).view()).unwrap_err(), wrong);
    assert_eq!(
        Pca::fit(x.view(), None).unwrap().inverse_whiten(Array2::zeros((4, 3)).view()).unwrap_err(),
        wrong
    );
}

#[test]
fn tiny_and_huge_units_are_fine() {
    let s = sources(3000, &[true, false], 18);
    for unit in [1e-150, 1.0, 1e150] {
        let x = s.dot(&mixing(2, 2, 19)) * unit;
        let fitted = FastIca::default().fit(x.view()).unwrap();
        assert!(fitted.converged);
        let y = fitted.transform(x.view()).unwrap();
        assert!(recovered(s.view(), y.view()).into_iter().all(|r| r > 0.99));
    }
}

/// The cubic contrast, but for one call that comes to nothing.
#[derive(Debug, Default)]
struct FailsOnce(AtomicUsize);

impl Contrast for FailsOnce {
    fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
        if self.0.fetch_add(1, Ordering::Relaxed) == 1 {
            y.fill(F::nan());
            return f64::NAN;
        }
        let mut slope = 0.0;
        for y in y {
            slope += 3.0 * (*y * *y).f64();
            *y = *y * *y * *y;
        }
        slope
    }
}

#[test]
fn a_direction_that_fails_is_drawn_again_and_counted() {
    let s = sources(1000, &[true, false], 14);
    let x = s.dot(&mixing(2, 2, 15));
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        let ica = FastIca { algorithm, ..FastIca::default() }.with_contrast(FailsOnce::default());
        let fitted = ica.fit(x.view()).unwrap();
        assert!(fitted.converged, "{algorithm:?}");
        assert_eq!(fitted.redrawn, 1, "{algorithm:?}");
        let y = fitted.transform(x.view()).unwrap();
        assert!(recovered(s.view(), y.view()).into_iter().all(|r| r > 0.98), "{algorithm:?}");
    }
}
