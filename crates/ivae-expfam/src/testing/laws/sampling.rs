//! The laws of draws: moments of the statistics, and the distribution function at every draw.

use super::evaluate::{Family, draws, fisher, log_density, mean_stats, natural, stats};
use super::quadrature::{between, expectation};

/// ∇A = E\[T\] by 20 000 draws, within 4.5 standard errors.
///
/// # Panics
/// If not.
pub fn samples_have_the_mean_statistics(family: &Family, etas: &[Vec<f64>]) {
    let (count, k) = (20_000, family.k());
    for eta in etas {
        let lambda = natural(family, eta);
        let drawn = draws(family, &lambda, count);
        for (j, &mean) in mean_stats(family, &lambda).iter().enumerate() {
            let sampled = drawn.iter().map(|&z| stats(family, z)[j]).sum::<f64>() / count as f64;
            let standard_error = (fisher(family, &lambda)[j * k + j] / count as f64).sqrt();
            let off = (sampled - mean) / standard_error;
            assert!(
                off.abs() < 4.5,
                "E[T_{j}] at η = {eta:?}: {sampled} of samples, {mean} of ∇A, {off} errors off"
            );
        }
    }
}

/// ∇²A = Cov\[T\] by 20 000 draws, within 5 standard errors, which the fourth moments of the draws give.
///
/// # Panics
/// If not.
pub fn samples_have_the_covariance_of_the_statistics(family: &Family, etas: &[Vec<f64>]) {
    let (count, k) = (20_000, family.k());
    for eta in etas {
        let lambda = natural(family, eta);
        let (mean, cov) = (mean_stats(family, &lambda), fisher(family, &lambda));
        let drawn: Vec<Vec<f64>> =
            draws(family, &lambda, count).into_iter().map(|z| stats(family, z)).collect();
        for (i, j) in (0..k).flat_map(|i| (0..=i).map(move |j| (i, j))) {
            let product = |t: &Vec<f64>| (t[i] - mean[i]) * (t[j] - mean[j]);
            let sampled = drawn.iter().map(product).sum::<f64>() / count as f64;
            let square = drawn.iter().map(|t| (product(t) - sampled).powi(2)).sum::<f64>() / count as f64;
            let (found, off) = (cov[i * k + j], (square / count as f64).sqrt());
            assert!(
                (sampled - found).abs() <= 5.0 * off + 1e-12,
                "Cov[T_{i}, T_{j}] at η = {eta:?}: {sampled} of samples, {found} of ∇²A, standard error {off}"
            );
        }
    }
}

/// Draws have the distribution function of the density: the Kolmogorov–Smirnov test of 4000 draws, D = sup |Fₙ(z) − F(z)|
/// over all of them, with F by quadrature from one draw to the next. D √n is above 2.23 with probability 1e-4
/// (2 exp(−2 · 2.23²), Kolmogorov 1933), and with less for a discrete law.
///
/// # Panics
/// If not.
pub fn draws_follow_the_density(family: &Family, etas: &[Vec<f64>]) {
    let count = 4000;
    for eta in etas {
        let lambda = natural(family, eta);
        let (gap, at) = kolmogorov(family, &lambda, draws(family, &lambda, count));
        let scaled = gap * (count as f64).sqrt();
        assert!(scaled < 2.23, "draws at η = {eta:?}: D = {gap} at z = {at}, {scaled} / √n");
    }
}

/// D of draws `z`, and where.
fn kolmogorov(family: &Family, lambda: &[f64], mut z: Vec<f64>) -> (f64, f64) {
    z.sort_by(f64::total_cmp);
    let (count, support) = (z.len() as f64, family.support());
    let density = log_density(family, lambda);
    let mut worst = (0.0, f64::NAN);
    let (mut below, mut at) = (0.0, f64::NAN);
    let mut first = 0;
    while first < z.len() {
        // All draws of this value.
        let next = z.partition_point(|&other| other <= z[first]);
        let step = if at.is_nan() {
            expectation(family, lambda, |other| if other <= z[first] { 1.0 } else { 0.0 })
        } else {
            between(&density, support, at, z[first])
        };
        // Fₙ and F just before this value, and at it; F of a discrete law jumps as Fₙ does.
        let mass = if support.is_continuous() { 0.0 } else { density(z[first]).exp() };
        below += step;
        for gap in [(first as f64 / count - (below - mass)).abs(), (next as f64 / count - below).abs()] {
            if gap > worst.0 || gap.is_nan() {
                worst = (gap, z[first]);
            }
        }
        (at, first) = (z[first], next);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Exponential, Gaussian, GaussianForm, Poisson};

    #[test]
    fn the_statistic_is_that_of_its_definition() {
        // Against the closed form F(z) = 1 − exp(−z) of the exponential law.
        let z = vec![2.0, 0.1, 0.7, 0.2, 0.7];
        let f = |z: f64| 1.0 - (-z).exp();
        let gaps = [(0.1, 0, 1), (0.2, 1, 2), (0.7, 2, 4), (2.0, 4, 5)];
        let expected = gaps
            .map(|(z, before, upto)| {
                (f64::from(before) / 5.0 - f(z)).abs().max((f64::from(upto) / 5.0 - f(z)).abs())
            })
            .into_iter()
            .fold(0.0, f64::max);
        let (found, at) = kolmogorov(&Exponential, &[-1.0], z);
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        assert_eq!(at, 0.7);
        // Of Poisson's law of mean 1, e⁻¹ (1, 1, ½, …): Fₙ is 0 below 1, and 1 from there on.
        let e = (-1f64).exp();
        let (found, at) = kolmogorov(&Poisson, &[0.0], vec![1.0; 3]);
        assert!((found - e).abs() < 1e-12 && at == 1.0, "{found}");
    }

    #[test]
    fn draws_of_another_law_are_seen() {
        let family = Gaussian { form: GaussianForm::MeanVar };
        let lambda = [0.0, -0.5];
        let good = draws(&family, &lambda, 4000);
        let limit = 2.23 / 4000f64.sqrt();
        assert!(kolmogorov(&family, &lambda, good.clone()).0 < limit);
        for (shift, scale) in [(0.12, 1.0), (0.0, 1.3)] {
            let (gap, _) = kolmogorov(&family, &lambda, good.iter().map(|z| shift + scale * z).collect());
            assert!(gap > limit, "{shift} {scale}: {gap}");
        }
        // A hole between the median and the upper fifth.
        let holed = good.iter().map(|&z| if (0.15..0.62).contains(&z) { 0.15 } else { z }).collect();
        assert!(kolmogorov(&family, &lambda, holed).0 > limit);
    }
}
