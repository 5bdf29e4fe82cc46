//! [`Whitener`]: PCA-whitening, with its inverse.

use ivae_num::{GemmScratch, Scalar, gemm, linalg};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Slice, Zip};
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::scale::column_means;

/// A direction whose variance is below this share of the largest is taken as null.
const RELATIVE_TOLERANCE: f64 = 1e-10;

/// Rows that are mapped together.
const CHUNK: usize = 256;

/// PCA-whitening, `y = forward (x − mean)`, with `forward = Λ^(−½) Uᵀ` over the r kept directions of the
/// eigendecomposition `U Λ Uᵀ` of the covariance of x.
///
/// The covariance of y on the rows fitted is the identity. Each direction has its largest entry positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whitener<F> {
    /// Mean of x, `[d]`.
    pub mean: Array1<F>,
    /// From centred x to y, `[r, d]`.
    pub forward: Array2<F>,
    /// From y to centred x, `[d, r]`: the pseudo-inverse of `forward`.
    pub inverse: Array2<F>,
    /// Variance of x along each kept direction (divisor N), descending, `[r]`.
    pub variances: Array1<F>,
    /// Share of the total variance of x that the kept directions hold.
    pub explained: f64,
}

impl<F: Scalar> Whitener<F> {
    /// Whitening of x `[N, d]` to its first `components` directions, or ([`None`]) to all that are not null.
    ///
    /// A direction is null if its variance is below 1e-10 of the largest, or below what rounding x leaves. Sums and
    /// the decomposition are in f64 whatever F is.
    ///
    /// # Errors
    /// No rows, a value that is not finite, or fewer directions than asked for.
    pub fn fit(x: ArrayView2<'_, F>, components: Option<usize>) -> Result<Self, DataError> {
        let mean = column_means(x)?;
        let eigen = linalg::eigh(covariance(x, mean.view()).view())?;
        let total: f64 = eigen.values.iter().sum();
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let magnitude = x.iter().fold(0.0, |m: f64, v| m.max(v.f64().abs()));
        let null = (RELATIVE_TOLERANCE * largest).max((F::epsilon().f64() * magnitude).powi(2));
        let rank = eigen.values.iter().filter(|&&v| v > null).count();
        let kept = components.unwrap_or(rank);
        if kept == 0 || kept > rank {
            return Err(DataError::Rank { rank, asked: kept.max(1) });
        }

        // Eigenvalues ascend: the kept directions are the last, taken backwards.
        let last = Slice::new(-(kept as isize), None, -1);
        let mut directions = eigen.vectors.slice_axis(Axis(1), last).t().to_owned();
        for mut direction in directions.rows_mut() {
            let largest =
                direction.iter().copied().fold(0.0, |a: f64, v| if v.abs() > a.abs() { v } else { a });
            direction *= largest.signum();
        }
        let variances = eigen.values.slice_axis(Axis(0), last).to_owned();
        let std = variances.mapv(f64::sqrt).insert_axis(Axis(1));
        Ok(Self {
            mean: mean.mapv(F::of),
            forward: (&directions / &std).mapv(F::of),
            inverse: (&directions * &std).t().mapv(F::of),
            explained: variances.sum() / total,
            variances: variances.mapv(F::of),
        })
    }

    /// r, the number of directions kept.
    pub fn components(&self) -> usize {
        self.forward.nrows()
    }

    /// Overwrites `out` `[N, r]` with the whitened x `[N, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn apply_into(&self, mut out: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        let mut chunk = Chunk::new(x.dim());
        for (y, x) in out.axis_chunks_iter_mut(Axis(0), CHUNK).zip(x.axis_chunks_iter(Axis(0), CHUNK)) {
            chunk.apply(self, y, x);
        }
    }

    /// The whitened x, `[N, r]`, in the memory of x.
    ///
    /// # Panics
    /// If x is not `[N, d]`.
    pub fn apply_owned(&self, x: Array2<F>) -> Array2<F> {
        let ((rows, d), r) = (x.dim(), self.components());
        if !x.is_standard_layout() || r > d {
            return self.apply(x.view());
        }
        let (mut flat, offset) = x.into_raw_vec_and_offset();
        flat.drain(..offset.unwrap_or(0));
        let mut chunk = Chunk::new((rows, d));
        let mut y = Array2::zeros((CHUNK.min(rows), r));
        // y is no longer than x: it never overtakes what is still to be read.
        for start in (0..rows).step_by(CHUNK) {
            let count = CHUNK.min(rows - start);
            let x = ArrayView2::from_shape((count, d), &flat[start * d..(start + count) * d]);
            let x = x.expect("the slice is as long as the shape says");
            chunk.apply(self, y.slice_axis_mut(Axis(0), Slice::from(..count)), x);
            let to = &mut flat[start * r..(start + count) * r];
            to.iter_mut().zip(&y).for_each(|(to, &y)| *to = y);
        }
        flat.truncate(rows * r);
        Array2::from_shape_vec((rows, r), flat).expect("as many values are left as the shape says")
    }

    /// The whitened x, `[N, r]`.
    ///
    /// # Panics
    /// If x is not `[N, d]`.
    pub fn apply(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        let mut out = Array2::zeros((x.nrows(), self.components()));
        self.apply_into(out.view_mut(), x);
        out
    }

    /// Overwrites `out` `[N, d]` with the x whose whitened values are y `[N, r]` (the one in the kept directions).
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn invert_into(&self, mut out: ArrayViewMut2<'_, F>, y: ArrayView2<'_, F>) {
        out.assign(&self.mean);
        gemm(out, F::one(), F::one(), y, self.inverse.t(), &mut GemmScratch::new());
    }

    /// The x `[N, d]` whose whitened values are y `[N, r]` (the one in the kept directions).
    ///
    /// # Panics
    /// If y is not `[N, r]`.
    pub fn invert(&self, y: ArrayView2<'_, F>) -> Array2<F> {
        let mut out = Array2::zeros((y.nrows(), self.mean.len()));
        self.invert_into(out.view_mut(), y);
        out
    }

    /// log |det| of the map, which a log-density of y gains to become one of x; [`None`] unless r = d.
    pub fn log_abs_det(&self) -> Option<f64> {
        let square = self.forward.nrows() == self.forward.ncols();
        square.then(|| self.variances.iter().map(|v| -0.5 * v.f64().ln()).sum())
    }
}

/// Scratch for mapping rows in chunks.
struct Chunk<F> {
    centred: Array2<F>, // [CHUNK, d]
    scratch: GemmScratch<F>,
}

impl<F: Scalar> Chunk<F> {
    /// For chunks of x of the dimensions `(N, d)`.
    fn new((rows, d): (usize, usize)) -> Self {
        Self { centred: Array2::zeros((CHUNK.min(rows), d)), scratch: GemmScratch::new() }
    }

    /// Overwrites y `[B, r]` with the whitened x `[B, d]`, B ≤ [`CHUNK`].
    fn apply(&mut self, whitener: &Whitener<F>, y: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        let mut centred = self.centred.slice_axis_mut(Axis(0), Slice::from(..x.nrows()));
        for (mut c, x) in centred.rows_mut().into_iter().zip(x.rows()) {
            Zip::from(&mut c).and(x).and(&whitener.mean).for_each(|c, &x, &m| *c = x - m);
        }
        gemm(y, F::zero(), F::one(), centred.view(), whitener.forward.t(), &mut self.scratch);
    }
}

/// Covariance of x `[N, d]` with divisor N, `[d, d]`.
fn covariance<F: Scalar>(x: ArrayView2<'_, F>, mean: ArrayView1<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((x.ncols(), x.ncols()));
    let mut scratch = GemmScratch::new();
    for chunk in x.axis_chunks_iter(Axis(0), CHUNK) {
        let centred = chunk.mapv(F::f64) - mean;
        gemm(out.view_mut(), 1.0, 1.0, centred.t(), centred.view(), &mut scratch);
    }
    out / x.nrows() as f64
}
