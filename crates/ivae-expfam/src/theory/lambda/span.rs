//! [`Span`]: which natural parameters no u moves, and which u carry the information.

use ivae_num::linalg;
use serde::{Deserialize, Serialize};

use super::cholesky::solve_lower;
use super::error::LambdaError;
use super::spectrum::Spectrum;
use super::table::Lambda;
use super::variability::threshold;

/// Shares below this are not named.
const NAMED: f64 = 0.01;

/// A natural parameter whose direction λ(u) does not span completely.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Unspanned {
    /// Component i.
    pub component: usize,
    /// Statistic j of it.
    pub statistic: usize,
    /// How much of the direction of λᵢⱼ lies where λ(u) does not vary, in (0, 1]: 1 if λᵢⱼ is the same for all u.
    pub share: f64,
}

/// What the variation of λ(u) spans: see [`Lambda::span`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Directions spanned, [`Variability::rank`](super::Variability::rank).
    pub rank: usize,
    /// Parameters that lie, in part at least, outside; the worst first. Empty if the rank is full.
    pub unspanned: Vec<Unspanned>,
    /// Leverage of each u, `[M]`, in \[0, 1\], of sum `rank`: 1 where a direction rests on that u alone.
    pub leverage: Vec<f64>,
}

impl Lambda<'_> {
    /// Which directions the variation of λ over u spans, and which u make it.
    ///
    /// With the whitened deviations W = U S Vᵀ of [`variability`](Lambda::variability), the *leverage* of u is the
    /// squared length of its row in the columns of V that belong to the rank (Hoaglin and Welsch 1978). The linear
    /// form λᵢⱼ is a vector in the coordinates of W, and its *share* outside the span is the squared length of its
    /// projection on the other columns of U, of its own: both are the same for any scale and shift of the latents.
    ///
    /// # Errors
    /// If the decomposition does not converge.
    pub fn span(&self) -> Result<Span, LambdaError> {
        let (columns, count) = (self.table.ncols(), self.distinct_u());
        let (whitened, roots) = self.whitened();
        let svd = linalg::svd(whitened.view())?;
        let spectrum = Spectrum { singular_values: svd.s.to_vec(), precision: 0.0 };
        let rank = spectrum.above(threshold(&spectrum));
        let leverage =
            (0..count).map(|u| (0..rank).map(|r| svd.vt[[r, u]].powi(2)).sum::<f64>().min(1.0)).collect();
        let mut unspanned: Vec<Unspanned> = (0..columns)
            .map(|c| {
                let (component, statistic) = (c / self.k(), c % self.k());
                let form = self.form(&roots[component], c);
                let inside: f64 = (0..rank)
                    .map(|r| (0..columns).map(|at| form[at] * svd.u[[at, r]]).sum::<f64>().powi(2))
                    .sum();
                let all: f64 = form.iter().map(|f| f * f).sum();
                Unspanned { component, statistic, share: (1.0 - inside / all).clamp(0.0, 1.0) }
            })
            .filter(|u| rank < columns && u.share > NAMED)
            .collect();
        unspanned.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok(Span { rank, unspanned, leverage })
    }

    /// The linear form λ ↦ λ_c in whitened coordinates: w with w · Cᵀ δ = δ_c, the solution of C w = e_c.
    fn form(&self, root: &[f64], c: usize) -> Vec<f64> {
        let (k, mut form) = (self.k(), vec![0.0; self.table.ncols()]);
        form[c] = 1.0;
        let first = c / k * k;
        solve_lower(root, &mut form[first..first + k]);
        form
    }
}
