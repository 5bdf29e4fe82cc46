//! Values of a family that the laws compare: parameters, moments, densities and draws.

use std::cell::RefCell;

use ivae_num::{Purpose, StreamKey};
use ndarray::Array2;

use crate::density::ExpFam;

/// A family as the laws take it.
pub type Family = dyn ExpFam<f64>;

/// λ `[k]` of η `[k]`.
pub fn natural(family: &Family, eta: &[f64]) -> Vec<f64> {
    let mut lambda = vec![0.0; family.k()];
    family.natural(&mut lambda, eta);
    lambda
}

/// ∇A(λ) `[k]`.
pub fn mean_stats(family: &Family, lambda: &[f64]) -> Vec<f64> {
    let mut mean = vec![0.0; family.k()];
    family.mean_stats(&mut mean, lambda);
    mean
}

/// ∇²A(λ) `[k * k]`.
pub fn fisher(family: &Family, lambda: &[f64]) -> Vec<f64> {
    let mut cov = vec![0.0; family.k() * family.k()];
    family.fisher(&mut cov, lambda);
    cov
}

/// T(z) `[k]`.
pub fn stats(family: &Family, z: f64) -> Vec<f64> {
    let mut t = vec![0.0; family.k()];
    family.stats(&mut t, z);
    t
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// log h(z) + λ · T(z) − A(λ), as a function of z.
pub fn log_density<'a>(family: &'a Family, lambda: &'a [f64]) -> impl Fn(f64) -> f64 + 'a {
    let (log_partition, t) = (family.log_partition(lambda), RefCell::new(vec![0.0; family.k()]));
    move |z| {
        family.stats(&mut t.borrow_mut(), z);
        family.log_base(z) + dot(lambda, &t.borrow()) - log_partition
    }
}

pub(super) fn draws(family: &Family, lambda: &[f64], count: usize) -> Vec<f64> {
    let mut rng = StreamKey::new(1, Purpose::Control).rng();
    (0..count).map(|_| family.draw(lambda, &mut rng)).collect()
}

#[track_caller]
pub(super) fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: found {found:e}, expected {expected:e}, error {error:e}");
}

/// θ `[B, k * n]` whose component i in row b is `etas[(b + i) % len]`.
pub(super) fn theta(family: &Family, etas: &[Vec<f64>], rows: usize, n: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, family.k() * n), |(b, c)| etas[(b + c % n) % etas.len()][c / n])
}

/// Draws that belong to [`theta`].
pub(super) fn values(family: &Family, etas: &[Vec<f64>], rows: usize, n: usize) -> Array2<f64> {
    let drawn: Vec<Vec<f64>> =
        etas.iter().map(|eta| draws(family, &natural(family, eta), rows * n)).collect();
    Array2::from_shape_fn((rows, n), |(b, i)| drawn[(b + i) % etas.len()][b * n + i])
}
