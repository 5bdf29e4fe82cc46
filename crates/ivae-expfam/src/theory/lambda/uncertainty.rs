//! [`Interval`]: how small the smallest singular value of an *estimated* table may really be, by the Fisher information or
//! by refits.

use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::cholesky::{cholesky, solve_lower};
use super::error::LambdaError;
use super::table::Lambda;

/// Confidence of [`Interval`].
pub const CONFIDENCE: f64 = 0.95;
/// Fewest replicates for an interval of [`CONFIDENCE`]: two of them lie outside each end.
pub const REPLICATES: usize = 100;
/// Simulated tables.
const DRAWS: usize = 400;
/// Halvings of the bracket of an end of the interval.
const HALVINGS: usize = 20;
/// Seed of the simulation: the interval of a table is always the same.
const SEED: u64 = 0;

/// A confidence interval for the smallest singular value of λ(u): see [`Lambda::smallest_singular_value`] and
/// [`Lambda::smallest_singular_value_of`].
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
    /// Can an invertible L be distinguished, with [`CONFIDENCE`], from a singular L that noise makes look invertible?
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
        let distinct_u = self.distinct_u();
        let smallest = rows.iter().copied().min().unwrap_or(0);
        if rows.len() != distinct_u || smallest == 0 {
            return Err(LambdaError::Counts { given: rows.len(), distinct_u, smallest });
        }
        let (whitened, roots) = self.whitened();
        let noise = self.noise_roots(rows, &roots);
        interval(&whitened, DRAWS, |draw| self.noise(&noise, draw))
    }

    /// The same interval for a table that was *not* estimated at each u by itself, as λ(u) of a continuous u, which one
    /// function fitted to all rows gives: from `replicates`, B ≥ [`REPLICATES`] tables `[M, n * k]` at the same u, each of a
    /// refit to resampled rows.
    ///
    /// How far the refits scatter about the table, λ*(u) − λ(u), stands for how far the table scatters about the truth
    /// (the bootstrap, Efron 1979), with all its dependence between the u, and takes the place of the Fisher information
    /// in the test that [`smallest_singular_value`](Self::smallest_singular_value) inverts. Rows are resampled with
    /// replacement, (x, u) together (or in blocks, where they depend on each other), and the function is refitted as it
    /// was fitted.
    ///
    /// What it cannot tell:
    /// - latents of a refit come in another order, sign and scale: match them to those of the table before, or refit the
    ///   prior alone to the latents that were found, and leave out what the decoder's estimate adds, as the other
    ///   interval does;
    /// - refits to the *same* rows from other starts scatter by the optimiser, not by the data: an interval of them is too
    ///   short;
    /// - that the function is too smooth for the true λ(u), or too stiff, is the same in every refit.
    ///
    /// ```
    /// use ivae_expfam::{Gaussian, GaussianForm, Lambda};
    /// use ndarray::Array2;
    ///
    /// // λ(u) = 0.8 u + 0.1 of one latent of variance 1, at 20 of the u; refits whose slope and offset differ.
    /// let family = Gaussian { form: GaussianForm::Mean };
    /// let of = |slope: f64, offset: f64| Array2::from_shape_fn((20, 1), |(u, _)| slope * 0.1 * u as f64 + offset);
    /// let table = of(0.8, 0.1);
    /// let wave = |b: i32, step: f64| (step * f64::from(b)).sin();
    /// let refits: Vec<_> = (0..200).map(|b| of(0.8 + 0.2 * wave(b, 1.7), 0.1 + 0.1 * wave(b, 2.3))).collect();
    /// let refits: Vec<_> = refits.iter().map(|table| table.view()).collect();
    /// let interval = Lambda::new(&family, table.view())?.smallest_singular_value_of(&refits)?;
    /// assert!(interval.told_from_singular() && interval.lower < interval.estimate);
    /// # Ok::<(), ivae_expfam::LambdaError>(())
    /// ```
    ///
    /// # Errors
    /// Fewer than [`REPLICATES`] tables, one of another shape or outside the natural domain; or the decomposition does not
    /// converge.
    pub fn smallest_singular_value_of(
        &self,
        replicates: &[ArrayView2<'_, f64>],
    ) -> Result<Interval, LambdaError> {
        let (given, expected) = (replicates.len(), self.table.dim());
        if given < REPLICATES {
            return Err(LambdaError::TooFewReplicates { given, needed: REPLICATES });
        }
        for (replicate, table) in replicates.iter().enumerate() {
            if table.dim() != expected {
                return Err(LambdaError::ReplicateShape { replicate, found: table.dim(), expected });
            }
            Self::new(self.family, table.view())?;
        }
        let (whitened, roots) = self.whitened();
        interval(&whitened, given, |draw| self.in_units(&(&replicates[draw] - &self.table), &roots))
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

/// The interval of a table with the deviations `whitened` `[n * k, M]`, from `count` draws `[n * k, M]` of what
/// estimation adds to them.
fn interval(
    whitened: &Array2<f64>,
    count: usize,
    noise: impl Fn(usize) -> Array2<f64>,
) -> Result<Interval, LambdaError> {
    let (columns, distinct_u) = whitened.dim();
    if distinct_u <= columns {
        return Ok(Interval { estimate: 0.0, lower: 0.0, upper: 0.0 });
    }
    let svd = linalg::svd(whitened.view())?;
    let estimate = svd.s[columns - 1];
    let draws: Vec<Draw> = (0..count)
        .map(|draw| {
            let turned = svd.u.t().dot(&noise(draw));
            Draw { inside: turned.dot(&svd.vt.t()), square: turned.dot(&turned.t()) }
        })
        .collect();
    // In how many of the draws noise on a table of smallest singular value t makes one above the estimate.
    let above = |t: f64| draws.iter().filter(|draw| draw.is_above(estimate, &svd.s, t)).count();
    let tail = (0.5 * (1.0 - CONFIDENCE) * count as f64) as usize;
    let end = |mut low: f64, mut high: f64, most: usize| {
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if above(middle) <= most { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    let lower = if above(0.0) > tail { 0.0 } else { end(0.0, estimate, tail) };
    let mut far = 2.0 * estimate;
    let most = count - tail - 1;
    while above(far) <= most && far < 1e3 * estimate {
        far *= 2.0;
    }
    Ok(Interval { estimate, lower, upper: end(lower, far, most) })
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
