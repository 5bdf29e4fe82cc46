//! [`add_to_column_sums`]: sums of the columns of a matrix.

use ndarray::{ArrayView2, Axis};

use crate::{Loop, Scalar, in_parts, wide};

/// Work of one entry in multiplications: memory is what takes time.
const ENTRY: usize = 4;

/// Add every row of `x` `[m, n]`, any strides, to `sums` `[n]`, from the first row on; in parts of columns where they are
/// many, side by side.
///
/// # Panics
/// If there are not as many sums as columns.
pub fn add_to_column_sums<F: Scalar>(sums: &mut [F], x: ArrayView2<'_, F>) {
    let (rows, columns) = x.dim();
    assert_eq!(sums.len(), columns, "one sum for each column");
    in_parts(Columns { sums, x }, columns, ENTRY * rows, &Columns::split_at, &wide);
}

struct Columns<'a, F> {
    sums: &'a mut [F],
    x: ArrayView2<'a, F>,
}

impl<F> Columns<'_, F> {
    fn split_at(self, at: usize) -> (Self, Self) {
        let ((sums, other_sums), (x, other_x)) = (self.sums.split_at_mut(at), self.x.split_at(Axis(1), at));
        (Self { sums, x }, Self { sums: other_sums, x: other_x })
    }
}

impl<F: Scalar> Loop for Columns<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sums, x } = self;
        if let Some(x) = x.as_slice() {
            return sum_all(sums, x.chunks_exact(sums.len().max(1)));
        }
        if x.strides()[1] == 1 {
            return sum_all(sums, x.rows().into_iter().filter_map(|row| row.to_slice()));
        }
        for row in x.rows() {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
    }
}

/// Add `rows` to `sums`, 64 columns and fewer at a time in registers.
#[inline(always)]
fn sum_all<'a, F: Scalar>(sums: &mut [F], rows: impl Iterator<Item = &'a [F]> + Clone) {
    let at = sum_columns::<F, 64>(sums, rows.clone(), 0);
    let at = sum_columns::<F, 32>(sums, rows.clone(), at);
    let at = sum_columns::<F, 16>(sums, rows.clone(), at);
    let at = sum_columns::<F, 8>(sums, rows.clone(), at);
    let at = sum_columns::<F, 4>(sums, rows.clone(), at);
    let at = sum_columns::<F, 2>(sums, rows.clone(), at);
    sum_columns::<F, 1>(sums, rows, at);
}

/// As many times W columns from `at` on as there are; returns the first that is left.
#[inline(always)]
fn sum_columns<'a, F: Scalar, const W: usize>(
    sums: &mut [F],
    rows: impl Iterator<Item = &'a [F]> + Clone,
    at: usize,
) -> usize {
    let width = sums.len();
    let (chunks, rest) = sums[at..].as_chunks_mut::<W>();
    for (j, to) in chunks.iter_mut().enumerate() {
        let mut sums = *to;
        for dy in rows.clone() {
            let dy = &dy[at + j * W..][..W];
            sums.iter_mut().zip(dy).for_each(|(to, &d)| *to += d);
        }
        *to = sums;
    }
    width - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn rows_of_any_width_are_added_in_order() {
        for width in (0..=150).chain([255, 256, 257, 300]) {
            let x = Array2::from_shape_fn((9, width), |(i, j)| ((31 * i + 17 * j) as f32).sin());
            let by_rows = |j| x.column(j).iter().fold(0.5, |sum, &x| sum + x);
            let want: Vec<f32> = (0..width).map(by_rows).collect();
            let turned = x.t().as_standard_layout().into_owned();
            let wider =
                Array2::from_shape_fn((9, width + 3), |(i, j)| if j < width { x[[i, j]] } else { 9.0 });
            for x in [x.view(), turned.t(), wider.view().split_at(Axis(1), width).0] {
                let mut sums = vec![0.5; width];
                add_to_column_sums(&mut sums, x);
                assert_eq!(sums, want, "{width} columns");
            }
        }
    }
}
