//! [`Tile`]: a rectangle of a `[B, n]` array, small enough for buffers on the stack.

use std::ops::Range;

use ivae_num::{Scalar, rows};
use ndarray::{ArrayView2, ArrayViewMut2, AxisDescription, Slice};

/// Most elements in a tile: the stack buffers have this length.
pub(crate) const TILE_LEN: usize = 512;

/// A rectangle of an array: some whole short rows, or a piece of one long row.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    pub(crate) rows: Range<usize>,
    pub(crate) cols: Range<usize>,
}

impl Tile {
    /// Elements in the tile, at most [`TILE_LEN`].
    pub(crate) fn len(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    /// Overwrite `buf` with this tile of the columns of `from` from column `first` on, row after row.
    pub(crate) fn gather<F: Scalar, W: Scalar>(&self, buf: &mut [W], from: &ArrayView2<'_, F>, first: usize) {
        let cols = first + self.cols.start..first + self.cols.end;
        if let Some(flat) = from.as_slice() {
            let (first, width, stride) = self.place(cols, from.ncols());
            return rows::read_columns(buf, width, &flat[first..], stride);
        }
        let part = from.slice_each_axis(self.part(cols));
        buf.iter_mut().zip(part).for_each(|(buf, &x)| *buf = W::of(x.f64()));
    }

    /// This tile of `from`: a slice of `from` if the tile is contiguous there, otherwise a copy in `buf`.
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

    /// Overwrite this tile of `to` with `buf`.
    pub(crate) fn scatter<F: Scalar>(&self, to: &mut ArrayViewMut2<'_, F>, buf: &[F]) {
        let mut part = to.slice_each_axis_mut(self.part(self.cols.clone()));
        match part.as_slice_mut() {
            Some(part) => part.copy_from_slice(buf),
            None => part.iter_mut().zip(buf).for_each(|(to, &x)| *to = x),
        }
    }

    /// Add `scale · values` to this tile of the columns of `to` from column `first` on.
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
            let (first, width, stride) = self.place(cols, width);
            return rows::add_columns(&mut flat[first..], stride, scale, values, width);
        }
        let part = to.slice_each_axis_mut(self.part(cols));
        part.into_iter().zip(values).for_each(|(to, &value)| *to += F::of((scale * value).f64()));
    }

    /// Overwrite each row of `buf` with that row's entry of `per_row` `[B]`.
    pub(crate) fn spread<F: Scalar, W: Scalar>(&self, buf: &mut [W], per_row: &[F]) {
        rows::spread(buf, self.cols.len(), &per_row[self.rows.clone()]);
    }

    /// Add `scale` times the sum of each row of `buf` to that row's entry of `out` `[B]`.
    pub(crate) fn add_row_sums<F: Scalar, W: Scalar>(&self, out: &mut [F], scale: f64, buf: &[W]) {
        rows::add_row_sums(&mut out[self.rows.clone()], W::of(scale), buf, self.cols.len());
    }

    /// Where the columns `cols` of this tile's rows lie in a row-major array of `stride` columns: the index of the first
    /// element, the length of a row, and the distance between rows. A contiguous tile counts as one row.
    fn place(&self, cols: Range<usize>, stride: usize) -> (usize, usize, usize) {
        let (first, width) = (self.rows.start * stride + cols.start, cols.len());
        if width == stride { (first, self.len(), self.len()) } else { (first, width, stride) }
    }

    /// The rows of this tile and the columns `cols`, for arrays that are not in standard layout.
    fn part(&self, cols: Range<usize>) -> impl FnMut(AxisDescription) -> Slice {
        let rows = self.rows.clone();
        move |axis| Slice::from(if axis.axis.index() == 0 { rows.clone() } else { cols.clone() })
    }
}

/// Blocks that cover `[rows, cols]`: down the rows, for one piece of the columns after the other, so that what depends
/// on the column alone may be kept from tile to tile.
pub(crate) fn tiles(rows: usize, cols: usize) -> impl Iterator<Item = Tile> {
    let width = cols.clamp(1, TILE_LEN);
    let height = TILE_LEN / width;
    (0..cols).step_by(width).flat_map(move |j| {
        (0..rows)
            .step_by(height)
            .map(move |i| Tile { rows: i..(i + height).min(rows), cols: j..(j + width).min(cols) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis};

    /// Numbers that encode their place, in a layout that is standard or not.
    fn numbers(rows: usize, cols: usize, standard: bool) -> Array2<f32> {
        if standard {
            Array2::from_shape_fn((rows, cols), |(i, j)| (100 * i + j) as f32)
        } else {
            Array2::from_shape_fn((cols, rows), |(j, i)| (100 * i + j) as f32).reversed_axes()
        }
    }

    #[test]
    fn tiles_read_and_write_only_their_own_elements() {
        for (rows, n, standard) in
            [1, 3, 7, 8, 9, 25, 600].into_iter().flat_map(|n| [(5, n, true), (5, n, false), (130, n, true)])
        {
            // Columns n..2n of three times as many, and an array of n alone.
            let (wide, narrow) = (numbers(rows, 3 * n, standard), numbers(rows, n, standard));
            let (mut added, mut copied) = (wide.clone(), narrow.clone());
            let (mut sums, per_row) = (vec![1.0f32; rows], (0..rows).map(|i| i as f32).collect::<Vec<_>>());
            for tile in tiles(rows, n) {
                let len = tile.len();
                let place = |at: usize| {
                    let cols = tile.cols.len();
                    (tile.rows.start + at / cols, tile.cols.start + at % cols)
                };
                let (mut values, mut own, mut spread) =
                    ([0.0f64; TILE_LEN], [0.0f32; TILE_LEN], [0.0f32; TILE_LEN]);
                tile.gather(&mut values[..len], &wide.view(), n);
                tile.spread(&mut spread[..len], &per_row);
                let view = narrow.view();
                let read = tile.read(&mut own[..len], &view);
                for at in 0..len {
                    let (i, j) = place(at);
                    assert_eq!(values[at], f64::from(wide[[i, n + j]]));
                    assert_eq!((read[at], spread[at]), (narrow[[i, j]], per_row[i]));
                }
                tile.scatter_add(&mut added.view_mut(), n, 0.5, &values[..len]);
                tile.scatter(&mut copied.view_mut(), &spread[..len]);
                tile.add_row_sums(&mut sums, 2.0, &spread[..len]);
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
