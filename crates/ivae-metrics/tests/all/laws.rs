//! Laws that every score obeys: invariances, bounds, truth, chance; and the errors and warnings of bad input.

use ivae_metrics::{
    Correlation, MetricError, Rows, Warning, cca, chance, linear_r2, mcc, mcc_on, pearson, spearman, u_only,
    weak_mcc, within_u,
};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// Sources, and latents that are a noisy mixture of them.
fn noisy_pair(rows: usize, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let s = normals(rows, 3, seed);
    let mixing = normals(3, 4, seed + 1000);
    let z = s.dot(&mixing) + 0.5 * normals(rows, 4, seed + 2000);
    (s, z)
}

const BOTH: [Correlation; 2] = [Correlation::Pearson, Correlation::Spearman];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn order_sign_scale_and_shift_do_not_matter(
        seed in 0u64..10_000,
        rows in 5usize..200,
        shift in -50.0..50.0f64,
        exponent in -30i32..30,
        rotation in 0usize..4,
    ) {
        let (s, z) = noisy_pair(rows, seed);
        let order: Vec<usize> = (0..4).map(|j| (j + rotation) % 4).collect();
        let moved = z.select(Axis(1), &order).mapv(|v| (shift - v) * 10f64.powi(exponent));
        for correlation in BOTH {
            let (a, b) = (mcc(s.view(), z.view(), correlation).unwrap(), mcc(s.view(), moved.view(), correlation).unwrap());
            prop_assert!((a.score - b.score).abs() < 1e-9);
            for (a, b) in a.matched.iter().zip(&b.matched) {
                prop_assert_eq!(a.latent, order[b.latent]);
                prop_assert!((a.correlation + b.correlation).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn spearman_ignores_increasing_maps(seed in 0u64..10_000, rows in 5usize..200) {
        let (s, z) = noisy_pair(rows, seed);
        let bent = z.mapv(|v| v.powi(3).exp_m1().atan() + v / 8.0);
        prop_assert_eq!(spearman(s.view(), z.view()).unwrap(), spearman(s.view(), bent.view()).unwrap());
    }

    #[test]
    fn bounds_symmetry_and_identity(seed in 0u64..10_000, rows in 5usize..200) {
        let (s, z) = noisy_pair(rows, seed);
        for correlation in BOTH {
            let forward = mcc(s.view(), z.view(), correlation).unwrap();
            prop_assert!((0.0..=1.0).contains(&forward.score));
            prop_assert!((forward.score - mcc(z.view(), s.view(), correlation).unwrap().score).abs() < 1e-12);
            prop_assert!((mcc(s.view(), s.view(), correlation).unwrap().score - 1.0).abs() < 1e-12);
        }
        let c = pearson(s.view(), z.view()).unwrap();
        prop_assert!((&c - &pearson(z.view(), s.view()).unwrap().t()).iter().all(|d| d.abs() < 1e-14));
        prop_assert!(c.iter().all(|v| v.abs() <= 1.0));
    }

    #[test]
    fn an_affine_map_of_the_sources_is_perfect_in_the_weak_sense_only(seed in 0u64..10_000) {
        let s = normals(300, 3, seed);
        let z = s.dot(&normals(3, 3, seed + 1)) + 7.0;
        let (fit, score): (Vec<_>, Vec<_>) = (0..300).partition(|&i| i < 200);
        let rows = Rows::Split { fit: &fit, score: &score };
        prop_assert!(weak_mcc(s.view(), z.view(), rows, Correlation::Pearson).unwrap().score > 1.0 - 1e-8);
        prop_assert!(linear_r2(s.view(), z.view(), rows).unwrap().mean > 1.0 - 1e-8);
        prop_assert!(cca(s.view(), z.view()).unwrap().mean > 1.0 - 1e-8);
        prop_assert!(mcc(s.view(), z.view(), Correlation::Pearson).unwrap().score < 0.999);
    }
}

/// The expected best mean of one entry per row and column of |G|, G 5 × 5 standard normal, over all 120 assignments.
fn best_of_normals() -> f64 {
    let mut orders = vec![vec![]];
    for _ in 0..5 {
        orders = (0..5)
            .flat_map(|j| orders.iter().filter(move |o: &&Vec<usize>| !o.contains(&j)).map(move |o| (o, j)))
            .map(|(o, j)| o.iter().copied().chain([j]).collect())
            .collect();
    }
    assert_eq!(orders.len(), 120);
    let g = normals(4000, 25, 20);
    let best = |g: &[f64]| {
        let mean = |o: &Vec<usize>| o.iter().enumerate().map(|(i, &j)| g[5 * i + j].abs()).sum::<f64>() / 5.0;
        orders.iter().map(mean).fold(0.0, f64::max)
    };
    g.rows().into_iter().map(|g| best(g.as_slice().unwrap())).sum::<f64>() / 4000.0
}

#[test]
fn independent_latents_score_the_chance_level() {
    // Correlations of N independent rows are about normal with variance 1 / (N − 1).
    let constant = best_of_normals();
    for rows in [64, 1000] {
        let unit = 1.0 / (rows as f64 - 1.0).sqrt();
        let (s, z) = (normals(rows, 5, 1), normals(rows, 5, 2));
        for correlation in BOTH {
            let found = chance(s.view(), z.view(), Rows::All, correlation, 100, 7).unwrap();
            // One score has a standard deviation of about 0.25 units, the mean of 100 a tenth of that.
            assert!((found / unit - constant).abs() < 0.1, "{found} at {rows} rows, not {}", constant * unit);
            let score = mcc(s.view(), z.view(), correlation).unwrap().score;
            assert!((score / unit - constant).abs() < 1.0, "{score} against {found}");
        }
    }
    let (s, z) = (normals(64, 5, 1), normals(64, 5, 2));
    let twice = [(); 2].map(|()| chance(s.view(), z.view(), Rows::All, Correlation::Spearman, 9, 7).unwrap());
    assert_eq!(twice[0], twice[1]);
    assert!(twice[0] != chance(s.view(), z.view(), Rows::All, Correlation::Spearman, 9, 8).unwrap());
}

#[test]
fn held_out_rows_use_the_assignment_of_the_fitted_rows() {
    // On the fitted rows latent i is source i, on the others they are exchanged.
    let s = normals(200, 2, 3);
    let mut z = s.clone();
    for i in 100..200 {
        z.swap([i, 0], [i, 1]);
    }
    let (fit, score): (Vec<_>, Vec<_>) = (0..200).partition(|&i| i < 100);
    let split = Rows::Split { fit: &fit, score: &score };
    let found = mcc_on(s.view(), z.view(), split, Correlation::Pearson).unwrap();
    assert_eq!(found.rows, 100);
    assert!(found.score < 0.3, "{}", found.score);
    let same = Rows::Split { fit: &score, score: &score };
    assert!(mcc_on(s.view(), z.view(), same, Correlation::Pearson).unwrap().score > 1.0 - 1e-12);
    assert!(chance(s.view(), z.view(), split, Correlation::Spearman, 5, 1).unwrap() < 0.25);
}

#[test]
fn u_alone_scores_as_theory_says_and_nothing_within() {
    // Segment means U(−5, 5), standard deviations U(0.5, 3): η = √(Var m / (Var m + E σ²)) ≈ .836.
    let (levels, per_level) = (40, 500);
    let u: Vec<u32> = (0..levels * per_level).map(|i| (i / per_level) as u32).collect();
    let uniform = |seed, low: f64, high: f64| {
        normals(levels, 5, seed).mapv(|v| low + (high - low) * 0.5 * (1.0 + erf(v / 2f64.sqrt())))
    };
    let (mean, std) = (uniform(4, -5.0, 5.0), uniform(5, 0.5, 3.0));
    let noise = normals(u.len(), 5, 6);
    let s = Array2::from_shape_fn(noise.dim(), |(i, j)| {
        let m = u[i] as usize;
        mean[[m, j]] + std[[m, j]] * noise[[i, j]]
    });
    // Every third row is held out, so that all levels are on both sides.
    let (score, fit): (Vec<_>, Vec<_>) = (0..u.len()).partition(|i| i % 3 == 0);
    let split = Rows::Split { fit: &fit, score: &score };
    for rows in [Rows::All, split] {
        let alone = u_only(s.view(), &u, rows, Correlation::Pearson).unwrap();
        assert!((alone.score - 0.83).abs() < 0.02, "{}", alone.score);
        assert!(alone.warnings.is_empty());
    }

    // The η of each source, from its definition.
    let alone = u_only(s.view(), &u, Rows::All, Correlation::Pearson).unwrap();
    for (j, m) in alone.matched.iter().enumerate() {
        let column = s.column(j);
        let total = column.var(0.0);
        let within: f64 = (0..levels)
            .map(|l| {
                column.slice_axis(Axis(0), ndarray::Slice::from(l * per_level..(l + 1) * per_level)).var(0.0)
            })
            .sum::<f64>()
            / levels as f64;
        assert!((m.correlation - (1.0 - within / total).sqrt()).abs() < 1e-12);
    }

    // Latents that are u's means only: a high MCC, but nothing within u; the true sources: all within u.
    let collapsed = Array2::from_shape_fn(s.dim(), |(i, j)| mean[[u[i] as usize, j]] + 0.1);
    assert!(mcc(s.view(), collapsed.view(), Correlation::Pearson).unwrap().score > 0.8);
    for correlation in BOTH {
        let nothing = within_u(s.view(), collapsed.view(), &u, split, correlation).unwrap();
        assert_eq!(nothing.score, 0.0);
        assert!(nothing.warnings.contains(&Warning::ConstantLatent { column: 4 }));
        let all = within_u(s.view(), s.view(), &u, Rows::All, correlation).unwrap();
        assert!(all.score > 1.0 - 1e-12);
    }
}

/// Abramowitz & Stegun 1964, 7.1.26.
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.3275911 * x.abs());
    let poly =
        t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    (1.0 - poly * (-x * x).exp()).copysign(x)
}

#[test]
fn statistics_of_latents_do_not_see_their_signs() {
    // Latents known up to order and the sign of each row: z² is known.
    let s = normals(500, 3, 21);
    let signs = normals(500, 3, 22).mapv(f64::signum);
    let z = s.select(Axis(1), &[1, 2, 0]) * &signs;
    let statistics = |x: &Array2<f64>| x.mapv(|v| v * v);
    for correlation in BOTH {
        assert!(mcc(s.view(), z.view(), correlation).unwrap().score < 0.15);
        let found = mcc(statistics(&s).view(), statistics(&z).view(), correlation).unwrap();
        assert!(found.score > 1.0 - 1e-12);
        assert_eq!(found.matched.iter().map(|m| m.latent).collect::<Vec<_>>(), [2, 0, 1]);
    }
}

#[test]
fn f32_scores_as_f64_does() {
    let (s, z) = noisy_pair(5000, 8);
    let (s32, z32) = (s.mapv(|v| v as f32), z.mapv(|v| v as f32));
    for correlation in BOTH {
        let (a, b) = (
            mcc(s.view(), z.view(), correlation).unwrap(),
            mcc(s32.view(), z32.view(), correlation).unwrap(),
        );
        assert!((a.score - b.score).abs() < 1e-6);
    }
    let (a, b) = (cca(s.view(), z.view()).unwrap(), cca(s32.view(), z32.view()).unwrap());
    assert!((a.mean - b.mean).abs() < 1e-6);
}

#[test]
fn memory_order_does_not_matter() {
    let (s, z) = noisy_pair(100, 9);
    let turned = z.t().as_standard_layout().to_owned();
    assert_eq!(pearson(s.view(), z.view()).unwrap(), pearson(s.view(), turned.t()).unwrap());
    assert_eq!(spearman(s.view(), z.view()).unwrap(), spearman(s.view(), turned.t()).unwrap());
}

#[test]
fn collinear_and_constant_latents() {
    let s = normals(200, 2, 10);
    let z = Array2::from_shape_fn((200, 4), |(i, j)| match j {
        0 => s[[i, 0]] + s[[i, 1]],
        1 => 2.0 * s[[i, 0]] + 2.0 * s[[i, 1]],
        2 => s[[i, 0]] - s[[i, 1]],
        _ => 5.0,
    });
    assert!(weak_mcc(s.view(), z.view(), Rows::All, Correlation::Pearson).unwrap().score > 1.0 - 1e-9);
    assert!(linear_r2(s.view(), z.view(), Rows::All).unwrap().mean > 1.0 - 1e-9);
    assert!(cca(s.view(), z.view()).unwrap().mean > 1.0 - 1e-9);
    let constant = Array2::from_elem((200, 1), 0.1);
    let nothing = weak_mcc(s.view(), constant.view(), Rows::All, Correlation::Pearson).unwrap();
    let said: Vec<_> = (0..constant.ncols()).map(|column| Warning::ConstantLatent { column }).collect();
    assert_eq!((nothing.score, nothing.warnings), (0.0, said));
    assert_eq!(cca(s.view(), constant.view()).unwrap().correlations, [0.0]);
    let r2 = linear_r2(constant.view(), s.view(), Rows::All).unwrap();
    assert_eq!((r2.mean, r2.warnings), (0.0, vec![Warning::ConstantSource { column: 0 }]));
}

#[test]
fn warnings_name_what_is_odd() {
    let s = normals(6, 3, 11);
    let z = normals(6, 2, 12);
    let found = mcc(s.view(), z.view(), Correlation::Pearson).unwrap();
    assert_eq!(found.warnings, [Warning::UnmatchedSources { sources: 3, latents: 2 }]);
    let u = [0, 0, 0, 1, 1, 7];
    let found = within_u(s.view(), s.view(), &u, Rows::All, Correlation::Pearson).unwrap();
    assert_eq!(found.warnings, [Warning::SingletonLevels { levels: 1 }]);
    let split = Rows::Split { fit: &[0, 1, 2], score: &[3, 4, 5] };
    let found = u_only(s.view(), &u, split, Correlation::Pearson).unwrap();
    assert_eq!(found.warnings, [Warning::UnseenLevel { level: 1 }, Warning::UnseenLevel { level: 7 }]);
    assert_eq!(found.score, 0.0);
}

#[test]
fn bad_input_is_named() {
    let s = normals(10, 2, 13);
    let fails = |s: &Array2<f64>, z: &Array2<f64>| mcc(s.view(), z.view(), Correlation::Pearson).unwrap_err();
    assert_eq!(
        fails(&s, &normals(9, 2, 14)),
        MetricError::Rows { what: "the latents", expected: 10, found: 9 }
    );
    assert_eq!(
        fails(&array![[1.0], [2.0]], &array![[1.0], [2.0]]),
        MetricError::TooFewRows { found: 2, needed: 3 }
    );
    assert_eq!(fails(&s, &Array2::zeros((10, 0))), MetricError::NoColumns { what: "the latents" });
    let mut bad = s.clone();
    bad[[7, 1]] = f64::INFINITY;
    let error = MetricError::NotFinite { what: "the latents", row: 7, column: 1, value: f64::INFINITY };
    assert_eq!(fails(&s, &bad), error);
    assert_eq!(error.to_string(), "the latents: not finite at row 7, column 1: inf");
    bad[[7, 1]] = f64::NAN;
    assert!(matches!(spearman(bad.view(), s.view()), Err(MetricError::NotFinite { row: 7, column: 1, .. })));
    let split = Rows::Split { fit: &[0, 1, 2, 10], score: &[3, 4, 5] };
    assert_eq!(
        mcc_on(s.view(), s.view(), split, Correlation::Pearson).unwrap_err(),
        MetricError::RowIndex { index: 10, rows: 10 }
    );
    let short = Rows::Split { fit: &[0, 1], score: &[3, 4, 5] };
    assert!(matches!(
        u_only(s.view(), &[0; 10], short, Correlation::Pearson),
        Err(MetricError::TooFewRows { .. })
    ));
    assert!(matches!(
        within_u(s.view(), s.view(), &[0; 9], Rows::All, Correlation::Pearson),
        Err(MetricError::Rows { what: "u", expected: 10, found: 9 })
    ));
    let split = Rows::Split { fit: &[0, 1, 2], score: &[3, 4, 5] };
    assert!(matches!(
        weak_mcc(s.view(), s.view(), split, Correlation::Pearson),
        Err(MetricError::TooFewRows { found: 3, needed: 4 })
    ));
    assert_eq!(
        chance(s.view(), s.view(), Rows::All, Correlation::Pearson, 0, 1),
        Err(MetricError::NoPermutations)
    );
}
