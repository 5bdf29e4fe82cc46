//! Relaxed binary and categorical variables: densities, samples, the limit of low temperature.

use ivae_expfam::{BinaryConcrete, Concrete, Density, Reparam};
use ivae_num::{Purpose, StreamKey, gradcheck, stream};
use ndarray::{Array2, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(13, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

fn log_prob(density: &dyn Density<f64>, theta: &Array2<f64>, v: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![f64::NAN; v.nrows()];
    density.log_prob(&mut out, theta.view(), v.view());
    out
}

fn flat(a: &Array2<f64>) -> Vec<f64> {
    a.iter().copied().collect()
}

fn like(a: &Array2<f64>, flat: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec(a.dim(), flat.to_vec()).unwrap()
}

#[test]
fn densities_have_their_derivatives() {
    let densities: [&dyn Density<f64>; 3] = [
        &BinaryConcrete { temperature: 0.3 },
        &Concrete { temperature: 0.4 },
        &Concrete { temperature: 2.0 },
    ];
    for density in densities {
        let (theta, v, d_out) = (normals(4, 3, 0), normals(4, 3, 1) * 3.0, [0.3, -1.0, 2.0, 0.5]);
        // Gradients are added to: start from 1.
        let (mut d_theta, mut d_v) = (Array2::ones((4, 3)), Array2::ones((4, 3)));
        density.log_prob_backward(
            Some(d_theta.view_mut()),
            Some(d_v.view_mut()),
            theta.view(),
            v.view(),
            &d_out,
        );
        let total = |theta: &Array2<f64>, v: &Array2<f64>| {
            log_prob(density, theta, v).iter().zip(d_out).map(|(p, d)| p * d).sum()
        };
        gradcheck::check(&flat(&theta), &flat(&(d_theta - 1.0)), |at| total(&like(&theta, at), &v))
            .assert_below(1e-9);
        gradcheck::check(&flat(&v), &flat(&(d_v - 1.0)), |at| total(&theta, &like(&v, at)))
            .assert_below(1e-9);
    }
}

#[test]
fn densities_normalise() {
    for temperature in [0.1, 0.7, 3.0] {
        // Tails fall as exp(−T |y|): the trapezoidal rule over ±60 / T.
        let (steps, width) = (2000, 120.0 / temperature / 2000.0);
        let at = |i: usize| width * (i as f64 - 1000.0);
        let y = Array2::from_shape_fn((steps, 1), |(i, _)| at(i));
        let binary = log_prob(&BinaryConcrete { temperature }, &Array2::from_elem((steps, 1), 1.3), &y);
        let mass: f64 = binary.iter().map(|p| width * p.exp()).sum();
        assert!((mass - 1.0).abs() < 1e-10, "T = {temperature}: {mass}");

        // Three classes: over both log-ratios to the last one.
        let (steps, width) = (300, 120.0 / temperature / 300.0);
        let at = |i: usize| width * (i as f64 - 150.0);
        let y = Array2::from_shape_fn((steps * steps, 3), |(b, k)| [at(b / steps), at(b % steps), 0.0][k]);
        let theta = Array2::from_shape_fn((steps * steps, 3), |(_, k)| [0.5, -0.3, 0.2][k]);
        let mass: f64 =
            log_prob(&Concrete { temperature }, &theta, &y).iter().map(|p| width * width * p.exp()).sum();
        assert!((mass - 1.0).abs() < 1e-8, "T = {temperature}: {mass}");
    }
}

#[test]
fn samples_have_their_derivatives() {
    let (theta, noise, dy) = (normals(5, 4, 0), normals(5, 4, 1), normals(5, 4, 2));
    let (binary, concrete) = (BinaryConcrete { temperature: 0.5 }, Concrete { temperature: 0.5 });
    let check = |d_theta: &Array2<f64>, sample: &dyn Fn(&Array2<f64>) -> Array2<f64>| {
        gradcheck::check(&flat(&theta), &flat(&(d_theta - 1.0)), |at| {
            (sample(&like(&theta, at)) * &dy).sum()
        })
        .assert_below(1e-9);
    };
    let mut d_theta = Array2::ones((5, 4));
    binary.sample_backward(d_theta.view_mut(), theta.view(), noise.view(), dy.view());
    check(&d_theta, &|theta| {
        let mut y = Array2::zeros((5, 4));
        binary.sample(y.view_mut(), theta.view(), noise.view());
        y
    });
    let mut d_theta = Array2::ones((5, 4));
    concrete.sample_backward(d_theta.view_mut(), theta.view(), noise.view(), dy.view());
    check(&d_theta, &|theta| {
        let mut y = Array2::zeros((5, 4));
        concrete.sample(y.view_mut(), theta.view(), noise.view());
        y
    });
}

#[test]
fn two_classes_are_a_binary_variable() {
    let (l, y) = (normals(6, 2, 0), normals(6, 2, 1));
    let ratio = |a: &Array2<f64>| Array2::from_shape_fn((6, 1), |(b, _)| a[[b, 0]] - a[[b, 1]]);
    let two = log_prob(&Concrete { temperature: 0.7 }, &l, &y);
    let one = log_prob(&BinaryConcrete { temperature: 0.7 }, &ratio(&l), &ratio(&y));
    two.iter().zip(one).for_each(|(two, one)| assert!((two - one).abs() < 1e-13));
}

#[test]
fn low_temperature_gives_the_discrete_variable() {
    let rows = 20_000;
    let error = |found: f64, p: f64| (found - p).abs() / (p * (1.0 - p) / rows as f64).sqrt();
    let logit = 0.8;
    let probability = 1.0 / (1.0 + f64::exp(-logit));
    let logits = [0.5, -1.0, 0.0];
    let total: f64 = logits.iter().map(|l| f64::exp(*l)).sum();
    let mut last = (1.0, 1.0);
    for temperature in [1.0, 0.1, 0.01, 1e-4] {
        let mut y = Array2::zeros((rows, 1));
        let theta = Array2::from_elem((rows, 1), logit);
        BinaryConcrete { temperature }.sample(y.view_mut(), theta.view(), normals(rows, 1, 4).view());
        let z = y.mapv(|y: f64| 1.0 / (1.0 + (-y).exp()));
        let above = z.iter().filter(|&&z| z > 0.5).count() as f64 / rows as f64;
        assert!(error(above, probability) < 4.0, "T = {temperature}: {above}, expected {probability}");
        let between = z.mapv(|z| z.min(1.0 - z)).mean().unwrap();

        let mut y = Array2::zeros((rows, 3));
        let theta = Array2::from_shape_fn((rows, 3), |(_, k)| logits[k]);
        Concrete { temperature }.sample(y.view_mut(), theta.view(), normals(rows, 3, 5).view());
        let z = y.mapv(f64::exp);
        for (k, l) in logits.iter().enumerate() {
            let largest = |row: &ndarray::ArrayView1<'_, f64>| row.iter().all(|&other| other <= row[k]);
            let share = z.outer_iter().filter(largest).count() as f64 / rows as f64;
            assert!(error(share, l.exp() / total) < 4.0, "T = {temperature}, class {k}: {share}");
        }
        let short = z.outer_iter().map(|row| 1.0 - row.iter().fold(0.0, |m: f64, &z| m.max(z))).sum::<f64>()
            / rows as f64;
        assert!(z.outer_iter().all(|row| (row.sum() - 1.0).abs() < 1e-12));
        // The mean distance from a corner falls with T, and as T.
        assert!(between < last.0 && short < last.1, "T = {temperature}: {between}, {short}");
        assert!(between < temperature && short < temperature);
        last = (between, short);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn nothing_overflows(l in -1e4f64..1e4, y in -1e6f64..1e6, log_t in -7.0f64..3.0) {
        let temperature = log_t.exp();
        let binary = log_prob(&BinaryConcrete { temperature }, &array![[l]], &array![[y]])[0];
        let size = (l - temperature * y).abs();
        prop_assert!((binary - (log_t - size)).abs() <= 2.0 * std::f64::consts::LN_2 + 1e-9 * size);
        let three = log_prob(&Concrete { temperature }, &array![[l, 0.0, -l]], &array![[y, -y, 0.0]])[0];
        prop_assert!(three.is_finite());
        let single = BinaryConcrete { temperature };
        let mut out = [0.0f32];
        single.log_prob(&mut out, array![[l as f32]].view(), array![[y as f32]].view());
        prop_assert!((f64::from(out[0]) - binary).abs() <= 1e-5 * binary.abs().max(1.0) + 1e-6 * temperature * y.abs());
    }
}
