//! Checks of a data set, made before any work starts.

use std::hash::{DefaultHasher, Hash, Hasher};

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::check_length;
use crate::{Aux, DataError, Dataset};

/// What every model needs: [`check_values`] passes, there are two rows or more, and no column of x is constant.
///
/// # Errors
/// The first fault found, with its row, column and value.
pub fn check<F: Scalar>(data: &Dataset<F>) -> Result<(), DataError> {
    check_values(data)?;
    let (rows, needed) = (data.rows(), 2);
    if rows < needed {
        return Err(DataError::TooFewRows { rows, needed, purpose: "to fit a model".into() });
    }
    no_constant("x", data.x.view(), &data.x_names)
}

/// What a fitted model needs of new rows: there are rows, the parts fit each other, and all values are finite.
///
/// # Errors
/// The first fault found, with its row, column and value.
pub fn check_values<F: Scalar>(data: &Dataset<F>) -> Result<(), DataError> {
    check_lengths(data)?;
    if data.observed() == 0 {
        return Err(DataError::NoColumns);
    }
    if data.rows() == 0 {
        return Err(DataError::NoRows);
    }
    finite("x", &data.x, |j| data.x_names[j].clone())?;
    if let Some(s) = &data.s {
        finite_sources(s)?;
    }
    match &data.u.values {
        Some(part) => finite("u", &part.values, |j| part.names[j].clone()),
        None => Ok(()),
    }
}

/// Whether the parts fit each other, so that no index of one is out of range in another.
pub(crate) fn check_lengths<F: Scalar>(data: &Dataset<F>) -> Result<(), DataError> {
    check_length("the list of x names", data.x_names.len(), "x (in columns)", data.observed())?;
    if let Some(s) = &data.s {
        check_length("s", s.nrows(), "x", data.rows())?;
    }
    let Aux { levels, values } = &data.u;
    let (levels_name, values_name) = match (levels, values) {
        (Some(_), Some(_)) => ("the categorical part of u", "the continuous part of u"),
        _ => ("u", "u"),
    };
    if let Some(u) = levels {
        check_length(levels_name, u.index.len(), "x", data.rows())?;
        if let Some(row) = u.index.iter().position(|&level| level as usize >= u.names.len()) {
            return Err(DataError::LevelOutOfRange { row, level: u.index[row], levels: u.names.len() });
        }
    }
    if let Some(u) = values {
        check_length(values_name, u.values.nrows(), "x", data.rows())?;
        check_length("the list of u names", u.names.len(), "u (in columns)", u.values.ncols())?;
    }
    Ok(())
}

/// What a model conditioned on u needs of it: there is a u, and each part of it varies. Call after [`check`].
///
/// # Errors
/// No u; one level; as many levels as rows, without a continuous part; a constant column of the continuous part.
pub fn check_conditional<F: Scalar>(data: &Dataset<F>) -> Result<(), DataError> {
    let values = data.u.values.as_ref().filter(|part| part.values.ncols() > 0);
    if let Some(part) = values {
        no_constant("u", part.values.view(), &part.names)?;
    }
    let Some(u) = &data.u.levels else {
        return if values.is_some() { Ok(()) } else { Err(DataError::NoAuxiliary) };
    };
    let present = u.present();
    if present <= 1 {
        let level = u.index.first().map_or_else(String::new, |&l| u.names[l as usize].clone());
        return Err(if values.is_some() {
            DataError::ConstantLevels { level }
        } else {
            DataError::OneLevel { level }
        });
    }
    if present == u.index.len() && values.is_none() {
        return Err(DataError::LevelPerRow { rows: present });
    }
    Ok(())
}

/// Whether the data suffice for n = `latents` latents: 1 ≤ n ≤ d, and more than n rows.
///
/// # Errors
/// n is 0 or above d, or there are n rows or fewer.
pub fn check_latents<F: Scalar>(data: &Dataset<F>, latents: usize) -> Result<(), DataError> {
    let (rows, observed, needed) = (data.rows(), data.observed(), latents + 1);
    if latents == 0 || latents > observed {
        return Err(DataError::Latents { latents, observed });
    }
    if rows < needed {
        return Err(DataError::TooFewRows { rows, needed, purpose: format!("for {latents} latents") });
    }
    Ok(())
}

/// Positions of the columns that hold one and the same value in every row.
pub fn constant_columns<F: Scalar>(x: ArrayView2<'_, F>) -> Vec<usize> {
    if x.nrows() == 0 {
        return Vec::new();
    }
    let mut constant = vec![true; x.ncols()];
    let first = x.row(0);
    for row in x.rows() {
        for (j, c) in constant.iter_mut().enumerate() {
            *c &= row[j] == first[j];
        }
    }
    (0..x.ncols()).filter(|&j| constant[j]).collect()
}

/// How many rows hold the same values as an earlier one, compared by 64-bit hashes.
///
/// Repeated rows make the likelihood of a continuous density unbounded, and a held-out row that is also a training row
/// does not test the model.
pub fn duplicate_rows<F: Scalar>(x: ArrayView2<'_, F>) -> usize {
    let hash = |row: ArrayView1<'_, F>| {
        let mut hasher = DefaultHasher::new();
        // Adding 0 turns −0 into 0: equal values, equal bits.
        row.iter().for_each(|v| (v.f64() + 0.0).to_bits().hash(&mut hasher));
        hasher.finish()
    };
    let mut hashes: Vec<u64> = x.rows().into_iter().map(hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

fn no_constant<F: Scalar>(
    part: &'static str,
    values: ArrayView2<'_, F>,
    names: &[String],
) -> Result<(), DataError> {
    match constant_columns(values)[..] {
        [] => Ok(()),
        [first, ref others @ ..] => Err(DataError::Constant {
            part,
            column: names[first].clone(),
            value: values[[0, first]].f64(),
            others: others.len(),
        }),
    }
}

/// Whether the sources `[N, n]` are finite.
pub(crate) fn finite_sources<F: Scalar>(s: &Array2<F>) -> Result<(), DataError> {
    finite("s", s, |j| format!("s{}", j + 1))
}

fn finite<F: Scalar>(
    part: &'static str,
    values: &Array2<F>,
    name: impl Fn(usize) -> String,
) -> Result<(), DataError> {
    match values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, j), v)) => Err(DataError::NotFinite { part, row, column: name(j), value: v.f64() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Continuous, Levels};
    use ndarray::array;

    fn good() -> Dataset<f64> {
        Dataset {
            x: array![[1.0, 2.0], [3.0, 4.0], [5.0, 7.0], [0.0, 1.0]],
            x_names: vec!["a".into(), "b".into()],
            u: Levels::from_integers(&[0, 0, 1, 1]).into(),
            s: Some(array![[0.1], [0.2], [0.3], [0.4]]),
        }
    }

    fn mixed() -> Dataset<f64> {
        let values = Some(Continuous::new(array![[0.0], [0.5], [0.25], [1.0]]));
        Dataset { u: Aux { values, ..good().u }, ..good() }
    }

    #[test]
    fn good_data_passes() {
        check(&good()).unwrap();
        check_conditional(&good()).unwrap();
        check_latents(&good(), 2).unwrap();
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut data = good();
            data.x[[2, 1]] = bad;
            let err = check(&data).unwrap_err();
            let DataError::NotFinite { part: "x", row: 2, column, value } = err else { panic!("{err}") };
            assert_eq!((column.as_str(), value.to_bits()), ("b", bad.to_bits()));
            let mut data = good();
            data.s.as_mut().unwrap()[[1, 0]] = bad;
            assert!(matches!(check(&data), Err(DataError::NotFinite { part: "s", row: 1, .. })));
            let mut data = good();
            data.u = Continuous::new(array![[0.0], [1.0], [2.0], [bad]]).into();
            assert!(matches!(check(&data), Err(DataError::NotFinite { part: "u", row: 3, .. })));
            data.u.levels = good().u.levels;
            assert!(matches!(check(&data), Err(DataError::NotFinite { part: "u", row: 3, .. })));
        }
    }

    #[test]
    fn parts_must_fit() {
        let mut data = good();
        data.u = Levels::from_integers(&[0, 1, 1]).into();
        assert!(matches!(check(&data), Err(DataError::Length { what: "u", found: 3, expected: 4, .. })));
        let mut data = good();
        data.s = Some(array![[0.1]]);
        assert!(matches!(check(&data), Err(DataError::Length { what: "s", found: 1, .. })));
        let mut data = good();
        data.x_names.pop();
        assert!(matches!(check(&data), Err(DataError::Length { found: 1, expected: 2, .. })));
        let mut data = good();
        data.u = Levels { index: vec![0, 1, 2, 0], names: vec!["a".into(), "b".into()] }.into();
        assert!(matches!(check(&data), Err(DataError::LevelOutOfRange { row: 2, level: 2, levels: 2 })));
        assert!(matches!(check(&good().select_rows(&[])), Err(DataError::NoRows)));
        assert!(matches!(check(&good().select_columns(&[])), Err(DataError::NoColumns)));
        assert!(matches!(check(&good().select_rows(&[1])), Err(DataError::TooFewRows { rows: 1, .. })));
        check_values(&good().select_rows(&[1])).unwrap();
    }

    #[test]
    fn both_parts_of_u_must_fit() {
        let mut data = mixed();
        check(&data).unwrap();
        data.u.values = Some(Continuous::new(array![[0.5]]));
        let err = check(&data).unwrap_err().to_string();
        assert_eq!(err, "the continuous part of u has length 1, but x has 4");
        data.u.levels = Some(Levels::from_integers(&[0, 1, 1]));
        let err = check(&data).unwrap_err().to_string();
        assert_eq!(err, "the categorical part of u has length 3, but x has 4");
        let mut data = mixed();
        data.u.values.as_mut().unwrap().names.pop();
        assert!(matches!(check(&data), Err(DataError::Length { what: "the list of u names", .. })));
        let mut data = mixed();
        data.u.levels.as_mut().unwrap().index[1] = 9;
        assert!(matches!(check(&data), Err(DataError::LevelOutOfRange { row: 1, level: 9, levels: 2 })));
    }

    #[test]
    fn each_part_of_a_mixed_u_must_vary() {
        check_conditional(&mixed()).unwrap();
        let mut data = mixed();
        data.u.levels = Some(Levels::from_integers(&[0, 1, 2, 3]));
        check_conditional(&data).unwrap();
        data.u.levels = Some(Levels::from_text(&["rest"; 4]));
        let err = check_conditional(&data).unwrap_err();
        assert!(matches!(err, DataError::ConstantLevels { ref level } if level == "rest"), "{err}");
        let mut data = mixed();
        data.u.values = Some(Continuous::new(Array2::ones((4, 1))));
        let err = check_conditional(&data).unwrap_err();
        assert!(matches!(err, DataError::Constant { part: "u", ref column, .. } if column == "u1"), "{err}");
        // A continuous part without columns is as none.
        data.u.values = Some(Continuous::new(Array2::ones((4, 0))));
        check_conditional(&data).unwrap();
        data.u.levels = None;
        assert!(matches!(check_conditional(&data), Err(DataError::NoAuxiliary)));
    }

    #[test]
    fn constant_columns_are_named_with_their_value() {
        let mut data = good();
        data.x.column_mut(1).fill(3.5);
        let err = check(&data).unwrap_err();
        assert_eq!(err.to_string(), "column `b` of x is constant (3.5 in every row); leave it out");
        data.x.column_mut(0).fill(1.0);
        let err = check(&data).unwrap_err();
        assert_eq!(
            err.to_string(),
            "column `a` of x is constant (1 in every row), and so are 1 more columns; leave it out"
        );
        assert_eq!(constant_columns(data.x.view()), [0, 1]);
    }

    #[test]
    fn repeated_rows_are_counted() {
        assert_eq!(duplicate_rows(good().x.view()), 0);
        let x = array![[1.0, 0.0], [2.0, 0.0], [1.0, -0.0], [0.0, 1.0], [1.0, 0.0]];
        assert_eq!(duplicate_rows(x.view()), 2);
        assert_eq!(duplicate_rows(x.mapv(|v| v as f32).view()), 2);
        assert_eq!(duplicate_rows(Array2::<f64>::zeros((0, 2)).view()), 0);
    }

    #[test]
    fn a_conditional_model_needs_u_to_vary() {
        let mut data = good();
        data.u = Aux::none();
        let err = check_conditional(&data).unwrap_err();
        assert!(matches!(err, DataError::NoAuxiliary) && err.to_string().contains("--model vae"));
        // One level with rows, although two are named.
        let one = good().select_rows(&[2, 3]);
        let err = check_conditional(&one).unwrap_err();
        assert!(matches!(err, DataError::OneLevel { ref level } if level == "1"));
        assert!(err.to_string().contains("windows") && err.to_string().contains("--model vae"));
        data.u = Levels::from_integers(&[0, 1, 2, 3]).into();
        assert!(matches!(check_conditional(&data), Err(DataError::LevelPerRow { rows: 4 })));
        data.u = Continuous::new(Array2::ones((4, 1))).into();
        assert!(matches!(check_conditional(&data), Err(DataError::Constant { part: "u", .. })));
    }

    #[test]
    fn latents_must_fit() {
        let data = good();
        assert!(matches!(check_latents(&data, 0), Err(DataError::Latents { latents: 0, observed: 2 })));
        assert!(matches!(check_latents(&data, 3), Err(DataError::Latents { latents: 3, observed: 2 })));
        let few = data.select_rows(&[0, 1]);
        assert!(matches!(
            check_latents(&few, 2),
            Err(DataError::TooFewRows { rows: 2, needed: 3, ref purpose }) if purpose == "for 2 latents"
        ));
        check_latents(&few, 1).unwrap();
    }
}
