//! Numbers of `f32` as sums of three of bfloat16, in tiles as a matrix unit reads them.

use std::arch::x86_64::*;
use std::marker::PhantomData;

use ndarray::ArrayView2;

use super::finish::part;
use super::vector::prefetch;
use crate::simd::Amx;

/// Rows or columns of a block, and the summands it holds: two tiles by two.
pub(super) const SIDE: usize = 32;
/// Words of a tile: pairs of bfloat16, 16 in a row.
pub(super) const WORDS: usize = 256;
/// Parts of a number.
const PARTS: usize = 3;
/// Numbers of a vector, words of a row of a tile, and its rows.
const LANES: usize = 16;
/// Summands that are left over are worth a tail up to so many.
const LONGEST_TAIL: usize = 16;
/// The parts of a and of b whose products are taken.
const PRODUCTS: [(usize, usize); 6] = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 0), (2, 0)];

/// 32 rows of a, or 32 columns of b, with 32 summands: for each part, two tiles. A word is a pair of successive summands;
/// a row of a tile is a row of a, or a pair of rows of b.
///
/// Or the [tail](Summands): at most 16 summands, six times one after the other, for each product of parts the ones it
/// takes, 32 in two tiles.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Block([[u32; 2 * WORDS]; PARTS]);

impl Block {
    pub(super) const ZERO: Block = Block([[0; 2 * WORDS]; PARTS]);
}

/// How summands are cut into blocks: what is left over by 32 has a block of its own, and if it is few, is arranged such that
/// a single product of tiles takes several products of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summands {
    /// Blocks of 32, the last of them filled up with zeros.
    pub(super) whole: usize,
    /// Summands in the tail, which is the block after them; 0 for none.
    tail: usize,
}

impl Summands {
    pub(super) fn of(k: usize) -> Self {
        match k % SIDE {
            tail @ 0..=LONGEST_TAIL => Self { whole: k / SIDE, tail },
            _ => Self { whole: k.div_ceil(SIDE), tail: 0 },
        }
    }

    /// Blocks of a row of a or a column of b, the tail included.
    pub(super) fn blocks(self) -> usize {
        self.whole + usize::from(self.tail > 0)
    }

    /// Pairs of tiles of the tail that hold something.
    pub(super) fn tail_tiles(self) -> usize {
        (PRODUCTS.len() * self.tail_pairs()).div_ceil(LANES)
    }

    fn tail_pairs(self) -> usize {
        self.tail.div_ceil(2)
    }
}

/// Operand of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    A,
    B,
}

/// `from` in blocks: those of 32 rows of a, or of 32 columns of b, one after the other. Around it are zeros for summands;
/// rows of a and columns of b that are not there hold anything.
///
/// # Panics
/// If `to` is not as long.
pub(super) fn split(amx: Amx, operand: Operand, from: ArrayView2<'_, f32>, to: &mut [Block]) {
    // The axis of summands is the second one of a and the first one of b, and of what is read here if its rows are
    // contiguous.
    let of_a = operand == Operand::A;
    let transposed = from.strides()[1] != 1 && from.strides()[0] == 1;
    let rows = if transposed { from.reversed_axes() } else { from };
    let along = of_a != transposed;
    let (sides, k) = if along { rows.dim() } else { (rows.ncols(), rows.nrows()) };
    let summands = Summands::of(k);
    let (strips, each) = (sides.div_ceil(SIDE), summands.blocks());
    assert_eq!(to.len(), strips * each, "blocks of {:?}", from.dim());
    let (down, across) = if along { (strips, each) } else { (each, strips) };
    let mut other = None;
    for i in 0..down {
        let height = SIDE.min(rows.nrows() - i * SIDE);
        for j in 0..across {
            let width = SIDE.min(rows.ncols() - j * SIDE);
            let (strip, place) = if along { (i, j) } else { (j, i) };
            let to = &mut to[strip * each + place];
            let tail = if place == summands.whole { summands.tail_pairs() } else { 0 };
            let view = part(rows, (i * SIDE, height), (j * SIDE, width));
            let mut copy;
            let corner = if view.strides()[1] == 1 || width == 1 {
                Corner::of(view)
            } else {
                copy = [0.0; SIDE * SIDE];
                copy.iter_mut().zip(view).for_each(|(copy, &number)| *copy = number);
                let copied = ArrayView2::from_shape((height, width), &copy[..height * width]);
                Corner::of(copied.expect("as many numbers"))
            };
            if transposed {
                let other = other.get_or_insert(Block::ZERO);
                corner.split(amx, other, along, tail, of_a);
                let parts = if tail > 0 { summands.tail_tiles() } else { PARTS };
                let halves = if along { height } else { width }.div_ceil(LANES);
                // SAFETY: an `Amx` is the proof that the processor has the instructions.
                unsafe { transpose(other, to, parts, halves) }
            } else {
                corner.split(amx, to, along, tail, of_a);
            }
        }
    }
}

/// At most 32 rows of at most 32 numbers, contiguous in their rows.
struct Corner<'a> {
    first: *const f32,
    apart: isize,
    rows: usize,
    cols: usize,
    view: PhantomData<&'a f32>,
}

impl<'a> Corner<'a> {
    /// # Panics
    /// If it is larger, or rows are not contiguous.
    fn of(view: ArrayView2<'a, f32>) -> Self {
        let (rows, cols) = view.dim();
        assert!(rows <= SIDE && cols <= SIDE && (cols <= 1 || view.strides()[1] == 1));
        Self { first: view.as_ptr(), apart: view.strides()[0], rows, cols, view: PhantomData }
    }

    /// To a block, or to a tail of `tail` pairs if that is not 0.
    #[inline]
    fn split(&self, _: Amx, to: &mut Block, along: bool, tail: usize, of_a: bool) {
        // SAFETY: an `Amx` is the proof that the processor has the instructions.
        unsafe {
            match (along, tail) {
                (true, 0) => self.along(to),
                (false, 0) => self.across(to),
                (true, _) => self.tail_along(to, tail, of_a),
                (false, _) => self.tail_across(to, tail, of_a),
            }
        }
    }

    /// The parts of numbers 0 to 15 and 16 to 31 of a row, zeros where there are none; `WHOLE` if all are there.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn row<const WHOLE: bool>(&self, row: usize) -> [[__m512i; PARTS]; 2] {
        assert!(!WHOLE || row < SIDE && (self.rows, self.cols) == (SIDE, SIDE));
        let from = self.first.wrapping_offset(row as isize * self.apart);
        prefetch(from.wrapping_add(SIDE));
        prefetch(from.wrapping_add(SIDE + LANES));
        [0, LANES].map(|at| {
            let there = self.cols.saturating_sub(at).min(LANES);
            // SAFETY: reads numbers `at` to `at + there` of a row that is there.
            let numbers = unsafe {
                match (WHOLE, row < self.rows && there > 0) {
                    (true, _) => _mm512_loadu_ps(from.add(at)),
                    (_, true) => _mm512_maskz_loadu_ps(((1u32 << there) - 1) as u16, from.add(at)),
                    (_, false) => _mm512_setzero_ps(),
                }
            };
            parts(numbers)
        })
    }

    /// Each row to one row of tiles, its words pairs of successive numbers. Rows that are not there stay as they are.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn along(&self, to: &mut Block) {
        let put = |row: usize, [x, y]: [[__m512i; PARTS]; 2], to: &mut Block| {
            for p in 0..PARTS {
                store(&mut to.0[p], row, upper(x[p], y[p]));
            }
        };
        if (self.rows, self.cols) == (SIDE, SIDE) {
            (0..SIDE).for_each(|row| put(row, self.row::<true>(row), to));
        } else {
            (0..self.rows).for_each(|row| put(row, self.row::<false>(row), to));
        }
    }

    /// Each two rows to one row of both tiles beside each other, words being pairs of numbers below each other.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn across(&self, to: &mut Block) {
        let put = |q: usize, [e, o]: [[[__m512i; PARTS]; 2]; 2], to: &mut Block| {
            for p in 0..PARTS {
                store(&mut to.0[p], q, pairs(e[0][p], o[0][p]));
                store(&mut to.0[p], q + LANES, pairs(e[1][p], o[1][p]));
            }
        };
        if (self.rows, self.cols) == (SIDE, SIDE) {
            (0..SIDE / 2).for_each(|q| put(q, [2 * q, 2 * q + 1].map(|row| self.row::<true>(row)), to));
        } else {
            (0..SIDE / 2).for_each(|q| put(q, [2 * q, 2 * q + 1].map(|row| self.row::<false>(row)), to));
        }
    }

    /// [`along`](Self::along) for a tail of `pairs` pairs.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn tail_along(&self, to: &mut Block, pairs: usize, of_a: bool) {
        // Which word of the first and second parts side by side, or of the third one, goes where.
        let mut words = [[31u32; LANES]; PARTS];
        for (at, (a, b)) in PRODUCTS.into_iter().enumerate() {
            for q in 0..pairs {
                let word = at * pairs + q;
                let part = if of_a { a } else { b };
                words[word / LANES][word % LANES] = (part * LANES / 2 + q) as u32;
            }
        }
        for row in 0..self.rows {
            let [x, _] = self.row::<false>(row);
            let (first, rest) = (upper(x[0], x[1]), upper(x[2], _mm512_setzero_si512()));
            for p in 0..PARTS {
                // SAFETY: 16 words.
                let which = unsafe { _mm512_loadu_si512(words[p].as_ptr().cast()) };
                store(&mut to.0[p], row, _mm512_permutex2var_epi32(first, which, rest));
            }
        }
    }

    /// [`across`](Self::across) for a tail of `pairs` pairs.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn tail_across(&self, to: &mut Block, pairs: usize, of_a: bool) {
        *to = Block::ZERO;
        for q in 0..pairs {
            let [e, o] = [2 * q, 2 * q + 1].map(|row| self.row::<false>(row));
            for (at, (a, b)) in PRODUCTS.into_iter().enumerate() {
                let word = at * pairs + q;
                let (part, to) = (if of_a { a } else { b }, &mut to.0[word / LANES]);
                store(to, word % LANES, self::pairs(e[0][part], o[0][part]));
                store(to, word % LANES + LANES, self::pairs(e[1][part], o[1][part]));
            }
        }
    }
}

/// The first `halves` tiles of each of the first `parts` pairs, transposed.
#[target_feature(enable = "avx512f,avx512bw")]
fn transpose(from: &Block, to: &mut Block, parts: usize, halves: usize) {
    for p in 0..parts {
        for tile in 0..halves {
            let first = from.0[p][tile * WORDS..][..WORDS].as_ptr();
            for across in (0..LANES).step_by(4) {
                // Rows r, r + 4, r + 8 and r + 12, four words of each.
                let rows: [__m512i; 4] = std::array::from_fn(|r| {
                    // SAFETY: four words of a row of the tile.
                    let four =
                        |i: usize| unsafe { _mm_loadu_si128(first.add((4 * i + r) * LANES + across).cast()) };
                    let x = _mm512_castsi128_si512(four(0));
                    let x = _mm512_inserti32x4::<1>(x, four(1));
                    let x = _mm512_inserti32x4::<2>(x, four(2));
                    _mm512_inserti32x4::<3>(x, four(3))
                });
                let low = [_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpacklo_epi32(rows[2], rows[3])];
                let high = [_mm512_unpackhi_epi32(rows[0], rows[1]), _mm512_unpackhi_epi32(rows[2], rows[3])];
                let at = tile * LANES + across;
                store(&mut to.0[p], at, _mm512_unpacklo_epi64(low[0], low[1]));
                store(&mut to.0[p], at + 1, _mm512_unpackhi_epi64(low[0], low[1]));
                store(&mut to.0[p], at + 2, _mm512_unpacklo_epi64(high[0], high[1]));
                store(&mut to.0[p], at + 3, _mm512_unpackhi_epi64(high[0], high[1]));
            }
        }
    }
}

/// To row `row` of 32 rows of 16 words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store(tiles: &mut [u32; 2 * WORDS], row: usize, words: __m512i) {
    let to = &mut tiles[row * LANES..][..LANES];
    // SAFETY: 16 words.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), words) }
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
