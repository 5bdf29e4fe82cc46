//! Products of `f32` on the matrix unit, which multiplies numbers of 8 binary digits and adds in `f32`.
//!
//! A number of 24 digits is the sum of three of 8, each the nearest to what the ones before it leave:
//! x = x₀ + x₁ + x₂ with |x₁| ≤ 2⁻⁸ |x| and |x₂| ≤ 2⁻¹⁶ |x|. Of the nine products of the parts of x and y the six
//! largest are taken, x₀y₀, x₀y₁, x₀y₂, x₁y₁, x₁y₀, x₂y₀ (Henry, Tang and Heinecke 2019, Leveraging the bfloat16
//! artificial intelligence datatype for higher-precision computations, section III): what is left out of x y is at most
//! about 2⁻²³ of it, two units of rounding of `f32`, and mostly much less. The products are exact, and 32 of them are
//! added up on their own before they go to the sum of the others, so sums are closer than those of a plain loop.
//! Where 16 summands or fewer of 32 are left over, they stand in the tiles once for each of the six products, which a
//! single pass then takes together; of 1000 summands 8 are left over, and cost 2 passes for 6.
//! Numbers below 2⁻¹²⁶ count as 0, and an infinite entry makes NaN of its sums.

use std::sync::Mutex;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::blocks::blocks;
use super::finish::{Epilogue, Output, part, part_mut};
use super::split::{Block, Operand, SIDE, Summands, split};
use super::unit::{Sums, Unit};
use crate::memory::filled;
use crate::share::SHARES;
use crate::simd::Amx;

/// Summands that are added up before they go to c. Fixed, because it decides the rounding.
const BLOCK_K: usize = 1024;
/// Blocks of a that are split at a time: a share of a level-2 cache.
const BLOCKS: usize = 128;
/// Columns of b that are split at a time.
const BLOCK_N: usize = 1024;
/// Pieces in which sums are made, and the rows of those before them that go to c with each: written all at once, they
/// hold up the unit.
const PIECES: usize = 8;
const ROWS: usize = SIDE / PIECES;
/// Sides from which a product is worth the splitting.
const LEAST: usize = 128;

/// Memory for split operands.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// One for each thread that takes part.
    a: Vec<Vec<Block>>,
    b: Vec<Block>,
}

impl Memory {
    /// Grow for `[m, k] × [k, n]` on `threads` threads, if it is too small.
    pub(super) fn reserve(&mut self, m: usize, k: usize, n: usize, threads: usize) {
        let blocks = |len: usize| len.div_ceil(SIDE) * Summands::of(k.min(BLOCK_K)).blocks();
        let grow = |memory: &mut Vec<Block>, len: usize| {
            if memory.len() < len {
                *memory = filled(len, Block::ZERO);
            }
        };
        self.a.resize(self.a.len().max(threads), Vec::new());
        self.a[..threads].iter_mut().for_each(|a| grow(a, blocks(m).min(BLOCKS)));
        grow(&mut self.b, blocks(n.min(BLOCK_N)));
    }
}

#[cfg(test)]
impl Memory {
    pub(super) fn threads(&self) -> usize {
        self.a.len()
    }
}

/// Rows of a that are split at a time.
fn rows_at_once(steps: usize) -> usize {
    (BLOCKS / steps).max(1) * SIDE
}

/// Whether the product `[m, k] × [k, n]` is faster so.
pub(super) fn worth(m: usize, k: usize, n: usize) -> bool {
    m.min(k).min(n) >= LEAST
}

/// `c ← (alpha · a b + beta · start) ∘ factor`, shared out among `threads` threads in bands of rows.
pub(super) fn product(
    amx: Amx,
    mut c: ArrayViewMut2<'_, f32>,
    mut epilogue: Epilogue<'_, f32>,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    memory: &mut Memory,
    threads: usize,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    memory.reserve(m, k, n, threads);
    for (jc, nc) in blocks(n, BLOCK_N) {
        for (pc, kc) in blocks(k, BLOCK_K) {
            let steps = Summands::of(kc).blocks();
            let strips = nc.div_ceil(SIDE);
            let from = part(b, (pc, kc), (jc, nc));
            let b = &mut memory.b[..strips * steps];
            if threads == 1 {
                split(amx, Operand::B, from, b);
            } else {
                let share = strips.div_ceil(SHARES * threads);
                b.par_chunks_mut(share * steps).enumerate().for_each(|(t, b)| {
                    let first = t * share * SIDE;
                    let cols = (share * SIDE).min(nc - first);
                    split(amx, Operand::B, part(from, (0, kc), (first, cols)), b);
                });
            }
            let c = part_mut(c.view_mut(), (0, m), (jc, nc));
            let epilogue = epilogue.of_summands(pc == 0, pc + kc == k).columns((jc, nc));
            bands(amx, c, epilogue, part(a, (0, m), (pc, kc)), b, &mut memory.a[..threads]);
        }
    }
}

/// c in bands of rows, which threads take as they come to them, each with memory of its own.
fn bands(
    amx: Amx,
    mut c: ArrayViewMut2<'_, f32>,
    epilogue: Epilogue<'_, f32>,
    a: ArrayView2<'_, f32>,
    b: &[Block],
    memory: &mut [Vec<Block>],
) {
    if let [memory] = memory {
        return band(amx, c, epilogue, a, b, memory);
    }
    let (m, k) = a.dim();
    let steps = Summands::of(k).blocks();
    let each = m.div_ceil(SHARES * memory.len()).next_multiple_of(SIDE).min(rows_at_once(steps));
    let waiting = Mutex::new(c.axis_chunks_iter_mut(Axis(0), each).enumerate());
    let next = || waiting.lock().ok()?.next();
    memory.par_iter_mut().for_each(|memory| {
        while let Some((i, c)) = next() {
            let rows = (i * each, c.nrows());
            let (a, epilogue) = (part(a, rows, (0, k)), epilogue.part(rows, (0, c.ncols())));
            band(amx, c, epilogue, a, b, memory);
        }
    });
}

/// [`product`] for split columns of b, on this thread.
fn band(
    amx: Amx,
    c: ArrayViewMut2<'_, f32>,
    epilogue: Epilogue<'_, f32>,
    a: ArrayView2<'_, f32>,
    b: &[Block],
    memory: &mut [Block],
) {
    let ((m, k), n) = (a.dim(), c.ncols());
    let summands = Summands::of(k);
    let (steps, tail) = (summands.blocks(), summands.tail_tiles());
    let mut unit = Unit::new(amx);
    // What waits for sums is done while the next ones are made.
    let (mut one, mut other) = (Sums::new(amx), Sums::new(amx));
    let mut sums = [&mut one, &mut other];
    let to = Output::new(c, epilogue);
    let mut waiting: Option<Output<'_, '_, f32>> = None;
    let piece = summands.whole.div_ceil(PIECES).max(1);
    for (ic, mc) in blocks(m, rows_at_once(steps)) {
        let packed = &mut memory[..mc.div_ceil(SIDE) * steps];
        split(amx, Operand::A, part(a, (ic, mc), (0, k)), packed);
        for ((j, cols), b) in blocks(n, SIDE).zip(b.chunks_exact(steps)) {
            for ((i, rows), a) in blocks(mc, SIDE).zip(packed.chunks_exact(steps)) {
                unit.clear();
                let mut done = 0;
                let ((a, a_tail), (b, b_tail)) = (a.split_at(summands.whole), b.split_at(summands.whole));
                for (a, b) in a_tail.iter().zip(b_tail) {
                    unit.add_tail(a, b, tail, rows, cols);
                }
                for (a, b) in a.chunks(piece).zip(b.chunks(piece)) {
                    unit.add(a, b, rows, cols);
                    if let Some(to) = &waiting {
                        sums[1].finish(to, done..done + ROWS);
                    }
                    done += ROWS;
                }
                if let Some(to) = &waiting {
                    sums[1].finish(to, done..SIDE);
                }
                unit.store(sums[0]);
                waiting = Some(to.block((ic + i, rows), (j, cols)));
                sums.swap(0, 1);
            }
        }
    }
    if let Some(to) = &waiting {
        sums[1].finish(to, 0..SIDE);
    }
}

#[cfg(test)]
mod tests;
