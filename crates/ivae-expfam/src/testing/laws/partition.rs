//! The laws of the log-partition A: its derivatives, the mean statistics, convexity, entropy and KL.

use ivae_num::gradcheck;
use ndarray::Array2;

use super::evaluate::{Family, assert_close, fisher, log_density, mean_stats, natural, stats};
use super::quadrature::expectation;

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
