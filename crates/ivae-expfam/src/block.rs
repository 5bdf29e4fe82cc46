//! Cutting `[B, n]` arrays into contiguous pieces on the stack.
//!
//! Rows are short: what is moved goes in chunks of a fixed length, of which the last of a row may run over into the next
//! row's place, that is then overwritten.

use std::ops::Range;

use ivae_num::{Functions, Loop, Scalar, wide};
use ndarray::{ArrayView2, ArrayViewMut2, AxisDescription, Slice};

/// Most elements in a block.
pub(crate) const BLOCK: usize = 512;

/// Elements that are moved at a time.
const CHUNK: usize = 8;

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

    /// Overwrite `buf` with this block of the columns of `from` from column `first` on, row after row.
    pub(crate) fn gather<F: Scalar, W: Scalar>(&self, buf: &mut [W], from: &ArrayView2<'_, F>, first: usize) {
        let cols = first + self.cols.start..first + self.cols.end;
        if let Some(flat) = from.as_slice() {
            return wide(Gather { buf, flat, rows: Rows::of(self, from.ncols(), cols) });
        }
        let part = from.slice_each_axis(self.part(cols));
        buf.iter_mut().zip(part).for_each(|(buf, &x)| *buf = W::of(x.f64()));
    }

    /// This block of `from`: where it stands, if it stands in one piece, or gathered into `buf`.
    pub(crate) fn read<'a, F: Scalar>(&self, buf: &'a mut [F], from: &'a ArrayView2<'_, F>) -> &'a [F] {
        let flat = from.as_slice().filter(|_| self.cols.len() == from.ncols());
        match flat {
            Some(flat) => &flat[self.rows.start * from.ncols()..][..self.len()],
            None => {
                self.gather(buf, from, 0);
                buf
            }
        }
    }

    /// Overwrite this block of `to` with `buf`.
    pub(crate) fn scatter<F: Scalar>(&self, to: &mut ArrayViewMut2<'_, F>, buf: &[F]) {
        let mut part = to.slice_each_axis_mut(self.part(self.cols.clone()));
        match part.as_slice_mut() {
            Some(part) => part.copy_from_slice(buf),
            None => part.iter_mut().zip(buf).for_each(|(to, &x)| *to = x),
        }
    }

    /// Add `scale · values` to this block of the columns of `to` from column `first` on.
    pub(crate) fn scatter_add<F: Scalar, W: Scalar>(
        &self,
        to: &mut ArrayViewMut2<'_, F>,
        first: usize,
        scale: f64,
        values: &[W],
    ) {
        let (cols, width) = (first + self.cols.start..first + self.cols.end, to.ncols());
        let scale = W::of(scale);
        if let Some(flat) = to.as_slice_mut() {
            return wide(Add { flat, scale, values, rows: Rows::of(self, width, cols) });
        }
        let part = to.slice_each_axis_mut(self.part(cols));
        part.into_iter().zip(values).for_each(|(to, &value)| *to += F::of((scale * value).f64()));
    }

    /// Overwrite each row of `buf` with that row's entry of `per_row` `[B]`.
    pub(crate) fn spread<F: Scalar, W: Scalar>(&self, buf: &mut [W], per_row: &[F]) {
        wide(Spread { buf, per_row: &per_row[self.rows.clone()], cols: self.cols.len() });
    }

    /// Add `scale` times the sum of each row of `buf` to that row's entry of `out` `[B]`.
    pub(crate) fn add_row_sums<F: Scalar, W: Scalar>(&self, out: &mut [F], scale: f64, buf: &[W]) {
        let out = &mut out[self.rows.clone()];
        wide(Sums { out, scale: W::of(scale), buf, cols: self.cols.len() });
    }

    /// The rows of this block and the columns `cols`, for arrays that are not in standard layout.
    fn part(&self, cols: Range<usize>) -> impl FnMut(AxisDescription) -> Slice {
        let rows = self.rows.clone();
        move |axis| Slice::from(if axis.axis.index() == 0 { rows.clone() } else { cols.clone() })
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

/// Where the rows of a block stand in a row-major array.
#[derive(Debug, Clone, Copy)]
struct Rows {
    /// Of the first row's first element.
    start: usize,
    /// From one row to the next.
    stride: usize,
    count: usize,
    /// Elements in each.
    len: usize,
}

impl Rows {
    fn of(block: &Block, stride: usize, cols: Range<usize>) -> Self {
        let (start, count, len) = (block.rows.start * stride + cols.start, block.rows.len(), cols.len());
        if stride == len {
            return Self { start, stride: count * len, count: 1, len: count * len };
        }
        Self { start, stride, count, len }
    }
}

/// f(0), f(1), … as one vector: all is read before it is written.
#[inline(always)]
fn chunk<W: Scalar>(f: impl Fn(usize) -> W) -> [W; CHUNK] {
    let mut out = [W::zero(); CHUNK];
    for i in 0..CHUNK {
        out[i] = f(i);
    }
    out
}

struct Gather<'a, F, W> {
    buf: &'a mut [W],
    flat: &'a [F],
    rows: Rows,
}

impl<F: Scalar, W: Scalar> Loop for Gather<'_, F, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { buf, flat, rows } = self;
        if rows.count == 1 {
            let from = &flat[rows.start..][..rows.len];
            return buf.iter_mut().zip(from).for_each(|(to, from)| *to = W::of(from.f64()));
        }
        let whole = rows.len / CHUNK * CHUNK;
        for row in 0..rows.count {
            let (from, to) = (&flat[rows.start + row * rows.stride..], &mut buf[row * rows.len..]);
            let chunks = from[..whole].as_chunks::<CHUNK>().0.iter();
            for (to, from) in to[..whole].as_chunks_mut::<CHUNK>().0.iter_mut().zip(chunks) {
                *to = chunk(|i| W::of(from[i].f64()));
            }
            if whole == rows.len {
                continue;
            }
            let (from, to) = (&from[whole..], &mut to[whole..]);
            if let (Some(from), Some(to)) = (from.first_chunk::<CHUNK>(), to.first_chunk_mut::<CHUNK>()) {
                *to = chunk(|i| W::of(from[i].f64()));
            } else {
                let rest = rows.len - whole;
                to[..rest].iter_mut().zip(&from[..rest]).for_each(|(to, from)| *to = W::of(from.f64()));
            }
        }
    }
}

struct Add<'a, F, W> {
    flat: &'a mut [F],
    scale: W,
    values: &'a [W],
    rows: Rows,
}

impl<F: Scalar, W: Scalar> Loop for Add<'_, F, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { flat, scale, values, rows } = self;
        for row in 0..rows.count {
            let to = &mut flat[rows.start + row * rows.stride..][..rows.len];
            let from = &values[row * rows.len..][..rows.len];
            to.iter_mut().zip(from).for_each(|(to, &value)| *to += F::of((scale * value).f64()));
        }
    }
}

struct Spread<'a, F, W> {
    buf: &'a mut [W],
    per_row: &'a [F],
    cols: usize,
}

impl<F: Scalar, W: Scalar> Loop for Spread<'_, F, W> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { buf, per_row, cols } = self;
        let whole = cols / CHUNK * CHUNK;
        for (row, &x) in per_row.iter().enumerate() {
            let (to, x) = (&mut buf[row * cols..], W::of(x.f64()));
            to[..whole].as_chunks_mut::<CHUNK>().0.iter_mut().for_each(|to| *to = [x; CHUNK]);
            match to[whole..].first_chunk_mut::<CHUNK>() {
                Some(to) => *to = [x; CHUNK],
                None => to[whole..].iter_mut().for_each(|to| *to = x),
            }
        }
    }
}

struct Sums<'a, F, W> {
    out: &'a mut [F],
    scale: W,
    buf: &'a [W],
    cols: usize,
}

impl<F: Scalar, W: Scalar> Loop for Sums<'_, F, W> {
    type Output = ();

    /// In eight interleaved partial sums: fast on long rows, the same on every machine.
    #[inline(always)]
    fn run(self) {
        let Self { out, scale, buf, cols } = self;
        for (row, out) in out.iter_mut().enumerate() {
            let (chunks, rest) = buf[row * cols..(row + 1) * cols].as_chunks::<CHUNK>();
            let mut lanes = [W::zero(); CHUNK];
            for values in chunks {
                lanes = chunk(|i| lanes[i] + values[i]);
            }
            let mut tail = W::zero();
            rest.iter().for_each(|&x| tail += x);
            let [a, b, c, d, e, f, g, h] = lanes;
            let sum = ((a + e) + (c + g)) + ((b + f) + (d + h)) + tail;
            *out += F::of((scale * sum).f64());
        }
    }
}

/// e^(factor · log scale) with a finite number where that would be +∞: so that 0 · exp(..) stays 0. NaN stays NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale<F> {
    factor: F,
    most: F,
}

impl<F: Scalar> Scale<F> {
    pub(crate) fn new(factor: f64) -> Self {
        Self { factor: F::of(factor), most: F::max_value().ln() - F::of(0.01) }
    }

    #[inline(always)]
    pub(crate) fn at<M: Functions<F>>(self, log_scale: F) -> F {
        let exponent = self.factor * log_scale;
        M::exp(if exponent > self.most { self.most } else { exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};

    /// Numbers that tell their place, in a layout that is standard or not.
    fn numbers(rows: usize, cols: usize, standard: bool) -> Array2<f32> {
        if standard {
            Array2::from_shape_fn((rows, cols), |(i, j)| (100 * i + j) as f32)
        } else {
            Array2::from_shape_fn((cols, rows), |(j, i)| (100 * i + j) as f32).reversed_axes()
        }
    }

    #[test]
    fn blocks_move_what_stands_in_their_place() {
        for (rows, n, standard) in
            [1, 3, 7, 8, 9, 25, 600].into_iter().flat_map(|n| [(5, n, true), (5, n, false), (130, n, true)])
        {
            // Columns n..2n of three times as many, and an array of n alone.
            let (wide, narrow) = (numbers(rows, 3 * n, standard), numbers(rows, n, standard));
            let (mut added, mut copied) = (wide.clone(), narrow.clone());
            let (mut sums, per_row) = (vec![1.0f32; rows], (0..rows).map(|i| i as f32).collect::<Vec<_>>());
            for block in blocks(rows, n) {
                let len = block.len();
                let place = |at: usize| {
                    let cols = block.cols.len();
                    (block.rows.start + at / cols, block.cols.start + at % cols)
                };
                let (mut values, mut own, mut spread) = ([0.0f64; BLOCK], [0.0f32; BLOCK], [0.0f32; BLOCK]);
                block.gather(&mut values[..len], &wide.view(), n);
                block.spread(&mut spread[..len], &per_row);
                let view = narrow.view();
                let read = block.read(&mut own[..len], &view);
                for at in 0..len {
                    let (i, j) = place(at);
                    assert_eq!(values[at], f64::from(wide[[i, n + j]]));
                    assert_eq!((read[at], spread[at]), (narrow[[i, j]], per_row[i]));
                }
                block.scatter_add(&mut added.view_mut(), n, 0.5, &values[..len]);
                block.scatter(&mut copied.view_mut(), &spread[..len]);
                block.add_row_sums(&mut sums, 2.0, &spread[..len]);
            }
            for ((i, j), &found) in added.indexed_iter() {
                let factor = if (n..2 * n).contains(&j) { 1.5 } else { 1.0 };
                assert_eq!(found, factor * wide[[i, j]], "{rows} rows of {n}, {i}, {j}");
            }
            for (i, row) in copied.axis_iter(Axis(0)).enumerate() {
                assert!(row.iter().all(|&x| x == per_row[i]));
                assert_eq!(sums[i], 1.0 + 2.0 * n as f32 * per_row[i]);
            }
        }
    }
}
