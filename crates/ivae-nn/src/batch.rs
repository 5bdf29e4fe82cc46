//! [`Batch`]: rows of x and u that a network works on, and the memory that gathered rows live in.

use ivae_num::Scalar;
use ivae_num::slices::{rows, top};
use ndarray::{Array2, ArrayView2};

use crate::input::{Input, Inputs};

/// Some rows of the data, scaled.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a, F> {
    /// Observations, `[B, d]`.
    pub x: ArrayView2<'a, F>,
    /// Auxiliary variable, B rows: levels, continuous values, both, or neither.
    pub u: Input<'a, F>,
}

impl<'a, F: Scalar> Batch<'a, F> {
    /// Rows of x without u.
    pub fn of_x(x: ArrayView2<'a, F>) -> Self {
        Self { x, u: Input { dense: None, levels: None } }
    }

    /// The same rows under a shorter lifetime.
    pub fn reborrow<'b>(self) -> Batch<'b, F>
    where
        'a: 'b,
    {
        let dense = self.u.dense.map(|values| values.reborrow());
        Batch { x: self.x.reborrow(), u: Input { dense, levels: self.u.levels } }
    }

    /// Number of rows B.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// Batches of `most` rows and the last of what is left, with the row that each starts at.
    pub fn parts(self, most: usize) -> impl Iterator<Item = (usize, Batch<'a, F>)> {
        let rows = self.rows();
        (0..rows).step_by(most).map(move |start| (start, self.slice(start, (start + most).min(rows))))
    }

    /// Rows `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Batch<'a, F> {
        let dense = self.u.dense.map(|values| rows(values, start..end));
        let levels = self.u.levels.map(|levels| &levels[start..end]);
        Batch { x: rows(self.x, start..end), u: Input { dense, levels } }
    }
}

/// Memory that gathered rows live in.
#[derive(Debug, Clone)]
pub struct BatchBuffer<F> {
    x: Array2<F>,             // [capacity, d]
    levels: Option<Vec<u32>>, // [capacity]
    dense: Option<Array2<F>>, // [capacity, m]
}

impl<F: Scalar> BatchBuffer<F> {
    /// For up to `capacity` rows of `data`.
    pub fn new(data: &Batch<'_, F>, capacity: usize) -> Self {
        Self {
            x: Array2::zeros((capacity, data.x.ncols())),
            levels: data.u.levels.map(|_| vec![0; capacity]),
            dense: data.u.dense.map(|values| Array2::zeros((capacity, values.ncols()))),
        }
    }

    /// For up to `capacity` rows of x with `observed` columns and u of shape `u`.
    pub fn of_shape(observed: usize, u: Inputs, capacity: usize) -> Self {
        Self {
            x: Array2::zeros((capacity, observed)),
            levels: (u.levels > 0).then(|| vec![0; capacity]),
            dense: (u.dense > 0).then(|| Array2::zeros((capacity, u.dense))),
        }
    }

    /// Copy `rows` of `data` here and lend them as a batch.
    pub fn gather(&mut self, data: &Batch<'_, F>, rows: &[u32]) -> Batch<'_, F> {
        let b = rows.len();
        gather(&mut self.x, data.x, rows);
        if let (Some(to), Some(levels)) = (&mut self.levels, data.u.levels) {
            to.iter_mut().zip(rows).for_each(|(to, &row)| *to = levels[row as usize]);
        }
        if let (Some(to), Some(values)) = (&mut self.dense, data.u.dense) {
            gather(to, values, rows);
        }
        let dense = self.dense.as_ref().map(|values| top(values, b));
        Batch {
            x: top(&self.x, b),
            u: Input { dense, levels: self.levels.as_ref().map(|levels| &levels[..b]) },
        }
    }
}

/// Copy the rows `index` of `from` to the first rows of `to`.
fn gather<F: Scalar>(to: &mut Array2<F>, from: ArrayView2<'_, F>, index: &[u32]) {
    let width = from.ncols();
    match (to.as_slice_mut(), from.as_slice()) {
        (Some(to), Some(from)) if width > 0 => {
            ivae_num::rows::gather(to, from, width, index);
        }
        _ => {
            for (mut to, &row) in to.rows_mut().into_iter().zip(index) {
                to.assign(&from.row(row as usize));
            }
        }
    }
}

/// At most `most` of `rows` rows, spread evenly: data are often sorted by u.
pub fn spread_rows(rows: usize, most: usize) -> Vec<u32> {
    let count = rows.min(most);
    (0..count).map(|i| (i * rows / count) as u32).collect()
}
