//! The blocks that a product is cut into, the scratch that they need, and the threads that share it.

use crate::share;

/// Summands that are added up before they go to c. Fixed, because it decides the rounding.
pub(super) const BLOCK_K: usize = 1024;
/// Most rows of a, and of c, at a time: with [`BLOCK_K`], a share of a level-2 cache.
pub(super) const BLOCK_M: usize = 96;
/// Columns of b that are packed at a time.
pub(super) const BLOCK_N: usize = 1024;
/// Columns of the widest panel on any path.
pub(super) const WIDEST: usize = 64;

/// Scalars of scratch that a product needs at most.
pub(super) fn scratch_len(m: usize, k: usize, n: usize) -> usize {
    let (m, k, n) = (m.min(BLOCK_M), k.min(BLOCK_K), n.min(BLOCK_N));
    k * n.next_multiple_of(16) + m * apart(k) + m * WIDEST
}

/// Scalars from one row of k to the next when a is packed: so many that rows do not compete for the same lines of a
/// cache.
pub(super) fn apart(k: usize) -> usize {
    k.next_multiple_of(16) + 16
}

/// Threads among which a product is shared out.
pub(super) fn threads(m: usize, k: usize, n: usize) -> usize {
    share::threads(m.saturating_mul(k).saturating_mul(n))
}

/// `(start, length)` of consecutive blocks of at most `size`.
pub(super) fn blocks(len: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    // Without the division of `step_by`.
    let mut start = 0;
    std::iter::from_fn(move || {
        let block = (start, size.min(len - start));
        start += block.1;
        (block.1 > 0).then_some(block)
    })
}
