//! [`GemmScratch`]: memory that products pack their operands in.

use super::blocks::{scratch_len, threads};
#[cfg(target_arch = "x86_64")]
use super::tiled::Memory;
#[cfg(target_arch = "x86_64")]
use crate::simd::Simd;
use crate::{Aligned, Scalar};

/// Packing memory for products: grows to the largest product it has seen, then never allocates again.
#[derive(Debug, Clone, Default)]
pub struct GemmScratch<F> {
    /// One for each thread that takes part.
    pub(super) packed: Vec<Aligned<F>>,
    #[cfg(target_arch = "x86_64")]
    pub(super) split: Memory,
}

impl<F: Scalar> GemmScratch<F> {
    /// Empty scratch; the first product of each size grows it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Grow now for products of up to `[m, k] × [k, n]` on the present number of threads, so that later ones do not
    /// allocate.
    pub fn reserve(&mut self, m: usize, k: usize, n: usize) {
        let threads = threads(m, k, n);
        #[cfg(target_arch = "x86_64")]
        if F::unit(Simd::active(), m, k, n).is_some() {
            self.split.reserve(m, k, n, threads);
            self.split.reserve(n, k, m, threads);
        }
        let len = scratch_len(m, k, n).max(scratch_len(n, k, m));
        for packed in self.shares(threads) {
            packed.reserve(len, F::zero());
        }
    }

    /// Threads that have taken part.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        #[cfg(target_arch = "x86_64")]
        let by_unit = self.split.threads();
        #[cfg(not(target_arch = "x86_64"))]
        let by_unit = 0;
        self.packed.len().max(by_unit)
    }

    /// Packing memory for `threads` threads.
    pub(super) fn shares(&mut self, threads: usize) -> &mut [Aligned<F>] {
        if self.packed.len() < threads {
            self.packed.resize_with(threads, Aligned::default);
        }
        &mut self.packed[..threads]
    }
}
