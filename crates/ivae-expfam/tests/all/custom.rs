//! Custom families: against closed forms, hard shapes, what they refuse; implicit derivatives of draws.

use ivae_expfam::family::custom::{
    Custom, CustomError, Polynomial, Range, Spline, Statistics, implicit_derivative,
};
use ivae_expfam::{
    Beta, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian, GaussianForm, HyperbolicSecant, LogNormal,
    Support, VonMises,
};
use ivae_num::gradcheck;

/// The statistics of a family that has closed forms, and the ranges of its λ.
#[derive(Debug)]
struct Of<'a>(&'a dyn ExpFam<f64>, &'a [Range]);

impl Statistics for Of<'_> {
    fn k(&self) -> usize {
        self.0.k()
    }
    fn support(&self) -> Support {
        self.0.support()
    }
    fn stats(&self, t: &mut [f64], z: f64) {
        self.0.stats(t, z);
    }
    fn dstats(&self, dt: &mut [f64], z: f64) {
        self.0.dstats(dt, z);
    }
    fn log_base(&self, z: f64) -> f64 {
        self.0.log_base(z)
    }
    fn dlog_base(&self, z: f64) -> f64 {
        self.0.dlog_base(z)
    }
    fn range(&self, j: usize) -> Range {
        self.1[j]
    }
}

const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };
const LAPLACE: ExponentialPower = ExponentialPower { location: 0.7, shape: 1.0 };
const R: Range = Range::Real;
const N: Range = Range::Negative;

/// A family with closed forms, the ranges of its λ, and λ from ordinary to extreme.
type Closed = (&'static dyn ExpFam<f64>, &'static [Range], &'static [&'static [f64]]);

const CLOSED: [Closed; 8] = [
    (&FULL, &[R, N], &[&[0.0, -0.5], &[1e3, -0.5], &[1e4, -5e3], &[1e-3, -1e-8], &[-3.0, -1e8]]),
    (&LAPLACE, &[N], &[&[-1.0], &[-1e-4], &[-1e5]]),
    (&HyperbolicSecant, &[N], &[&[-1.0], &[-1e-2], &[-1e3]]),
    (&LogNormal, &[R, N], &[&[0.0, -0.5], &[30.0, -3.0], &[1.0, -500.0]]),
    (&Gamma, &[R, N], &[&[0.0, -1.0], &[-0.9, -3.0], &[1e3, -10.0], &[4.0, -1e-3]]),
    (&Exponential, &[N], &[&[-1.0], &[-1e6], &[-1e-6]]),
    (&Beta, &[R, R], &[&[0.0, 0.0], &[-0.8, 3.0], &[200.0, 100.0]]),
    (&VonMises, &[R, R], &[&[0.0, 0.0], &[-3.0, 1.0], &[50.0, 60.0]]),
];

#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, scale: f64) {
    let error = (found - expected).abs() / scale;
    assert!(error <= 1e-8, "{what}: found {found:e}, expected {expected:e}, error {error:e}");
}

#[test]
fn agrees_with_closed_forms() {
    for (family, ranges, lambdas) in CLOSED {
        let custom = Custom::new(Of(family, ranges)).unwrap();
        let custom: &dyn ExpFam<f64> = &custom;
        let k = family.k();
        for &lambda in lambdas {
            let what = format!("{family:?} at {lambda:?}");
            assert!(custom.in_domain(lambda), "{what} is outside");
            let a = family.log_partition(lambda);
            assert_close(&what, custom.log_partition(lambda), a, a.abs().max(1.0));
            let entropy = family.entropy(lambda);
            assert_close(&what, custom.entropy(lambda), entropy, entropy.abs().max(1.0));
            let (mut mean, mut cov) = (vec![0.0; k], vec![0.0; k * k]);
            let (mut found_mean, mut found_cov) = (mean.clone(), cov.clone());
            family.mean_stats(&mut mean, lambda);
            family.fisher(&mut cov, lambda);
            custom.mean_stats(&mut found_mean, lambda);
            custom.fisher(&mut found_cov, lambda);
            for i in 0..k {
                // In standard deviations of T, or in its size where rounding counts.
                let std = cov[i * k + i].sqrt();
                assert_close(&what, found_mean[i], mean[i], std.max(1e-6 * mean[i].abs()));
                for j in 0..k {
                    let scale = std * cov[j * k + j].sqrt();
                    assert_close(&what, found_cov[i * k + j], cov[i * k + j], scale);
                }
            }
        }
    }
}

#[test]
fn far_modes_and_narrow_ones_are_found() {
    // z⁴ − 2 a² z² = (z² − a²)² − a⁴: two Gaussians of variance 1 / (8 a² c) at ±a, for a large c a⁴.
    let family = Custom::new(Polynomial { degree: 4 }).unwrap();
    for (a, c) in [(1.0f64, 1e4), (1e2, 1e-4), (1e-3, 1e16)] {
        let lambda = [0.0, 2.0 * a * a * c, 0.0, -c];
        let mut mean = [0.0f64; 4];
        family.mean_stats(&mut mean, lambda.as_slice());
        let var = 1.0 / (8.0 * a * a * c);
        // E[z²] = a² (1 − 2v − 12v² + O(v³)) with v = var / a².
        let (v, ratio) = (var / (a * a), mean[1] / (a * a));
        let expected = 1.0 - v * (2.0 + 12.0 * v);
        assert!((ratio - expected).abs() < 1e-10, "E[z²] / a² = {ratio}, expected {expected} at a = {a}");
        let expected = c * a.powi(4) + (2.0 * (std::f64::consts::TAU * var).sqrt()).ln();
        let found: f64 = family.log_partition(&lambda);
        assert!((found - expected).abs() < 1e-4 * expected.max(1.0), "{found}, {expected}");
    }
}

#[test]
fn modes_that_are_close_for_their_distance_from_0_are_found() {
    // Two wells, ((z − 10)² − δ²)² = (z² − 20 z + m)² with m = 100 − δ².
    let family = Custom::new(Polynomial { degree: 4 }).unwrap();
    for (delta, c) in [(0.5, 2e3), (0.2, 1e5), (0.02, 1e7)] {
        let m = 100.0 - delta * delta;
        let mut mean = [0.0f64; 4];
        family.mean_stats(&mut mean, &[40.0 * c * m, -c * (400.0 + 2.0 * m), 40.0 * c, -c]);
        // In units of δ, up to the rounding of λ · T, which may favour one well.
        let rounding = 1e4 * c * f64::EPSILON;
        assert!((mean[0] - 10.0).abs() < (10.0 * rounding + 1e-9) * delta, "δ = {delta}: E[z] = {}", mean[0]);
    }
}

#[test]
fn draws_invert_the_distribution_function() {
    let custom = Custom::new(Of(&Exponential, &[N])).unwrap();
    /// Always the same word.
    struct Fixed(u64);
    impl rand::RngCore for Fixed {
        fn next_u32(&mut self) -> u32 {
            (self.0 >> 32) as u32
        }
        fn next_u64(&mut self) -> u64 {
            self.0
        }
        fn fill_bytes(&mut self, to: &mut [u8]) {
            to.fill(0);
        }
    }
    for i in 1..64 {
        let u = f64::from(i) / 64.0;
        let z: f64 = custom.draw(&[-2.0], &mut Fixed(u64::from(i as u32) << 58));
        let expected = -(-u).ln_1p() / 2.0;
        assert!((z - expected).abs() < 1e-10 * expected.max(1.0), "quantile of {u}: {z}, {expected}");
    }
}

/// A family of one statistic, given by functions.
#[derive(Debug)]
struct One(Support, Range, fn(f64) -> f64);

impl Statistics for One {
    fn k(&self) -> usize {
        1
    }
    fn support(&self) -> Support {
        self.0
    }
    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = (self.2)(z);
    }
    fn dstats(&self, dt: &mut [f64], _: f64) {
        dt[0] = f64::NAN;
    }
    fn range(&self, _: usize) -> Range {
        self.1
    }
}

#[test]
fn what_is_no_family_is_refused() {
    assert_eq!(
        Custom::new(One(Support::Naturals, N, |z| z)).unwrap_err(),
        CustomError::Support { support: Support::Naturals }
    );
    let wrong = [
        One(Support::Real, N, |z| z),
        One(Support::Real, R, f64::sin),
        One(Support::Real, N, |z| z.abs().ln()),
        One(Support::Positive, N, |z| -z),
    ];
    for statistics in wrong {
        let error = Custom::new(statistics).unwrap_err();
        assert!(matches!(error, CustomError::NotIntegrable { .. }), "{error}");
    }
    let interval = Support::Interval { low: 0.0, high: 1.0 };
    for (support, z) in [(Support::Real, 1.3), (Support::Positive, 1.1), (interval, 0.8)] {
        let error = Custom::new(One(support, N, |z| if z > 0.7 { f64::NAN } else { z * z })).unwrap_err();
        assert_eq!(error, CustomError::NotANumber { z, support });
    }
    let error = Custom::new(One(interval, R, |_| 2.0)).unwrap_err();
    assert!(matches!(error, CustomError::Dependent { .. }), "{error}");
    assert_eq!(Custom::new(Polynomial { degree: 0 }).unwrap_err(), CustomError::Empty);
    assert!(matches!(
        Custom::new(Polynomial { degree: 3 }).unwrap_err(),
        CustomError::NotIntegrable { lambda } if lambda == [0.0, 0.0, -1.0]
    ));
}

#[test]
fn splines_have_their_derivatives_and_linear_tails() {
    let spline = Spline { low: -2.0, high: 2.0, bumps: 5 };
    let at = |z: f64| {
        let (mut t, mut dt) = ([0.0; 7], [0.0; 7]);
        spline.stats(&mut t, z);
        spline.dstats(&mut dt, z);
        (t, dt)
    };
    for i in -60..=60 {
        let z = 0.1 * f64::from(i) + 0.03;
        for j in 0..7 {
            gradcheck::check(&[z], &[at(z).1[j]], |z| at(z[0]).0[j]).assert_below(1e-9);
        }
    }
    assert_eq!(at(9.0).1, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(at(-9.0).1, [0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0]);
    let sum: f64 = at(0.3).0[..5].iter().sum();
    assert!((sum - 1.0).abs() < 1e-15, "B-splines add up to 1, not {sum}");
}

#[test]
fn implicit_derivatives_where_there_is_a_formula() {
    let derivative = |family: &dyn ExpFam<f64>, lambda: &[f64], z: f64| {
        let mut d_z = vec![0.0; lambda.len()];
        implicit_derivative(family, &mut d_z, lambda, z);
        d_z
    };
    for e in [-5.0, -1.0, 0.0, 0.3, 6.0] {
        // z = μ + σ e with μ = −λ₁ / 2λ₂, σ² = −1 / 2λ₂, by differences.
        let z = |lambda: &[f64]| -0.5 * lambda[0] / lambda[1] + e * (-0.5 / lambda[1]).sqrt();
        let lambda = [1.5, -0.8];
        gradcheck::check(&lambda, &derivative(&FULL, &lambda, z(&lambda)), z).assert_below(1e-8);
        let log_normal = derivative(&LogNormal, &lambda, z(&lambda).exp());
        gradcheck::check(&lambda, &log_normal, |lambda| z(lambda).exp()).assert_below(1e-8);
    }
    for z in [1e-6, 0.1, 2.0, 20.0] {
        // The rate of a Gamma law is a scale.
        let found = derivative(&Gamma, &[1.7, -2.0], z);
        assert!((found[1] - z / 2.0).abs() < 1e-9 * z.max(1.0), "{found:?} at {z}");
    }
    // The direction of a von Mises law turns its draws, but for where the circle is cut.
    let found = derivative(&VonMises, &[8.0, 0.0], 0.4);
    let cut = (-16.0f64).exp();
    assert!((found[1] - 1.0 / 8.0).abs() < cut, "{found:?}");
    assert!(derivative(&Gamma, &[1.7, 2.0], 1.0).iter().all(|d| d.is_nan()));
    assert!(derivative(&Gamma, &[1.7, -2.0], -1.0).iter().all(|d| d.is_nan()));
}

#[test]
fn implicit_derivatives_give_the_fisher_information() {
    // ∂E[T_i]/∂λ_j = E[T_i′(z) ∂z/∂λ_j]: an identity of the law, here by a mean over even probabilities.
    let polynomial = Custom::new(Polynomial { degree: 4 }).unwrap();
    let cases: [(&dyn ExpFam<f64>, &[f64]); 3] =
        [(&Gamma, &[2.0, -1.5]), (&Beta, &[1.5, 2.5]), (&polynomial, &[0.3, 1.0, -0.2, -0.7])];
    for (family, lambda) in cases {
        let k = family.k();
        let (low, high) =
            if let Support::Interval { low, high } = family.support() { (low, high) } else { (-4.0, 24.0) };
        let steps = 4000;
        let width = (high - low) / f64::from(steps);
        let (mut sum, mut t, mut dt, mut d_z) = (vec![0.0; k * k], vec![0.0; k], vec![0.0; k], vec![0.0; k]);
        for i in 0..steps {
            let z = low + width * (f64::from(i) + 0.5);
            if !family.support().contains(z) {
                continue;
            }
            family.stats(&mut t, z);
            let log_p = t.iter().zip(lambda).map(|(t, l)| t * l).sum::<f64>() - family.log_partition(lambda);
            if log_p < -40.0 {
                continue;
            }
            family.dstats(&mut dt, z);
            implicit_derivative(family, &mut d_z, lambda, z);
            for i in 0..k {
                for j in 0..k {
                    sum[i * k + j] += width * log_p.exp() * dt[i] * d_z[j];
                }
            }
        }
        let mut cov = vec![0.0; k * k];
        family.fisher(&mut cov, lambda);
        for (found, expected) in sum.iter().zip(&cov) {
            let error = (found - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-4, "{family:?}: {sum:?}, Fisher {cov:?}");
        }
    }
}
