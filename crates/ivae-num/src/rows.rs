//! Rows of a few columns: copied, added and summed with their width known to the compiler.
//!
//! A copy of five numbers through a general routine costs more than the numbers do. Up to [`NARROW`] columns each width
//! has code of its own; wider rows go the general way. The bits are the same on both.

use crate::{Loop, Scalar, wide};

/// Columns up to which a width has its own code.
pub const NARROW: usize = 16;

/// Rows that are added up side by side.
const LANES: usize = 16;

/// Calls `$f::<W>(..)` if `$width` is a W that is narrow, else `$otherwise`.
macro_rules! by_width {
    ($width:expr, $otherwise:expr, $f:ident $arguments:tt) => {
        by_width!(@ $width, $otherwise, $f $arguments, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    (@ $width:expr, $otherwise:expr, $f:ident $arguments:tt, $($w:literal)*) => {
        match $width {
            $($w => by_width!(@call $f $w $arguments),)*
            _ => $otherwise,
        }
    };
    (@call $f:ident $w:literal ($($argument:expr),*)) => { $f::<_, $w>($($argument),*) };
}

/// `to[i] ← from[index[i]]`, rows of `width` columns. Overwrites the first rows of `to`.
///
/// # Panics
/// If `to` has too few rows, or an index is none of a row of `from`.
pub fn gather<F: Scalar>(to: &mut [F], from: &[F], width: usize, index: &[u32]) {
    assert!(to.len() >= width * index.len(), "{} rows of {width} in {} numbers", index.len(), to.len());
    by_width!(
        width,
        for (to, &i) in to.chunks_exact_mut(width.max(1)).zip(index) {
            to.copy_from_slice(&from[i as usize * width..][..width]);
        },
        gather_narrow(to, from, index)
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
        for (from, &i) in from.chunks_exact(width.max(1)).zip(index) {
            to[i as usize * width..][..width].iter_mut().zip(from).for_each(|(to, &x)| *to += x);
        },
        scatter_add_narrow(to, from, index)
    );
}

fn scatter_add_narrow<F: Scalar, const W: usize>(to: &mut [F], from: &[F], index: &[u32]) {
    let (to, _) = to.as_chunks_mut::<W>();
    for (from, &i) in from.as_chunks::<W>().0.iter().zip(index) {
        let to = &mut to[i as usize];
        (0..W).for_each(|j| to[j] += from[j]);
    }
}

/// `to[i, j] ← values[i]`, rows of `width` columns. Overwrites.
pub fn spread<F: Scalar>(to: &mut [F], width: usize, values: &[F]) {
    by_width!(
        width,
        to.chunks_exact_mut(width.max(1)).zip(values).for_each(|(to, &v)| to.fill(v)),
        spread_narrow(to, values)
    );
}

fn spread_narrow<F: Scalar, const W: usize>(to: &mut [F], values: &[F]) {
    to.as_chunks_mut::<W>().0.iter_mut().zip(values).for_each(|(to, &v)| *to = [v; W]);
}

/// `out[i] ← out[i] + scale · Σ_j from[i, j]`, rows of `width` columns, each summed from its first column on.
pub fn add_row_sums<F: Scalar>(out: &mut [F], scale: F, from: &[F], width: usize) {
    by_width!(
        width,
        for (out, from) in out.iter_mut().zip(from.chunks_exact(width.max(1))) {
            *out += scale * from.iter().copied().sum();
        },
        add_row_sums_narrow(out, scale, from)
    );
}

fn add_row_sums_narrow<F: Scalar, const W: usize>(out: &mut [F], scale: F, from: &[F]) {
    for (out, from) in out.iter_mut().zip(from.as_chunks::<W>().0) {
        *out += scale * from.iter().copied().sum();
    }
}

/// `sums[j] ← sums[j] + Σ_i from[i, j]`, as many columns as `sums` has: every sixteenth row together, in an order that
/// depends on the number of rows alone. Wider rows than [`NARROW`] are added one after the other.
pub fn add_column_sums<F: Scalar>(sums: &mut [F], from: &[F]) {
    let width = sums.len();
    by_width!(
        width,
        for from in from.chunks_exact(width.max(1)) {
            sums.iter_mut().zip(from).for_each(|(sum, &x)| *sum += x);
        },
        add_column_sums_narrow(sums, from)
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
                    assert_eq!(sum, 1.0 - 2.0 * row.sum::<f64>());
                }
                for (j, sum) in by_column.into_iter().enumerate() {
                    let column: f64 = (0..rows).map(|i| at(i, j)).sum();
                    assert!((sum - 2.0 - column).abs() < 1e-12, "column {j} of {width}, {rows} rows");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "2 rows of 5 in 9 numbers")]
    fn too_little_room_is_refused() {
        gather(&mut [0.0f32; 9], &[0.0; 10], 5, &[0, 1]);
    }
}
