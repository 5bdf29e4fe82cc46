//! Picard, Infomax, the choice between methods, and stability: truth, agreement, and what odd or bad input gives.

use crate::common::{cross_talk, normals};
use ivae_ica::{
    Auto, FastIca, FittedIca, IcaError, Infomax, Method, Nonlinearity, Picard, Stability, Start, Whitening,
};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Sources of unit variance: Laplace where `heavy`, else uniform.
fn sources(rows: usize, heavy: &[bool], seed: u64) -> Array2<f64> {
    let g = normals(rows, 4 * heavy.len(), StreamKey::new(seed, Purpose::Generate));
    Array2::from_shape_fn((rows, heavy.len()), |(i, j)| {
        let g = |k: usize| g[[i, 4 * j + k]];
        if heavy[j] {
            (g(0) * g(3) - g(1) * g(2)) / 2f64.sqrt()
        } else {
            g(0).atan2(g(1)) * 3f64.sqrt() / std::f64::consts::PI
        }
    })
}

/// A well-conditioned mixing `[d, n]`.
fn mixing(d: usize, n: usize, seed: u64) -> Array2<f64> {
    let svd = ivae_num::linalg::svd(normals(d, n, StreamKey::new(seed, Purpose::Generate)).view()).unwrap();
    (&svd.u * &ndarray::Array1::linspace(2.0, 1.0, svd.s.len())).dot(&svd.vt)
}

fn unit_variance(ica: &FittedIca<f64>, x: &Array2<f64>) -> bool {
    let y = ica.transform(x.view()).unwrap();
    y.columns().into_iter().all(|c| (c.var(0.0) - 1.0).abs() < 1e-9)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn true_sources_come_back(
        heavy in prop::collection::vec(any::<bool>(), 2..6),
        extra in 0usize..3,
        orthogonal: bool,
        seed in 0u64..10_000,
    ) {
        let s = sources(8000, &heavy, seed);
        let a = mixing(heavy.len() + extra, heavy.len(), seed + 1);
        let x = s.dot(&a.t()) - 40.0;
        let picard = Picard { orthogonal, seed, ..Picard::default() }.fit(x.view()).unwrap();
        prop_assert!(picard.converged, "limit {:e} after {}", picard.limit, picard.iterations);
        prop_assert_eq!((picard.method, picard.rank), (Method::Picard, heavy.len()));
        prop_assert!(cross_talk(&picard.unmixing, &a) < 0.15);
        prop_assert!(unit_variance(&picard, &x));
        let y = picard.transform(x.view()).unwrap();
        let back = picard.inverse_transform(y.view()).unwrap();
        prop_assert!((&back - &x).iter().all(|d| d.abs() < 1e-9));
        // Another start leads to the same maximum.
        let again = Picard { orthogonal, seed: seed + 1, ..Picard::default() }.fit(x.view()).unwrap();
        prop_assert!(cross_talk(&again.unmixing, &picard.mixing) < 1e-5);
    }
}

#[test]
fn orthogonal_picard_is_fastica_and_the_other_is_infomax() {
    let s = sources(6000, &[true, false, true, false], 3);
    let x = s.dot(&mixing(4, 4, 4).t());
    let fast =
        FastIca { tolerance: 1e-14, max_iterations: 1000, ..FastIca::default() }.fit(x.view()).unwrap();
    let picard =
        |orthogonal| Picard { orthogonal, tolerance: 1e-10, ..Picard::default() }.fit(x.view()).unwrap();
    assert!(cross_talk(&fast.unmixing, &picard(true).mixing) < 1e-6);
    let infomax = Infomax::default().fit(x.view()).unwrap();
    assert!(infomax.converged, "limit {:e} after {}", infomax.limit, infomax.iterations);
    assert_eq!(infomax.method, Method::Infomax);
    assert!(cross_talk(&infomax.unmixing, &picard(false).mixing) < 1e-4);
    assert!(unit_variance(&infomax, &x));
    // They are different estimates.
    assert!(cross_talk(&picard(true).unmixing, &picard(false).mixing) > 1e-3);
}

#[test]
fn not_extended_super_gaussian_sources_come_back_and_sub_gaussian_ones_do_not() {
    let a = mixing(3, 3, 6);
    let heavy = sources(8000, &[true; 3], 5).dot(&a.t());
    let picard = Picard { orthogonal: false, extended: false, ..Picard::default() };
    let infomax = Infomax { extended: false, ..Infomax::default() };
    for found in [picard.fit(heavy.view()).unwrap(), infomax.fit(heavy.view()).unwrap()] {
        assert!(found.converged && cross_talk(&found.unmixing, &a) < 0.1, "{:?}", found.method);
    }
    let light = sources(8000, &[false; 3], 5).dot(&a.t());
    assert!(cross_talk(&picard.fit(light.view()).unwrap().unmixing, &a) > 0.5);
    assert!(cross_talk(&Picard { extended: true, ..picard }.fit(light.view()).unwrap().unmixing, &a) < 0.1);
}

#[test]
fn a_warm_start_is_there_at_once() {
    let x = sources(3000, &[true, false, true], 7).dot(&mixing(5, 3, 8).t());
    let found = Picard::default().fit(x.view()).unwrap();
    let start = Start::Unmixing(found.unmixing.clone());
    let again = Picard { start: start.clone(), ..Picard::default() }.fit(x.view()).unwrap();
    assert!(again.converged && again.iterations <= 1, "{}", again.iterations);
    assert!((&again.unmixing - &found.unmixing).iter().all(|d| d.abs() < 1e-6));
    let fast = FastIca { start, ..FastIca::default() }.fit(x.view()).unwrap();
    assert!(fast.converged && fast.iterations == 1);
    let wrong = Picard { start: Start::Unmixing(Array2::eye(3)), ..Picard::default() }.fit(x.view());
    let expected = IcaError::StartShape { expected: 3, expected_columns: 5, rows: 3, columns: 3 };
    assert_eq!(wrong.unwrap_err(), expected);
}

#[test]
fn a_start_that_is_not_orthogonal_or_singular_is_no_trap() {
    let a = mixing(3, 3, 10);
    let x = sources(5000, &[true, false, true], 9).dot(&a.t());
    let skewed = array![[3.0, 2.9, 0.0], [0.1, 0.2, 0.3], [0.0, 1.0, 5.0]];
    let singular = array![[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0, 0.0, 1.0]];
    for orthogonal in [true, false] {
        for (start, redrawn) in [(&skewed, 0), (&singular, 1)] {
            let start = Start::Whitened(start.clone());
            let found = Picard { orthogonal, start, ..Picard::default() }.fit(x.view()).unwrap();
            assert!(found.converged && cross_talk(&found.unmixing, &a) < 0.1);
            assert_eq!(found.redrawn, redrawn);
        }
    }
}

#[test]
fn picard_takes_over_where_fastica_has_not_converged_and_says_so() {
    let a = mixing(4, 4, 12);
    let x = sources(5000, &[true, false, true, false], 11).dot(&a.t());
    assert_eq!(Auto::default().fit(x.view()).unwrap().method, Method::FastIca);
    let hasty = FastIca { max_iterations: 2, tolerance: 1e-12, components: Some(4), ..FastIca::default() };
    let found = Auto { fastica: hasty, ..Auto::default() }.fit(x.view()).unwrap();
    assert_eq!(found.method, Method::Picard);
    assert!(found.converged && cross_talk(&found.unmixing, &a) < 0.1);
}

#[test]
fn what_every_run_finds_is_stable_and_what_noise_is_made_into_is_not() {
    // Two sources, and three directions of Gaussian noise, in which any axes are as good as any other.
    let s = sources(2000, &[true, false], 13);
    let noise = normals(2000, 3, StreamKey::new(14, Purpose::Generate));
    let s = ndarray::concatenate(ndarray::Axis(1), &[s.view(), noise.view()]).unwrap();
    let a = mixing(6, 5, 15);
    let x = s.dot(&a.t());
    let fit = |resample| {
        let stability = Stability { runs: 12, resample, seed: 3 };
        stability
            .fit(x.view(), |x, seed| FastIca { seed, max_iterations: 100, ..FastIca::default() }.fit(x))
            .unwrap()
    };
    let found = fit(true);
    assert!(found.index.is_sorted_by(|a, b| a >= b), "{:?}", found.index);
    assert!(found.index[1] > 0.9 && found.index[2] < 0.75, "{:?}", found.index);
    assert_eq!(found.sizes[..2], [12, 12]);
    assert_eq!(found.sizes.iter().sum::<usize>(), 60);
    assert_eq!(found.ica.converged, found.not_converged == 0);
    // The first two are the two sources; the rest is there, too: all of x comes back.
    let p = found.ica.unmixing.dot(&a).mapv(f64::abs);
    for row in p.rows().into_iter().take(2) {
        let top = row[0].max(row[1]);
        assert!(top > 0.95 && row.sum() - top < 0.2, "{p}");
    }
    let y = found.ica.transform(x.view()).unwrap();
    assert!((found.ica.inverse_transform(y.view()).unwrap() - &x).iter().all(|d| d.abs() < 1e-8));
    assert_eq!(fit(true).index, found.index);
    assert!(fit(false).index[1] > 0.95);

    // Fewer components than directions.
    let few = Stability { runs: 4, ..Stability::default() };
    let few = few.fit(x.view(), |x, seed| Picard { components: Some(2), seed, ..Picard::default() }.fit(x));
    let few = few.unwrap();
    assert_eq!((few.ica.unmixing.dim(), few.ica.mixing.dim(), few.index.len()), ((2, 6), (6, 2), 2));
}

#[test]
fn results_are_finite_in_f32_and_on_odd_data() {
    let a = mixing(2, 2, 17);
    let x = sources(4000, &[true, false], 16).dot(&a.t());
    let (single, double) = (x.mapv(|v| v as f32 + 100.0), &x * 1e150);
    let picard = Picard::default().fit(single.view()).unwrap();
    assert!(picard.converged && cross_talk(&picard.unmixing.mapv(f64::from), &a) < 0.1);
    let infomax = Infomax::default().fit(double.view()).unwrap();
    assert!(infomax.converged && cross_talk(&infomax.unmixing, &(&a * 1e150)) < 0.1);
    // Gaussian data, few rows, one direction: nothing to find, but nothing breaks.
    for rows in [2, 5, 300] {
        for columns in [1, 4] {
            let x = normals(rows, columns, StreamKey::new(18, Purpose::Generate));
            let fits = [
                Picard::default().fit(x.view()),
                Infomax { max_iterations: 20, ..Infomax::default() }.fit(x.view()),
            ];
            for found in fits {
                let found = found.unwrap();
                assert!(found.unmixing.iter().chain(&found.mixing).all(|v| v.is_finite()));
                assert!(found.limit.is_finite());
            }
        }
    }
}

#[test]
fn bad_settings_are_named() {
    let x = sources(50, &[true, false], 19);
    let picard = |p: Picard| p.fit(x.view()).unwrap_err();
    let infomax = |p: Infomax| p.fit(x.view()).unwrap_err();
    for (error, name) in [
        (picard(Picard { tolerance: 0.0, ..Picard::default() }), "tolerance"),
        (picard(Picard { max_iterations: 0, ..Picard::default() }), "max_iterations"),
        (infomax(Infomax { max_iterations: 0, ..Infomax::default() }), "max_iterations"),
        (infomax(Infomax { tolerance: f64::NAN, ..Infomax::default() }), "tolerance"),
        (
            Stability { runs: 1, ..Stability::default() }
                .fit(x.view(), |x, _| FastIca::<Nonlinearity>::default().fit(x))
                .unwrap_err(),
            "runs",
        ),
    ] {
        assert!(matches!(error, IcaError::Setting { name: found, .. } if found == name), "{error}");
    }
    let given = Picard { whitening: Whitening::Given, ..Picard::default() };
    assert!(matches!(given.fit((&x * 2.0).view()), Err(IcaError::NotWhite { .. })));
}
