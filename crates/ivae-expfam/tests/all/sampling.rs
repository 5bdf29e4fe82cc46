//! Reparameterised samples: derivatives against differences, laws against those of the density, both precisions.

use ivae_expfam::{Exponential, Laplace, LogNormal, Reparam};
use ivae_num::{Purpose, StreamKey, gradcheck, stream};
use ndarray::{Array2, array};

const FAMILIES: [&dyn Reparam<f64>; 3] = [&Laplace, &LogNormal, &Exponential];
const SINGLE: [&dyn Reparam<f32>; 3] = [&Laplace, &LogNormal, &Exponential];

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(3, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

fn sample(family: &dyn Reparam<f64>, theta: &Array2<f64>, noise: &Array2<f64>) -> Array2<f64> {
    let mut z = Array2::from_elem(noise.dim(), f64::NAN);
    family.sample(z.view_mut(), theta.view(), noise.view());
    z
}

#[test]
fn derivatives_of_samples() {
    for family in FAMILIES {
        let (rows, n) = (7, 3);
        let (theta, noise, dz) =
            (normals(rows, family.width(n), 1), normals(rows, n, 2), normals(rows, n, 3));
        // Gradients are added to: start from 1.
        let mut d_theta = Array2::ones(theta.dim());
        family.sample_backward(d_theta.view_mut(), theta.view(), noise.view(), dz.view());
        let flat: Vec<f64> = theta.iter().copied().collect();
        let d_flat: Vec<f64> = d_theta.iter().map(|d| d - 1.0).collect();
        gradcheck::check(&flat, &d_flat, |at| {
            let at = Array2::from_shape_vec(theta.dim(), at.to_vec()).unwrap();
            (&sample(family, &at, &noise) * &dz).sum()
        })
        .assert_below(1e-9);
    }
}

/// A family, θ of a component, its quartiles.
type Case<'a> = (&'a dyn Reparam<f64>, &'a [f64], [f64; 3]);

#[test]
fn samples_follow_the_density() {
    // Evenly spaced probabilities as noise: the sample's quantiles are those of the law.
    let quartiles = array![[-0.674_489_750_196_081_7], [0.0], [0.674_489_750_196_081_7]];
    let theta = |row: &[f64]| Array2::from_shape_fn((3, row.len()), |(_, j)| row[j]);
    let cases: [Case; 3] = [
        (&Laplace, &[1.0, 0.5f64.ln()], [1.0 - 0.5 * 2.0f64.ln(), 1.0, 1.0 + 0.5 * 2.0f64.ln()]),
        (&Exponential, &[2.0f64.ln()], [0.5 * (4.0f64 / 3.0).ln(), 0.5 * 2.0f64.ln(), 0.5 * 4.0f64.ln()]),
        (&LogNormal, &[1.0, 0.0], [0.325_510_249_803_918_3, 1.0, 1.674_489_750_196_081_7].map(f64::exp)),
    ];
    for (family, row, expected) in cases {
        for (found, expected) in sample(family, &theta(row), &quartiles).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14 * expected.max(1.0), "{family:?}: {found}, {expected}");
        }
    }
}

#[test]
fn the_mean_is_that_of_samples_and_single_precision_agrees() {
    let n = 20_000;
    for (family, single) in FAMILIES.into_iter().zip(SINGLE) {
        let row = [0.3, -0.5];
        let width = family.width(1);
        let theta = Array2::from_shape_fn((n, width), |(_, j)| row[j]);
        let noise = normals(n, 1, 4);
        let z = sample(family, &theta, &noise);
        let mut mean = Array2::zeros((n, 1));
        family.mean(mean.view_mut(), theta.view());
        let error = (z.mean().unwrap() - mean[[0, 0]]) / (z.var(0.0) / n as f64).sqrt();
        assert!(error.abs() < 4.0, "{family:?}: {error} standard errors");
        let mut narrow = Array2::zeros((n, 1));
        single.sample(narrow.view_mut(), theta.mapv(|x| x as f32).view(), noise.mapv(|x| x as f32).view());
        let worst = narrow.iter().zip(&z).map(|(&a, &b)| (f64::from(a) - b).abs() / b.abs().max(1.0));
        assert!(worst.fold(0.0, f64::max) < 3e-6, "{family:?}");
    }
}
