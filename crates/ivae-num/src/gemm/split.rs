//! Numbers of `f32` as sums of three of bfloat16, in tiles as a matrix unit reads them.

use std::arch::x86_64::*;

use ndarray::{ArrayView2, Axis};

use super::pack::pack;
use crate::simd::{Amx, Kernel, Simd, Target};

/// Rows or columns of a block, and the summands it holds: two tiles by two.
pub(super) const SIDE: usize = 32;
/// Words of a tile: pairs of bfloat16, 16 in a row.
pub(super) const WORDS: usize = 256;
/// Parts of a number.
const PARTS: usize = 3;
/// Numbers of a vector.
const LANES: usize = 16;

/// 32 rows of a, or 32 columns of b, with 32 summands: for each part, two tiles. A word is a pair of successive summands;
/// a row of a tile is a row of a, or a pair of rows of b.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block([[u32; 2 * WORDS]; PARTS]);

impl Block {
    pub(super) const ZERO: Block = Block([[0; 2 * WORDS]; PARTS]);
}

/// Which operand of a product a block is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    A,
    B,
}

/// `from` in blocks, with zeros around it: those of 32 rows of a, or of 32 columns of b, one after the other.
///
/// # Panics
/// If `to` is not as long.
pub(super) fn split(amx: Amx, operand: Operand, from: ArrayView2<'_, f32>, to: &mut [Block]) {
    let [down, across] = [from.nrows(), from.ncols()].map(|len| len.div_ceil(SIDE));
    let simd = Simd::from(amx);
    assert_eq!(to.len(), down * across, "blocks of {:?}", from.dim());
    match operand {
        Operand::A => simd.run(Split::<true> { amx, simd, from, to, down, across }),
        Operand::B => simd.run(Split::<false> { amx, simd, from, to, down, across }),
    }
}

struct Split<'a, const A: bool> {
    amx: Amx,
    simd: Simd,
    from: ArrayView2<'a, f32>,
    to: &'a mut [Block],
    down: usize,
    across: usize,
}

impl<const A: bool> Kernel for Split<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<T: Target>(self) {
        let mut copy = [0.0; SIDE * SIDE];
        for (i, band) in self.from.axis_chunks_iter(Axis(0), SIDE).enumerate() {
            let (first, step) = if A { (i * self.across, 1) } else { (i, self.down) };
            if band.strides()[1] == 1 {
                for q in 0..SIDE / 2 {
                    let row = |r: usize| match r < band.nrows() {
                        true => band.row(r).to_slice().expect("a row is contiguous"),
                        false => &[],
                    };
                    let to = self.to[first..].iter_mut().step_by(step).take(self.across);
                    two_rows::<A>(self.amx, q, row(2 * q), row(2 * q + 1), to);
                }
            } else {
                let to = self.to[first..].iter_mut().step_by(step);
                for (block, to) in band.axis_chunks_iter(Axis(1), SIDE).zip(to) {
                    let (rows, cols) = block.dim();
                    if rows < SIDE || cols < SIDE {
                        copy.fill(0.0);
                    }
                    pack(self.simd, &mut copy[..rows * SIDE], SIDE, block);
                    for (q, two) in copy.chunks_exact(2 * SIDE).enumerate() {
                        let (even, odd) = two.split_at(SIDE);
                        two_rows::<A>(self.amx, q, even, odd, std::iter::once(&mut *to));
                    }
                }
            }
        }
    }
}

/// Rows 2 q and 2 q + 1 of the blocks of an operand beside each other, with zeros after them where they are short: each
/// number as three of 8 binary digits whose sum it is, each of them the nearest to what the ones before it leave.
#[inline(always)]
fn two_rows<'a, const A: bool>(
    _: Amx,
    q: usize,
    even: &[f32],
    odd: &[f32],
    to: impl Iterator<Item = &'a mut Block>,
) {
    // SAFETY: an `Amx` is the proof that the processor has these instructions.
    unsafe { split_rows::<A>(q, even, odd, to) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn split_rows<'a, const A: bool>(
    q: usize,
    even: &[f32],
    odd: &[f32],
    to: impl Iterator<Item = &'a mut Block>,
) {
    assert!(q < SIDE / 2);
    for (j, to) in to.enumerate() {
        let load = |row: &[f32], half: usize| {
            let from = j * SIDE + half * LANES;
            let there = LANES.min(row.len().saturating_sub(from));
            // SAFETY: reads the numbers of the row from `from` on, as many as there are.
            unsafe {
                match there {
                    LANES => _mm512_loadu_ps(row.as_ptr().add(from)),
                    _ => _mm512_maskz_loadu_ps(
                        ((1 << there) - 1) as __mmask16,
                        row.as_ptr().wrapping_add(from),
                    ),
                }
            }
        };
        let [e0, e1, o0, o1] =
            [(even, 0), (even, 1), (odd, 0), (odd, 1)].map(|(row, half)| parts(load(row, half)));
        for p in 0..PARTS {
            let (words, at) = if A {
                ([upper(e0[p], e1[p]), upper(o0[p], o1[p])], [2 * q * LANES, (2 * q + 1) * LANES])
            } else {
                ([pairs(e0[p], o0[p]), pairs(e1[p], o1[p])], [q * LANES, q * LANES + WORDS])
            };
            // SAFETY: rows 2 q and 2 q + 1 of 32 rows of 16 words, or row q of both halves of them, q below 16.
            unsafe {
                _mm512_store_si512(to.0[p].as_mut_ptr().add(at[0]).cast(), words[0]);
                _mm512_store_si512(to.0[p].as_mut_ptr().add(at[1]).cast(), words[1]);
            }
        }
    }
}

/// The parts of 16 numbers, in the upper halves of words; what is in the lower ones does not count.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn parts(x: __m512) -> [__m512i; PARTS] {
    let nearest = |x: __m512| {
        let half = _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
        _mm512_and_si512(half, _mm512_set1_epi32(0xffff_0000_u32 as i32))
    };
    let first = nearest(x);
    let rest = _mm512_sub_ps(x, _mm512_castsi512_ps(first));
    let second = nearest(rest);
    let third = _mm512_sub_ps(rest, _mm512_castsi512_ps(second));
    [first, second, _mm512_castps_si512(third)]
}

/// The upper halves of the words of x and then of y, side by side.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn upper(x: __m512i, y: __m512i) -> __m512i {
    const ODD: [u16; 32] = {
        let mut odd = [0; 32];
        let mut i = 0;
        while i < 32 {
            odd[i] = 2 * i as u16 + 1;
            i += 1;
        }
        odd
    };
    // SAFETY: 32 numbers of 2 bytes.
    let odd = unsafe { _mm512_loadu_si512(ODD.as_ptr().cast()) };
    _mm512_permutex2var_epi16(x, odd, y)
}

/// Words of the upper halves of those of `even` and of `odd`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn pairs(even: __m512i, odd: __m512i) -> __m512i {
    _mm512_mask_blend_epi16(0xaaaa_aaaa, _mm512_srli_epi32::<16>(even), odd)
}
