//! Mutual information of discrete latents and sources, and what is read off it: the mutual information gap and
//! modularity.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::error::{check_count, check_matrix, check_range, check_rows};
use crate::{MetricError, Warning};

/// Every column of x `[N, c]` as the number of its bin, `bins` of equal width from its least to its largest value, which
/// is in the last; a constant column is in bin 0.
///
/// # Errors
/// No rows or columns, an entry that is not finite, no bins.
pub fn discretise<F: Scalar>(x: ArrayView2<'_, F>, bins: u32) -> Result<Array2<u32>, MetricError> {
    check_count(x.nrows(), 1)?;
    check_matrix(x, "the values")?;
    check_range(bins > 0, "bins", "at least 1", 0.0)?;
    let mut out = Array2::zeros(x.dim());
    for (column, mut out) in x.columns().into_iter().zip(out.columns_mut()) {
        let low = column.fold(f64::INFINITY, |a, v| a.min(v.f64()));
        let high = column.fold(f64::NEG_INFINITY, |a, v| a.max(v.f64()));
        // Halves, so that a range from −max to max does not overflow; exact but for subnormals.
        let range = 0.5 * high - 0.5 * low;
        if range > 0.0 {
            for (out, v) in out.iter_mut().zip(column) {
                let place = (0.5 * v.f64() - 0.5 * low) / range * f64::from(bins);
                *out = (place.floor() as u32).min(bins - 1);
            }
        }
    }
    Ok(out)
}

/// A score of every latent for every source, and by how much the best is ahead of the second.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Mean of `per_source`.
    pub mean: f64,
    /// The largest score of each source less its second largest, 0 if there is one latent only, `[a]`.
    pub per_source: Vec<f64>,
    /// Scores `[b, a]`: latents in rows, sources in columns.
    pub scores: Array2<f64>,
    /// What a reader of the numbers must know.
    pub warnings: Vec<Warning>,
}

impl Gap {
    /// Of scores `[b, a]`; the gap of each source is multiplied by its `factor`.
    pub(crate) fn of(scores: Array2<f64>, factors: &[f64], warnings: Vec<Warning>) -> Self {
        let gap = |scores: ArrayView1<'_, f64>| {
            let (mut first, mut second) = (0.0, 0.0);
            for &v in scores {
                (first, second) = if v > first { (v, first) } else { (first, f64::max(second, v)) };
            }
            if scores.len() > 1 { first - second } else { first }
        };
        let per_source: Vec<f64> =
            scores.columns().into_iter().zip(factors).map(|(c, f)| gap(c) * f).collect();
        let mean = per_source.iter().sum::<f64>() / per_source.len() as f64;
        Self { mean, per_source, scores, warnings }
    }
}

/// Mutual information in nats of every discrete latent of z `[N, b]` with every discrete source of s `[N, a]`: `[b, a]`,
/// H(z) + H(s) − H(z, s) of the counts. With bins of continuous data ([`discretise`]) it is biased upwards, by about
/// (bins − 1)(levels − 1) / (2 N).
///
/// # Errors
/// Different numbers of rows, no rows or columns.
pub fn mutual_information(
    s: ArrayView2<'_, u32>,
    z: ArrayView2<'_, u32>,
) -> Result<Array2<f64>, MetricError> {
    check_discrete(s, z)?;
    let (of_s, of_z) = (entropies(s), entropies(z));
    Ok(Array2::from_shape_fn((z.ncols(), s.ncols()), |(i, j)| {
        let pairs =
            z.column(i).into_iter().zip(s.column(j)).map(|(&z, &s)| u64::from(z) << 32 | u64::from(s));
        (of_z[i] + of_s[j] - entropy(pairs.collect())).max(0.0)
    }))
}

/// Mutual information gap (Chen, Li, Grosse & Duvenaud 2018, eq. 6) of discrete sources s `[N, a]` and discrete latents
/// z `[N, b]`: for each source the largest mutual information less the second, over the entropy of the source; in
/// \[0, 1\]. `scores` are the mutual informations in nats. A source of one level has gap 0, and a latent of one level
/// knows nothing, each with a warning.
///
/// # Errors
/// As [`mutual_information`].
pub fn mig(s: ArrayView2<'_, u32>, z: ArrayView2<'_, u32>) -> Result<Gap, MetricError> {
    let scores = mutual_information(s, z)?;
    let entropies = entropies(s);
    let factors: Vec<f64> = entropies.iter().map(|&h| if h > 0.0 { 1.0 / h } else { 0.0 }).collect();
    Ok(Gap::of(scores, &factors, single_levels(s, z)))
}

/// How much each latent knows of one source only.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Modularity {
    /// Mean of `per_latent`, in \[0, 1\].
    pub mean: f64,
    /// 1 for a latent that knows of one source only, 0 for one that knows of all alike or of none, `[b]`.
    pub per_latent: Vec<f64>,
    /// What a reader of the numbers must know.
    pub warnings: Vec<Warning>,
}

/// Modularity (Ridgeway & Mozer 2018, section 3) of discrete sources s `[N, a]` and discrete latents z `[N, b]`, the mean
/// over latents, in \[0, 1\]: with m_j the mutual information of a latent with source j and θ the largest of them,
/// 1 − Σ_(j ≠ best) m_j² / (θ² (a − 1)). 1 where each latent knows of one source only, whether or not others know of it,
/// too. A latent that knows of none scores 0, with a single source any other 1. A latent or a source of one level is told
/// by a warning.
///
/// # Errors
/// As [`mutual_information`].
pub fn modularity(s: ArrayView2<'_, u32>, z: ArrayView2<'_, u32>) -> Result<Modularity, MetricError> {
    let scores = mutual_information(s, z)?;
    let others = s.ncols().saturating_sub(1).max(1) as f64;
    let one = |m: ArrayView1<'_, f64>| {
        let best = m.iter().copied().fold(0.0, f64::max);
        // Below this a mutual information is the rounding of the entropies.
        if best <= 1e-12 {
            return 0.0;
        }
        1.0 - (m.iter().map(|v| (v / best).powi(2)).sum::<f64>() - 1.0) / others
    };
    let per_latent: Vec<f64> = scores.rows().into_iter().map(one).collect();
    let mean = per_latent.iter().sum::<f64>() / z.ncols() as f64;
    Ok(Modularity { mean, per_latent, warnings: single_levels(s, z) })
}

/// A warning for each column of one level.
fn single_levels(s: ArrayView2<'_, u32>, z: ArrayView2<'_, u32>) -> Vec<Warning> {
    let constant = |x: ArrayView2<'_, u32>| -> Vec<usize> {
        (0..x.ncols()).filter(|&j| x.column(j).iter().all(|&v| v == x[[0, j]])).collect()
    };
    let sources = constant(s).into_iter().map(|column| Warning::ConstantSource { column });
    sources.chain(constant(z).into_iter().map(|column| Warning::ConstantLatent { column })).collect()
}

fn check_discrete(s: ArrayView2<'_, u32>, z: ArrayView2<'_, u32>) -> Result<(), MetricError> {
    check_rows("the latents", s.nrows(), z.nrows())?;
    check_count(s.nrows(), 1)?;
    for (x, what) in [(s, "the sources"), (z, "the latents")] {
        if x.ncols() == 0 {
            return Err(MetricError::NoColumns { what });
        }
    }
    Ok(())
}

/// Entropy in nats of every column.
fn entropies(x: ArrayView2<'_, u32>) -> Vec<f64> {
    x.axis_iter(Axis(1)).map(|column| entropy(column.iter().map(|&v| u64::from(v)).collect())).collect()
}

/// Entropy in nats of the relative frequencies of values; O(N log N), in linear memory however many there are.
fn entropy(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    let n = values.len() as f64;
    values.chunk_by(|a, b| a == b).map(|equal| equal.len() as f64 / n).map(|p| -p * p.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Two sources of 2 and 3 levels in all combinations, and latents made from them.
    fn grid() -> (Array2<u32>, Array2<u32>) {
        let s = Array2::from_shape_fn((60, 2), |(i, j)| if j == 0 { i as u32 % 2 } else { i as u32 / 2 % 3 });
        let z = Array2::from_shape_fn((60, 3), |(i, j)| match j {
            0 => 7 - s[[i, 0]],
            1 => s[[i, 1]],
            _ => s[[i, 0]] * 3 + s[[i, 1]],
        });
        (s, z)
    }

    #[test]
    fn values_known_by_hand() {
        let (s, z) = grid();
        let (two, three) = (2f64.ln(), 3f64.ln());
        let expected = array![[two, 0.0], [0.0, three], [two, three]];
        let found = mutual_information(s.view(), z.view()).unwrap();
        assert!((&found - &expected).iter().all(|d| d.abs() < 1e-14), "{found}");
        // The third latent knows all that the others know: no gap. Without it, the gap is whole.
        assert!(mig(s.view(), z.view()).unwrap().mean.abs() < 1e-14);
        let own = z.select(Axis(1), &[0, 1]);
        assert!((mig(s.view(), own.view()).unwrap().mean - 1.0).abs() < 1e-14);
        assert!((modularity(s.view(), own.view()).unwrap().mean - 1.0).abs() < 1e-14);
        let both = 1.0 - (two / three).powi(2);
        let found = modularity(s.view(), z.view()).unwrap();
        assert!(
            (found.mean - (2.0 + both) / 3.0).abs() < 1e-14 && (found.per_latent[2] - both).abs() < 1e-14
        );
        assert!(found.warnings.is_empty() && mig(s.view(), z.view()).unwrap().warnings.is_empty());
    }

    #[test]
    fn constants_single_columns_and_bad_input() {
        let (s, z) = grid();
        let constant = Array2::from_elem((60, 1), 4u32);
        let found = mig(constant.view(), z.view()).unwrap();
        assert_eq!((found.mean, found.warnings), (0.0, vec![Warning::ConstantSource { column: 0 }]));
        let told = vec![Warning::ConstantLatent { column: 0 }];
        let found = mig(s.view(), constant.view()).unwrap();
        assert_eq!((found.mean, &found.warnings), (0.0, &told));
        let found = modularity(s.view(), constant.view()).unwrap();
        assert_eq!((found.mean, &found.warnings), (0.0, &told));
        let found = modularity(constant.view(), z.view()).unwrap();
        assert_eq!((found.mean, found.warnings), (0.0, vec![Warning::ConstantSource { column: 0 }]));
        let one = s.select(Axis(1), &[0]);
        assert_eq!(modularity(one.view(), one.view()).unwrap().mean, 1.0);
        assert!((mig(one.view(), one.view()).unwrap().mean - 1.0).abs() < 1e-14);
        let error = mig(s.view(), Array2::zeros((59, 1)).view()).unwrap_err();
        assert_eq!(error, MetricError::Rows { what: "the latents", expected: 60, found: 59 });
        let none = Array2::<u32>::zeros((60, 0));
        assert_eq!(mig(s.view(), none.view()).unwrap_err(), MetricError::NoColumns { what: "the latents" });
    }

    #[test]
    fn bins_of_extreme_and_constant_columns() {
        let x = array![[-f64::MAX, 3.0], [0.0, 3.0], [f64::MAX, 3.0], [1.0, 3.0]];
        assert_eq!(discretise(x.view(), 4).unwrap(), array![[0, 0], [2, 0], [3, 0], [2, 0]]);
        assert!(discretise(x.view(), 0).is_err());
    }
}
