//! The builder of a [`Dataset`] from arrays: names, segments, covariates and sources, each checked against x.

use std::fmt::Display;

use ivae_num::Scalar;
use ndarray::{CowArray, Ix2};

use crate::error::check_length;
use crate::{Continuous, DataError, Dataset, Levels};

impl<F: Scalar> Dataset<F> {
    /// Names the columns of x, `[d]`.
    ///
    /// ```
    /// # use {ivae_data::Dataset, ndarray::array};
    /// let data = Dataset::new(array![[0.3, 1.0], [0.1, 2.0]]).with_names(["height", "weight"])?;
    /// assert_eq!(data.x_names, ["height", "weight"]);
    /// # Ok::<(), ivae_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The number of names differs from the number of columns.
    pub fn with_names(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, DataError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        check_length("the list of x names", names.len(), "x (in columns)", self.observed())?;
        self.x_names = names;
        Ok(self)
    }

    /// Sets the categorical part of u: the segment (label, subject ..) of each row, `[N]`.
    ///
    /// Levels are in ascending order of the labels. A continuous part of u stays, so that
    /// [`with_covariates`](Self::with_covariates) and this make a mixed u.
    ///
    /// ```
    /// # use {ivae_data::Dataset, ndarray::array};
    /// let data = Dataset::new(array![[0.3], [0.1], [0.7]]).with_segments(&[10, 9, 10])?;
    /// assert_eq!(data.u.levels.as_ref().map(|levels| levels.names.clone()), Some(vec!["9".into(), "10".into()]));
    /// let data = data.with_segments(&["rest", "move", "rest"])?;
    /// assert_eq!(data.u.levels.map(|levels| levels.index), Some(vec![1, 0, 1]));
    /// # Ok::<(), ivae_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The number of labels differs from the rows of x.
    pub fn with_segments<L: Ord + Display>(mut self, labels: &[L]) -> Result<Self, DataError> {
        check_length("the list of segments", labels.len(), "x", self.rows())?;
        self.u.levels = Some(Levels::from_labels(labels));
        Ok(self)
    }

    /// Sets the continuous part of u, `[N, m]` (time, position, age ..), with columns named `u1`, `u2`, ..
    ///
    /// An owned array is taken as it is; a reference or a view is copied. A categorical part of u stays.
    ///
    /// ```
    /// # use {ivae_data::Dataset, ndarray::array};
    /// let time = array![[0.0], [0.5], [1.0]];
    /// let data = Dataset::new(array![[0.3], [0.1], [0.7]]).with_covariates(&time)?;
    /// let mixed = data.with_segments(&["ann", "bob", "ann"])?;
    /// assert_eq!(mixed.u.values.map(|part| part.values), Some(time));
    /// # Ok::<(), ivae_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The number of rows differs from that of x.
    pub fn with_covariates<'a>(mut self, values: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self, DataError> {
        let values = values.into();
        check_length("the array of covariates", values.nrows(), "x", self.rows())?;
        self.u.values = Some(Continuous::new(values.into_owned()));
        Ok(self)
    }

    /// Sets the true sources s, `[N, n]`.
    ///
    /// An owned array is taken as it is; a reference or a view is copied.
    ///
    /// ```
    /// # use {ivae_data::Dataset, ndarray::array};
    /// let sources = array![[1.0], [2.0], [3.0]];
    /// let data = Dataset::new(array![[0.3], [0.1], [0.7]]).with_sources(sources.view())?;
    /// assert_eq!(data.s, Some(sources));
    /// # Ok::<(), ivae_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The number of rows differs from that of x.
    pub fn with_sources<'a>(mut self, s: impl Into<CowArray<'a, F, Ix2>>) -> Result<Self, DataError> {
        let s = s.into();
        check_length("s", s.nrows(), "x", self.rows())?;
        self.s = Some(s.into_owned());
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Aux;
    use ndarray::{Array2, array};

    fn three_rows() -> Dataset<f64> {
        Dataset::new(array![[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    }

    #[test]
    fn every_part_is_set_and_the_others_stay() {
        let time = array![[0.0, 1.0], [0.5, 1.0], [1.0, 2.0]];
        let s = array![[0.1], [0.2], [0.3]];
        let segment: Vec<u8> = vec![3, 20, 3];
        let data = three_rows()
            .with_names(vec!["a".to_string(), "b".into()])
            .and_then(|data| data.with_covariates(time.view()))
            .and_then(|data| data.with_segments(&segment))
            .and_then(|data| data.with_sources(s.clone()))
            .unwrap();
        let expected = Dataset {
            x: three_rows().x,
            x_names: vec!["a".into(), "b".into()],
            u: Aux {
                levels: Some(Levels::from_integers(&[3, 20, 3])),
                values: Some(Continuous { values: time, names: vec!["u1".into(), "u2".into()] }),
            },
            s: Some(s),
        };
        assert_eq!(data, expected);
    }

    #[test]
    fn labels_of_any_ordered_type_are_segments() {
        let owned = three_rows().with_segments(&["b".to_string(), "a".into(), "b".into()]).unwrap();
        assert_eq!(owned, three_rows().with_segments(&["b", "a", "b"]).unwrap());
        assert_eq!(owned.u, Levels::from_text(&["b", "a", "b"]).into());
        let flags = three_rows().with_segments(&[true, false, false]).unwrap();
        assert_eq!(flags.u.levels.unwrap().names, ["false", "true"]);
    }

    #[test]
    fn every_part_must_fit_x() {
        let wrong = [
            ("the list of x names", three_rows().with_names(["a", "b", "c", "d"])),
            ("the list of segments", three_rows().with_segments(&[1, 2, 3, 4])),
            ("the array of covariates", three_rows().with_covariates(Array2::zeros((4, 1)))),
            ("s", three_rows().with_sources(Array2::zeros((4, 1)))),
        ];
        for (part, result) in wrong {
            let err = result.unwrap_err();
            assert!(matches!(err, DataError::Length { what, found: 4, .. } if what == part), "{err}");
        }
    }
}
