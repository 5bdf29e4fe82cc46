//! Matrix products into caller-owned memory.
//!
//! A transposed operand is a view with swapped strides: pass `a.t()`.
//!
//! The summands of an entry of c are added in order of k, in blocks of a fixed length, so the bits of a result depend
//! on the operands' values and on whether the processor has a fused multiply-add, and on nothing else: not on layouts,
//! not on the width of its vectors, not on the size of the rest of the product. So a large product is shared out among
//! the threads of the current rayon pool, in parts of c, and its bits do not change with their number.
//!
//! On a processor with a matrix unit (AMX, on Linux), products of `f32` whose three sides are 128 or more are done there,
//! as six products of numbers of 8 binary digits (`tiled.rs` has the arithmetic and its error). Their bits are other
//! ones, no further from the sum, and they depend on whether a product is large enough and on whether the rows or the
//! columns of c are contiguous; not on layouts of a and b, nor on threads. `IVAE_SIMD=avx512` leaves the unit alone.

mod blocks;
mod driver;
#[allow(unsafe_code)]
mod few;
#[allow(unsafe_code)]
mod finish;
#[allow(unsafe_code)]
mod kernel;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod narrow;
#[allow(unsafe_code)]
mod pack;
#[allow(unsafe_code)]
mod panel;
mod scratch;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod split;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod tiled;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod unit;
#[allow(unsafe_code)]
mod vector;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

pub use kernel::GemmKernel;
pub use scratch::GemmScratch;

use crate::Scalar;
use crate::share::WORTH_SHARING;
use crate::simd::Simd;

/// Multiplications of the largest product from which [`awake`](crate::awake) threads share work, where a matrix unit does it:
/// moving the operands between cores costs more than a smaller product.
const WORTH_SHARING_BY_UNIT: usize = 1 << 24;

/// Whether work whose largest product has so many multiplications gains by [`awake`](crate::awake) threads.
pub fn worth_sharing<F: Scalar>(multiplications: usize) -> bool {
    multiplications >= if has_unit::<F>() { WORTH_SHARING_BY_UNIT } else { WORTH_SHARING }
}

/// Whether there is a matrix unit for large products.
fn has_unit<F: Scalar>() -> bool {
    #[cfg(target_arch = "x86_64")]
    return F::unit(Simd::active(), usize::MAX, usize::MAX, usize::MAX).is_some();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `c ← alpha · a b + beta · c`, with c `[m, n]`, a `[m, k]`, b `[k, n]`, any strides.
///
/// With `beta == 0`, c is overwritten whatever it held (NaN included); with `alpha == 0`, a and b are not read.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm<F: Scalar>(
    c: ArrayViewMut2<'_, F>,
    beta: F,
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    driver::gemm_on(Simd::active(), c, beta, alpha, a, b, scratch);
}

/// `c ← 1 biasᵀ + a b`, with c `[m, n]`, bias `[n]`, a `[m, k]`, b `[k, n]`, any strides: as [`gemm`] onto rows that are
/// all `bias`, to the bit, without writing them first where the rows of c are contiguous.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm_bias<F: Scalar>(
    c: ArrayViewMut2<'_, F>,
    bias: ArrayView1<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    driver::bias_on(Simd::active(), c, bias, a, b, scratch);
}

/// `c[i] ← bias + table[levels[i]] + a[i] b`, with c `[m, n]`, bias `[n]`, table `[M, n]`, a `[m, k]`, b `[k, n]`, any
/// strides: as [`gemm`] onto what [`look_up`](crate::levels::look_up) gives, to the bit, and in one pass on one thread where
/// summands are few and the rows of c, table and b contiguous.
///
/// # Panics
/// If the shapes do not fit, or a level is not below M.
pub fn gemm_levels<F: Scalar>(
    c: ArrayViewMut2<'_, F>,
    bias: &[F],
    table: ArrayView2<'_, F>,
    levels: &[u32],
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    driver::levels_on(Simd::active(), c, bias, table, levels, a, b, scratch);
}

/// `c ← (a b) ∘ factor`, entry by entry, with c and factor `[m, n]`, a `[m, k]`, b `[k, n]`, any strides: as [`gemm`] and
/// a product of entries after it, to the bit, in one pass where the rows of c and factor are contiguous. Also adds every
/// row of c to `sums` `[n]`, if given, as [`add_to_column_sums`](crate::add_to_column_sums) does, and on one thread within that pass.
///
/// # Panics
/// If the shapes do not fit.
pub fn gemm_times<F: Scalar>(
    c: ArrayViewMut2<'_, F>,
    sums: Option<&mut [F]>,
    factor: ArrayView2<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    driver::times_on(Simd::active(), c, sums, factor, a, b, scratch);
}
