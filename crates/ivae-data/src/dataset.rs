//! [`Dataset`]: observations, auxiliary variable and, where known, the true sources.

use ivae_num::Scalar;
use ndarray::{Array2, Axis};

use crate::column_names::numbered;
use crate::{Aux, Levels, Split};

/// Observations x with their auxiliary variable u and, for simulated data, the true sources s.
///
/// Plain data: nothing is promised until [`check`](crate::check) has passed.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset<F> {
    /// Observations, `[N, d]`.
    pub x: Array2<F>,
    /// Names of the columns of x, `[d]`.
    pub x_names: Vec<String>,
    /// The auxiliary variable.
    pub u: Aux<F>,
    /// True sources, `[N, n]`.
    pub s: Option<Array2<F>>,
}

impl<F: Scalar> Dataset<F> {
    /// Observations x `[N, d]` alone, with columns named `x1`, `x2`, ..
    ///
    /// ```
    /// use ivae_data::Dataset;
    /// use ndarray::array;
    ///
    /// let x = array![[0.3, 1.0], [0.1, 2.0], [0.7, 1.5], [0.2, 2.5]];
    /// let data = Dataset::new(x).with_segments(&["rest", "rest", "move", "move"])?;
    /// assert_eq!(data.x_names, ["x1", "x2"]);
    /// # Ok::<(), ivae_data::DataError>(())
    /// ```
    pub fn new(x: Array2<F>) -> Self {
        let x_names = numbered("x", x.ncols());
        Self { x, x_names, u: Aux::none(), s: None }
    }

    /// N, the rows of x.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// d, the columns of x.
    pub fn observed(&self) -> usize {
        self.x.ncols()
    }

    /// The given rows, in the given order, of x, u and s.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        Self {
            x: self.x.select(Axis(0), rows),
            x_names: self.x_names.clone(),
            u: self.u.select_rows(rows),
            s: self.s.as_ref().map(|s| s.select(Axis(0), rows)),
        }
    }

    /// The training rows and the held-out rows of a split, without s.
    ///
    /// The training rows stay where they are in memory, or move up in it, if they ascend as those of the splits made
    /// here do: only the held-out rows are a copy.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn divide(mut self, split: &Split) -> (Self, Self) {
        self.s = None;
        let held_out = self.select_rows(&split.held_out);
        if !split.train.is_sorted_by(|a, b| a < b) || !self.x.is_standard_layout() {
            return (self.select_rows(&split.train), held_out);
        }
        let levels = self.u.levels.map(|Levels { mut index, names }| {
            keep_rows(&mut index, 1, &split.train);
            Levels { index, names }
        });
        let values = Aux { levels: None, values: self.u.values }.select_rows(&split.train).values;
        let u = Aux { levels, values };
        let columns = self.x.ncols();
        let (mut x, offset) = self.x.into_raw_vec_and_offset();
        x.drain(..offset.unwrap_or(0));
        keep_rows(&mut x, columns, &split.train);
        let x = Array2::from_shape_vec((split.train.len(), columns), x);
        let x = x.expect("keep_rows leaves as many rows of as many columns");
        (Self { x, x_names: self.x_names, u, s: None }, held_out)
    }

    /// The given columns of x, in the given order; u and s stay.
    ///
    /// # Panics
    /// If a column is out of range.
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        Self {
            x: self.x.select(Axis(1), columns),
            x_names: columns.iter().map(|&j| self.x_names[j].clone()).collect(),
            u: self.u.clone(),
            s: self.s.clone(),
        }
    }
}

/// Keeps the ascending `rows` of `values` `[N, columns]` and nothing else.
fn keep_rows<T: Copy>(values: &mut Vec<T>, columns: usize, rows: &[usize]) {
    for (to, &from) in rows.iter().enumerate() {
        values.copy_within(from * columns..(from + 1) * columns, to * columns);
    }
    values.truncate(rows.len() * columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Continuous;
    use ndarray::array;

    #[test]
    fn rows_and_columns_are_selected_together() {
        let data = Dataset {
            x: array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            x_names: vec!["a".into(), "b".into()],
            u: Aux {
                levels: Some(Levels::from_integers(&[7, 8, 7])),
                values: Some(Continuous { values: array![[1.5], [2.5], [3.5]], names: vec!["t".into()] }),
            },
            s: Some(array![[0.1], [0.2], [0.3]]),
        };
        let picked = data.select_rows(&[2, 0]);
        assert_eq!(picked.x, array![[5.0, 6.0], [1.0, 2.0]]);
        assert_eq!(picked.s, Some(array![[0.3], [0.1]]));
        let levels = picked.u.levels.unwrap();
        assert_eq!((levels.index.as_slice(), levels.names.len()), (&[0, 0][..], 2));
        assert_eq!(picked.u.values.unwrap().values, array![[3.5], [1.5]]);
        for (train, held_out) in
            [(vec![0, 2], vec![1]), (vec![2, 0], vec![1]), (vec![1], vec![0, 2]), (vec![], vec![])]
        {
            let split = Split { train, held_out };
            let expected =
                [&split.train, &split.held_out].map(|rows| Dataset { s: None, ..data.select_rows(rows) });
            assert_eq!(<[_; 2]>::from(data.clone().divide(&split)), expected);
        }
        let narrow = data.select_columns(&[1]);
        assert_eq!((narrow.x, narrow.x_names), (array![[2.0], [4.0], [6.0]], vec!["b".to_string()]));
    }
}
