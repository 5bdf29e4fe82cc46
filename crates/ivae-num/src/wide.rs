//! [`wide`]: a plain loop, compiled for the widest vectors the processor has.

use crate::simd::{Kernel, Simd, Target};

/// A loop over slices in safe scalar code that a compiler vectorises: what it reads and writes are its fields.
///
/// Mark [`run`](Loop::run) and what it calls `#[inline(always)]`: what is not inlined is compiled without the wide
/// vectors. Every operation is rounded for itself (do not call `mul_add`), so the bits do not depend on the processor.
pub trait Loop {
    /// What comes out, beside what is written into slices.
    type Output;
    /// All of the work.
    fn run(self) -> Self::Output;
}

/// Run `work` with the widest vectors the processor has.
pub fn wide<L: Loop>(work: L) -> L::Output {
    Simd::active().run(OnAnyTarget(work))
}

struct OnAnyTarget<L>(L);

impl<L: Loop> Kernel for OnAnyTarget<L> {
    type Output = L::Output;

    #[inline(always)]
    fn run<T: Target>(self) -> L::Output {
        self.0.run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Root<'a>(&'a mut [f32]);

    impl Loop for Root<'_> {
        type Output = usize;

        #[inline(always)]
        fn run(self) -> usize {
            self.0.iter_mut().for_each(|v| *v = 3.0 * v.sqrt() + 1.0);
            self.0.len()
        }
    }

    #[test]
    fn every_path_gives_the_same_bits() {
        for len in [0, 1, 15, 16, 17, 100] {
            let start: Vec<f32> = (0..len).map(|i| 0.37 * i as f32).collect();
            let plain: Vec<f32> = start.iter().map(|v| 3.0 * v.sqrt() + 1.0).collect();
            for simd in Simd::available() {
                let mut x = start.clone();
                assert_eq!(simd.run(OnAnyTarget(Root(&mut x))), len);
                assert_eq!(x, plain, "{} of {len}", simd.name());
            }
        }
    }
}
