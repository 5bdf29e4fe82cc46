//! Rows of a table by level: looked up, and added to, which is the backward pass of that.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::{Loop, Scalar, in_parts, wide};

/// Work of one entry in multiplications: memory is what takes time.
const LOOK_UP: usize = 16;
const ADD: usize = 4;

/// `y[i] ← bias + table[levels[i]]`, or, without a bias, `y[i] ← y[i] + table[levels[i]]`; y `[B, o]`, table `[M, o]`,
/// any strides.
///
/// # Panics
/// If the shapes do not fit, or a level is not below M.
pub fn look_up<F: Scalar>(
    y: ArrayViewMut2<'_, F>,
    bias: Option<&[F]>,
    table: ArrayView2<'_, F>,
    levels: &[u32],
) {
    let (rows, columns) = y.dim();
    assert!(
        levels.len() == rows && table.ncols() == columns,
        "one level for each row, and rows of one width"
    );
    assert!(bias.is_none_or(|bias| bias.len() == columns), "a bias is as long as y is wide");
    let all = LookUp { y, bias, table, levels };
    in_parts(all, rows, LOOK_UP * columns, &LookUp::split_rows, &wide);
}

struct LookUp<'a, F> {
    y: ArrayViewMut2<'a, F>,
    bias: Option<&'a [F]>,
    table: ArrayView2<'a, F>,
    levels: &'a [u32],
}

impl<F: Scalar> LookUp<'_, F> {
    fn split_rows(self, at: usize) -> (Self, Self) {
        let Self { y, bias, table, levels } = self;
        let ((y, other_y), (levels, other_levels)) = (y.split_at(Axis(0), at), levels.split_at(at));
        (Self { y, bias, table, levels }, Self { y: other_y, bias, table, levels: other_levels })
    }
}

impl<F: Scalar> Loop for LookUp<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        for (mut y, &level) in self.y.rows_mut().into_iter().zip(self.levels) {
            let from = self.table.row(level as usize);
            match (y.as_slice_mut(), from.to_slice(), self.bias) {
                (Some(y), Some(from), Some(bias)) => {
                    y.iter_mut().zip(bias.iter().zip(from)).for_each(|(y, (&b, &e))| *y = b + e);
                }
                (Some(y), Some(from), None) => y.iter_mut().zip(from).for_each(|(y, &e)| *y += e),
                (_, _, Some(bias)) => {
                    y.iter_mut().zip(bias.iter().zip(from)).for_each(|(y, (&b, &e))| *y = b + e)
                }
                (_, _, None) => y += &from,
            }
        }
    }
}

/// `table[levels[i]] ← table[levels[i]] + y[i]` for every row i of y, in their order; table `[M, o]`, y `[B, o]`, any strides.
///
/// # Panics
/// If the shapes do not fit, or a level is not below M.
pub fn add_rows<F: Scalar>(table: ArrayViewMut2<'_, F>, levels: &[u32], y: ArrayView2<'_, F>) {
    let (rows, columns) = y.dim();
    assert!(
        levels.len() == rows && table.ncols() == columns,
        "one level for each row, and rows of one width"
    );
    in_parts(AddRows { table, levels, y }, columns, ADD * rows, &AddRows::split_columns, &wide);
}

struct AddRows<'a, F> {
    table: ArrayViewMut2<'a, F>,
    levels: &'a [u32],
    y: ArrayView2<'a, F>,
}

impl<F: Scalar> AddRows<'_, F> {
    fn split_columns(self, at: usize) -> (Self, Self) {
        let Self { table, levels, y } = self;
        let ((table, other_table), (y, other_y)) = (table.split_at(Axis(1), at), y.split_at(Axis(1), at));
        (Self { table, levels, y }, Self { table: other_table, levels, y: other_y })
    }
}

impl<F: Scalar> Loop for AddRows<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        for (y, &level) in self.y.rows().into_iter().zip(self.levels) {
            let mut to = self.table.row_mut(level as usize);
            match (to.as_slice_mut(), y.as_slice()) {
                (Some(to), Some(y)) => to.iter_mut().zip(y).for_each(|(to, &y)| *to += y),
                _ => to.iter_mut().zip(y).for_each(|(to, &y)| *to += y),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    fn numbers(rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((7 * i + 3 * j) as f64).sin())
    }

    type Columns = fn(&mut Array2<f64>, usize) -> ArrayViewMut2<'_, f64>;
    /// Rows with gaps between them, and backwards with gaps between their numbers.
    const LAYOUTS: [Columns; 2] =
        [|x, n| x.slice_mut(s![.., 1..=n]), |x, n| x.slice_mut(s![..;-1, ..2 * n;2])];

    #[test]
    fn rows_are_looked_up_and_added_by_their_levels() {
        let levels = [3, 0, 3, 1, 3, 0];
        for n in [0, 1, 5, 16, 100] {
            let (table, bias) = (numbers(4, n), numbers(1, n).row(0).to_vec());
            for layout in LAYOUTS {
                let mut memory = numbers(6, 2 * n + 1);
                let old = layout(&mut memory, n).to_owned();
                look_up(layout(&mut memory, n), None, table.view(), &levels);
                let y = layout(&mut memory, n).to_owned();
                for (i, &u) in levels.iter().enumerate() {
                    (0..n).for_each(|j| assert_eq!(y[[i, j]], old[[i, j]] + table[[u as usize, j]]));
                }
                look_up(layout(&mut memory, n), Some(&bias), table.view(), &levels);
                let y = layout(&mut memory, n).to_owned();
                for (i, &u) in levels.iter().enumerate() {
                    (0..n).for_each(|j| assert_eq!(y[[i, j]], bias[j] + table[[u as usize, j]]));
                }
                let mut memory = Array2::from_elem((4, 2 * n + 1), 0.5);
                add_rows(layout(&mut memory, n), &levels, y.view());
                let sums = layout(&mut memory, n);
                for j in 0..n {
                    assert_eq!(sums[[0, j]], 0.5 + y[[1, j]] + y[[5, j]]);
                    assert_eq!(sums[[1, j]], 0.5 + y[[3, j]]);
                    assert_eq!(sums[[2, j]], 0.5);
                    assert_eq!(sums[[3, j]], 0.5 + y[[0, j]] + y[[2, j]] + y[[4, j]]);
                }
            }
        }
    }

    /// Σ look_up(E)[i, j] d[i, j] = Σ E[u, j] add_rows(0, d)[u, j].
    #[test]
    fn adding_rows_is_the_transpose_of_looking_up() {
        let (table, d, levels) = (numbers(3, 7), numbers(5, 7), [2, 0, 2, 2, 0]);
        let (mut y, mut sums) = (Array2::zeros((5, 7)), Array2::zeros((3, 7)));
        look_up(y.view_mut(), None, table.view(), &levels);
        add_rows(sums.view_mut(), &levels, d.view());
        let (by_rows, by_levels) = ((&y * &d).sum(), (&table * &sums).sum());
        assert!((by_rows - by_levels).abs() <= 1e-14 * by_rows.abs(), "{by_rows} and {by_levels}");
    }

    #[test]
    #[should_panic(expected = "one level for each row")]
    fn levels_are_as_many_as_rows() {
        look_up(Array2::zeros((2, 3)).view_mut(), None, Array2::<f64>::zeros((4, 3)).view(), &[1]);
    }
}
