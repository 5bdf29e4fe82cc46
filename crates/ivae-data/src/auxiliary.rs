//! [`Aux`]: the auxiliary variable u, with its categorical and its continuous part.

use std::collections::HashSet;

use ivae_num::Scalar;
use ndarray::{Array2, Axis};

use crate::Levels;
use crate::column_names::numbered;

/// The auxiliary variable u: categorical levels, continuous values, both, or neither.
///
/// Plain data: [`check`](crate::check) verifies that both parts have as many rows as x.
///
/// ```
/// use ivae_data::{Aux, Continuous, Levels};
/// use ndarray::array;
///
/// let speaker = Levels::from_text(&["ann", "bob", "ann"]);
/// let time = Continuous::new(array![[0.1], [0.2], [0.7]]);
/// let mixed = Aux { levels: Some(speaker.clone()), values: Some(time) };
/// let levels_alone: Aux<f64> = speaker.into();
/// assert_eq!(mixed.rows(), levels_alone.rows());
/// assert!(Aux::<f64>::none().is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Aux<F> {
    /// The categorical part: every row belongs to one of M levels (segment, label, subject ..).
    pub levels: Option<Levels>,
    /// The continuous part (time, position, age ..).
    pub values: Option<Continuous<F>>,
}

/// The continuous part of an [`Aux`]: named columns of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuous<F> {
    /// Values, `[N, m]`.
    pub values: Array2<F>,
    /// Names of the columns, `[m]`.
    pub names: Vec<String>,
}

impl<F> Aux<F> {
    /// No auxiliary variable.
    pub fn none() -> Self {
        Self { levels: None, values: None }
    }

    /// Whether there is neither a categorical nor a continuous part.
    pub fn is_none(&self) -> bool {
        self.levels.is_none() && self.values.is_none()
    }

    /// Rows of u (of its levels, if it has both parts); [`None`] if there is no u.
    pub fn rows(&self) -> Option<usize> {
        let of_values = || self.values.as_ref().map(|part| part.values.nrows());
        self.levels.as_ref().map(|levels| levels.index.len()).or_else(of_values)
    }
}

impl<F: Scalar> Aux<F> {
    /// The given rows, in the given order. Names of levels stay, used or not.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        Self {
            levels: self.levels.as_ref().map(|levels| levels.select_rows(rows)),
            values: self.values.as_ref().map(|part| Continuous {
                values: part.values.select(Axis(0), rows),
                names: part.names.clone(),
            }),
        }
    }

    /// Those of `rows` whose u differs from the u of all before them, at most `most`.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn distinct_rows(&self, rows: impl IntoIterator<Item = usize>, most: usize) -> Vec<usize> {
        let mut seen = HashSet::new();
        let mut is_new = |&i: &usize| {
            let level = self.levels.as_ref().map(|levels| levels.index[i]);
            let values = self.values.iter().flat_map(|part| part.values.row(i).to_vec());
            seen.insert((level, values.map(|v| v.f64().to_bits()).collect::<Vec<_>>()))
        };
        rows.into_iter().filter(|i| is_new(i)).take(most).collect()
    }
}

impl<F> Default for Aux<F> {
    fn default() -> Self {
        Self::none()
    }
}

impl<F> From<Levels> for Aux<F> {
    fn from(levels: Levels) -> Self {
        Self { levels: Some(levels), values: None }
    }
}

impl<F> From<Continuous<F>> for Aux<F> {
    fn from(values: Continuous<F>) -> Self {
        Self { levels: None, values: Some(values) }
    }
}

impl<F> Continuous<F> {
    /// Values `[N, m]`, with columns named `u1`, `u2`, ..
    pub fn new(values: Array2<F>) -> Self {
        let names = numbered("u", values.ncols());
        Self { values, names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn both_parts_are_selected_by_row() {
        let levels = Levels::from_integers(&[7, 8, 7]);
        let values = Continuous { values: array![[1.0], [2.0], [3.0]], names: vec!["t".into()] };
        let mixed = Aux { levels: Some(levels.clone()), values: Some(values.clone()) };
        let picked = Continuous { values: array![[3.0], [1.0]], names: vec!["t".into()] };
        let selected = mixed.select_rows(&[2, 0]);
        assert_eq!(selected, Aux { levels: Some(levels.select_rows(&[2, 0])), values: Some(picked.clone()) });
        assert_eq!(Aux::from(values).select_rows(&[2, 0]), picked.into());
        assert_eq!(Aux::<f64>::none().select_rows(&[]), Aux::default());
    }

    #[test]
    fn distinct_rows_differ_in_level_or_value_and_are_no_more_than_asked_for() {
        let levels = Levels::from_integers(&[1, 1, 2, 2]);
        let values = Continuous::new(array![[0.5], [0.5], [0.5], [0.25]]);
        let distinct = |levels: Option<&Levels>, values: Option<&Continuous<f64>>, most| {
            Aux { levels: levels.cloned(), values: values.cloned() }.distinct_rows(0..4, most)
        };
        assert_eq!(distinct(Some(&levels), Some(&values), 9), [0, 2, 3]);
        assert_eq!(distinct(Some(&levels), None, 9), [0, 2]);
        assert_eq!(distinct(None, Some(&values), 9), [0, 3]);
        assert_eq!(distinct(Some(&levels), Some(&values), 2), [0, 2]);
        assert_eq!(distinct(None, None, 9), [0]);
    }

    #[test]
    fn rows_are_those_of_the_part_that_is_there() {
        assert_eq!(Aux::<f64>::from(Levels::from_integers(&[1, 2])).rows(), Some(2));
        let values = Continuous::new(Array2::<f32>::zeros((3, 2)));
        assert_eq!(values.names, ["u1", "u2"]);
        let u = Aux::from(values);
        assert_eq!((u.rows(), u.is_none()), (Some(3), false));
        assert_eq!((Aux::<f64>::none().rows(), Aux::<f64>::none().is_none()), (None, true));
    }
}
