//! What u is: levels or continuous, decided from the columns that hold it.

use std::collections::BTreeSet;

use ivae_num::Scalar;
use ndarray::Array2;

use crate::{Aux, DataError, Levels};

/// One column that may be u or part of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column<F> {
    Integers(Vec<i128>),
    Floats(Vec<F>),
    Text(Vec<String>),
}

impl<F: Scalar> Column<F> {
    fn len(&self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// The levels it stands for; [`None`] if it is continuous.
    fn levels(&self) -> Option<Levels> {
        match self {
            Self::Integers(v) => Some(Levels::from_integers(v)),
            Self::Text(v) => Some(Levels::from_text(v)),
            Self::Floats(v) => {
                let whole = |v: &F| v.fract() == F::zero() && v.abs() < F::of(2f64.powi(53));
                let labels: Vec<i128> =
                    v.iter().map(|v| whole(v).then(|| v.f64() as i128)).collect::<Option<_>>()?;
                let distinct = labels.iter().collect::<BTreeSet<_>>().len();
                (labels.len() >= 2 * distinct).then(|| Levels::from_integers(&labels))
            }
        }
    }

    /// Its numbers; [`None`] if it is text.
    fn numbers(&self) -> Option<Vec<F>> {
        match self {
            Self::Integers(v) => Some(v.iter().map(|&v| F::of(v as f64)).collect()),
            Self::Floats(v) => Some(v.clone()),
            Self::Text(_) => None,
        }
    }
}

/// u from the columns that hold it; see [`ReadOptions`](crate::ReadOptions) for the rules.
///
/// `one_hot` is given for the columns of one array: they are then never labels to be crossed, and those of a one-hot
/// array have the level names in it (the columns of a table have their own).
pub(crate) fn auxiliary<F: Scalar>(
    names: Vec<String>,
    columns: Vec<Column<F>>,
    one_hot: Option<Vec<String>>,
) -> Result<Aux<F>, DataError> {
    let Some(rows) = columns.first().map(Column::len) else { return Ok(Aux::None) };
    if let Some(other) = columns.iter().map(Column::len).find(|&len| len != rows) {
        let (what, against) = ("one part of u", "another");
        return Err(DataError::Length { what, found: other, against, expected: rows });
    }
    let numeric = columns.iter().all(|column| !matches!(column, Column::Text(_)));
    let numbers = || columns.iter().map(Column::numbers).collect::<Option<Vec<Vec<F>>>>();
    let several = columns.len() > 1;
    if several && let Some(index) = numbers().as_deref().and_then(ones) {
        return Ok(Aux::Levels(Levels { index, names: one_hot.unwrap_or(names) }));
    }
    if !(several && one_hot.is_some() && numeric)
        && let Some(levels) = columns.iter().map(Column::levels).collect::<Option<Vec<_>>>()
    {
        let crossed = levels.into_iter().map(Ok).reduce(|a, b| a?.cross(&b?));
        return crossed.map_or(Ok(Aux::None), |levels| Ok(Aux::Levels(levels?)));
    }
    match numbers() {
        Some(numbers) => {
            let values = Array2::from_shape_fn((rows, numbers.len()), |(i, j)| numbers[j][i]);
            Ok(Aux::Continuous { values, names })
        }
        None => Err(DataError::BadColumns {
            text: names.join(","),
            reason: "u mixes text with continuous numbers; give labels only, or numbers only".into(),
        }),
    }
}

/// Position of the single 1 in every row; [`None`] if any row is anything but a single 1 among zeros.
fn ones<F: Scalar>(columns: &[Vec<F>]) -> Option<Vec<u32>> {
    let mut index = vec![None; columns[0].len()];
    for (column, level) in columns.iter().zip(0u32..) {
        for (at, &v) in index.iter_mut().zip(column) {
            if v == F::one() && at.is_none() {
                *at = Some(level);
            } else if v != F::zero() {
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

    fn u(columns: Vec<Column<f64>>, matrix: bool) -> Aux<f64> {
        let names = (0..columns.len()).map(|j| format!("c{j}")).collect();
        let positions = (0..columns.len()).map(|j| j.to_string()).collect();
        auxiliary(names, columns, matrix.then_some(positions)).unwrap()
    }

    fn levels(u: Aux<f64>) -> (Vec<u32>, Vec<String>) {
        let Aux::Levels(levels) = u else { panic!("not levels: {u:?}") };
        (levels.index, levels.names)
    }

    #[test]
    fn one_column_by_its_kind() {
        assert_eq!(levels(u(vec![Column::Integers(vec![30, 4])], true)).1, ["4", "30"]);
        assert_eq!(levels(u(vec![Column::Text(vec!["b".into(), "a".into()])], true)).0, [1, 0]);
        assert_eq!(levels(u(vec![Column::Floats(vec![2.0, 1.0, 2.0, 1.0])], true)).1, ["1", "2"]);
        // Whole numbers that hardly repeat are a quantity, such as time.
        for floats in [vec![0.0, 1.0, 2.0], vec![0.5, 0.5, 1.5, 1.5], vec![0.0, f64::NAN]] {
            assert!(matches!(u(vec![Column::Floats(floats)], true), Aux::Continuous { .. }));
        }
    }

    #[test]
    fn one_hot_is_recognised_and_keeps_unused_columns() {
        let hot =
            vec![Column::Floats(vec![0.0, 1.0]), Column::Integers(vec![0, 0]), Column::Integers(vec![1, 0])];
        assert_eq!(levels(u(hot.clone(), true)), (vec![2, 0], vec!["0".into(), "1".into(), "2".into()]));
        assert_eq!(levels(u(hot, false)), (vec![2, 0], vec!["c0".into(), "c1".into(), "c2".into()]));
        for (a, b) in [(vec![1, 1], vec![0, 1]), (vec![1, 0], vec![0, 0]), (vec![2, 0], vec![0, 1])] {
            let not = vec![Column::Integers(a), Column::Integers(b)];
            assert!(matches!(u(not, true), Aux::Continuous { .. }));
        }
    }

    #[test]
    fn several_columns_cross_or_are_continuous() {
        let a = Column::Integers(vec![1, 1, 2]);
        let b = Column::Text(vec!["x".into(), "y".into(), "x".into()]);
        assert_eq!(levels(u(vec![a.clone(), b.clone()], false)).1, ["1:x", "1:y", "2:x"]);
        let t = Column::Floats(vec![0.1, 0.2, 0.3]);
        let Aux::Continuous { values, names } = u(vec![a.clone(), t.clone()], false) else { panic!() };
        assert_eq!((values, names.len()), (array![[1.0, 0.1], [1.0, 0.2], [2.0, 0.3]], 2));
        let mixed = auxiliary(vec!["b".into(), "t".into()], vec![b, t], None);
        assert!(matches!(mixed, Err(DataError::BadColumns { ref text, .. }) if text == "b,t"));
        let ragged = auxiliary(vec!["a".into(), "b".into()], vec![a, Column::<f64>::Integers(vec![1])], None);
        assert!(matches!(ragged, Err(DataError::Length { found: 1, expected: 3, .. })));
        assert_eq!(u(vec![], false), Aux::None);
    }
}
