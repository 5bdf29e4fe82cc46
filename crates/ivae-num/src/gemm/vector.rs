//! Vector registers behind one small trait.
//!
//! The kernels use these rather than arrays because the compiler keeps only some shapes of an array accumulator in
//! vector registers.

use crate::simd::PORTABLE_FMA;

/// A register of several scalars, which lies in memory like an array of them.
///
/// # Safety
/// All functions need the instructions that the type stands for; those that take a pointer need it to be valid for the
/// lanes they touch.
pub(super) trait Vector<F>: Copy {
    const LANES: usize;
    /// Which lanes are touched.
    type Mask: Copy;
    /// The first `n` lanes.
    unsafe fn mask(n: usize) -> Self::Mask;
    unsafe fn splat(x: F) -> Self;
    unsafe fn load(from: *const F) -> Self;
    unsafe fn store(self, to: *mut F);
    unsafe fn load_masked(from: *const F, mask: Self::Mask) -> Self;
    unsafe fn store_masked(self, to: *mut F, mask: Self::Mask);
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
}

/// A vector of `L` lanes, `L` of which make a matrix that can be transposed in registers.
///
/// # Safety
/// As for [`Vector`].
pub(super) trait Square<F, const L: usize>: Vector<F> {
    /// Row i of the result is column i of `rows`.
    unsafe fn transpose(rows: [Self; L]) -> [Self; L];
}

/// The vector of a target without vectors of its own here: an array that the compiler may or may not vectorise.
impl<F: crate::real::Real, const L: usize> Vector<F> for [F; L] {
    const LANES: usize = L;
    type Mask = usize;
    #[inline(always)]
    unsafe fn mask(n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn splat(x: F) -> Self {
        [x; L]
    }
    #[inline(always)]
    unsafe fn load(from: *const F) -> Self {
        // SAFETY: the caller vouches for L scalars, and an array is aligned like its scalars.
        unsafe { *from.cast::<Self>() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut F) {
        // SAFETY: as in `load`.
        unsafe { *to.cast::<Self>() = self }
    }
    #[inline(always)]
    unsafe fn load_masked(from: *const F, mask: usize) -> Self {
        // SAFETY: only the lanes below `mask` are read, which the caller vouches for.
        std::array::from_fn(|i| if i < mask { unsafe { *from.add(i) } } else { F::zero() })
    }
    #[inline(always)]
    unsafe fn store_masked(self, to: *mut F, mask: usize) {
        for i in 0..L.min(mask) {
            // SAFETY: as in `load_masked`.
            unsafe { *to.add(i) = self[i] }
        }
    }
    #[inline(always)]
    unsafe fn mul_add(self, b: Self, c: Self) -> Self {
        std::array::from_fn(
            |i| if PORTABLE_FMA { self[i].mul_add(b[i], c[i]) } else { self[i] * b[i] + c[i] },
        )
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        std::array::from_fn(|i| self[i] * b[i])
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        std::array::from_fn(|i| self[i] + b[i])
    }
}

impl<F: crate::real::Real, const L: usize> Square<F, L> for [F; L] {
    #[inline(always)]
    unsafe fn transpose(rows: [Self; L]) -> [Self; L] {
        std::array::from_fn(|i| rows.map(|row| row[i]))
    }
}

/// A register type of the processor and the functions for it, all `unsafe` for want of the instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! register {
    ($name:ident, $float:ident x $lanes:literal = $register:ident, mask $mask:ty = |$n:ident| $make_mask:expr,
     $splat:ident, $load:ident, $store:ident, |$from:ident, $m:ident| $load_masked:expr, $store_masked:ident,
     $fma:ident, $mul:ident, $add:ident) => {
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(crate) struct $name($register);

        // SAFETY, of every block: the caller vouches for the instructions, and for the memory behind pointers.
        impl Vector<$float> for $name {
            const LANES: usize = $lanes;
            type Mask = $mask;
            #[inline(always)]
            unsafe fn mask($n: usize) -> $mask {
                $make_mask
            }
            #[inline(always)]
            unsafe fn splat(x: $float) -> Self {
                Self(unsafe { $splat(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self {
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $float) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn load_masked($from: *const $float, $m: $mask) -> Self {
                Self(unsafe { $load_masked })
            }
            #[inline(always)]
            unsafe fn store_masked(self, to: *mut $float, mask: $mask) {
                unsafe { $store_masked(to, mask, self.0) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                Self(unsafe { $fma(self.0, b.0, c.0) })
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Self(unsafe { $mul(self.0, b.0) })
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                Self(unsafe { $add(self.0, b.0) })
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! squares {
    () => {
        // SAFETY, of both blocks: the caller vouches for the instructions.
        impl Square<f32, 8> for F32x8 {
            #[inline(always)]
            unsafe fn transpose(rows: [Self; 8]) -> [Self; 8] {
                let r = rows.map(|row| row.0);
                unsafe {
                    // Pairs of rows, then pairs of pairs, within each half; then the halves.
                    let low = |i: usize| _mm256_unpacklo_ps(r[i], r[i + 1]);
                    let high = |i: usize| _mm256_unpackhi_ps(r[i], r[i + 1]);
                    let four = |a, b| (_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xee>(a, b));
                    let ((a0, a1), (a2, a3)) = (four(low(0), low(2)), four(high(0), high(2)));
                    let ((b0, b1), (b2, b3)) = (four(low(4), low(6)), four(high(4), high(6)));
                    let halves = [(a0, b0), (a1, b1), (a2, b2), (a3, b3)];
                    let first = halves.map(|(a, b)| Self(_mm256_permute2f128_ps::<0x20>(a, b)));
                    let second = halves.map(|(a, b)| Self(_mm256_permute2f128_ps::<0x31>(a, b)));
                    std::array::from_fn(|i| if i < 4 { first[i] } else { second[i - 4] })
                }
            }
        }

        impl Square<f64, 4> for F64x4 {
            #[inline(always)]
            unsafe fn transpose(rows: [Self; 4]) -> [Self; 4] {
                let [a, b, c, d] = rows.map(|row| row.0);
                unsafe {
                    let (ab, cd) = (_mm256_unpacklo_pd(a, b), _mm256_unpacklo_pd(c, d));
                    let (ab_odd, cd_odd) = (_mm256_unpackhi_pd(a, b), _mm256_unpackhi_pd(c, d));
                    [
                        Self(_mm256_permute2f128_pd::<0x20>(ab, cd)),
                        Self(_mm256_permute2f128_pd::<0x20>(ab_odd, cd_odd)),
                        Self(_mm256_permute2f128_pd::<0x31>(ab, cd)),
                        Self(_mm256_permute2f128_pd::<0x31>(ab_odd, cd_odd)),
                    ]
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx512 {
    use std::arch::x86_64::*;

    use super::{Square, Vector};

    squares!();

    /// Rows and columns of a [`transpose_square`].
    pub(in super::super) const SQUARE: usize = 16;

    /// From 16 columns of 16 scalars, `from_col` apart, to as many rows, `to_row` apart.
    ///
    /// # Safety
    /// The pointers are valid for that, and the processor has AVX-512.
    #[inline(always)]
    pub(in super::super) unsafe fn transpose_square(
        from: *const f32,
        from_col: isize,
        to: *mut f32,
        to_row: usize,
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            for i in (0..SQUARE).step_by(EIGHT) {
                let rows = eight_of_each::<true>(from.add(i), from_col, EIGHT);
                rows.iter()
                    .enumerate()
                    .for_each(|(r, row)| _mm512_storeu_ps(to.add((i + r) * to_row), row.0));
            }
        }
    }

    /// Rows of an [`eight_of_each`].
    pub(in super::super) const EIGHT: usize = 8;

    /// The first eight scalars of each of 16 columns, `from_col` apart, as eight rows; or unless `WHOLE` the first `left`,
    /// with rows of zeros for the others.
    ///
    /// # Safety
    /// The pointers are valid for that, and the processor has AVX-512.
    #[inline(always)]
    pub(in super::super) unsafe fn eight_of_each<const WHOLE: bool>(
        from: *const f32,
        from_col: isize,
        left: usize,
    ) -> [F32x16; EIGHT] {
        // SAFETY: as the caller promises.
        unsafe {
            let mask = F32x8::mask(left);
            // Columns j and j + 4 as the halves of a vector, then j + 8 and j + 12.
            let mut halves = [[F32x16::splat(0.0); 4]; 2];
            for g in 0..2 {
                for j in 0..4 {
                    let from = from.offset((8 * g + j) as isize * from_col);
                    let other = from.offset(4 * from_col);
                    let (low, high) = if WHOLE {
                        (F32x8::load(from), F32x8::load(other))
                    } else {
                        (F32x8::load_masked(from, mask), F32x8::load_masked(other, mask))
                    };
                    let low = _mm512_castps256_ps512(low.0);
                    halves[g][j] = F32x16(_mm512_insertf32x8::<1>(low, high.0));
                }
            }
            // Row i of columns j to j + 3 in quarter 0, of j + 4 to j + 7 in quarter 2; row 4 + i in quarters 1 and 3.
            let [a, b] = [transpose_quarters(halves[0]), transpose_quarters(halves[1])];
            let mut rows = [F32x16::splat(0.0); EIGHT];
            for i in 0..4 {
                rows[i] = F32x16(_mm512_shuffle_f32x4::<0b10_00_10_00>(a[i].0, b[i].0));
                rows[4 + i] = F32x16(_mm512_shuffle_f32x4::<0b11_01_11_01>(a[i].0, b[i].0));
            }
            rows
        }
    }

    /// In each quarter, the square of four by four that the rows have there, transposed.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[inline(always)]
    pub(in super::super) unsafe fn transpose_quarters([a, b, c, d]: [F32x16; 4]) -> [F32x16; 4] {
        // SAFETY: as the caller promises.
        unsafe {
            let (ab, cd) = (_mm512_unpacklo_ps(a.0, b.0), _mm512_unpacklo_ps(c.0, d.0));
            let (ab_high, cd_high) = (_mm512_unpackhi_ps(a.0, b.0), _mm512_unpackhi_ps(c.0, d.0));
            [
                F32x16(_mm512_shuffle_ps::<0x44>(ab, cd)),
                F32x16(_mm512_shuffle_ps::<0xee>(ab, cd)),
                F32x16(_mm512_shuffle_ps::<0x44>(ab_high, cd_high)),
                F32x16(_mm512_shuffle_ps::<0xee>(ab_high, cd_high)),
            ]
        }
    }

    impl F32x16 {
        /// Lanes `4 I` to `4 I + 3`.
        ///
        /// # Safety
        /// The processor has AVX-512.
        #[inline(always)]
        pub(in super::super) unsafe fn quarter<const I: i32>(self) -> F32x4 {
            // SAFETY: as the caller promises.
            F32x4(unsafe { _mm512_extractf32x4_ps::<I>(self.0) })
        }
    }

    register!(F32x16, f32 x 16 = __m512, mask __mmask16 = |n| ((1u32 << n) - 1) as __mmask16,
        _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, |from, m| _mm512_maskz_loadu_ps(m, from),
        _mm512_mask_storeu_ps, _mm512_fmadd_ps, _mm512_mul_ps, _mm512_add_ps);
    register!(F32x8, f32 x 8 = __m256, mask __mmask8 = |n| ((1u32 << n) - 1) as __mmask8,
        _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, |from, m| _mm256_maskz_loadu_ps(m, from),
        _mm256_mask_storeu_ps, _mm256_fmadd_ps, _mm256_mul_ps, _mm256_add_ps);
    register!(F32x4, f32 x 4 = __m128, mask __mmask8 = |n| ((1u32 << n) - 1) as __mmask8,
        _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps, |from, m| _mm_maskz_loadu_ps(m, from),
        _mm_mask_storeu_ps, _mm_fmadd_ps, _mm_mul_ps, _mm_add_ps);
    register!(F64x8, f64 x 8 = __m512d, mask __mmask8 = |n| ((1u32 << n) - 1) as __mmask8,
        _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd, |from, m| _mm512_maskz_loadu_pd(m, from),
        _mm512_mask_storeu_pd, _mm512_fmadd_pd, _mm512_mul_pd, _mm512_add_pd);
    register!(F64x4, f64 x 4 = __m256d, mask __mmask8 = |n| ((1u32 << n) - 1) as __mmask8,
        _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, |from, m| _mm256_maskz_loadu_pd(m, from),
        _mm256_mask_storeu_pd, _mm256_fmadd_pd, _mm256_mul_pd, _mm256_add_pd);
    register!(F64x2, f64 x 2 = __m128d, mask __mmask8 = |n| ((1u32 << n) - 1) as __mmask8,
        _mm_set1_pd, _mm_loadu_pd, _mm_storeu_pd, |from, m| _mm_maskz_loadu_pd(m, from),
        _mm_mask_storeu_pd, _mm_fmadd_pd, _mm_mul_pd, _mm_add_pd);
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    use std::arch::x86_64::*;

    use super::{Square, Vector};

    squares!();

    register!(F32x8, f32 x 8 = __m256,
        mask __m256i = |n| unsafe { _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)) },
        _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, |from, m| _mm256_maskload_ps(from, m),
        _mm256_maskstore_ps, _mm256_fmadd_ps, _mm256_mul_ps, _mm256_add_ps);
    register!(F32x4, f32 x 4 = __m128,
        mask __m128i = |n| unsafe { _mm_cmpgt_epi32(_mm_set1_epi32(n as i32), _mm_setr_epi32(0, 1, 2, 3)) },
        _mm_set1_ps, _mm_loadu_ps, _mm_storeu_ps, |from, m| _mm_maskload_ps(from, m),
        _mm_maskstore_ps, _mm_fmadd_ps, _mm_mul_ps, _mm_add_ps);
    register!(F64x4, f64 x 4 = __m256d,
        mask __m256i = |n| unsafe { _mm256_cmpgt_epi64(_mm256_set1_epi64x(n as i64), _mm256_setr_epi64x(0, 1, 2, 3)) },
        _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, |from, m| _mm256_maskload_pd(from, m),
        _mm256_maskstore_pd, _mm256_fmadd_pd, _mm256_mul_pd, _mm256_add_pd);
    register!(F64x2, f64 x 2 = __m128d,
        mask __m128i = |n| unsafe { _mm_cmpgt_epi64(_mm_set1_epi64x(n as i64), _mm_set_epi64x(1, 0)) },
        _mm_set1_pd, _mm_loadu_pd, _mm_storeu_pd, |from, m| _mm_maskload_pd(from, m),
        _mm_maskstore_pd, _mm_fmadd_pd, _mm_mul_pd, _mm_add_pd);
}

/// Bring the cache line of `at` near, if the processor has a hint for that.
#[inline(always)]
pub(super) fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which faults on no address; every x86-64 processor has it.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
}
