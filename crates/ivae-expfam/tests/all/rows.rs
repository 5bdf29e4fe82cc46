//! Families of one component over rows: precision, edges of the support, repeated parameters.

use ivae_expfam::{
    Beta, Categorical, Density, ExpFam, Exponential, ExponentialPower, Gamma, HyperbolicSecant, LogNormal,
    Poisson, VonMises,
};
use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const LAPLACE: ExponentialPower = ExponentialPower { location: 0.5, shape: 1.0 };
const TERNARY: Categorical = Categorical { count: 3 };
const FAMILIES: [&dyn ExpFam<f64>; 9] =
    [&LAPLACE, &HyperbolicSecant, &LogNormal, &Gamma, &Exponential, &Beta, &VonMises, &TERNARY, &Poisson];
const SINGLE: [&dyn ExpFam<f32>; 9] =
    [&LAPLACE, &HyperbolicSecant, &LogNormal, &Gamma, &Exponential, &Beta, &VonMises, &TERNARY, &Poisson];

/// θ whose rows come in runs, and draws in single precision that belong to it.
fn example(family: &dyn ExpFam<f32>, rows: usize, n: usize) -> (Array2<f32>, Array2<f32>) {
    let k = family.k();
    let theta = Array2::from_shape_fn((rows, k * n), |(b, c)| ((b / 3 + 2 * c) as f32 * 0.7).sin());
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let z = Array2::from_shape_fn((rows, n), |(b, i)| {
        let eta: Vec<f32> = (0..k).map(|j| theta[[b, j * n + i]]).collect();
        let mut lambda = vec![0.0; k];
        family.natural(&mut lambda, &eta);
        family.draw(&lambda, &mut rng)
    });
    (theta, z)
}

#[test]
fn single_precision_agrees_with_double() {
    for (single, double) in SINGLE.into_iter().zip(FAMILIES) {
        let (rows, n) = (30, 4);
        let (theta, z) = example(single, rows, n);
        let (wide_theta, wide_z) = (theta.mapv(f64::from), z.mapv(f64::from));
        let (mut out, mut wide_out) = (vec![0.0f32; rows], vec![0.0; rows]);
        single.log_prob(&mut out, theta.view(), z.view());
        double.log_prob(&mut wide_out, wide_theta.view(), wide_z.view());
        let (mut d_theta, mut d_z) = (Array2::zeros(theta.dim()), Array2::zeros(z.dim()));
        single.log_prob_backward(
            Some(d_theta.view_mut()),
            Some(d_z.view_mut()),
            theta.view(),
            z.view(),
            &vec![1.0; rows],
        );
        let (mut wide_d_theta, mut wide_d_z) = (Array2::zeros(theta.dim()), Array2::zeros(z.dim()));
        double.log_prob_backward(
            Some(wide_d_theta.view_mut()),
            Some(wide_d_z.view_mut()),
            wide_theta.view(),
            wide_z.view(),
            &vec![1.0; rows],
        );
        let narrow = out.iter().chain(&d_theta).chain(&d_z);
        let wide = wide_out.iter().chain(&wide_d_theta).chain(&wide_d_z);
        for (&narrow, &wide) in narrow.zip(wide) {
            let error = (f64::from(narrow) - wide).abs() / wide.abs().max(1.0);
            assert!(error < 1e-6, "{single:?}: {narrow}, in double precision {wide}");
        }
        let (mut mean, mut wide_mean) = (vec![0.0f32; single.k()], vec![0.0; single.k()]);
        let mut lambda = vec![0.0f32; single.k()];
        single.natural(&mut lambda, &vec![0.25; single.k()]);
        single.mean_stats(&mut mean, &lambda);
        double.mean_stats(&mut wide_mean, &lambda.iter().map(|&l| f64::from(l)).collect::<Vec<_>>());
        mean.iter().zip(wide_mean).for_each(|(&m, w)| assert!((f64::from(m) - w).abs() < 1e-6));
    }
}

#[test]
fn rows_do_not_depend_on_their_neighbours() {
    for (single, family) in SINGLE.into_iter().zip(FAMILIES) {
        let (rows, n) = (12, 2);
        let (theta, z) = example(single, rows, n);
        let (theta, z) = (theta.mapv(f64::from), z.mapv(f64::from));
        let mut out = vec![0.0; rows];
        family.log_prob(&mut out, theta.view(), z.view());
        for b in 0..rows {
            let mut alone = [0.0];
            let (theta, z) = (theta.row(b).insert_axis(Axis(0)), z.row(b).insert_axis(Axis(0)));
            family.log_prob(&mut alone, theta, z);
            assert_eq!(alone[0], out[b], "{family:?}");
        }
    }
}

#[test]
fn outside_the_support_there_is_nothing() {
    let cases: [(&dyn Density<f64>, usize, &[f64]); 6] = [
        (&Gamma, 2, &[0.0, -1.0, f64::INFINITY]),
        (&LogNormal, 2, &[0.0, -1.0]),
        (&Beta, 2, &[0.0, 1.0, 1.5]),
        (&VonMises, 2, &[3.2, -4.0]),
        (&TERNARY, 2, &[-1.0, 0.5, 3.0]),
        (&Poisson, 1, &[-1.0, 0.5]),
    ];
    for (family, k, values) in cases {
        for &z in values {
            let (theta, z) = (Array2::from_elem((1, k), 0.3), Array2::from_elem((1, 1), z));
            let mut out = [0.0];
            family.log_prob(&mut out, theta.view(), z.view());
            assert_eq!(out[0], f64::NEG_INFINITY, "{family:?} at {z}");
            let (mut d_theta, mut d_z) = (Array2::zeros((1, k)), Array2::zeros((1, 1)));
            family.log_prob_backward(
                Some(d_theta.view_mut()),
                Some(d_z.view_mut()),
                theta.view(),
                z.view(),
                &[1.0],
            );
            assert!(d_theta.iter().chain(&d_z).all(|&d| d == 0.0));
        }
        let mut out = [0.0];
        family.log_prob(&mut out, Array2::zeros((1, k)).view(), Array2::from_elem((1, 1), f64::NAN).view());
        assert!(out[0].is_nan(), "{family:?} hides NaN");
    }
}

#[test]
fn draws_stay_inside_the_support_where_they_are_extreme() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..500 {
        // Shapes of 0.002 and 0.005: most draws are at the ends of what numbers can tell.
        let (z, z32): (f64, f32) =
            (Beta.draw(&[-0.998, -0.995], &mut rng), Beta.draw(&[-0.998f32, -0.995], &mut rng));
        assert!(0.0 < z && z < 1.0 && 0.0 < z32 && z32 < 1.0);
        assert!(Gamma.draw(&[-0.998, -1.0], &mut rng) > 0.0f64);
        assert!(Gamma.draw(&[-0.998, -1.0], &mut rng) > 0.0f32);
        let turn: f32 = VonMises.draw(&[-5.0, 0.0], &mut rng);
        assert!(f64::from(turn).abs() < std::f64::consts::PI);
    }
}
