//! The inner loops: a tile of c in registers, rows of b as vectors, entries of a broadcast.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::pack::{Transposition, transpose};
use super::vector::{Vector, prefetch};
use crate::Scalar;
use crate::sealed::Sealed;
use crate::simd::{Level, Simd};

/// The part of a matrix product that differs between `f32` and `f64`. Sealed: for [`crate::Scalar`] only.
#[allow(private_interfaces)]
pub trait GemmKernel: Sealed {
    /// The kernels of a path, widest first.
    #[doc(hidden)]
    fn shapes(simd: Simd) -> &'static [Shape<Self>];
    /// Copies columns to rows.
    #[doc(hidden)]
    fn transposer(simd: Simd) -> unsafe fn(&Transposition<Self>);
}

/// `c ← (alpha · a b + beta · start) ∘ factor`, with c `[m, w]`, a `[m, k]`, b `[k, w]`, w small; rows of b, c, start and
/// factor contiguous.
pub(super) struct Panel<'a, F> {
    pub(super) c: ArrayViewMut2<'a, F>,
    /// `[m, w]`; c itself if `None`.
    pub(super) start: Option<ArrayView2<'a, F>>,
    /// `[m, w]`; 1 if `None`.
    pub(super) factor: Option<ArrayView2<'a, F>>,
    pub(super) beta: F,
    pub(super) alpha: F,
    pub(super) a: ArrayView2<'a, F>,
    pub(super) b: ArrayView2<'a, F>,
}

/// A kernel for panels of one width.
pub(crate) struct Shape<F> {
    /// Columns of its panels: as many, or fewer by less than `lanes`.
    pub(super) cols: usize,
    lanes: usize,
    kernel: unsafe fn(&Pointers<F>),
}

/// [`Panel`] after its checks.
struct Pointers<F> {
    m: usize,
    k: usize,
    cols: usize,
    c: *mut F,
    c_row: isize,
    start: *const F,
    start_row: isize,
    /// Null for none.
    factor: *const F,
    factor_row: isize,
    a: *const F,
    a_row: isize,
    a_col: isize,
    b: *const F,
    b_row: isize,
    alpha: F,
    beta: F,
}

impl<F: Scalar> Shape<F> {
    pub(super) fn run(&self, mut p: Panel<'_, F>) {
        let ((m, k), cols) = (p.a.dim(), p.b.ncols());
        assert!(p.c.dim() == (m, cols) && p.b.nrows() == k);
        assert!(cols <= self.cols && cols > self.cols - self.lanes);
        assert!(cols == 1 || (p.c.strides()[1] == 1 && p.b.strides()[1] == 1));
        for extra in p.start.iter().chain(&p.factor) {
            assert!(extra.dim() == (m, cols) && (cols == 1 || extra.strides()[1] == 1));
        }
        let c = p.c.as_mut_ptr();
        let (start, start_row) =
            p.start.map_or((c.cast_const(), p.c.strides()[0]), |s| (s.as_ptr(), s.strides()[0]));
        let (factor, factor_row) = p.factor.map_or((std::ptr::null(), 0), |f| (f.as_ptr(), f.strides()[0]));
        let pointers = Pointers {
            m,
            k,
            cols,
            c_row: p.c.strides()[0],
            c,
            start,
            start_row,
            factor,
            factor_row,
            a: p.a.as_ptr(),
            a_row: p.a.strides()[0],
            a_col: p.a.strides()[1],
            b: p.b.as_ptr(),
            b_row: p.b.strides()[0],
            alpha: p.alpha,
            beta: p.beta,
        };
        // SAFETY: the pointers and strides come from views of the shapes just checked, the one of c from a mutable
        // view; and `GemmKernel::shapes` gives out only kernels for instructions that its `Simd` vouches for.
        unsafe { (self.kernel)(&pointers) }
    }
}

/// `R` rows from `row` on; `N` vectors wide, the last of them partial if `PARTIAL`.
///
/// # Safety
/// As for [`panel`], and `row + R ≤ m`.
#[inline(always)]
unsafe fn tile<F: Scalar, V: Vector<F>, const R: usize, const N: usize, const PARTIAL: bool>(
    p: &Pointers<F>,
    row: usize,
) {
    // SAFETY: rows row..row + R are below m, and columns below cols, the last vector being masked unless it is whole.
    unsafe {
        let mask = V::mask(p.cols - (N - 1) * V::LANES);
        let masked = |j: usize| PARTIAL && j == N - 1;
        let load = |at: *const F, j: usize| {
            let at = at.add(j * V::LANES);
            if masked(j) { V::load_masked(at, mask) } else { V::load(at) }
        };
        let a: [*const F; R] = std::array::from_fn(|i| p.a.offset((row + i) as isize * p.a_row));
        let c: [*mut F; R] = std::array::from_fn(|i| p.c.offset((row + i) as isize * p.c_row));
        c.iter().for_each(|c| (0..N).for_each(|j| prefetch(c.add(j * V::LANES))));

        let mut sum = [[V::splat(F::zero()); N]; R];
        for q in 0..p.k as isize {
            let b: [V; N] = std::array::from_fn(|j| load(p.b.offset(q * p.b_row), j));
            for i in 0..R {
                let a = V::splat(*a[i].offset(q * p.a_col));
                for j in 0..N {
                    sum[i][j] = a.mul_add(b[j], sum[i][j]);
                }
            }
        }

        // One instance each, so that the sums stay in their registers.
        match (p.beta != F::zero(), !p.factor.is_null()) {
            (false, false) => finish::<F, V, R, N, PARTIAL, false, false>(p, row, &sum),
            (false, true) => finish::<F, V, R, N, PARTIAL, false, true>(p, row, &sum),
            (true, false) => finish::<F, V, R, N, PARTIAL, true, false>(p, row, &sum),
            (true, true) => finish::<F, V, R, N, PARTIAL, true, true>(p, row, &sum),
        }
    }
}

/// What becomes of the sums of a [`tile`].
///
/// # Safety
/// As for [`tile`]; `FACTOR` only if there is one.
#[inline(always)]
unsafe fn finish<
    F: Scalar,
    V: Vector<F>,
    const R: usize,
    const N: usize,
    const PARTIAL: bool,
    const START: bool,
    const FACTOR: bool,
>(
    p: &Pointers<F>,
    row: usize,
    sum: &[[V; N]; R],
) {
    // SAFETY: rows row..row + R are below m, and columns below cols, the last vector being masked unless it is whole.
    unsafe {
        let mask = V::mask(p.cols - (N - 1) * V::LANES);
        let masked = |j: usize| PARTIAL && j == N - 1;
        let load = |at: *const F, j: usize| {
            let at = at.add(j * V::LANES);
            if masked(j) { V::load_masked(at, mask) } else { V::load(at) }
        };
        let (alpha, beta) = (V::splat(p.alpha), V::splat(p.beta));
        for i in 0..R {
            let at = (row + i) as isize;
            let (c, start) = (p.c.offset(at * p.c_row), p.start.offset(at * p.start_row));
            for j in 0..N {
                let mut value = sum[i][j].mul(alpha);
                if START {
                    value = value.add(load(start, j).mul(beta));
                }
                if FACTOR {
                    value = value.mul(load(p.factor.offset(at * p.factor_row), j));
                }
                let to = c.add(j * V::LANES);
                if masked(j) { value.store_masked(to, mask) } else { value.store(to) }
            }
        }
    }
}

/// All rows of a panel `N` vectors wide, `R` at a time.
///
/// # Safety
/// `p` describes valid memory, its columns take `N` vectors, and the processor has the instructions of `V`.
#[inline(always)]
unsafe fn panel<F: Scalar, V: Vector<F>, const R: usize, const N: usize>(p: &Pointers<F>) {
    // SAFETY: as the caller promises.
    unsafe {
        if p.cols == N * V::LANES {
            rows::<F, V, R, N, false>(p);
        } else {
            rows::<F, V, R, N, true>(p);
        }
    }
}

/// # Safety
/// As for [`panel`]; `PARTIAL` says whether the last vector is less than whole.
#[inline(always)]
unsafe fn rows<F: Scalar, V: Vector<F>, const R: usize, const N: usize, const PARTIAL: bool>(
    p: &Pointers<F>,
) {
    let mut row = 0;
    // SAFETY: each tile ends at or before row m; the rest is what the caller promises.
    unsafe {
        while row + R <= p.m {
            tile::<F, V, R, N, PARTIAL>(p, row);
            row += R;
        }
        while row + 4 <= p.m {
            tile::<F, V, 4, N, PARTIAL>(p, row);
            row += 4;
        }
        if row + 2 <= p.m {
            tile::<F, V, 2, N, PARTIAL>(p, row);
            row += 2;
        }
        if row < p.m {
            tile::<F, V, 1, N, PARTIAL>(p, row);
        }
    }
}

/// `function::<..>` with instructions enabled, as a function pointer.
macro_rules! enabled {
    ([$($features:literal)?] $argument:ty => $($function:tt)+) => {{
        $(#[target_feature(enable = $features)])?
        unsafe fn enabled(argument: &$argument) {
            // SAFETY: who calls this vouches for the instructions and for the argument.
            unsafe { $($function)+(argument) }
        }
        enabled
    }};
}

/// The kernels of one path for one scalar type: `vector, rows x vectors; ..`, and the vector to transpose with.
macro_rules! shapes {
    ($float:ty, $features:tt, $($vector:ty, $rows:literal x $n:literal);+) => {
        &[$(Shape {
            cols: $n * <$vector as Vector<$float>>::LANES,
            lanes: <$vector as Vector<$float>>::LANES,
            kernel: enabled!($features Pointers<$float> => panel::<$float, $vector, $rows, $n>),
        }),+]
    };
}

macro_rules! gemm_kernel {
    ($float:ty, $zmm:ident, $ymm:ident x $square:literal, $xmm:ident) => {
        #[allow(private_interfaces)]
        impl GemmKernel for $float {
            fn shapes(simd: Simd) -> &'static [Shape<Self>] {
                match simd.level() {
                    Level::Portable => shapes!($float, [], [$float; 4], 4 x 2; [$float; 4], 4 x 1; [$float; 1], 4 x 1),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => {
                        use super::vector::avx2::{$xmm, $ymm};
                        shapes!($float, ["avx2,fma"], $ymm, 6 x 2; $ymm, 8 x 1; $xmm, 8 x 1)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => {
                        use super::vector::avx512::{$xmm, $ymm, $zmm};
                        shapes!(
                            $float, ["avx512f,avx512vl,avx512dq,avx512bw,fma"],
                            $zmm, 8 x 3; $zmm, 8 x 2; $zmm, 12 x 1; $ymm, 12 x 1; $xmm, 12 x 1
                        )
                    }
                }
            }

            fn transposer(simd: Simd) -> unsafe fn(&Transposition<Self>) {
                match simd.level() {
                    Level::Portable => enabled!([] Transposition<$float> => transpose::<$float, [$float; 4], 4>),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => {
                        use super::vector::avx2::$ymm;
                        enabled!(["avx2,fma"] Transposition<$float> => transpose::<$float, $ymm, $square>)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => {
                        use super::vector::avx512::$ymm;
                        enabled!(["avx512f,avx512vl,fma"] Transposition<$float> => transpose::<$float, $ymm, $square>)
                    }
                }
            }
        }
    };
}
gemm_kernel!(f32, F32x16, F32x8 x 8, F32x4);
gemm_kernel!(f64, F64x8, F64x4 x 4, F64x2);
