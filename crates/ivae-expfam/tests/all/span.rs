//! What a table of natural parameters spans: the best points, what no u moves, and how sure that is.

use ivae_expfam::family::custom::{Custom, Range, Statistics};
use ivae_expfam::theory::lambda::Spectrum;
use ivae_expfam::{ExpFam, Gaussian, GaussianForm, Lambda, LambdaError, Support, natural_table};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };
const VAR: Gaussian = Gaussian { form: GaussianForm::Var };
const MEAN: Gaussian = Gaussian { form: GaussianForm::Mean };

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(23, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

/// λ of θ drawn from a normal distribution.
fn table(family: &dyn ExpFam<f64>, count: usize, n: usize, step: u64) -> Array2<f64> {
    natural_table(family, normals(count, n * family.k(), step).view()).unwrap()
}

/// Run `test` on the same cases every time.
fn deterministic<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng).run(strategy, test).unwrap();
}

fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
    match (size, count) {
        (0, _) => vec![vec![]],
        (_, 0) => vec![],
        _ => {
            let mut with = subsets(count - 1, size - 1);
            with.iter_mut().for_each(|s| s.push(count - 1));
            with.extend(subsets(count - 1, size));
            with
        }
    }
}

#[test]
fn best_points_are_the_best_of_all_choices() {
    let cases = [(&VAR, 9, 2), (&VAR, 8, 3), (&FULL, 9, 1), (&FULL, 8, 2), (&MEAN, 9, 4), (&FULL, 10, 2)];
    for (family, count, n) in cases {
        for step in 0..20 {
            let table = table(family, count, n, step);
            let lambda = Lambda::new(family, table.view()).unwrap();
            let points = lambda.best_points().unwrap();
            let volume = |chosen: &[usize]| {
                let l = lambda.l_matrix(chosen[0], &chosen[1..]).unwrap();
                linalg::slogdet(l.view()).unwrap().1
            };
            let chosen: Vec<usize> = [points.u0].into_iter().chain(points.others.iter().copied()).collect();
            let all = subsets(count, lambda.needed()).into_iter().map(|s| volume(&s));
            let best = all.fold(f64::NEG_INFINITY, f64::max);
            let found = volume(&chosen);
            assert!(
                (found - best).abs() < 1e-9,
                "{count} points, n = {n}, step {step}: {found}, best {best}"
            );
        }
    }
}

/// L of these points in whitened coordinates.
fn whitened(lambda: &Lambda<'_>, chosen: &[usize], u0: usize) -> Array2<f64> {
    let others: Vec<usize> = chosen.iter().copied().filter(|&u| u != u0).collect();
    let (k, mean) = (lambda.k(), lambda.table().mean_axis(Axis(0)).unwrap());
    let mut l = lambda.l_matrix(u0, &others).unwrap();
    for i in 0..lambda.n() {
        let at: Vec<f64> = (0..k).map(|j| mean[i * k + j]).collect();
        let mut fisher = vec![0.0; k * k];
        lambda.family().fisher(&mut fisher, &at);
        // Any root of the information has the same singular values: the symmetric one.
        let eigen = linalg::eigh(Array2::from_shape_vec((k, k), fisher).unwrap().view()).unwrap();
        let root = (&eigen.vectors * &eigen.values.mapv(f64::sqrt)).dot(&eigen.vectors.t());
        let rows: Vec<usize> = (i * k..(i + 1) * k).collect();
        let block = root.dot(&l.select(Axis(0), &rows));
        rows.iter().zip(block.rows()).for_each(|(&r, row)| l.row_mut(r).assign(&row));
    }
    l
}

#[test]
fn best_points_have_a_condition_near_the_least_of_all_choices() {
    let cases = [(&VAR, 9, 2), (&VAR, 8, 3), (&FULL, 9, 1), (&FULL, 8, 2), (&MEAN, 9, 4), (&FULL, 10, 2)];
    let mut ratios = vec![];
    for ((family, count, n), step) in cases.into_iter().flat_map(|case| (0..20).map(move |s| (case, s))) {
        let table = table(family, count, n, step);
        let lambda = Lambda::new(family, table.view()).unwrap();
        let points = lambda.best_points().unwrap();
        let condition = |chosen: &[usize], u0: usize| {
            Spectrum::of(whitened(&lambda, chosen, u0).view()).unwrap().condition()
        };
        let chosen: Vec<usize> = [points.u0].into_iter().chain(points.others.iter().copied()).collect();
        assert!((condition(&chosen, points.u0) / points.condition - 1.0).abs() < 1e-6);
        // Of every choice of points, and of u⁰ among them.
        let all = subsets(count, lambda.needed()).into_iter();
        let all = all.flat_map(|s| s.clone().into_iter().map(move |u0| (s.clone(), u0)));
        let least = all.map(|(s, u0)| condition(&s, u0)).fold(f64::INFINITY, f64::min);
        ratios.push(points.condition / least);
    }
    ratios.sort_by(f64::total_cmp);
    let (median, ninety, most) = (ratios[60], ratios[108], ratios[119]);
    // What the documentation of `best_points` says.
    assert!(
        ratios[0] > 1.0 - 1e-9 && median < 1.45 && ninety < 2.55 && most < 6.6,
        "{median} {ninety} {most}"
    );
}

#[test]
fn no_exchange_of_one_point_enlarges_the_volume() {
    let table = table(&FULL, 300, 5, 1);
    let lambda = Lambda::new(&FULL, table.view()).unwrap();
    let points = lambda.best_points().unwrap();
    assert_eq!(points.others.len(), 10);
    assert!(!points.others.contains(&points.u0) && points.others.is_sorted());
    let volume =
        |others: &[usize]| linalg::slogdet(lambda.l_matrix(points.u0, others).unwrap().view()).unwrap().1;
    let found = volume(&points.others);
    for j in 0..10 {
        for u in 0..300 {
            let mut others = points.others.clone();
            others[j] = u;
            assert!(volume(&others) <= found + 1e-6);
        }
    }
    // Far better than ten at random.
    assert!(found > volume(&(20..30).collect::<Vec<_>>()) + 5.0);
    assert!(points.condition.is_finite() && points.condition < 1e3);
}

#[test]
fn points_need_enough_u_and_all_directions() {
    let few = table(&FULL, 4, 2, 2);
    let found = Lambda::new(&FULL, few.view()).unwrap().best_points();
    assert_eq!(found, Err(LambdaError::TooFew { distinct_u: 4, needed: 5 }));
    let mut flat = table(&FULL, 9, 2, 3);
    flat.column_mut(2).fill(0.7);
    flat.column_mut(3).fill(-0.5);
    let found = Lambda::new(&FULL, flat.view()).unwrap().best_points();
    assert_eq!(found, Err(LambdaError::Singular { rank: 2, directions: 4 }));
}

#[test]
fn what_no_u_moves_is_named() {
    let full = table(&FULL, 30, 3, 4);
    let span = Lambda::new(&FULL, full.view()).unwrap().span().unwrap();
    assert_eq!((span.rank, span.unspanned.len()), (6, 0));

    // Latent 1 has a constant λ₁, and latent 2 a constant λ₂.
    let mut part = full.clone();
    part.column_mut(2).fill(0.4);
    part.column_mut(5).fill(-0.8);
    for units in [1.0, 1e3] {
        // z' = z · units: λ₁' = λ₁ / units, λ₂' = λ₂ / units².
        let scaled =
            Array2::from_shape_fn((30, 6), |(u, c)| part[[u, c]] / f64::powi(units, 1 + (c % 2) as i32));
        let span = Lambda::new(&FULL, scaled.view()).unwrap().span().unwrap();
        assert_eq!(span.rank, 4);
        let mut worst: Vec<_> = span.unspanned.iter().filter(|s| s.share > 1.0 - 1e-9).collect();
        worst.sort_by_key(|s| s.component);
        let named: Vec<_> = worst.iter().map(|s| (s.component, s.statistic)).collect();
        assert_eq!(named, [(1, 0), (2, 1)], "{:?}", span.unspanned);
    }

    // Two latents modulated in step: one direction is missing, and both have a part in it.
    let mut step = table(&MEAN, 30, 3, 5);
    let first = step.column(0).to_owned();
    step.column_mut(1).assign(&first);
    let span = Lambda::new(&MEAN, step.view()).unwrap().span().unwrap();
    let shares: Vec<_> = span.unspanned.iter().map(|s| (s.component, (s.share * 1e6).round())).collect();
    assert_eq!(shares.len(), 2);
    assert!(shares.iter().all(|&(i, share)| i < 2 && share == 5e5), "{shares:?}");
}

#[test]
fn leverage_finds_the_u_that_a_direction_rests_on() {
    let mut lambda = table(&VAR, 20, 2, 6);
    // Only u number 7 moves the second latent.
    lambda.column_mut(1).fill(-0.5);
    lambda[[7, 1]] = -5.0;
    let span = Lambda::new(&VAR, lambda.view()).unwrap().span().unwrap();
    assert!((span.leverage.iter().sum::<f64>() - 2.0).abs() < 1e-12);
    // Deviations are from the mean, so that a lone one keeps (M − 1) / M.
    assert!(span.leverage[7] > 0.949, "{:?}", span.leverage);
    assert!(span.leverage.iter().enumerate().all(|(u, &h)| u == 7 || h < 0.6));
}

/// λ̂: λ plus what estimation from `rows` draws at each u adds. k = 1.
fn estimated(family: &Gaussian, lambda: &Array2<f64>, rows: usize, step: u64) -> Array2<f64> {
    let noise = normals(lambda.nrows(), lambda.ncols(), 1000 + step);
    Array2::from_shape_fn(lambda.dim(), |at| {
        let mut fisher = [0.0];
        family.fisher(&mut fisher, &[lambda[at]]);
        lambda[at] + noise[at] / (fisher[0] * rows as f64).sqrt()
    })
}

#[test]
fn the_interval_covers_the_truth() {
    let (count, n, rows, repeats) = (30, 3, 200, 60);
    let mut truth = table(&MEAN, count, n, 7);
    for scale in [1.0, 0.1, 0.03] {
        // The last latent is modulated ever less.
        truth.column_mut(n - 1).mapv_inplace(|v| v * scale);
        let exact = Lambda::new(&MEAN, truth.view()).unwrap().variability().unwrap().singular_values[n - 1];
        let intervals = (0..repeats).map(|r| {
            let found = estimated(&MEAN, &truth, rows, r);
            Lambda::new(&MEAN, found.view()).unwrap().smallest_singular_value(&vec![rows; count]).unwrap()
        });
        let intervals: Vec<_> = intervals.collect();
        let covered = intervals.iter().filter(|i| i.lower <= exact && exact <= i.upper).count();
        assert!(covered >= 53, "scale {scale}: {covered} of {repeats}");
        assert!(intervals.iter().all(|i| i.lower <= i.estimate && i.upper < exact + 0.1));
        let told = intervals.iter().filter(|i| i.told_from_singular()).count();
        match scale {
            1.0 => assert_eq!(told, repeats as usize),
            0.1 => assert!(told > repeats as usize / 2, "{told}"),
            // Signal ten times below its noise.
            _ => assert!(told < repeats as usize / 5, "{told}"),
        }
    }
}

#[test]
fn noise_alone_cannot_be_told_from_singular() {
    let (count, rows) = (40, vec![500; 40]);
    for n in [1, 2, 5] {
        let still = Array2::from_elem((count, n), -0.5);
        let told = (0..40).filter(|&r| {
            let found = estimated(&VAR, &still, 500, 100 + r);
            let lambda = Lambda::new(&VAR, found.view()).unwrap();
            // By its rank alone the table would pass.
            assert!(lambda.variability().unwrap().full_rank());
            lambda.smallest_singular_value(&rows).unwrap().told_from_singular()
        });
        assert!(told.count() <= 3);
    }
    let lambda = table(&VAR, 5, 2, 8);
    let lambda = Lambda::new(&VAR, lambda.view()).unwrap();
    let counts = |given, smallest| Err(LambdaError::Counts { given, distinct_u: 5, smallest });
    assert_eq!(lambda.smallest_singular_value(&[1, 2]), counts(2, 1));
    assert_eq!(lambda.smallest_singular_value(&[1, 2, 3, 0, 4]), counts(5, 0));
}

/// The statistics A (z, z²) on (0, 1).
#[derive(Debug)]
struct Mixed([[f64; 2]; 2]);

impl Statistics for Mixed {
    fn k(&self) -> usize {
        2
    }
    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: 1.0 }
    }
    fn stats(&self, t: &mut [f64], z: f64) {
        (0..2).for_each(|j| t[j] = self.0[j][0] * z + self.0[j][1] * z * z);
    }
    fn dstats(&self, dt: &mut [f64], z: f64) {
        (0..2).for_each(|j| dt[j] = self.0[j][0] + 2.0 * self.0[j][1] * z);
    }
    fn range(&self, _: usize) -> Range {
        Range::Real
    }
}

#[test]
fn another_basis_of_the_statistics_changes_nothing() {
    // λ · A T = λ' · T with λ' = Aᵀ λ.
    let a = [[2.0, -1.0], [0.5, 3.0]];
    let (plain, mixed) =
        (Custom::new(Mixed([[1.0, 0.0], [0.0, 1.0]])).unwrap(), Custom::new(Mixed(a)).unwrap());
    let mixed_table = normals(12, 4, 9) * 2.0;
    let plain_table = Array2::from_shape_fn((12, 4), |(u, c)| {
        let (i, j) = (c / 2 * 2, c % 2);
        a[0][j] * mixed_table[[u, i]] + a[1][j] * mixed_table[[u, i + 1]]
    });
    let (mixed, plain) =
        (Lambda::new(&mixed, mixed_table.view()).unwrap(), Lambda::new(&plain, plain_table.view()).unwrap());
    let (one, other) = (mixed.variability().unwrap(), plain.variability().unwrap());
    for (a, b) in one.singular_values.iter().zip(&other.singular_values) {
        assert!((a - b).abs() < 1e-7 * one.singular_values[0], "{a} {b}");
    }
    let (one, other) = (mixed.best_points().unwrap(), plain.best_points().unwrap());
    assert_eq!((one.u0, &one.others), (other.u0, &other.others));
    assert!((one.log_volume - other.log_volume).abs() < 1e-6);
}

#[test]
fn independent_draws_make_l_invertible_for_every_choice() {
    let strategy = (1..4usize, 0..3usize, 0..1u64 << 32, any::<[Index; 16]>());
    deterministic(200, &strategy, |(n, family, seed, order)| {
        let family: &dyn ExpFam<f64> = [&FULL, &VAR, &MEAN][family];
        let needed = n * family.k() + 1;
        let table = table(family, needed + 4, n, seed);
        let lambda = Lambda::new(family, table.view()).unwrap();
        // Any n·k + 1 points, in any order.
        let mut left: Vec<usize> = (0..needed + 4).collect();
        let chosen: Vec<usize> = (0..needed).map(|l| left.remove(order[l].index(left.len()))).collect();
        let spectrum = Spectrum::of(lambda.l_matrix(chosen[0], &chosen[1..]).unwrap().view()).unwrap();
        prop_assert_eq!(spectrum.rank(1e-12), needed - 1);
        prop_assert!(lambda.variability().unwrap().full_rank());
        // Relabelling u changes neither the spectrum nor the volume.
        let turned = table.select(Axis(0), &chosen);
        let same = Lambda::new(family, turned.view()).unwrap();
        let mut sorted = chosen.clone();
        sorted.sort_unstable();
        let ordered = table.select(Axis(0), &sorted);
        let ordered = Lambda::new(family, ordered.view()).unwrap();
        let (a, b) = (same.best_points().unwrap(), ordered.best_points().unwrap());
        prop_assert!((a.log_volume - b.log_volume).abs() < 1e-7);
        // Of two points, either is the middle.
        prop_assert!(needed == 2 || chosen[a.u0] == sorted[b.u0]);
        Ok(())
    });
}

#[test]
fn within_a_subspace_no_choice_makes_l_invertible() {
    let strategy = (1..4usize, 0..1u64 << 32, any::<[Index; 16]>());
    deterministic(200, &strategy, |(n, seed, order)| {
        // λ = c + B w with fewer columns of B than rows; T = z has all of ℝ as its domain.
        let (count, b) = (n + 6, normals(n, n - 1, seed));
        let table = normals(count, n - 1, seed ^ 1).dot(&b.t()) + normals(1, n, seed ^ 2);
        let lambda = Lambda::new(&MEAN, table.view()).unwrap();
        let mut left: Vec<usize> = (0..count).collect();
        let chosen: Vec<usize> = (0..=n).map(|l| left.remove(order[l].index(left.len()))).collect();
        let spectrum = Spectrum::of(lambda.l_matrix(chosen[0], &chosen[1..]).unwrap().view()).unwrap();
        prop_assert!(spectrum.rank(1e-12) < n);
        let found = lambda.variability().unwrap();
        prop_assert_eq!(found.rank, n - 1);
        prop_assert_eq!(lambda.best_points(), Err(LambdaError::Singular { rank: n - 1, directions: n }));
        prop_assert!(!lambda.span().unwrap().unspanned.is_empty());
        let interval = lambda.smallest_singular_value(&vec![100; count]).unwrap();
        prop_assert!(!interval.told_from_singular());
        Ok(())
    });
}

#[test]
fn determinants_of_l() {
    let l = array![[2.0, 1.0], [0.0, -3.0]];
    assert!((Spectrum::of(l.view()).unwrap().log_abs_det() - 6f64.ln()).abs() < 1e-14);
    assert_eq!(Spectrum::of(array![[1.0], [2.0]].view()).unwrap().log_abs_det(), f64::NEG_INFINITY);
}
