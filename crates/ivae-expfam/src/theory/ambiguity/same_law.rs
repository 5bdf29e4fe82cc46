//! [`same_law`]: a test whether two samples of vectors come from the same distribution.

use ivae_num::{Purpose, StreamKey};
use ndarray::{Array1, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use super::error::{AmbiguityError, check_finite};

/// What [`same_law`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SameLaw {
    /// Largest distance of two empirical distribution functions, over all directions looked at.
    pub gap: f64,
    /// Probability of such a gap, or more, between two samples of one law: an upper bound over all directions (Bonferroni).
    pub p_value: f64,
}

/// A two-sample test of `a` `[N, n]` and `b` `[N′, n]`: Kolmogorov–Smirnov along each coordinate and along `projections`
/// random directions, of the columns in their common standard deviations. By the theorem of Cramér and Wold (1936), laws
/// that agree in all directions are one.
///
/// The samples must be independent of each other: to test a map, give one sample as it is and map another.
/// Probabilities are asymptotic, with the correction of Stephens (1970) for finite samples.
///
/// # Errors
/// Samples that are empty, not finite, or of different numbers of columns.
pub fn same_law(
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
    projections: usize,
    seed: u64,
) -> Result<SameLaw, AmbiguityError> {
    let n = a.ncols();
    if b.ncols() != n {
        return Err(AmbiguityError::Dimensions { expected: n, found: b.ncols() });
    }
    check_finite("the first sample", a)?;
    check_finite("the second sample", b)?;
    let (Some(mean_a), Some(mean_b)) = (a.mean_axis(Axis(0)), b.mean_axis(Axis(0))) else {
        return Err(AmbiguityError::Empty { what: "a sample" });
    };
    let spread = a.var_axis(Axis(0), 0.0) + b.var_axis(Axis(0), 0.0) + (mean_a - mean_b).mapv(|d| d * d);
    let scale = spread.mapv(|v| if v > 0.0 { v.sqrt().recip() } else { 1.0 });
    let mut rng = StreamKey::new(seed, Purpose::Control).rng();
    let gap = (0..n + projections)
        .map(|direction| {
            let along: Array1<f64> = if direction < n {
                Array1::from_shape_fn(n, |i| f64::from(u8::from(i == direction)))
            } else {
                Array1::from_shape_fn(n, |i| scale[i] * rng.sample::<f64, _>(StandardNormal))
            };
            distance(a.dot(&along).view(), b.dot(&along).view())
        })
        .fold(0.0, f64::max);
    let size = ((a.nrows() * b.nrows()) as f64 / (a.nrows() + b.nrows()) as f64).sqrt();
    let p_value = tail((size + 0.12 + 0.11 / size) * gap) * (n + projections) as f64;
    Ok(SameLaw { gap, p_value: p_value.min(1.0) })
}

/// sup |F_a − F_b| of the empirical distribution functions.
fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let sorted = |v: ArrayView1<'_, f64>| {
        let mut v = v.to_vec();
        v.sort_by(f64::total_cmp);
        v
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut i, mut j, mut gap) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        gap = gap.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    gap
}

/// Kolmogorov's law: the probability of more than `x`, 2 Σ (−1)^(k−1) exp(−2 k² x²).
fn tail(x: f64) -> f64 {
    if x < 0.3 {
        return 1.0; // by less than 1e-5; the series would converge slowly
    }
    let term = |k: u32| (-2.0 * f64::from(k * k) * x * x).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=12).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_kolmogorovs_law() {
        // The classical critical values at 10 %, 5 % and 1 %.
        for (x, p) in [(1.223_85, 0.1), (1.358_10, 0.05), (1.627_62, 0.01)] {
            assert!((tail(x) - p).abs() < 1e-5, "{x}: {}", tail(x));
        }
        assert!(tail(0.3) > 0.99999 && tail(f64::INFINITY) == 0.0);
    }

    #[test]
    fn probabilities_are_those_of_chance() {
        let normals = |step: u64| {
            let mut flat = vec![0.0; 300];
            ivae_num::stream::fill_normal(&mut flat, 1, StreamKey::new(1, Purpose::Control).step(step));
            ndarray::Array2::from_shape_fn((300, 1), |(b, _)| flat[b])
        };
        let p_value = |i: u64| {
            same_law(normals(2 * i).view(), normals(2 * i + 1).view(), 0, 0)
                .map_or(f64::NAN, |found| found.p_value)
        };
        let p_values: Vec<f64> = (0..400).map(p_value).collect();
        for level in [0.05, 0.2, 0.5] {
            let below = p_values.iter().filter(|&&p| p < level).count() as f64 / 400.0;
            assert!(
                (below - level).abs() < 4.0 * (level * (1.0 - level) / 400.0f64).sqrt(),
                "{below} at {level}"
            );
        }
    }

    #[test]
    fn distances_with_ties() {
        let (a, b) = (Array1::from(vec![1.0, 1.0, 2.0, 3.0]), Array1::from(vec![1.0, 3.0]));
        assert_eq!(distance(a.view(), a.view()), 0.0);
        assert_eq!(distance(a.view(), b.view()), 0.25);
        assert_eq!(distance(b.view(), Array1::from(vec![5.0]).view()), 1.0);
    }
}
