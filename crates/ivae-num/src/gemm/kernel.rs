//! [`GemmKernel`]: which kernels each scalar type has on each dispatch path.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::few;
use super::finish::{Epilogue, Output};
#[cfg(target_arch = "x86_64")]
use super::narrow;
#[cfg(target_arch = "x86_64")]
use super::pack::transpose_wide;
use super::pack::{Block, copy, transpose};
use super::panel::{Pointers, panel};
#[cfg(target_arch = "x86_64")]
use super::tiled;
use super::vector::Vector;
use crate::real::Real;
use crate::sealed::Sealed;
#[cfg(target_arch = "x86_64")]
use crate::simd::Amx;
use crate::simd::{Level, Simd};

/// The part of a matrix product that differs between `f32` and `f64`. Sealed: for [`crate::Scalar`] only.
#[allow(private_interfaces)]
pub trait GemmKernel: Sealed {
    /// The kernels of a path, the one for all but the last columns first.
    #[doc(hidden)]
    fn shapes(simd: Simd) -> &'static [Shape<Self>];
    /// The kernel of a path for any number of columns and at most [`few::MOST`] summands, without scaling.
    #[doc(hidden)]
    fn few_summands(simd: Simd) -> &'static Shape<Self>;
    /// Packs rows.
    #[doc(hidden)]
    fn copier(simd: Simd) -> unsafe fn(&Block<Self>);
    /// Packs columns.
    #[doc(hidden)]
    fn transposer(simd: Simd) -> unsafe fn(&Block<Self>);
    /// The matrix unit, if there is one for this scalar and it is the faster way to the product `[m, k] × [k, n]`.
    #[doc(hidden)]
    #[cfg(target_arch = "x86_64")]
    fn unit(_simd: Simd, _m: usize, _k: usize, _n: usize) -> Option<Amx> {
        None
    }
    /// The product on the unit.
    #[doc(hidden)]
    #[cfg(target_arch = "x86_64")]
    fn by_unit(
        _amx: Amx,
        _c: ArrayViewMut2<'_, Self>,
        _epilogue: Epilogue<'_, Self>,
        _a: ArrayView2<'_, Self>,
        _b: ArrayView2<'_, Self>,
        _memory: &mut tiled::Memory,
        _threads: usize,
    ) {
        unreachable!("no matrix unit for this scalar")
    }
}

/// Copy `from` `[rows, cols]` into `to`, row-major, a row every `to_row` scalars.
pub(super) fn pack<F: GemmKernel + Real>(simd: Simd, to: &mut [F], to_row: usize, from: ArrayView2<'_, F>) {
    let (rows, cols) = from.dim();
    assert!(to_row >= cols && to.len() == rows * to_row);
    let block = Block {
        rows,
        cols,
        from: from.as_ptr(),
        from_row: from.strides()[0],
        from_col: from.strides()[1],
        to: to.as_mut_ptr(),
        to_row,
    };
    // SAFETY, of both: `from` is a view of that shape whose rows, or columns, are contiguous, `to` has as many rows of at least
    // as many scalars, and `simd` vouches for the instructions.
    if block.from_col == 1 {
        unsafe { F::copier(simd)(&block) }
    } else if block.from_row == 1 {
        unsafe { F::transposer(simd)(&block) }
    } else {
        for (to, from) in to.chunks_exact_mut(to_row).zip(from.rows()) {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        }
    }
}

/// A kernel for panels of one width.
pub(crate) struct Shape<F> {
    /// Columns of its panels: as many, or fewer by less than `lanes`.
    pub(super) cols: usize,
    lanes: usize,
    /// Whether a's rows are lanes, so that none is idle.
    pub(super) few: bool,
    kernel: unsafe fn(&Pointers<'_, '_, F>),
}

impl<F: Real> Shape<F> {
    /// The product of a `[m, k]` and b `[k, w]` to c `[m, w]` by its epilogue; rows of b contiguous.
    pub(super) fn run(&self, to: Output<'_, '_, F>, a: ArrayView2<'_, F>, b: ArrayView2<'_, F>) {
        let ((m, k), cols) = (a.dim(), b.ncols());
        assert!((to.rows, to.cols) == (m, cols) && b.nrows() == k);
        assert!(cols <= self.cols && cols > self.cols - self.lanes);
        assert!(cols == 1 || b.strides()[1] == 1);
        assert!(!to.looks_up() || self.cols == usize::MAX, "only the kernel for few summands looks up");
        let pointers = Pointers {
            to,
            k,
            a: a.as_ptr(),
            a_row: a.strides()[0],
            a_rows: std::array::from_fn(|i| i as isize * a.strides()[0]),
            a_col: a.strides()[1],
            b: b.as_ptr(),
            b_row: b.strides()[0],
        };
        // SAFETY: the pointers and strides come from views of the shapes just checked, the one of c from a mutable
        // view; and `GemmKernel` gives out only kernels for instructions that its `Simd` vouches for.
        unsafe { (self.kernel)(&pointers) }
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
    ($float:ty, $features:tt, $($vector:ty, $rows:literal x $n:literal $(or $narrow:path)?);+) => {
        &[$(Shape {
            cols: $n * <$vector as Vector<$float>>::LANES,
            lanes: <$vector as Vector<$float>>::LANES,
            few: shapes!(@few $(or $narrow)?),
            kernel: shapes!(@kernel $float, $features, $vector, $rows x $n $(or $narrow)?),
        }),+]
    };
    (@few) => { false };
    (@few or $narrow:path) => { true };
    (@kernel $float:ty, $features:tt, $vector:ty, $rows:literal x $n:literal) => {
        enabled!($features Pointers<'_, '_, $float> => panel::<$float, $vector, $rows, $n>)
    };
    (@kernel $float:ty, $features:tt, $vector:ty, $rows:literal x $n:literal or $narrow:path) => {
        enabled!($features Pointers<'_, '_, $float> => $narrow)
    };
}

/// The kernel of one path for few summands, with that many vectors of b at a time.
macro_rules! few {
    ($float:ty, $features:tt, $vector:ty, $room:literal) => {
        &Shape {
            cols: usize::MAX,
            lanes: usize::MAX,
            few: false,
            kernel: enabled!($features Pointers<'_, '_, $float> => few::panels::<$float, $vector, $room>),
        }
    };
}

macro_rules! gemm_kernel {
    ($float:ty, $zmm:ident, $ymm:ident x $square:literal, $xmm:ident $(with $eight:path, $four:path)?, [$($transpose:tt)+], {$($unit:item)*}) => {
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
                    Level::Avx512 | Level::Amx => {
                        use super::vector::avx512::{$xmm, $ymm, $zmm};
                        shapes!(
                            $float, ["avx512f,avx512vl,avx512dq,avx512bw,fma"],
                            $zmm, 8 x 3; $zmm, 6 x 4; $zmm, 8 x 2; $zmm, 12 x 1; $ymm, 12 x 1 $(or $eight)?; $xmm, 12 x 1 $(or $four)?
                        )
                    }
                }
            }

            fn few_summands(simd: Simd) -> &'static Shape<Self> {
                match simd.level() {
                    Level::Portable => few!($float, [], [$float; 4], 8),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => {
                        use super::vector::avx2::$ymm;
                        few!($float, ["avx2,fma"], $ymm, 10)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 | Level::Amx => {
                        use super::vector::avx512::$zmm;
                        few!($float, ["avx512f,avx512vl,avx512dq,avx512bw,fma"], $zmm, 24)
                    }
                }
            }

            fn copier(simd: Simd) -> unsafe fn(&Block<Self>) {
                match simd.level() {
                    Level::Portable => enabled!([] Block<$float> => copy::<$float, [$float; 4]>),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => {
                        use super::vector::avx2::$ymm;
                        enabled!(["avx2,fma"] Block<$float> => copy::<$float, $ymm>)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 | Level::Amx => {
                        use super::vector::avx512::$zmm;
                        enabled!(["avx512f,avx512vl,avx512dq,avx512bw,fma"] Block<$float> => copy::<$float, $zmm>)
                    }
                }
            }

            fn transposer(simd: Simd) -> unsafe fn(&Block<Self>) {
                match simd.level() {
                    Level::Portable => enabled!([] Block<$float> => transpose::<$float, [$float; 4], 4>),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => {
                        use super::vector::avx2::$ymm;
                        enabled!(["avx2,fma"] Block<$float> => transpose::<$float, $ymm, $square>)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 | Level::Amx => {
                        enabled!(["avx512f,avx512vl,avx512dq,avx512bw,fma"] Block<$float> => $($transpose)+)
                    }
                }
            }

            $($unit)*
        }
    };
}
gemm_kernel!(f32, F32x16, F32x8 x 8, F32x4 with narrow::to_eight, narrow::to_four, [transpose_wide], {
    #[cfg(target_arch = "x86_64")]
    fn unit(simd: Simd, m: usize, k: usize, n: usize) -> Option<Amx> {
        simd.amx().filter(|_| tiled::worth(m, k, n))
    }

    #[cfg(target_arch = "x86_64")]
    fn by_unit(
        amx: Amx,
        c: ArrayViewMut2<'_, f32>,
        epilogue: Epilogue<'_, f32>,
        a: ArrayView2<'_, f32>,
        b: ArrayView2<'_, f32>,
        memory: &mut tiled::Memory,
        threads: usize,
    ) {
        tiled::product(amx, c, epilogue, a, b, memory, threads);
    }
});
gemm_kernel!(f64, F64x8, F64x4 x 4, F64x2, [transpose::<f64, super::vector::avx512::F64x4, 4>], {});
