//! The laws of the map from unconstrained η to the natural domain.

use ivae_num::{gradcheck, linalg};
use ndarray::{Array2, aview1};

use super::evaluate::{Family, assert_close, dot, natural};

/// λ(η) is in the natural domain, and its pullback agrees with differences.
///
/// # Panics
/// If not.
pub fn domain_map_is_smooth_and_inside(family: &Family, etas: &[Vec<f64>]) {
    for eta in etas {
        assert!(family.in_domain(&natural(family, eta)), "λ of η = {eta:?} is outside the domain");
        for j in 0..family.k() {
            let mut unit = vec![0.0; family.k()];
            unit[j] = 1.0;
            // Gradients are added to: start from 1.
            let mut d_eta = vec![1.0; family.k()];
            family.natural_backward(&mut d_eta, eta, &unit);
            d_eta.iter_mut().for_each(|d| *d -= 1.0);
            gradcheck::check(eta, &d_eta, |eta| natural(family, eta)[j]).assert_below(1e-8);
        }
    }
}

/// Every λ of the natural domain is that of some η: those on the line through the λ of two η, between them (the domain is
/// convex) and as far beyond as the domain goes, are found by Newton's method with the pullback.
///
/// # Panics
/// If not.
pub fn domain_map_is_onto(family: &Family, etas: &[Vec<f64>]) {
    let k = family.k();
    for (from, to) in etas.iter().zip(etas.iter().cycle().skip(1)) {
        let (a, b) = (natural(family, from), natural(family, to));
        for share in [-1.0, 0.1, 0.5, 0.9, 2.0] {
            let wanted: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + share * (b - a)).collect();
            let between = (0.0..=1.0).contains(&share);
            if !family.in_domain(&wanted) {
                assert!(!between, "the domain is not convex at {wanted:?}");
                continue;
            }
            let missed = |eta: &[f64]| -> Vec<f64> {
                natural(family, eta).iter().zip(&wanted).map(|(found, wanted)| wanted - found).collect()
            };
            let norm = |v: &[f64]| dot(v, v).sqrt();
            let (mut eta, mut step) = (from.clone(), 1.0);
            for _ in 0..500 {
                let gap = missed(&eta);
                if norm(&gap) <= 1e-12 * norm(&wanted).max(1.0) {
                    break;
                }
                // Row j is ∂λ_j/∂η.
                let mut jacobian = Array2::zeros((k, k));
                for j in 0..k {
                    let (mut unit, mut row) = (vec![0.0; k], vec![0.0; k]);
                    unit[j] = 1.0;
                    family.natural_backward(&mut row, &eta, &unit);
                    jacobian.row_mut(j).assign(&aview1(&row));
                }
                let right = Array2::from_shape_fn((k, 1), |(i, _)| gap[i]);
                let Ok(move_) = linalg::solve(jacobian.view(), right.view()) else { break };
                let moved: Vec<f64> = eta.iter().zip(&move_).map(|(e, m)| e + step * m).collect();
                if norm(&missed(&moved)) < norm(&gap) {
                    (eta, step) = (moved, f64::min(1.0, 2.0 * step));
                } else {
                    step *= 0.5;
                }
            }
            for (found, wanted) in natural(family, &eta).iter().zip(&wanted) {
                assert_close("λ of some η", *found, *wanted, 1e-9);
            }
        }
    }
}
