//! The laws that every exponential family obeys, as assertions: for tests of families of your own (feature `proptest`).
//!
//! [`family_laws!`](crate::family_laws) runs all of them in one line. Each law takes a family and unconstrained
//! parameters η of some cases, at least two that differ, and panics where the family breaks it. They compare closed
//! forms with finite differences, with a quadrature that uses nothing but the density, and with draws from fixed seeds, so
//! that a law holds every time or never.

mod domain;
mod quadrature;
mod sampling;

use std::cell::RefCell;

use ivae_num::{Purpose, StreamKey, gradcheck};
use ndarray::Array2;

use crate::{ExpFam, Support};
pub use domain::{domain_map_is_onto, domain_map_is_smooth_and_inside};
use quadrature::expectation;
pub use sampling::{
    draws_follow_the_density, samples_have_the_covariance_of_the_statistics, samples_have_the_mean_statistics,
};

/// One test per law for a family, at the unconstrained parameters η of each case: `family_laws!(name, family, etas)`
/// makes a module `name` of tests.
///
/// ```
/// use ivae_expfam::{Gamma, family_laws};
///
/// family_laws!(gamma, Gamma, [[0.0, 0.0], [1.5, -2.0], [-0.7, 1.0]]);
/// ```
#[macro_export]
macro_rules! family_laws {
    ($name:ident, $family:expr, $etas:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::family_laws!(@tests $family, $etas, density_is_that_of_the_natural_parameters normalises
                score_is_the_derivative statistics_have_their_derivatives partition_has_its_derivatives
                quadrature_gives_the_mean_statistics samples_have_the_mean_statistics
                samples_have_the_covariance_of_the_statistics partition_is_convex entropy_and_kl_by_quadrature
                domain_map_is_smooth_and_inside domain_map_is_onto draws_follow_the_density);
        }
    };
    (@tests $family:expr, $etas:expr, $($law:ident)*) => {
        $(#[test] fn $law() {
            let etas: Vec<Vec<f64>> = $etas.iter().map(|eta| eta.to_vec()).collect();
            $crate::laws::$law(&$family, &etas);
        })*
    };
}

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

fn dot(a: &[f64], b: &[f64]) -> f64 {
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

fn draws(family: &Family, lambda: &[f64], count: usize) -> Vec<f64> {
    let mut rng = StreamKey::new(1, Purpose::Control).rng();
    (0..count).map(|_| family.draw(lambda, &mut rng)).collect()
}

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{what}: found {found:e}, expected {expected:e}, error {error:e}");
}

/// θ `[B, k * n]` whose component i in row b is `etas[(b + i) % len]`.
fn theta(family: &Family, etas: &[Vec<f64>], rows: usize, n: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, family.k() * n), |(b, c)| etas[(b + c % n) % etas.len()][c / n])
}

/// Draws that belong to [`theta`].
fn values(family: &Family, etas: &[Vec<f64>], rows: usize, n: usize) -> Array2<f64> {
    let drawn: Vec<Vec<f64>> =
        etas.iter().map(|eta| draws(family, &natural(family, eta), rows * n)).collect();
    Array2::from_shape_fn((rows, n), |(b, i)| drawn[(b + i) % etas.len()][b * n + i])
}

/// Rows of log-densities are log h + λ · T − A, each component with its own columns of θ.
///
/// # Panics
/// If not.
pub fn density_is_that_of_the_natural_parameters(family: &Family, etas: &[Vec<f64>]) {
    let (rows, n) = (2 * etas.len(), 3);
    assert_eq!(family.width(n), family.k() * n);
    let (theta, v) = (theta(family, etas, rows, n), values(family, etas, rows, n));
    let mut out = vec![f64::NAN; rows];
    family.log_prob(&mut out, theta.view(), v.view());
    for (b, &out) in out.iter().enumerate() {
        let component =
            |i: usize| log_density(family, &natural(family, &etas[(b + i) % etas.len()]))(v[[b, i]]);
        assert_close("log density", out, (0..n).map(component).sum(), 1e-11);
    }
}

/// ∫ p = 1.
///
/// # Panics
/// If not.
pub fn normalises(family: &Family, etas: &[Vec<f64>]) {
    for eta in etas {
        assert_close("∫ p", expectation(family, &natural(family, eta), |_| 1.0), 1.0, 1e-10);
    }
}

/// The backward pass of the log-density agrees with differences, in θ and in z, and adds to what it is given.
///
/// # Panics
/// If not.
pub fn score_is_the_derivative(family: &Family, etas: &[Vec<f64>]) {
    let (rows, n) = (etas.len() + 1, 2);
    let (theta, v) = (theta(family, etas, rows, n), values(family, etas, rows, n));
    let d_out: Vec<f64> = (0..rows).map(|b| 0.3 + 0.2 * b as f64).collect();
    // Gradients are added to: start from 1.
    let (mut d_theta, mut d_v) = (Array2::ones(theta.dim()), Array2::ones(v.dim()));
    family.log_prob_backward(Some(d_theta.view_mut()), Some(d_v.view_mut()), theta.view(), v.view(), &d_out);
    let total = |theta: &Array2<f64>, v: &Array2<f64>| {
        let mut out = vec![0.0; rows];
        family.log_prob(&mut out, theta.view(), v.view());
        dot(&out, &d_out)
    };
    let of = |at: &[f64], like: &Array2<f64>| {
        let columns = like.ncols();
        Array2::from_shape_fn(like.dim(), |(b, c)| at[b * columns + c])
    };
    let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<f64>>();
    gradcheck::check(&flat(&theta), &flat(&(d_theta - 1.0)), |at| total(&of(at, &theta), &v))
        .assert_below(1e-8);
    if family.support().is_continuous() {
        // In t of z(t), so that no step leaves the support: d/dt = z′(t) d/dz.
        let (z, slope, t) = chart(family.support());
        let (at, d_v) = (v.mapv(t), (d_v - 1.0) * v.mapv(|v| slope(t(v))));
        gradcheck::check(&flat(&at), &flat(&d_v), |at| total(&theta, &of(at, &v).mapv(z))).assert_below(1e-8);
    }
}

/// z(t), z′(t) and t(z) from ℝ onto a continuous support.
#[allow(clippy::type_complexity)]
fn chart(
    support: Support,
) -> (impl Fn(f64) -> f64 + Copy, impl Fn(f64) -> f64 + Copy, impl Fn(f64) -> f64 + Copy) {
    let z = move |t: f64| match support {
        Support::Positive => t.exp(),
        Support::Interval { low, high } => low + (high - low) / (1.0 + (-t).exp()),
        _ => t,
    };
    let slope = move |t: f64| match support {
        Support::Positive => t.exp(),
        Support::Interval { low, high } => (high - low) / ((1.0 + (-t).exp()) * (1.0 + t.exp())),
        _ => 1.0,
    };
    let t = move |z: f64| match support {
        Support::Positive => z.ln(),
        Support::Interval { low, high } => ((z - low) / (high - z)).ln(),
        _ => z,
    };
    (z, slope, t)
}

/// T′ and the derivative of log h agree with differences (in t of z(t), so that no step leaves the support).
///
/// # Panics
/// If not.
pub fn statistics_have_their_derivatives(family: &Family, etas: &[Vec<f64>]) {
    let (z, slope, t) = chart(family.support());
    for at in values(family, etas, etas.len(), 5).mapv(t) {
        let mut dt = vec![0.0; family.k()];
        family.dstats(&mut dt, z(at));
        for j in 0..family.k() {
            gradcheck::check(&[at], &[dt[j] * slope(at)], |t| stats(family, z(t[0]))[j]).assert_below(1e-8);
        }
        let d_base = family.dlog_base(z(at)) * slope(at);
        gradcheck::check(&[at], &[d_base], |t| family.log_base(z(t[0]))).assert_below(1e-8);
    }
}

/// ∇A and ∇²A agree with differences of A.
///
/// # Panics
/// If not.
pub fn partition_has_its_derivatives(family: &Family, etas: &[Vec<f64>]) {
    // By differences in η, where the step cannot leave the domain: ∂/∂η = pullback of ∂/∂λ.
    let pull = |eta: &[f64], d_lambda: &[f64]| {
        let mut d_eta = vec![0.0; family.k()];
        family.natural_backward(&mut d_eta, eta, d_lambda);
        d_eta
    };
    let k = family.k();
    for eta in etas {
        let lambda = natural(family, eta);
        let d_eta = pull(eta, &mean_stats(family, &lambda));
        gradcheck::check(eta, &d_eta, |eta| family.log_partition(&natural(family, eta))).assert_below(1e-8);
        for (j, row) in fisher(family, &lambda).chunks(k).enumerate() {
            gradcheck::check(eta, &pull(eta, row), |eta| mean_stats(family, &natural(family, eta))[j])
                .assert_below(1e-8);
        }
    }
}

/// ∇A = E\[T\] by quadrature.
///
/// # Panics
/// If not.
pub fn quadrature_gives_the_mean_statistics(family: &Family, etas: &[Vec<f64>]) {
    for eta in etas {
        let lambda = natural(family, eta);
        for (j, &mean) in mean_stats(family, &lambda).iter().enumerate() {
            assert_close("E[T]", expectation(family, &lambda, |z| stats(family, z)[j]), mean, 1e-9);
        }
    }
}

/// A lies below its chords, and ∇²A is symmetric and positive definite.
///
/// # Panics
/// If not.
pub fn partition_is_convex(family: &Family, etas: &[Vec<f64>]) {
    let k = family.k();
    for (a, b) in etas.iter().zip(etas.iter().cycle().skip(1)) {
        let (a, b) = (natural(family, a), natural(family, b));
        let middle: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 0.5 * (a + b)).collect();
        let chord = 0.5 * (family.log_partition(&a) + family.log_partition(&b));
        assert!(family.log_partition(&middle) <= chord + 1e-12 * chord.abs().max(1.0), "A above its chord");
        let cov = fisher(family, &a);
        let cov = Array2::from_shape_fn((k, k), |(i, j)| cov[i * k + j]);
        assert_eq!(cov, cov.t(), "∇²A is not symmetric");
        let smallest = ivae_num::linalg::eigh(cov.view()).map_or(f64::NAN, |eigh| eigh.values[0]);
        assert!(smallest > 0.0, "∇²A = {cov} is not positive definite");
    }
}

/// Entropy and KL agree with quadrature.
///
/// # Panics
/// If not.
pub fn entropy_and_kl_by_quadrature(family: &Family, etas: &[Vec<f64>]) {
    for (a, b) in etas.iter().zip(etas.iter().cycle().skip(1)) {
        let (a, b) = (natural(family, a), natural(family, b));
        let (log_a, log_b) = (log_density(family, &a), log_density(family, &b));
        let entropy = expectation(family, &a, |z| -log_a(z));
        assert_close("entropy", family.entropy(&a), entropy, 1e-9);
        let kl = expectation(family, &a, |z| log_a(z) - log_b(z));
        assert!(kl >= 0.0 && family.kl(&a, &b) >= 0.0, "KL {kl} is negative");
        assert_close("KL", family.kl(&a, &b), kl, 1e-9);
        assert_close("KL to itself", family.kl(&a, &a), 0.0, 1e-14);
    }
}
