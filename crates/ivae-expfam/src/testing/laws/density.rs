//! The laws of the log-density, its gradients and the statistics.

use ivae_num::gradcheck;
use ndarray::Array2;

use super::evaluate::{Family, assert_close, dot, log_density, natural, stats, theta, values};
use super::quadrature::expectation;
use crate::density::Support;

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
