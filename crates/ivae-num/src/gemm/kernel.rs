//! The inner loops: a tile of c in registers, rows of b as vectors, entries of a broadcast.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::vector::Vector;
use crate::sealed::Sealed;
use crate::simd::{Level, Simd};

/// The part of a matrix product that differs between `f32` and `f64`. Sealed: for [`crate::Scalar`] only.
#[allow(private_interfaces)]
pub trait GemmKernel: Sealed {
    /// The kernels of a path, widest first.
    #[doc(hidden)]
    fn shapes(simd: Simd) -> &'static [Shape<Self>];
}

/// `c ← alpha · a b + beta · c`, with c `[m, w]`, a `[m, k]`, b `[k, w]`, w small; rows of b and c contiguous.
pub(super) struct Panel<'a, F> {
    pub(super) c: ArrayViewMut2<'a, F>,
    pub(super) beta: F,
    pub(super) alpha: F,
    pub(super) a: ArrayView2<'a, F>,
    pub(super) b: ArrayView2<'a, F>,
}

/// A kernel for panels of one width.
pub(crate) struct Shape<F> {
    /// Columns of its panels.
    pub(super) cols: usize,
    /// Whether panels may have fewer columns.
    pub(super) partial: bool,
    kernel: unsafe fn(&Pointers<F>),
}

/// [`Panel`] after its checks.
struct Pointers<F> {
    m: usize,
    k: usize,
    cols: usize,
    c: *mut F,
    c_row: isize,
    a: *const F,
    a_row: isize,
    a_col: isize,
    b: *const F,
    b_row: isize,
    alpha: F,
    beta: F,
}

impl<F: crate::Scalar> Shape<F> {
        pub(super) fn run(&self, mut p: Panel<'_, F>) {
        let ((m, k), cols) = (p.a.dim(), p.b.ncols());
        assert!(p.c.dim() == (m, cols) && p.b.nrows() == k);
        assert!(cols == self.cols || (self.partial && cols < self.cols));
        assert!(cols == 1 || (p.c.strides()[1] == 1 && p.b.strides()[1] == 1));
        let pointers = Pointers {
            m,
            k,
            cols,
            c_row: p.c.strides()[0],
            c: p.c.as_mut_ptr(),
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

/// `R` rows from `row` on; `N` vectors wide. Only the last vector may be partial, and only if there is no other.
#[inline(always)]
unsafe fn tile<F: crate::Scalar, V: Vector<F>, const R: usize, const N: usize>(p: &Pointers<F>, row: usize) {
    // SAFETY: rows row..row + R are below m (`panel`), and columns are below cols: all N vectors are whole if N > 1,
    // and masked to cols if N = 1. The instructions are there, as `panel` demands.
    unsafe {
        let mask = V::mask(p.cols - (N - 1) * V::LANES);
        let load = |from: *const F| if N == 1 { V::load_masked(from, mask) } else { V::load(from) };
        let a: [*const F; R] = std::array::from_fn(|i| p.a.offset((row + i) as isize * p.a_row));
        let mut sum = [[V::splat(F::zero()); N]; R];
        for q in 0..p.k as isize {
            let b: [V; N] = std::array::from_fn(|j| load(p.b.offset(q * p.b_row).add(j * V::LANES)));
            for i in 0..R {
                let a = V::splat(*a[i].offset(q * p.a_col));
                for j in 0..N {
                    sum[i][j] = a.mul_add(b[j], sum[i][j]);
                }
            }
        }
        let (alpha, beta) = (V::splat(p.alpha), V::splat(p.beta));
        for i in 0..R {
            for j in 0..N {
                let at = p.c.offset((row + i) as isize * p.c_row).add(j * V::LANES);
                let mut value = sum[i][j].mul(alpha);
                if p.beta != F::zero() {
                    value = value.add(load(at).mul(beta));
                }
                if N == 1 { value.store_masked(at, mask) } else { value.store(at) }
            }
        }
    }
}

/// All rows of a panel, `R` at a time.
///
/// # Safety
/// `p` describes valid memory, its columns are `N` vectors or, if `N` is 1, fewer; the processor has the instructions
/// of `V`.
#[inline(always)]
unsafe fn panel<F: crate::Scalar, V: Vector<F>, const R: usize, const N: usize>(p: &Pointers<F>) {
    let mut row = 0;
    // SAFETY: each tile ends at or before row m; the rest is what the caller promises.
    unsafe {
        while row + R <= p.m {
            tile::<F, V, R, N>(p, row);
            row += R;
        }
        while row + 4 <= p.m {
            tile::<F, V, 4, N>(p, row);
            row += 4;
        }
        if row + 2 <= p.m {
            tile::<F, V, 2, N>(p, row);
            row += 2;
        }
        if row < p.m {
            tile::<F, V, 1, N>(p, row);
        }
    }
}

/// The kernels of one path for one scalar type, widest first: `rows × (vector, vectors)`.
macro_rules! shapes {
    ($float:ty, $features:tt, $($vector:ty, $rows:literal x $n:literal);+) => {
        &[$(Shape {
            cols: $n * <$vector as Vector<$float>>::LANES,
            partial: $n == 1,
            kernel: {
                shapes!(@enable $features fn kernel(p: &Pointers<$float>) {
                    // SAFETY: `Shape::run` checked the panel, and the path was chosen by what the processor has.
                    unsafe { panel::<$float, $vector, $rows, $n>(p) }
                });
                kernel
            },
        }),+]
    };
    (@enable [$($features:literal)?] fn $name:ident($p:ident: $t:ty) $body:block) => {
        $(#[target_feature(enable = $features)])?
                unsafe fn $name($p: $t) $body
    };
}

macro_rules! gemm_kernel {
    ($float:ty, $zmm:ident, $ymm:ident, $xmm:ident) => {
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
                            $zmm, 8 x 3; $zmm, 8 x 2; $zmm, 8 x 1; $ymm, 8 x 1; $xmm, 8 x 1
                        )
                    }
                }
            }
        }
    };
}
gemm_kernel!(f32, F32x16, F32x8, F32x4);
gemm_kernel!(f64, F64x8, F64x4, F64x2);
