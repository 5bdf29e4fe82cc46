//! The interval of the smallest singular value by refits: coverage where λ(u) of a continuous u is one fitted function.

use ivae_expfam::theory::lambda::{Interval, REPLICATES};
use ivae_expfam::{Gaussian, GaussianForm, Lambda, LambdaError};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array2, Axis};
use rand::Rng;

const MEAN: Gaussian = Gaussian { form: GaussianForm::Mean };
/// Rows of data, every one with a u of its own.
const ROWS: usize = 300;
/// Values of u at which λ is judged.
const JUDGED: usize = 60;
const LATENTS: usize = 3;
const FEATURES: usize = 5;
const REFITS: usize = 200;

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(31, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

/// 1, sin u, cos u, sin 2u, cos 2u at `count` points of a period.
fn features(count: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, FEATURES), |(row, f)| {
        let u = std::f64::consts::TAU * row as f64 / count as f64;
        let turns = f.div_ceil(2) as f64;
        if f % 2 == 1 { (turns * u).sin() } else { (turns * u).cos() }
    })
}

/// Least squares of `z` `[rows, n]` on `x` `[rows, FEATURES]`: maximum likelihood for normal z of variance 1.
fn fit(x: &Array2<f64>, z: &Array2<f64>) -> Array2<f64> {
    linalg::solve(x.t().dot(x).view(), x.t().dot(z).view()).unwrap()
}

/// The interval of λ(u) = φ(u) · B, fitted to draws of z at `step`, by refits to resampled rows.
fn interval(truth: &Array2<f64>, step: u64) -> (Lambda<'static>, Interval) {
    let (x, at) = (features(ROWS), features(JUDGED));
    let z = x.dot(truth) + normals(ROWS, LATENTS, 100 + step);
    let found = at.dot(&fit(&x, &z));
    let mut rng = StreamKey::new(32, Purpose::Control).step(step).rng();
    let refits: Vec<Array2<f64>> = (0..REFITS)
        .map(|_| {
            let rows: Vec<usize> = (0..ROWS).map(|_| rng.random_range(0..ROWS)).collect();
            at.dot(&fit(&x.select(Axis(0), &rows), &z.select(Axis(0), &rows)))
        })
        .collect();
    let views: Vec<_> = refits.iter().map(|table| table.view()).collect();
    let lambda = Lambda::new(&MEAN, found.view()).unwrap();
    let interval = lambda.smallest_singular_value_of(&views).unwrap();
    (lambda, interval)
}

#[test]
fn the_interval_of_refits_covers_the_truth() {
    let repeats = 60;
    let mut truth = normals(FEATURES, LATENTS, 1);
    for scale in [1.0, 0.15, 0.2] {
        // The last latent is modulated ever less: 1, 0.15 and 0.03 of what it was.
        truth.column_mut(LATENTS - 1).mapv_inplace(|b| b * scale);
        let exact = Lambda::new(&MEAN, features(JUDGED).dot(&truth).view()).unwrap().variability().unwrap();
        let exact = exact.singular_values[LATENTS - 1];
        let found: Vec<Interval> = (0..repeats).map(|step| interval(&truth, step).1).collect();
        let covered = found.iter().filter(|i| i.lower <= exact && exact <= i.upper).count();
        // 57 are expected; fewer than 52 of 60 have probability 0.003 at 95 %.
        assert!(covered >= 52, "{exact}: {covered} of {repeats}");
        assert!(found.iter().all(|i| i.lower <= i.estimate && i.upper < exact + 0.3), "{exact}: {found:?}");
        let told = found.iter().filter(|i| i.told_from_singular()).count();
        if scale == 1.0 {
            assert_eq!(told, repeats as usize);
        }
    }
}

#[test]
fn refits_of_noise_alone_cannot_be_told_from_singular() {
    // No latent depends on u, and one of three does not: λ(u) of the fit has full rank, by its rank alone.
    let mut one = normals(FEATURES, LATENTS, 2);
    one.column_mut(1).fill(0.0);
    for truth in [Array2::zeros((FEATURES, LATENTS)), one] {
        let told = (200..240).filter(|&step| {
            let (lambda, interval) = interval(&truth, step);
            assert!(lambda.variability().unwrap().full_rank());
            interval.told_from_singular()
        });
        // 2.5 % of 40 are expected.
        let told = told.count();
        assert!(told <= 4, "{told}");
    }
}

#[test]
fn normal_replicates_give_the_interval_of_the_fisher_information() {
    // Means of 50 rows at each of 30 u: the one interval simulates what the other is given.
    let (count, rows) = (30, 50);
    let table = normals(count, LATENTS, 3) * 0.3;
    let lambda = Lambda::new(&MEAN, table.view()).unwrap();
    let fisher = lambda.smallest_singular_value(&vec![rows; count]).unwrap();
    let replicates: Vec<Array2<f64>> =
        (0..400).map(|b| &table + &(normals(count, LATENTS, 1000 + b) / (rows as f64).sqrt())).collect();
    let views: Vec<_> = replicates.iter().map(|table| table.view()).collect();
    let found = lambda.smallest_singular_value_of(&views).unwrap();
    assert_eq!(found.estimate, fisher.estimate);
    let width = fisher.upper - fisher.lower;
    assert!((found.lower - fisher.lower).abs() < 0.15 * width, "{found:?} {fisher:?}");
    assert!((found.upper - fisher.upper).abs() < 0.15 * width, "{found:?} {fisher:?}");
}

#[test]
fn bad_replicates_are_refused_with_their_values() {
    let var = Gaussian { form: GaussianForm::Var };
    let table = normals(8, 2, 4).mapv(|v| -v.abs());
    let lambda = Lambda::new(&var, table.view()).unwrap();
    let of = |tables: &[Array2<f64>]| {
        let views: Vec<_> = tables.iter().map(|table| table.view()).collect();
        lambda.smallest_singular_value_of(&views).unwrap_err()
    };
    let mut tables = vec![table.clone(); REPLICATES];
    assert_eq!(of(&tables[1..]), LambdaError::TooFewReplicates { given: REPLICATES - 1, needed: REPLICATES });
    tables[7][[3, 1]] = f64::NAN;
    assert!(matches!(of(&tables), LambdaError::OutsideDomain { u: 3, component: 1, .. }));
    tables[5] = table.t().to_owned();
    let error = LambdaError::ReplicateShape { replicate: 5, found: (2, 8), expected: (8, 2) };
    assert_eq!(of(&tables), error);
}
