//! Affine maps of rows, block by block.

use ivae_num::{GemmScratch, Scalar, gemm};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::error::{IcaError, check_columns};

/// Rows that are centred and multiplied at a time: small enough for the cache, large enough for the product.
const BLOCK: usize = 512;

/// Calls `each` with the centred rows x − mean `[B, d]` of one block after the other, in the scalar `T`.
fn for_centred_blocks<F: Scalar, T: Scalar>(
    x: ArrayView2<'_, F>,
    mean: &Array1<f64>,
    mut each: impl FnMut(usize, ArrayView2<'_, T>),
) {
    let mut block = Array2::<T>::zeros((BLOCK.min(x.nrows()), x.ncols()));
    for (i, x) in x.axis_chunks_iter(Axis(0), BLOCK).enumerate() {
        let mut block = block.slice_axis_mut(Axis(0), Slice::from(..x.nrows()));
        for (mut out, x) in block.rows_mut().into_iter().zip(x.rows()) {
            for ((out, x), mean) in out.iter_mut().zip(x).zip(mean) {
                *out = T::of(x.f64() - mean);
            }
        }
        each(i * BLOCK, block.view());
    }
}

/// Mean `[d]` and covariance `[d, d]` (divided by N) of x `[N, d]`, N > 0, in `f64`.
pub(crate) fn mean_and_covariance<F: Scalar>(x: ArrayView2<'_, F>) -> (Array1<f64>, Array2<f64>) {
    let (rows, d) = (x.nrows() as f64, x.ncols());
    let mut mean = Array1::<f64>::zeros(d);
    for row in x.rows() {
        mean.iter_mut().zip(row).for_each(|(mean, v)| *mean += v.f64());
    }
    mean /= rows;
    let mut rest = Array1::<f64>::zeros(d);
    let mut covariance = Array2::<f64>::zeros((d, d));
    let mut scratch = GemmScratch::new();
    for_centred_blocks::<F, f64>(x, &mean, |_, block| {
        rest += &block.sum_axis(Axis(0));
        gemm(covariance.view_mut(), 1.0, 1.0, block.t(), block, &mut scratch);
    });
    // What the rounding of the mean left (Chan, Golub & LeVeque 1983, eq. 1.7).
    covariance /= rows;
    rest /= rows;
    for ((i, j), c) in covariance.indexed_iter_mut() {
        *c -= rest[i] * rest[j];
    }
    (mean, covariance)
}

/// Overwrites out `[N, n]` (any strides) with (x − mean) mapᵀ, x `[N, d]`, map `[n, d]`, in the scalar of `out`.
pub(crate) fn centred_product<F: Scalar, T: Scalar>(
    mut out: ArrayViewMut2<'_, T>,
    x: ArrayView2<'_, F>,
    mean: &Array1<f64>,
    map: ArrayView2<'_, T>,
) {
    let mut scratch = GemmScratch::new();
    for_centred_blocks::<F, T>(x, mean, |start, block| {
        let out = out.slice_axis_mut(Axis(0), Slice::from(start..start + block.nrows()));
        gemm(out, T::zero(), T::one(), block, map.t(), &mut scratch);
    });
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
