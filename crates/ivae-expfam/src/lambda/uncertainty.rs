//! [`Interval`]: how small the smallest singular value of an *estimated* table may really be.

use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::{Lambda, LambdaError, cholesky, solve_lower};

/// Confidence of [`Interval`].
pub const CONFIDENCE: f64 = 0.95;
/// Simulated tables.
const DRAWS: usize = 400;
/// Halvings of the bracket of an end of the interval.
const HALVINGS: usize = 20;
/// Seed of the simulation: the interval of a table is always the same.
const SEED: u64 = 0;

/// A confidence interval for the smallest singular value of λ(u): see [`Lambda::smallest_singular_value`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The smallest singular value of the table as estimated, which noise makes larger than it is.
    pub estimate: f64,
    /// Lower end; 0 if tables as far from singular as this one come of singular ones by noise alone.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// Can "L is invertible" be told from "L is singular, and noise hides it", with [`CONFIDENCE`]?
    pub fn told_from_singular(&self) -> bool {
        self.lower > 0.0
    }
}

/// What the simulated noise E does to the singular vectors of the table, W = U S Vᵀ.
struct Draw {
    /// Uᵀ E V `[r, r]`.
    inside: Array2<f64>,
    /// Uᵀ E Eᵀ U `[r, r]`.
    square: Array2<f64>,
}

impl Lambda<'_> {
    /// A confidence interval for the smallest singular value of [`variability`](Lambda::variability), for a table estimated
    /// by maximum likelihood from `rows[u]` draws of the latents at each u.
    ///
    /// λ̂(u) then scatters about λ(u) with covariance ∇²A(λ(u))⁻¹ / `rows[u]`, and a table of true rank below n·k is
    /// estimated with full rank. So the interval is that of a test (Neyman 1937): t belongs to it if, in tables whose
    /// smallest singular value is t and that are else as estimated, noise makes the smallest singular value larger than
    /// the one found in more than 2.5 % of simulated draws, and smaller in more than 2.5 %. Noise of the decoder, which
    /// is estimated from all rows, is not counted.
    ///
    /// # Errors
    /// Not one count of at least 1 for each u; or the decomposition does not converge.
    pub fn smallest_singular_value(&self, rows: &[usize]) -> Result<Interval, LambdaError> {
        let (distinct_u, columns) = self.table.dim();
        let smallest = rows.iter().copied().min().unwrap_or(0);
        if rows.len() != distinct_u || smallest == 0 {
            return Err(LambdaError::Counts { given: rows.len(), distinct_u, smallest });
        }
        if distinct_u <= columns {
            return Ok(Interval { estimate: 0.0, lower: 0.0, upper: 0.0 });
        }
        let (whitened, roots) = self.whitened();
        let svd = linalg::svd(whitened.view())?;
        let estimate = svd.s[columns - 1];
        let noise = self.noise_roots(rows, &roots);
        let draws: Vec<Draw> = (0..DRAWS)
            .map(|draw| {
                let e = self.noise(&noise, draw);
                let turned = svd.u.t().dot(&e);
                Draw { inside: turned.dot(&svd.vt.t()), square: turned.dot(&turned.t()) }
            })
            .collect();
        // In how many of the draws noise on a table of smallest singular value t makes one above the estimate.
        let above = |t: f64| draws.iter().filter(|draw| draw.is_above(estimate, &svd.s, t)).count();
        let tail = (0.5 * (1.0 - CONFIDENCE) * DRAWS as f64) as usize;
        let end = |mut low: f64, mut high: f64, count: usize| {
            for _ in 0..HALVINGS {
                let middle = 0.5 * (low + high);
                if above(middle) <= count { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        };
        let lower = if above(0.0) > tail { 0.0 } else { end(0.0, estimate, tail) };
        let mut far = 2.0 * estimate;
        let most = DRAWS - tail - 1;
        while above(far) <= most && far < 1e3 * estimate {
            far *= 2.0;
        }
        Ok(Interval { estimate, lower, upper: end(lower, far, most) })
    }

    /// For each u and component, B with B Bᵀ = Cᵀ I(λ(u))⁻¹ C / (rows · M), `[M][n]`, each `[k, k]`.
    fn noise_roots(&self, rows: &[usize], roots: &[Vec<f64>]) -> Vec<Vec<Vec<f64>>> {
        let (k, count) = (self.k(), self.distinct_u() as f64);
        let block = |u: usize, i: usize| {
            let own = self.fisher_root(self.table.row(u), i);
            let scale = 1.0 / (rows[u] as f64 * count).sqrt();
            // B = Cᵀ R⁻ᵀ with I(λ(u)) = R Rᵀ: row j solves R b = column j of C.
            let mut b: Vec<f64> = (0..k * k).map(|e| scale * roots[i][e % k * k + e / k]).collect();
            b.chunks_exact_mut(k).for_each(|row| solve_lower(&own, row));
            b
        };
        (0..self.distinct_u()).map(|u| (0..self.n()).map(|i| block(u, i)).collect()).collect()
    }

    /// One draw of what the estimation adds to the whitened deviations, `[n * k, M]`.
    fn noise(&self, roots: &[Vec<Vec<f64>>], draw: usize) -> Array2<f64> {
        let (k, columns, count) = (self.k(), self.table.ncols(), self.distinct_u());
        let mut normal = vec![0.0; columns * count];
        stream::fill_normal(&mut normal, columns, StreamKey::new(SEED, Purpose::Generate).step(draw as u64));
        let entry = |(c, u): (usize, usize)| {
            let (i, j) = (c / k, c % k);
            (0..k).map(|l| roots[u][i][j * k + l] * normal[u * columns + i * k + l]).sum::<f64>()
        };
        let mut e = Array2::from_shape_fn((columns, count), entry);
        // Deviations are from the mean over u.
        for mut row in e.rows_mut() {
            let mean = row.mean().unwrap_or(0.0);
            row -= mean;
        }
        e
    }
}

impl Draw {
    /// Is every singular value above `found`, where the table has the singular values `s`, but none below `t` and the
    /// last no more than `t` if that is less? All are if, and only if, (S V ᵀ + UᵀE)(…)ᵀ − found² has a Cholesky
    /// decomposition.
    fn is_above(&self, found: f64, s: &Array1<f64>, t: f64) -> bool {
        let r = s.len();
        let value = |i: usize| if i + 1 == r { t } else { s[i].max(t) };
        let mut gram = vec![0.0; r * r];
        for i in 0..r {
            for j in 0..r {
                gram[i * r + j] =
                    self.square[[i, j]] + value(i) * self.inside[[j, i]] + value(j) * self.inside[[i, j]];
            }
            gram[i * r + i] += value(i).powi(2) - found * found;
        }
        let root = cholesky(&gram, r, 0.0);
        (0..r).all(|i| root[i * r + i] > 0.0)
    }
}
