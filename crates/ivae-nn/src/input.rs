//! [`Input`]: what a network reads — columns of numbers, a categorical level per row, or both.

use ndarray::ArrayView2;

/// The static shape of an [`Input`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Number of dense columns c.
    pub dense: usize,
    /// Number of levels M of the categorical variable; 0 if there is none.
    pub levels: usize,
}

impl Inputs {
    /// Columns c + M that the same input would have, were its levels one-hot.
    pub fn one_hot_width(&self) -> usize {
        self.dense + self.levels
    }
}

/// The rows that a network reads. Levels are looked up, never expanded to one-hot columns.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a, F> {
    /// Dense columns, `[B, c]`.
    pub dense: Option<ArrayView2<'a, F>>,
    /// One level below M per row, `[B]`.
    pub levels: Option<&'a [u32]>,
}

impl<'a, F> Input<'a, F> {
    /// Dense columns `x` `[B, c]`.
    pub fn dense(x: ArrayView2<'a, F>) -> Self {
        Self { dense: Some(x), levels: None }
    }

    /// One level per row, `u` `[B]`.
    pub fn levels(u: &'a [u32]) -> Self {
        Self { dense: None, levels: Some(u) }
    }

    /// Dense columns `x` `[B, c]` and one level per row, `u` `[B]`.
    ///
    /// # Panics
    /// If `x` and `u` differ in rows.
    pub fn both(x: ArrayView2<'a, F>, u: &'a [u32]) -> Self {
        assert_eq!(x.nrows(), u.len(), "dense input has {} rows, levels {}", x.nrows(), u.len());
        Self { dense: Some(x), levels: Some(u) }
    }

    /// Number of rows B; 0 for an input without parts.
    pub fn rows(&self) -> usize {
        match (&self.dense, self.levels) {
            (Some(x), _) => x.nrows(),
            (None, Some(u)) => u.len(),
            (None, None) => 0,
        }
    }

    /// The same input for a shorter time (an array view does not shorten its lifetime by itself).
    pub fn reborrow(&self) -> Input<'_, F> {
        Input { dense: self.dense.as_ref().map(|x| x.view()), levels: self.levels }
    }

    /// Check that this input has `rows` rows and the shape `inputs`.
    #[track_caller]
    pub(crate) fn assert_fits(&self, rows: usize, inputs: Inputs) {
        let dense = self.dense.as_ref().map_or([rows, 0], |x| [x.nrows(), x.ncols()]);
        assert_eq!(
            dense,
            [rows, inputs.dense],
            "dense input is {dense:?}, expected {:?}",
            [rows, inputs.dense]
        );
        match self.levels {
            Some(u) => {
                assert!(inputs.levels > 0, "the input has levels, but the layer was built without");
                assert_eq!(u.len(), rows, "{} levels for {rows} rows", u.len());
            }
            None => assert_eq!(inputs.levels, 0, "the input lacks the levels the layer was built for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn rows_come_from_either_part() {
        let x = Array2::<f64>::zeros((3, 2));
        assert_eq!(Input::dense(x.view()).rows(), 3);
        assert_eq!(Input::<f64>::levels(&[0, 1]).rows(), 2);
        assert_eq!(Input::both(x.view(), &[0, 1, 2]).rows(), 3);
        assert_eq!(Input::<f64> { dense: None, levels: None }.rows(), 0);
        assert_eq!(Inputs { dense: 2, levels: 5 }.one_hot_width(), 7);
    }

    #[test]
    #[should_panic(expected = "dense input has 3 rows, levels 2")]
    fn parts_of_different_length_are_refused() {
        Input::both(Array2::<f64>::zeros((3, 2)).view(), &[0, 1]);
    }

    #[test]
    #[should_panic(expected = "lacks the levels")]
    fn missing_levels_are_refused() {
        Input::dense(Array2::<f64>::zeros((3, 2)).view()).assert_fits(3, Inputs { dense: 2, levels: 4 });
    }
}
