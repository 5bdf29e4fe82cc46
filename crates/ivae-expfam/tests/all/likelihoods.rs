//! Densities that serve as likelihoods: golden values, gradients, bounds, and what is outside the support.

use ivae_expfam::special::digamma;
use ivae_expfam::{
    BinaryConcrete, Categorical, Density, HeteroscedasticGaussian, NegativeBinomial, Poisson, StudentT,
    UnitConcrete,
};
use ivae_num::gradcheck;
use ndarray::{Array2, array};

/// log p of one component, and its derivatives in θ and v.
fn one(density: &dyn Density<f64>, theta: &[f64], v: f64) -> (f64, Vec<f64>, f64) {
    let (theta, v) = (Array2::from_shape_vec((1, theta.len()), theta.to_vec()).unwrap(), array![[v]]);
    let (mut out, mut d_theta, mut d_v) = ([0.0], Array2::zeros(theta.dim()), array![[0.0]]);
    density.log_prob(&mut out, theta.view(), v.view());
    let (to_theta, to_v) = (Some(d_theta.view_mut()), Some(d_v.view_mut()));
    density.log_prob_backward(to_theta, to_v, theta.view(), v.view(), &[1.0]);
    (out[0], d_theta.iter().copied().collect(), d_v[[0, 0]])
}

/// θ, v, log p(v) by scipy.stats 1.17 (`poisson`, `nbinom`, `t`).
type Golden<'a> = (&'a [f64], f64, f64);

const POISSON: [Golden<'_>; 5] = [
    (&[-3.0], 0.0, -0.049787068367863944),
    (&[0.7], 4.0, -2.391806537818422),
    (&[2.5], 12.0, -2.169708456365358),
    (&[6.0], 380.0, -4.583112984258776),
    (&[-1.0], 3.0, -5.159638910399497),
];
const NEGATIVE_BINOMIAL: [Golden<'_>; 6] = [
    (&[-2.0, 0.5], 0.0, -0.1300671829680079),
    (&[0.7, -1.0], 4.0, -3.1467782366722217),
    (&[2.5, 2.0], 12.0, -2.6581828795972404),
    (&[5.0, 4.0], 170.0, -4.585479732679843),
    (&[1.0, 8.0], 2.0, -1.4116779123910561),
    (&[3.0, -3.0], 250.0, -9.137678160002302),
];
const STUDENT_T: [Golden<'_>; 4] = [
    (&[0.0, 0.0, 0.0], 0.3, -1.2309075820904523),
    (&[1.5, -0.7, 0.8], -2.0, -5.4072919257897185),
    (&[-0.3, 0.9, 3.0], 40.0, -29.92631734287629),
    (&[0.2, 0.1, 7.0], 0.2, -1.0191665036647053),
];

/// Of `norm` with the scale √(0.04 + eˡ).
const HETEROSCEDASTIC: [Golden<'_>; 3] = [
    (&[0.3, -1.0], 0.9, -0.9118535865958035),
    (&[-2.0, 1.5], 4.0, -5.654194641574019),
    (&[0.0, -9.0], 0.25, -0.0898879344252097),
];

/// At temperature ½, of `logistic` and the change of variables.
const CONCRETE: [Golden<'_>; 3] = [
    (&[0.7], 0.2, -0.6972663757085436),
    (&[-1.5], 0.8, -1.2652509059351411),
    (&[3.0], 1e-06, 3.214510026715093),
];
/// Seven categories, by `logsumexp`.
const CATEGORICAL: [Golden<'_>; 3] = [
    (&[0.3, -1.0, 2.0, 0.5, -0.4, 1.1], 0.0, -2.4363137757956923),
    (&[0.3, -1.0, 2.0, 0.5, -0.4, 1.1], 2.0, -0.7363137757956921),
    (&[0.3, -1.0, 2.0, 0.5, -0.4, 1.1], 6.0, -2.736313775795692),
];

fn all() -> [(&'static dyn Density<f64>, &'static [Golden<'static>]); 6] {
    [
        (&Poisson, &POISSON),
        (&NegativeBinomial, &NEGATIVE_BINOMIAL),
        (&StudentT, &STUDENT_T),
        (&HeteroscedasticGaussian { floor: 0.04 }, &HETEROSCEDASTIC),
        (&UnitConcrete(BinaryConcrete { temperature: 0.5 }), &CONCRETE),
        (&Categorical { count: 7 }, &CATEGORICAL),
    ]
}

#[test]
fn golden_values_of_scipy() {
    for (density, golden) in all() {
        for &(theta, v, expected) in golden {
            let (found, ..) = one(density, theta, v);
            let error = (found - expected).abs() / expected.abs().max(1.0);
            // log Γ of 3000, which cancels in one of them, is 2e4.
            assert!(error < 1e-11, "{density:?} {theta:?} at {v}: {found}, scipy {expected}");
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (density, golden) in all() {
        for &(theta, v, _) in golden {
            let (_, d_theta, d_v) = one(density, theta, v);
            gradcheck::check(theta, &d_theta, |theta| one(density, theta, v).0).assert_below(2e-8);
            // Counts and categories have no values between them; near 0 differences lose all digits.
            if v > 1e-3 && one(density, theta, v + 0.01).0.is_finite() {
                gradcheck::check(&[v], &[d_v], |v| one(density, theta, v[0]).0).assert_below(2e-8);
            }
        }
    }
    // The derivative of a count is that of the formula, which has no values between counts.
    let (x, l, a) = (4.0, 0.7f64, -1.0f64);
    let expected = digamma(x + a.exp()) - digamma(x + 1.0) - (a - l).exp().ln_1p();
    assert!((one(&NegativeBinomial, &[l, a], x).2 - expected).abs() < 1e-13);
}

/// Rows wide and short, in f32 and f64.
#[test]
fn rows_in_both_precisions_are_sums_of_components() {
    for (density, single) in [
        (&NegativeBinomial as &dyn Density<f64>, &NegativeBinomial as &dyn Density<f32>),
        (&StudentT, &StudentT),
    ] {
        for n in [1, 7, 40, 600] {
            let k = density.width(1);
            let theta = Array2::from_shape_fn((5, k * n), |(b, c)| ((b * 7 + c) as f64 * 0.9).sin());
            let v = Array2::from_shape_fn((5, n), |(b, i)| ((3 * b + i) % 9) as f64);
            let d_out = [1.0, -0.5, 2.0, 0.3, 0.7];
            let (mut out, mut d_theta, mut d_v) =
                ([0.0; 5], Array2::ones(theta.dim()), Array2::ones(v.dim()));
            density.log_prob(&mut out, theta.view(), v.view());
            let (to_theta, to_v) = (Some(d_theta.view_mut()), Some(d_v.view_mut()));
            density.log_prob_backward(to_theta, to_v, theta.view(), v.view(), &d_out);
            let (theta32, v32) = (theta.mapv(|x| x as f32), v.mapv(|x| x as f32));
            let mut out32 = [0.0f32; 5];
            single.log_prob(&mut out32, theta32.view(), v32.view());
            for b in 0..5 {
                let mut sum = 0.0;
                for i in 0..n {
                    let own: Vec<f64> = (0..k).map(|j| theta[[b, j * n + i]]).collect();
                    let (log_prob, slopes, slope) = one(density, &own, v[[b, i]]);
                    sum += log_prob;
                    assert!((d_v[[b, i]] - 1.0 - d_out[b] * slope).abs() < 1e-12);
                    for (j, s) in slopes.iter().enumerate() {
                        assert!((d_theta[[b, j * n + i]] - 1.0 - d_out[b] * s).abs() < 1e-11);
                    }
                }
                assert!((out[b] - sum).abs() < 1e-12 * sum.abs().max(1.0), "{density:?} {n}");
                assert!((f64::from(out32[b]) - sum).abs() < 3e-6 * sum.abs().max(1.0), "{density:?} {n}");
            }
        }
    }
}

#[test]
fn parameters_beyond_their_bounds_count_as_the_bounds() {
    let at = |density: &dyn Density<f64>, theta: &[f64], v| one(density, theta, v);
    for sign in [-1.0, 1.0] {
        let most = sign * Poisson::MOST_LOG_RATE;
        let (inside, beyond) = (at(&Poisson, &[most], 3.0), at(&Poisson, &[2.0 * most], 3.0));
        assert!(beyond.0.is_finite() && beyond.0 == inside.0 && beyond.1 == [0.0]);
        let r = sign * NegativeBinomial::MOST_LOG_INVERSE_DISPERSION;
        let (inside, beyond) =
            (at(&NegativeBinomial, &[most, r], 3.0), at(&NegativeBinomial, &[2.0 * most, 2.0 * r], 3.0));
        assert!(beyond.0.is_finite() && beyond.0 == inside.0 && beyond.1 == [0.0, 0.0]);
    }
    let most = StudentT::MOST_LOG_DEGREES;
    let (inside, beyond) = (at(&StudentT, &[0.0, 0.0, most], 1.0), at(&StudentT, &[0.0, 0.0, 50.0], 1.0));
    assert!(beyond.0 == inside.0 && beyond.1[2] == 0.0);
    // For many degrees of freedom the law is normal, and for little dispersion it is Poisson.
    assert!((inside.0 + 0.5 + 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-4);
    let (poisson, nearly) = (at(&Poisson, &[1.2], 5.0).0, at(&NegativeBinomial, &[1.2, 13.9], 5.0).0);
    assert!((poisson - nearly).abs() < 1e-5);
}

#[test]
fn what_is_not_a_count_has_no_density_and_no_gradient() {
    for (density, theta) in [(&Poisson as &dyn Density<f64>, &[0.3][..]), (&NegativeBinomial, &[0.3, 1.0])] {
        for v in [-1.0, 0.5, f64::INFINITY] {
            let (log_prob, d_theta, d_v) = one(density, theta, v);
            assert_eq!(log_prob, f64::NEG_INFINITY);
            assert!(d_theta.iter().all(|&d| d == 0.0) && d_v == 0.0);
        }
        assert!(one(density, theta, f64::NAN).0.is_nan());
    }
}
