//! Rows of a few columns: copied, added and summed with their width known to the compiler.
//!
//! A copy of five numbers through a general routine costs more than the numbers do. Up to [`NARROW`] columns each width
//! has code of its own; wider rows go the general way. The bits are the same on both. Sums and spreads choose the width
//! where they run in wide vectors; what is little more than a copy chooses before, since a call there costs more than it gains.

use crate::{Loop, Scalar, wide};

/// Columns up to which a width has its own code.
pub const NARROW: usize = 16;

/// Rows that are added up side by side.
const LANES: usize = 16;

/// `$call`, in which `$w` is a constant, if `$width` is narrow, else `$otherwise`.
macro_rules! by_width {
    ($width:expr, $w:ident => $call:expr, $otherwise:expr) => {
        by_width!(@ $width, $w => $call, $otherwise, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    (@ $width:expr, $w:ident => $call:expr, $otherwise:expr, $($narrow:literal)*) => {
        match $width {
            $($narrow => {
                const $w: usize = $narrow;
                $call
            })*
            _ => $otherwise,
        }
    };
}

/// `to[i] ← from[index[i]]`, rows of `width` columns. Overwrites the first rows of `to`.
///
/// # Panics
/// If `to` has too few rows, or an index is none of a row of `from`.
pub fn gather<F: Scalar>(to: &mut [F], from: &[F], width: usize, index: &[u32]) {
    assert!(to.len() >= width * index.len(), "{} rows of {width} in {} numbers", index.len(), to.len());
    by_width!(
        width,
        W => gather_narrow::<F, W>(to, from, index),
        for (to, &i) in to.chunks_exact_mut(width.max(1)).zip(index) {
            to.copy_from_slice(&from[i as usize * width..][..width]);
        }
    );
}

fn gather_narrow<F: Scalar, const W: usize>(to: &mut [F], from: &[F], index: &[u32]) {
    let (from, _) = from.as_chunks::<W>();
    for (to, &i) in to.as_chunks_mut::<W>().0.iter_mut().zip(index) {
        *to = from[i as usize];
    }
}

/// `to[index[i]] ← to[index[i]] + from[i]`, rows of `width` columns, in the order of `index`.
///
/// # Panics
/// If an index is none of a row of `to`.
pub fn scatter_add<F: Scalar>(to: &mut [F], from: &[F], width: usize, index: &[u32]) {
    by_width!(
        width,
        W => scatter_add_narrow::<F, W>(to, from, index),
        for (from, &i) in from.chunks_exact(width.max(1)).zip(index) {
            to[i as usize * width..][..width].iter_mut().zip(from).for_each(|(to, &x)| *to += x);
        }
    );
}

fn scatter_add_narrow<F: Scalar, const W: usize>(to: &mut [F], from: &[F], index: &[u32]) {
    let (to, _) = to.as_chunks_mut::<W>();
    for (from, &i) in from.as_chunks::<W>().0.iter().zip(index) {
        let to = &mut to[i as usize];
        (0..W).for_each(|j| to[j] += from[j]);
    }
}

/// Up to the end of the last of the rows of `width` columns, every `stride`, that have `len` numbers in all.
fn extent(len: usize, width: usize, stride: usize) -> usize {
    assert!(width <= stride && len.is_multiple_of(width), "{len} numbers in rows of {width} every {stride}");
    len.checked_div(width).and_then(|rows| rows.checked_sub(1)).map_or(0, |last| last * stride + width)
}

/// Width and stride of the same `len` numbers in one row, if there is nothing between rows.
fn joined(len: usize, width: usize, stride: usize) -> (usize, usize) {
    if width == stride { (len, len) } else { (width, stride) }
}

/// The number in another format.
#[inline(always)]
fn converted<F: Scalar, T: Scalar>(x: F) -> T {
    T::of(x.f64())
}

/// `to[i, j] ← from[i · stride + j]`, rows of `width` columns. Overwrites all of `to`.
///
/// # Panics
/// If `stride` is below `width`, `to` is no whole rows, or `from` has too few.
pub fn read_columns<F: Scalar, T: Scalar>(to: &mut [T], width: usize, from: &[F], stride: usize) {
    let from = &from[..extent(to.len(), width, stride)];
    let (width, stride) = joined(to.len(), width, stride);
    by_width!(width, W => Read { to, width: W, from, stride }.run(), wide(Read { to, width, from, stride }));
}

struct Read<'a, F, T> {
    to: &'a mut [T],
    width: usize,
    from: &'a [F],
    stride: usize,
}

impl<F: Scalar, T: Scalar> Loop for Read<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { to, width, from, stride } = self;
        for (to, from) in to.chunks_exact_mut(width.max(1)).zip(from.chunks(stride.max(1))) {
            to.iter_mut().zip(&from[..width]).for_each(|(to, &x)| *to = converted(x));
        }
    }
}

/// `to[i · stride + j] ← to[i · stride + j] + scale · values[i, j]`, rows of `width` columns.
///
/// # Panics
/// If `stride` is below `width`, `values` are no whole rows, or `to` has too few.
pub fn add_columns<F: Scalar, T: Scalar>(to: &mut [F], stride: usize, scale: T, values: &[T], width: usize) {
    let to = &mut to[..extent(values.len(), width, stride)];
    let (width, stride) = joined(values.len(), width, stride);
    by_width!(
        width,
        W => Add { to, stride, scale, values, width: W }.run(),
        wide(Add { to, stride, scale, values, width })
    );
}

struct Add<'a, F, T> {
    to: &'a mut [F],
    stride: usize,
    scale: T,
    values: &'a [T],
    width: usize,
}

impl<F: Scalar, T: Scalar> Loop for Add<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { to, stride, scale, values, width } = self;
        for (to, values) in to.chunks_mut(stride.max(1)).zip(values.chunks_exact(width.max(1))) {
            to[..width].iter_mut().zip(values).for_each(|(to, &value)| *to += converted(scale * value));
        }
    }
}

/// `to[i, j] ← values[i]`, rows of `width` columns. Overwrites.
pub fn spread<F: Scalar, T: Scalar>(to: &mut [T], width: usize, values: &[F]) {
    wide(Spread { to, width, values });
}

struct Spread<'a, F, T> {
    to: &'a mut [T],
    width: usize,
    values: &'a [F],
}

impl<F: Scalar, T: Scalar> Loop for Spread<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { to, width, values } = self;
        by_width!(
            width,
            W => to.as_chunks_mut::<W>().0.iter_mut().zip(values).for_each(|(to, &v)| *to = [converted(v); W]),
            to.chunks_exact_mut(width.max(1)).zip(values).for_each(|(to, &v)| to.fill(converted(v)))
        );
    }
}

/// `out[i] ← out[i] + scale · Σ_j from[i, j]`, rows of `width` columns: narrow ones summed from the first column on, wider
/// ones every eighth column together.
pub fn add_row_sums<F: Scalar, T: Scalar>(out: &mut [F], scale: T, from: &[T], width: usize) {
    wide(RowSums { out, scale, from, width });
}

struct RowSums<'a, F, T> {
    out: &'a mut [F],
    scale: T,
    from: &'a [T],
    width: usize,
}

impl<F: Scalar, T: Scalar> RowSums<'_, F, T> {
    #[inline(always)]
    fn wide_rows(self) {
        let Self { out, scale, from, width } = self;
        for (out, from) in out.iter_mut().zip(from.chunks_exact(width.max(1))) {
            let (chunks, rest) = from.as_chunks::<8>();
            let mut lanes = [T::zero(); 8];
            for values in chunks {
                (0..8).for_each(|i| lanes[i] += values[i]);
            }
            let tail: T = rest.iter().copied().sum();
            let [a, b, c, d, e, f, g, h] = lanes;
            let sum = ((a + e) + (c + g)) + ((b + f) + (d + h)) + tail;
            *out += converted(scale * sum);
        }
    }
}

impl<F: Scalar, T: Scalar> Loop for RowSums<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        by_width!(
            self.width,
            W => {
                let Self { out, scale, from, .. } = self;
                for (out, from) in out.iter_mut().zip(from.as_chunks::<W>().0) {
                    *out += converted(scale * from.iter().copied().sum());
                }
            },
            self.wide_rows()
        );
    }
}

/// `sums[j] ← sums[j] + Σ_i from[i, j]`, as many columns as `sums` has: every sixteenth row together, in an order that
/// depends on the number of rows alone. Wider rows than [`NARROW`] are added one after the other.
pub fn add_column_sums<F: Scalar>(sums: &mut [F], from: &[F]) {
    let width = sums.len();
    by_width!(
        width,
        W => add_column_sums_narrow::<F, W>(sums, from),
        for from in from.chunks_exact(width.max(1)) {
            sums.iter_mut().zip(from).for_each(|(sum, &x)| *sum += x);
        }
    );
}

fn add_column_sums_narrow<F: Scalar, const W: usize>(sums: &mut [F], from: &[F]) {
    let totals = wide(Columns::<F, W>(from));
    sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum += total);
}

struct Columns<'a, F, const W: usize>(&'a [F]);

impl<F: Scalar, const W: usize> Loop for Columns<'_, F, W> {
    type Output = [F; W];

    #[inline(always)]
    fn run(self) -> [F; W] {
        let mut sums = [[F::zero(); W]; LANES];
        let (rows, _) = self.0.as_chunks::<W>();
        let (groups, rest) = rows.as_chunks::<LANES>();
        for group in groups {
            let to = sums.as_flattened_mut().iter_mut();
            to.zip(group.as_flattened()).for_each(|(sum, &x)| *sum += x);
        }
        for (sums, row) in sums.iter_mut().zip(rest) {
            (0..W).for_each(|j| sums[j] += row[j]);
        }
        let mut total = [F::zero(); W];
        sums.iter().for_each(|row| (0..W).for_each(|j| total[j] += row[j]));
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Purpose, StreamKey, stream};

    fn normals(len: usize) -> Vec<f64> {
        let mut out = vec![0.0; len];
        stream::fill_normal(&mut out, 1, StreamKey::new(5, Purpose::Control));
        out
    }

    #[test]
    fn every_width_follows_the_definition() {
        for width in 0..=NARROW + 2 {
            for rows in [0, 1, 2, 15, 16, 17, 33, 100] {
                let table = normals(7 * width);
                let index: Vec<u32> = (0..rows as u32).map(|i| (i * i + 3) % 7).collect();
                let at = |i: usize, j: usize| table[index[i] as usize * width + j];

                let mut gathered = vec![f64::NAN; rows * width];
                gather(&mut gathered, &table, width, &index);
                let mut added = table.clone();
                scatter_add(&mut added, &gathered, width, &index);
                let mut plain = table.clone();
                for i in 0..rows {
                    for j in 0..width {
                        assert_eq!(gathered[i * width + j], at(i, j));
                        plain[index[i] as usize * width + j] += at(i, j);
                    }
                }
                assert_eq!(added, plain);

                let values = normals(rows);
                let mut spreaded = vec![f64::NAN; rows * width];
                spread(&mut spreaded, width, &values);
                assert!((0..rows * width).all(|i| spreaded[i] == values[i / width]));

                let (mut by_row, mut by_column) = (vec![1.0; rows], vec![2.0; width]);
                add_row_sums(&mut by_row, -2.0, &gathered, width);
                add_column_sums(&mut by_column, &gathered);
                for (i, sum) in by_row.into_iter().enumerate() {
                    let row = gathered.iter().skip(i * width).take(width);
                    let plain = 1.0 - 2.0 * row.sum::<f64>();
                    assert!(if width <= NARROW { sum == plain } else { (sum - plain).abs() < 1e-13 });
                }
                for (j, sum) in by_column.into_iter().enumerate() {
                    let column: f64 = (0..rows).map(|i| at(i, j)).sum();
                    assert!((sum - 2.0 - column).abs() < 1e-12, "column {j} of {width}, {rows} rows");
                }
            }
        }
    }

    #[test]
    fn columns_of_wider_rows_follow_the_definition() {
        for (width, more) in (0..=NARROW + 2).flat_map(|width| [(width, 0), (width, 3)]) {
            for rows in [0, 1, 2, 17] {
                let stride = width + more;
                // No more than the last row needs.
                let len = (rows * stride).saturating_sub(more);
                let table = normals(len);
                let mut read = vec![f32::NAN; rows * width];
                read_columns(&mut read, width, &table, stride);
                let mut added = table.clone();
                add_columns(&mut added, stride, -0.5, &read, width);
                for (at, (&added, &start)) in added.iter().zip(&table).enumerate() {
                    let (i, j) = (at / stride, at % stride);
                    if j < width {
                        assert_eq!(read[i * width + j], start as f32);
                        assert_eq!(added, start + f64::from(-0.5 * start as f32));
                    } else {
                        assert_eq!(added, start, "beside the columns");
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "10 numbers in rows of 5 every 4")]
    fn rows_that_overlap_are_refused() {
        read_columns(&mut [0.0f32; 10], 5, &[0.0f64; 20], 4);
    }

    #[test]
    #[should_panic(expected = "2 rows of 5 in 9 numbers")]
    fn too_little_room_is_refused() {
        gather(&mut [0.0f32; 9], &[0.0; 10], 5, &[0, 1]);
    }
}
