//! Copies a block of an operand into contiguous memory.

use ndarray::ArrayView2;

use crate::Scalar;
use crate::simd::{Kernel, Target};

/// Copy `from` `[rows, cols]` into `to`, row-major without gaps. A kernel, because the transposing case wants shuffles.
pub(super) struct Pack<'a, F> {
    pub(super) to: &'a mut [F],
    pub(super) from: ArrayView2<'a, F>,
}

impl<F: Scalar> Kernel for Pack<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<T: Target>(self) {
        let (to, from, width) = (self.to, self.from, self.from.ncols());
        if from.strides()[1] == 1 || width == 1 {
            for (to, from) in to.chunks_exact_mut(width).zip(from.rows()) {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
            }
        } else if from.strides()[0] == 1 {
            transpose(to, from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        }
    }
}

/// Edge of the blocks that are transposed in registers.
const BLOCK: usize = 8;

/// The case of contiguous columns.
#[inline(always)]
fn transpose<F: Scalar>(to: &mut [F], from: ArrayView2<'_, F>) {
    let (rows, width) = from.dim();
    let column = |j: usize| from.index_axis_move(ndarray::Axis(1), j).to_slice().unwrap_or(&[]);
    let blocks = width / BLOCK;
    for first in (0..blocks).map(|b| b * BLOCK) {
        let columns: [&[F]; BLOCK] = std::array::from_fn(|j| &column(first + j)[..rows]);
        for row in (0..rows / BLOCK).map(|b| b * BLOCK) {
            let block: [[F; BLOCK]; BLOCK] = std::array::from_fn(|j| {
                let mut part = [F::zero(); BLOCK];
                part.copy_from_slice(&columns[j][row..row + BLOCK]);
                part
            });
            for i in 0..BLOCK {
                let start = (row + i) * width + first;
                to[start..start + BLOCK].copy_from_slice(&std::array::from_fn::<_, BLOCK, _>(|j| block[j][i]));
            }
        }
        for row in rows / BLOCK * BLOCK..rows {
            let start = row * width + first;
            to[start..start + BLOCK].copy_from_slice(&columns.map(|c| c[row]));
        }
    }
    for j in blocks * BLOCK..width {
        let column = &column(j)[..rows];
        to.iter_mut().skip(j).step_by(width).zip(column).for_each(|(to, &from)| *to = from);
    }
}
