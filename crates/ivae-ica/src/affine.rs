//! Affine maps of rows, block by block.

use ivae_num::{GemmScratch, Scalar, gemm};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::error::{IcaError, check_columns};

/// Rows that are centred and multiplied at a time: small enough for the cache, large enough for the product.
pub(crate) const BLOCK: usize = 512;

/// What rows have added up to so far, in `f64`.
///
/// One pass gives both moments: rows are shifted by the mean s of the first block, and
///
/// ```text
/// m = s + Σ (x − s) / N,    C = Σ (x − s)(x − s)ᵀ / N − (m − s)(m − s)ᵀ    (Chan, Golub & LeVeque 1983, eq. 1.7).
/// ```
///
/// Since (m − s)² is at most N / 512 variances (Cauchy–Schwarz), the difference loses log₂(N / 512) bits at worst, and
/// none where the first rows are like the others.
pub(crate) struct Sums {
    shift: Array1<f64>,
    rows: usize,
    first: Array1<f64>,
    second: Array2<f64>,
    block: Array2<f64>,
    scratch: GemmScratch<f64>,
}

impl Sums {
    /// Of no rows yet, of d columns.
    pub(crate) fn new(d: usize) -> Self {
        Self {
            shift: Array1::zeros(d),
            rows: 0,
            first: Array1::zeros(d),
            second: Array2::zeros((d, d)),
            block: Array2::zeros((BLOCK, d)),
            scratch: GemmScratch::new(),
        }
    }

    /// Adds the rows x `[B, d]`, at most [`BLOCK`].
    pub(crate) fn add<F: Scalar>(&mut self, x: ArrayView2<'_, F>) {
        if self.rows == 0 {
            for row in x.rows() {
                self.shift.iter_mut().zip(row).for_each(|(shift, v)| *shift += v.f64());
            }
            self.shift /= x.nrows().max(1) as f64;
        }
        let mut block = self.block.slice_axis_mut(Axis(0), Slice::from(..x.nrows()));
        centre(block.view_mut(), x, &self.shift);
        self.first += &block.sum_axis(Axis(0));
        gemm(self.second.view_mut(), 1.0, 1.0, block.t(), block.view(), &mut self.scratch);
        self.rows += x.nrows();
    }

    /// Rows added.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The moments of all rows, of which there must be some.
    pub(crate) fn moments(self) -> Moments {
        let rows = self.rows as f64;
        let (moved, mut covariance) = (self.first / rows, self.second / rows);
        for ((i, j), c) in covariance.indexed_iter_mut() {
            *c -= moved[i] * moved[j];
        }
        Moments { rows: self.rows, mean: self.shift + moved, covariance }
    }
}

/// Moments of rows x `[N, d]`.
pub(crate) struct Moments {
    /// N.
    pub(crate) rows: usize,
    /// `[d]`.
    pub(crate) mean: Array1<f64>,
    /// Divided by N, `[d, d]`.
    pub(crate) covariance: Array2<f64>,
}

impl Moments {
    /// Of x `[N, d]`, N > 0.
    pub(crate) fn of<F: Scalar>(x: ArrayView2<'_, F>) -> Self {
        let mut sums = Sums::new(x.ncols());
        x.axis_chunks_iter(Axis(0), BLOCK).for_each(|block| sums.add(block));
        sums.moments()
    }
}

/// Overwrites out `[B, d]` with the rows x − mean.
fn centre<F: Scalar, T: Scalar>(mut out: ArrayViewMut2<'_, T>, x: ArrayView2<'_, F>, mean: &Array1<f64>) {
    for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
        for ((out, x), mean) in out.iter_mut().zip(x).zip(mean) {
            *out = T::of(x.f64() - mean);
        }
    }
}

/// The map x ↦ map (x − mean), with the memory to apply it block by block, in the scalar `T`.
pub(crate) struct Centred<'a, T> {
    mean: &'a Array1<f64>,
    /// `[n, d]`.
    map: ArrayView2<'a, T>,
    block: Array2<T>,
    scratch: GemmScratch<T>,
}

impl<'a, T: Scalar> Centred<'a, T> {
    /// For blocks of at most `rows` rows.
    pub(crate) fn new(mean: &'a Array1<f64>, map: ArrayView2<'a, T>, rows: usize) -> Self {
        let block = Array2::zeros((BLOCK.min(rows), mean.len()));
        Self { mean, map, block, scratch: GemmScratch::new() }
    }

    /// Overwrites out `[B, n]` (any strides) with (x − mean) mapᵀ, x `[B, d]`, B at most [`BLOCK`].
    pub(crate) fn apply<F: Scalar>(&mut self, out: ArrayViewMut2<'_, T>, x: ArrayView2<'_, F>) {
        let mut block = self.block.slice_axis_mut(Axis(0), Slice::from(..x.nrows()));
        centre(block.view_mut(), x, self.mean);
        gemm(out, T::zero(), T::one(), block.view(), self.map.t(), &mut self.scratch);
    }
}

/// Overwrites out `[N, n]` (any strides) with (x − mean) mapᵀ, x `[N, d]`, map `[n, d]`, in the scalar of `out`.
pub(crate) fn centred_product<F: Scalar, T: Scalar>(
    mut out: ArrayViewMut2<'_, T>,
    x: ArrayView2<'_, F>,
    mean: &Array1<f64>,
    map: ArrayView2<'_, T>,
) {
    let mut centred = Centred::new(mean, map, x.nrows());
    for (out, x) in out.axis_chunks_iter_mut(Axis(0), BLOCK).zip(x.axis_chunks_iter(Axis(0), BLOCK)) {
        centred.apply(out, x);
    }
}

/// (x − mean) mapᵀ `[N, n]`, x `[N, d]`, map `[n, d]`.
///
/// # Errors
/// Another number of columns than d.
pub(crate) fn project<F: Scalar>(
    x: ArrayView2<'_, F>,
    mean: &Array1<F>,
    map: ArrayView2<'_, F>,
) -> Result<Array2<F>, IcaError> {
    check_columns(mean.len(), x.ncols())?;
    let mut out = Array2::zeros((x.nrows(), map.nrows()));
    centred_product(out.view_mut(), x, &mean.mapv(F::f64), map);
    Ok(out)
}

/// z mapᵀ + mean `[N, d]`, z `[N, n]`, map `[d, n]`.
pub(crate) fn product_plus<F: Scalar>(
    z: ArrayView2<'_, F>,
    map: ArrayView2<'_, F>,
    mean: &Array1<F>,
) -> Array2<F> {
    let mut out = Array2::zeros((z.nrows(), map.nrows()));
    out += mean;
    gemm(out.view_mut(), F::one(), F::one(), z, map.t(), &mut GemmScratch::new());
    out
}
