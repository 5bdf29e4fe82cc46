//! [`Stability`]: which components come back from other starts and other rows.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;

use crate::fitted::{Ended, FittedIca};
use crate::pca::Exact;
use crate::{IcaError, Method};

/// Icasso (Himberg, Hyvärinen & Esposito 2004): the components of several fits, from other random starts and of
/// resampled rows, are clustered by their similarity; a component that is no accident of either has a tight cluster of
/// its own.
///
/// ```
/// use ivae_ica::{FastIca, Stability};
/// use ndarray::{Array2, array};
/// let phase = [0.618_033_988_75_f64, 0.414_213_562_37];
/// let sources = Array2::from_shape_fn((2000, 2), |(i, j)| (i as f64 * phase[j]).fract());
/// let x = sources.dot(&array![[1.0, 0.5], [-0.3, 2.0]]);
/// let stable = Stability::default().fit(x.view(), |x, seed| FastIca { seed, ..FastIca::default() }.fit(x))?;
/// assert!(stable.index.iter().all(|&index| index > 0.9));
/// # Ok::<(), ivae_ica::IcaError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stability {
    /// Number of fits.
    pub runs: usize,
    /// Each fit sees rows drawn with replacement; otherwise all see all rows, and only starts differ.
    pub resample: bool,
    /// Names the starts and the rows.
    pub seed: u64,
}

impl Default for Stability {
    fn default() -> Self {
        Self { runs: 20, resample: true, seed: 0 }
    }
}

/// Components with how stable they are, the most stable first.
#[derive(Debug, Clone)]
pub struct StableIca<F> {
    /// The centres of the clusters: of each, the component most similar to the others in it. `converged` if all runs
    /// are; iterations and limit are the worst of theirs, the method that of the last. Outputs have variance 1.
    pub ica: FittedIca<F>,
    /// Stability index I_q of each component: mean similarity within its cluster less mean similarity to the others'
    /// components, at most 1; about 1 for a component that every run finds, `[n]`.
    pub index: Vec<f64>,
    /// Components in each cluster; as many as runs where each run has contributed one, `[n]`.
    pub sizes: Vec<usize>,
    /// Runs that have not converged.
    pub not_converged: usize,
}

impl Stability {
    /// Fit to x `[N, d]` by `fit(rows, seed)`, any method of this crate, run by run.
    ///
    /// The similarity of two components is the absolute correlation of their outputs on x; clusters are made by average
    /// linkage, as many as components. Time and memory grow with the square of runs · n and more: some hundreds.
    ///
    /// # Errors
    /// Fewer than 2 runs; what `fit` returns; fits of different numbers of components; centres that are linearly
    /// dependent (no stable set of components).
    pub fn fit<F: Scalar>(
        &self,
        x: ArrayView2<'_, F>,
        fit: impl Fn(ArrayView2<'_, F>, u64) -> Result<FittedIca<F>, IcaError>,
    ) -> Result<StableIca<F>, IcaError> {
        if self.runs < 2 {
            let range = "at least 2";
            return Err(IcaError::Setting { name: "runs", range, value: self.runs as f64 });
        }
        let pca = Exact::fit(x, None)?;
        let colouring = pca.colouring();
        let mut directions = Vec::new();
        let (mut iterations, mut limit, mut redrawn, mut not_converged) = (0, 0.0, 0, 0);
        let (mut n, mut method) = (None, Method::FastIca);
        for run in 0..self.runs as u64 {
            let mut rng = StreamKey::new(self.seed, Purpose::Control).step(run).rng();
            let seed = rng.random();
            let found = if self.resample {
                let rows: Vec<usize> = (0..x.nrows()).map(|_| rng.random_range(0..x.nrows())).collect();
                fit(x.select(Axis(0), &rows).view(), seed)?
            } else {
                fit(x, seed)?
            };
            let expected = *n.get_or_insert(found.unmixing.nrows());
            if found.unmixing.nrows() != expected {
                let requested = found.unmixing.nrows();
                return Err(IcaError::Components { requested, rank: expected, columns: x.ncols() });
            }
            // On whitened x, correlations of outputs are the cosines between unit rows.
            for row in found.unmixing.mapv(F::f64).dot(&colouring).rows() {
                directions.push(&row / row.dot(&row).sqrt());
            }
            (iterations, redrawn) = (iterations.max(found.iterations), redrawn + found.redrawn);
            limit = f64::max(limit, found.limit);
            not_converged += usize::from(!found.converged);
            method = found.method;
        }
        let n = n.unwrap_or(0);
        let similarity = Array2::from_shape_fn((directions.len(), directions.len()), |(i, j)| {
            directions[i].dot(&directions[j]).abs().min(1.0)
        });
        let mut clusters: Vec<Cluster> = average_linkage(&similarity, n)
            .into_iter()
            .map(|members| Cluster::of(members, &similarity))
            .collect();
        clusters.sort_by(|a, b| b.index.total_cmp(&a.index));

        let centres: Vec<_> = clusters.iter().map(|c| directions[c.centre].view()).collect();
        let b = stacked(&centres, pca.rank);
        let converged = not_converged == 0;
        let ended = Ended { method, b, iterations, limit, converged, redrawn };
        let ica = FittedIca::new(&pca, ended, f64::INFINITY)?;
        Ok(StableIca {
            ica,
            index: clusters.iter().map(|c| c.index).collect(),
            sizes: clusters.iter().map(|c| c.members.len()).collect(),
            not_converged,
        })
    }
}

/// Rows `[n, r]`.
fn stacked(rows: &[ndarray::ArrayView1<'_, f64>], columns: usize) -> Array2<f64> {
    let mut out = Array2::zeros((rows.len(), columns));
    out.rows_mut().into_iter().zip(rows).for_each(|(mut out, row)| out.assign(row));
    out
}

/// Components of several runs that are one.
struct Cluster {
    members: Vec<usize>,
    /// The member most similar to the others.
    centre: usize,
    index: f64,
}

impl Cluster {
    fn of(members: Vec<usize>, similarity: &Array2<f64>) -> Self {
        let to_members = |i: usize| members.iter().map(|&j| similarity[[i, j]]).sum::<f64>();
        let total = similarity.nrows();
        let size = members.len() as f64;
        let within: f64 = members.iter().map(|&i| to_members(i)).sum();
        let all: f64 = members.iter().map(|&i| similarity.row(i).sum()).sum();
        let outside =
            if members.len() < total { (all - within) / (size * (total as f64 - size)) } else { 0.0 };
        let centre = members
            .iter()
            .copied()
            .fold(members[0], |a, b| if to_members(b) > to_members(a) { b } else { a });
        Self { centre, index: within / (size * size) - outside, members }
    }
}

/// Agglomerative clustering into `count` clusters, by the mean similarity of their members (Sokal & Michener 1958).
fn average_linkage(similarity: &Array2<f64>, count: usize) -> Vec<Vec<usize>> {
    let mut clusters: Vec<Vec<usize>> = (0..similarity.nrows()).map(|i| vec![i]).collect();
    let mut mean = similarity.clone();
    while clusters.len() > count.max(1) {
        let (mut best, mut pair) = (f64::NEG_INFINITY, (0, 1));
        for i in 1..clusters.len() {
            for j in 0..i {
                if mean[[i, j]] > best {
                    (best, pair) = (mean[[i, j]], (j, i));
                }
            }
        }
        let (keep, drop) = pair;
        let (a, b) = (clusters[keep].len() as f64, clusters[drop].len() as f64);
        let merged: Array1<f64> = (&mean.row(keep) * a + &mean.row(drop) * b) / (a + b);
        mean.row_mut(keep).assign(&merged);
        mean.column_mut(keep).assign(&merged);
        // The last cluster takes the free place.
        let last = clusters.len() - 1;
        let moved = mean.row(last).to_owned();
        mean.row_mut(drop).assign(&moved);
        mean.column_mut(drop).assign(&moved);
        let members = clusters.swap_remove(drop);
        clusters[keep].extend(members);
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_similar_components_are_clusters() {
        // Three groups, interleaved: 0.9 within, 0.2 between, and 0.6 between the last two.
        let group = |i: usize| i % 3;
        let similarity = Array2::from_shape_fn((12, 12), |(i, j)| match (group(i), group(j)) {
            _ if i == j => 1.0,
            (a, b) if a == b => 0.9,
            (1, 2) | (2, 1) => 0.6,
            _ => 0.2,
        });
        let sorted = |count| {
            let mut clusters = average_linkage(&similarity, count);
            clusters.iter_mut().for_each(|c| c.sort_unstable());
            clusters.sort();
            clusters
        };
        assert_eq!(sorted(3), [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]);
        assert_eq!(sorted(2), [vec![0, 3, 6, 9], vec![1, 2, 4, 5, 7, 8, 10, 11]]);
        let first = Cluster::of(vec![0, 3, 6, 9], &similarity);
        assert!((first.index - ((4.0 + 12.0 * 0.9) / 16.0 - 0.2)).abs() < 1e-12);
    }
}
