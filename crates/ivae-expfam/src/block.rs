//! Cutting `[B, n]` arrays of any strides into contiguous pieces on the stack.

use std::ops::Range;

use ivae_num::{Scalar, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};

/// Most elements in a block.
pub(crate) const BLOCK: usize = 512;

/// A rectangle of an array: some whole short rows, or a piece of one long row.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) rows: Range<usize>,
    pub(crate) cols: Range<usize>,
}

impl Block {
    /// Elements in the block, at most [`BLOCK`].
    pub(crate) fn len(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    /// Copy this block of `from` into `buf`, row after row.
    pub(crate) fn gather<F: Scalar>(&self, buf: &mut [F], from: &ArrayView2<'_, F>) {
        let part = from.slice_each_axis(|axis| self.range(axis.axis));
        if let Some(part) = part.as_slice() {
            return buf.copy_from_slice(part);
        }
        for (buf, row) in buf.chunks_exact_mut(self.cols.len()).zip(part.outer_iter()) {
            // A loop over a slice costs half of one over a view.
            match row.as_slice() {
                Some(row) => buf.iter_mut().zip(row).for_each(|(buf, &x)| *buf = x),
                None => buf.iter_mut().zip(row).for_each(|(buf, &x)| *buf = x),
            }
        }
    }

    /// Overwrite this block of `to` with `buf`.
    pub(crate) fn scatter<F: Scalar>(&self, to: &mut ArrayViewMut2<'_, F>, buf: &[F]) {
        let mut part = to.slice_each_axis_mut(|axis| self.range(axis.axis));
        let buf = ArrayView2::from_shape(part.raw_dim(), buf).expect("buf has as many entries");
        part.assign(&buf);
    }

    /// Add `scale · buf` to this block of `to`.
    pub(crate) fn scatter_add<F: Scalar>(&self, to: &mut ArrayViewMut2<'_, F>, scale: F, buf: &[F]) {
        let mut part = to.slice_each_axis_mut(|axis| self.range(axis.axis));
        if let Some(part) = part.as_slice_mut() {
            return part.iter_mut().zip(buf).for_each(|(to, &x)| *to += scale * x);
        }
        for (buf, mut row) in buf.chunks_exact(self.cols.len()).zip(part.outer_iter_mut()) {
            match row.as_slice_mut() {
                Some(row) => row.iter_mut().zip(buf).for_each(|(to, &x)| *to += scale * x),
                None => row.iter_mut().zip(buf).for_each(|(to, &x)| *to += scale * x),
            }
        }
    }

    /// Add `scale` times the sum of each row of `buf` to that row's entry of `out` `[B]`.
    pub(crate) fn add_row_sums<F: Scalar>(&self, out: &mut [F], scale: F, buf: &[F]) {
        for (out, row) in out[self.rows.clone()].iter_mut().zip(buf.chunks_exact(self.cols.len())) {
            *out += scale * sum(row);
        }
    }

    fn range(&self, axis: Axis) -> Slice {
        Slice::from(if axis == Axis(0) { self.rows.clone() } else { self.cols.clone() })
    }
}

/// Blocks that cover `[rows, cols]`: down the rows, for one piece of the columns after the other, so that what depends
/// on the column alone may be kept from block to block.
pub(crate) fn blocks(rows: usize, cols: usize) -> impl Iterator<Item = Block> {
    let width = cols.clamp(1, BLOCK);
    let height = BLOCK / width;
    (0..cols).step_by(width).flat_map(move |j| {
        (0..rows)
            .step_by(height)
            .map(move |i| Block { rows: i..(i + height).min(rows), cols: j..(j + width).min(cols) })
    })
}

/// `out ← exp(scale · log_var)`, but a finite number where that would be +∞: so that 0 · exp(..) stays 0.
/// NaN stays NaN.
pub(crate) fn exp_scaled<F: Scalar>(out: &mut [F], scale: f64, log_var: &[F]) {
    let (scale, most) = (F::of(scale), F::max_value().ln() - F::of(0.01));
    for (out, &log_var) in out.iter_mut().zip(log_var) {
        let exponent = scale * log_var;
        *out = if exponent > most { most } else { exponent };
    }
    <F as VecMath>::exp(out);
}

/// Sum of `x` in eight interleaved partial sums: fast on long rows, the same on every machine.
fn sum<F: Scalar>(x: &[F]) -> F {
    let chunks = x.chunks_exact(8);
    let tail: F = chunks.remainder().iter().copied().sum();
    if x.len() < 8 {
        return tail;
    }
    let mut lanes = [F::zero(); 8];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &x)| *lane += x);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + tail
}
