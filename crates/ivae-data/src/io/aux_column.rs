//! [`AuxColumn`]: columns that hold u, and how they become levels or continuous values.

use std::collections::BTreeSet;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use crate::column_names::numbered;
use crate::error::check_length;
use crate::{Aux, Continuous, DataError, Levels};

/// One column of u, by what its cells hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AuxColumn<F> {
    Integers(Vec<i128>),
    Floats(Vec<F>),
    Text(Vec<String>),
    /// Numbers that are never levels.
    Continuous(Vec<F>),
}

/// The columns of one array of u, with a name for each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuxArray<F> {
    pub(crate) columns: Vec<AuxColumn<F>>,
    pub(crate) names: Vec<String>,
    /// Whether the names come from the file; the levels of a one-hot array are then named by them, else by position.
    pub(crate) is_named: bool,
}

/// What one array contributes to u.
enum Part<F> {
    Levels(Levels),
    Values(Vec<(String, Vec<F>)>),
}

impl<F: Scalar> AuxColumn<F> {
    fn len(&self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Floats(v) | Self::Continuous(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The levels of the column; [`None`] if it is continuous.
    fn levels(&self) -> Option<Levels> {
        match self {
            Self::Integers(v) => Some(Levels::from_integers(v)),
            Self::Text(v) => Some(Levels::from_text(v)),
            Self::Floats(v) => {
                let is_whole = |v: &F| v.fract() == F::zero() && v.abs() < F::of(2f64.powi(53));
                let labels: Vec<i128> =
                    v.iter().map(|v| is_whole(v).then(|| v.f64() as i128)).collect::<Option<_>>()?;
                let distinct = labels.iter().collect::<BTreeSet<_>>().len();
                (labels.len() >= 2 * distinct).then(|| Levels::from_integers(&labels))
            }
            Self::Continuous(_) => None,
        }
    }

    /// The numbers of the column; none if it is text.
    fn into_numbers(self) -> Vec<F> {
        match self {
            Self::Integers(v) => v.into_iter().map(|v| F::of(v as f64)).collect(),
            Self::Floats(v) | Self::Continuous(v) => v,
            Self::Text(_) => Vec::new(),
        }
    }

    /// Whether each cell is 1 (not 0); [`None`] if a cell is neither, or the column is never levels.
    fn indicators(&self) -> Option<Vec<bool>> {
        fn bits<T: PartialEq>(values: &[T], zero: &T, one: &T) -> Option<Vec<bool>> {
            values.iter().map(|v| (v == one || v == zero).then(|| v == one)).collect()
        }
        match self {
            Self::Integers(v) => bits(v, &0, &1),
            Self::Floats(v) => bits(v, &F::zero(), &F::one()),
            Self::Text(_) | Self::Continuous(_) => None,
        }
    }
}

impl<F: Scalar> AuxArray<F> {
    fn part(self) -> Result<Part<F>, DataError> {
        let is_single = self.columns.len() == 1;
        if !is_single && let Some(index) = one_hot(&self.columns.iter().collect::<Vec<_>>()) {
            let names = if self.is_named { self.names } else { positions(self.columns.len()) };
            return Ok(Part::Levels(Levels { index, names }));
        }
        if (is_single || self.columns.iter().any(AuxColumn::is_text))
            && let Some(levels) = self.columns.iter().map(AuxColumn::levels).collect::<Option<Vec<_>>>()
            && let Some(crossed) = levels.into_iter().map(Ok).reduce(|a, b| a?.cross(&b?))
        {
            return crossed.map(Part::Levels);
        }
        let numbers = self.columns.into_iter().map(AuxColumn::into_numbers);
        Ok(Part::Values(self.names.into_iter().zip(numbers).collect()))
    }
}

/// u from the columns of a table; [`ReadOptions`](crate::ReadOptions) states the rules.
pub(crate) fn aux_from_columns<F: Scalar>(
    names: Vec<String>,
    columns: Vec<AuxColumn<F>>,
) -> Result<Aux<F>, DataError> {
    let single = |(name, column)| AuxArray { columns: vec![column], names: vec![name], is_named: true };
    aux_from_arrays(names.into_iter().zip(columns).map(single).collect())
}

/// u from arrays, each with one or several columns; [`ReadOptions`](crate::ReadOptions) states the rules.
pub(crate) fn aux_from_arrays<F: Scalar>(arrays: Vec<AuxArray<F>>) -> Result<Aux<F>, DataError> {
    let columns: Vec<&AuxColumn<F>> = arrays.iter().flat_map(|array| &array.columns).collect();
    let Some(rows) = columns.first().map(|column| column.len()) else { return Ok(Aux::none()) };
    for column in &columns {
        check_length("one part of u", column.len(), "another", rows)?;
    }
    if arrays.len() > 1
        && let Some(index) = one_hot(&columns)
    {
        let names = arrays.into_iter().flat_map(|array| array.names).collect();
        return Ok(Levels { index, names }.into());
    }
    let mut levels: Option<Levels> = None;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for array in arrays {
        match array.part()? {
            Part::Levels(new) => {
                levels = Some(match levels {
                    Some(levels) => levels.cross(&new)?,
                    None => new,
                });
            }
            Part::Values(columns) => columns.into_iter().for_each(|(name, column)| {
                names.push(name);
                values.push(column);
            }),
        }
    }
    // The default names of two arrays are the same, and names in messages must identify a column.
    if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
        names = numbered("u", names.len());
    }
    let values = (!values.is_empty()).then(|| Continuous {
        values: Array2::from_shape_fn((rows, values.len()), |(i, j)| values[j][i]),
        names,
    });
    Ok(Aux { levels, values })
}

/// Whether a reader would take the values `[N, m]` of one array of floats for levels.
pub(crate) fn reads_as_levels<F: Scalar>(values: ArrayView2<'_, F>) -> bool {
    let columns: Vec<_> = values.columns().into_iter().map(|v| AuxColumn::Floats(v.to_vec())).collect();
    let names = positions(columns.len());
    matches!(AuxArray { columns, names, is_named: false }.part(), Ok(Part::Levels(_)))
}

/// `0`, `1`, ..: the names of the levels of a one-hot array without names.
fn positions(count: usize) -> Vec<String> {
    (0..count).map(|j| j.to_string()).collect()
}

/// Position of the single 1 in every row of several columns; [`None`] if a row is not a single 1 among zeros.
fn one_hot<F: Scalar>(columns: &[&AuxColumn<F>]) -> Option<Vec<u32>> {
    let mut index = vec![None; columns.first()?.len()];
    for (column, level) in columns.iter().zip(0u32..) {
        for (at, is_one) in index.iter_mut().zip(column.indicators()?) {
            if is_one && at.replace(level).is_some() {
                return None;
            }
        }
    }
    index.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn names(columns: &[AuxColumn<f64>]) -> Vec<String> {
        (0..columns.len()).map(|j| format!("c{j}")).collect()
    }

    fn of_array(columns: Vec<AuxColumn<f64>>) -> Aux<f64> {
        aux_from_arrays(vec![AuxArray { names: names(&columns), columns, is_named: false }]).unwrap()
    }

    fn of_table(columns: Vec<AuxColumn<f64>>) -> Aux<f64> {
        aux_from_columns(names(&columns), columns).unwrap()
    }

    fn levels(u: Aux<f64>) -> (Vec<u32>, Vec<String>) {
        assert_eq!(u.values, None);
        let levels = u.levels.unwrap();
        (levels.index, levels.names)
    }

    fn values(u: Aux<f64>) -> Continuous<f64> {
        assert_eq!(u.levels, None);
        u.values.unwrap()
    }

    fn text(cells: &[&str]) -> AuxColumn<f64> {
        AuxColumn::Text(cells.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_column_is_read_by_its_kind() {
        for read in [of_array, of_table] {
            assert_eq!(levels(read(vec![AuxColumn::Integers(vec![30, 4])])).1, ["4", "30"]);
            assert_eq!(levels(read(vec![text(&["b", "a"])])).0, [1, 0]);
            assert_eq!(levels(read(vec![AuxColumn::Floats(vec![2.0, 1.0, 2.0, 1.0])])).1, ["1", "2"]);
            // Whole numbers that hardly repeat are a quantity, such as time.
            for floats in [vec![0.0, 1.0, 2.0], vec![0.5, 0.5, 1.5, 1.5], vec![0.0, f64::NAN]] {
                assert_eq!(values(read(vec![AuxColumn::Floats(floats)])).names, ["c0"]);
            }
            let never = AuxColumn::Continuous(vec![2.0, 1.0, 2.0, 1.0]);
            assert_eq!(values(read(vec![never])).values, array![[2.0], [1.0], [2.0], [1.0]]);
        }
    }

    #[test]
    fn one_hot_columns_are_levels_and_keep_unused_ones() {
        let hot = vec![
            AuxColumn::Floats(vec![0.0, 1.0]),
            AuxColumn::Integers(vec![0, 0]),
            AuxColumn::Integers(vec![1, 0]),
        ];
        assert_eq!(levels(of_array(hot.clone())), (vec![2, 0], vec!["0".into(), "1".into(), "2".into()]));
        assert_eq!(levels(of_table(hot.clone())), (vec![2, 0], names(&hot)));
        for (a, b) in [(vec![1, 1], vec![0, 1]), (vec![1, 0], vec![0, 0]), (vec![2, 0], vec![0, 1])] {
            let not_hot = vec![AuxColumn::Integers(a), AuxColumn::Integers(b)];
            assert_eq!(values(of_array(not_hot)).values.dim(), (2, 2));
        }
    }

    #[test]
    fn columns_that_are_levels_are_crossed_beside_continuous_ones() {
        let day = AuxColumn::Integers(vec![1, 1, 2]);
        let who = text(&["x", "y", "x"]);
        let time = AuxColumn::Floats(vec![0.1, 0.2, 0.3]);
        let age = AuxColumn::Floats(vec![7.0, 8.0, 9.0]);
        assert_eq!(levels(of_table(vec![day.clone(), who.clone()])).1, ["1:x", "1:y", "2:x"]);
        let mixed = of_table(vec![time.clone(), day, age, who.clone()]);
        assert_eq!(mixed.levels.unwrap().names, ["1:x", "1:y", "2:x"]);
        let part = mixed.values.unwrap();
        assert_eq!(part.values, array![[0.1, 7.0], [0.2, 8.0], [0.3, 9.0]]);
        assert!(part.values.is_standard_layout());
        assert_eq!(part.names, ["c0", "c2"]);
        let mixed = of_table(vec![who, time]);
        assert_eq!((mixed.levels.unwrap().names.len(), mixed.values.unwrap().names.len()), (2, 1));
        let ragged = vec![AuxColumn::<f64>::Integers(vec![1, 1, 2]), AuxColumn::Integers(vec![1])];
        let err = aux_from_columns(vec!["a".into(), "b".into()], ragged).unwrap_err();
        assert!(matches!(err, DataError::Length { found: 1, expected: 3, .. }));
        assert_eq!(of_table(vec![]), Aux::none());
        assert_eq!(of_array(vec![]), Aux::none());
    }

    #[test]
    fn an_array_of_numbers_is_continuous_beside_an_array_of_labels() {
        let array = |columns: Vec<AuxColumn<f64>>| AuxArray {
            names: numbered("u", columns.len()),
            columns,
            is_named: false,
        };
        let position = || array(vec![AuxColumn::Integers(vec![1, 1]), AuxColumn::Integers(vec![0, 5])]);
        let mixed = aux_from_arrays(vec![array(vec![text(&["b", "a"])]), position()]).unwrap();
        assert_eq!(mixed.levels.unwrap().index, [1, 0]);
        assert_eq!(mixed.values.unwrap().values, array![[1.0, 0.0], [1.0, 5.0]]);
        let names = values(aux_from_arrays(vec![position(), position()]).unwrap()).names;
        assert_eq!(names, ["u1", "u2", "u3", "u4"], "two columns must not have one name");
        let labels = array(vec![text(&["a", "b"]), text(&["x", "x"])]);
        assert_eq!(levels(aux_from_arrays(vec![labels]).unwrap()).1, ["a:x", "b:x"]);
    }

    #[test]
    fn values_that_would_be_read_as_levels_are_detected() {
        assert!(reads_as_levels(array![[1.0], [1.0], [2.0], [2.0]].view()));
        assert!(reads_as_levels(array![[1.0, 0.0], [0.0, 1.0]].view()));
        assert!(!reads_as_levels(array![[1.0, 1.0], [1.0, 1.0]].view()));
        assert!(!reads_as_levels(array![[0.5], [0.5]].view()));
    }
}
