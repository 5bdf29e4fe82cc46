//! [`Levels`]: a categorical auxiliary variable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::error::check_length;

/// A categorical u: every row belongs to one of M named levels.
///
/// Levels made from labels are in ascending order (of the integers, or of the text), never in order of appearance,
/// so that the same labels give the same levels however the rows are ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// Level of each row, `[N]`, each below M.
    pub index: Vec<u32>,
    /// Names of the levels, `[M]`.
    pub names: Vec<String>,
}

impl Levels {
    /// The levels of labels of any ordered type (integers, text ..), in ascending order, named as they print.
    pub fn from_labels<L: Ord + Display>(labels: &[L]) -> Self {
        Self::from_sorted(labels, L::to_string)
    }

    /// The levels of integer labels, in numerical order, named by the integers.
    pub fn from_integers(labels: &[i128]) -> Self {
        Self::from_labels(labels)
    }

    /// The levels of text labels, in the order of the text.
    pub fn from_text<S: AsRef<str> + Ord>(labels: &[S]) -> Self {
        Self::from_sorted(labels, |s| s.as_ref().to_string())
    }

    fn from_sorted<T: Ord>(labels: &[T], name: impl Fn(&T) -> String) -> Self {
        let mut rank: BTreeMap<&T, u32> = labels.iter().map(|l| (l, 0)).collect();
        rank.values_mut().zip(0..).for_each(|(r, i)| *r = i);
        Self {
            index: labels.iter().map(|l| rank[l]).collect(),
            names: rank.keys().map(|l| name(l)).collect(),
        }
    }

    /// `rows` rows cut into `count` contiguous windows whose lengths differ by at most one.
    ///
    /// This is the u of a time series that has no other.
    ///
    /// # Errors
    /// `count` is 0 or above `rows`.
    pub fn windows(rows: usize, count: usize) -> Result<Self, DataError> {
        if count == 0 || count > rows {
            return Err(DataError::Option {
                option: "the number of windows",
                value: count.to_string(),
                expected: "from 1 to the number of rows",
            });
        }
        let index = (0..rows).map(|i| (i as u128 * count as u128 / rows as u128) as u32).collect();
        Ok(Self { index, names: (0..count).map(|w| w.to_string()).collect() })
    }

    /// `rows` rows cut into as many contiguous windows as have at least `length` rows each.
    ///
    /// # Errors
    /// `length` is 0 or above `rows`.
    pub fn windows_of(rows: usize, length: usize) -> Result<Self, DataError> {
        if length == 0 || length > rows {
            return Err(DataError::Option {
                option: "the length of a window",
                value: length.to_string(),
                expected: "from 1 to the number of rows",
            });
        }
        Self::windows(rows, rows / length)
    }

    /// Both at once: a level for each pair `a:b` that occurs, ordered by a, then by b.
    ///
    /// # Errors
    /// The two differ in length.
    pub fn cross(&self, other: &Levels) -> Result<Self, DataError> {
        check_length("one part of u", other.index.len(), "another", self.index.len())?;
        let pairs: Vec<(u32, u32)> = self.index.iter().copied().zip(other.index.iter().copied()).collect();
        Ok(Self::from_sorted(&pairs, |&(a, b)| {
            format!("{}:{}", self.names[a as usize], other.names[b as usize])
        }))
    }

    /// The same labels, numbered as in `names`: what a model fitted to other rows needs.
    ///
    /// # Errors
    /// A row's level is not among `names`.
    pub fn aligned(&self, names: &[String]) -> Result<Self, DataError> {
        let positions: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let to: Vec<Option<u32>> = self.names.iter().map(|n| positions.get(n.as_str()).copied()).collect();
        let index = self.index.iter().enumerate().map(|(row, &level)| {
            to[level as usize].ok_or_else(|| DataError::UnknownLevel {
                row,
                name: self.names[level as usize].clone(),
                levels: names.len(),
            })
        });
        Ok(Self { index: index.collect::<Result<_, _>>()?, names: names.to_vec() })
    }

    /// Name of the level of each row, `[N]`.
    pub fn labels(&self) -> Vec<&str> {
        self.index.iter().map(|&level| self.names[level as usize].as_str()).collect()
    }

    /// Rows of each level, `[M]`.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.index.iter().for_each(|&level| counts[level as usize] += 1);
        counts
    }

    /// How many levels have a row.
    pub fn present(&self) -> usize {
        self.index.iter().collect::<BTreeSet<_>>().len()
    }

    /// The given rows, in the given order; all names stay.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        Self { index: rows.iter().map(|&i| self.index[i]).collect(), names: self.names.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ordered_by_value() {
        let levels = Levels::from_integers(&[10, 2, -1, 2]);
        assert_eq!(levels.names, ["-1", "2", "10"]);
        assert_eq!(levels.index, [2, 1, 0, 1]);
        assert_eq!((levels.counts(), levels.present()), (vec![1, 2, 1], 3));
        assert_eq!(Levels::from_labels(&[10u8, 2, 2]), Levels::from_integers(&[10, 2, 2]));
        let text = Levels::from_text(&["rest", "move", "rest"]);
        assert_eq!((text.names, text.index), (vec!["move".to_string(), "rest".into()], vec![1, 0, 1]));
    }

    #[test]
    fn windows_are_contiguous_and_even() {
        for (rows, count) in [(10, 3), (7, 7), (250, 10), (5, 1)] {
            let windows = Levels::windows(rows, count).unwrap();
            assert!(windows.index.is_sorted());
            let counts = windows.counts();
            let (min, max) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(*min >= 1 && max - min <= 1, "{counts:?}");
        }
        let by_length = Levels::windows_of(103, 10).unwrap();
        assert_eq!(by_length.names.len(), 10);
        assert!(by_length.counts().iter().all(|&c| c >= 10));
        assert!(matches!(Levels::windows(3, 4), Err(DataError::Option { .. })));
        assert!(matches!(Levels::windows(3, 0), Err(DataError::Option { .. })));
        assert!(matches!(Levels::windows_of(3, 0), Err(DataError::Option { .. })));
    }

    #[test]
    fn crossing_keeps_only_pairs_that_occur() {
        let a = Levels::from_integers(&[0, 0, 1, 1]);
        let b = Levels::from_text(&["y", "x", "x", "x"]);
        let both = a.cross(&b).unwrap();
        assert_eq!(both.names, ["0:x", "0:y", "1:x"]);
        assert_eq!(both.index, [1, 0, 2, 2]);
        assert!(matches!(a.cross(&Levels::from_integers(&[1])), Err(DataError::Length { found: 1, .. })));
    }

    #[test]
    fn aligned_levels_are_renumbered_and_unknown_ones_named() {
        let fitted = vec!["2".to_string(), "7".into(), "9".into()];
        let new = Levels::from_integers(&[9, 2]).aligned(&fitted).unwrap();
        assert_eq!((new.index, new.names), (vec![2, 0], fitted.clone()));
        let err = Levels::from_integers(&[9, 5]).aligned(&fitted).unwrap_err();
        assert!(matches!(err, DataError::UnknownLevel { row: 1, ref name, levels: 3 } if name == "5"));
    }
}
