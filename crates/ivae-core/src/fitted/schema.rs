//! [`Schema`]: the columns of the data a model was fitted on.

use ivae_data::{Aux, AuxScaler, DataError, Dataset};
use ivae_nn::Inputs;
use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// The columns of the data a model was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Names of the columns of x, `[d]`.
    pub x: Vec<String>,
    /// Names of the levels of u; `None` where u has no levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<String>>,
    /// Names of the continuous columns of u; `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// How they are standardised before the model reads them, from the training rows; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u_scaler: Option<AuxScaler>,
}

impl Schema {
    /// The columns of `data`, the rows that train.
    ///
    /// # Errors
    /// No rows, or a continuous u that is not finite.
    pub fn new<F: Scalar>(data: &Dataset<F>) -> Result<Self, DataError> {
        Ok(Self {
            x: data.x_names.clone(),
            levels: data.u.levels.as_ref().map(|levels| levels.names.clone()),
            values: data.u.values.as_ref().map(|values| values.names.clone()),
            u_scaler: AuxScaler::fit(&data.u)?,
        })
    }

    /// The shape of u.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            dense: self.values.as_ref().map_or(0, Vec::len),
            levels: self.levels.as_ref().map_or(0, Vec::len),
        }
    }

    /// u in words.
    pub fn u_in_words(&self) -> String {
        words(self.levels.is_some(), self.values.as_ref().map(Vec::len))
    }

    /// Standardise the continuous part of `u`, as the model reads it.
    pub(crate) fn standardise<F: Scalar>(&self, u: &mut Aux<F>) {
        self.u_scaler.iter().for_each(|scaler| scaler.standardise(u));
    }

    /// `u`, which has its part for each of `rows` rows, in the model's own levels and standardised.
    ///
    /// # Errors
    /// Other parts than the model was fitted on, another number of rows, or a level that the model has not seen.
    pub(super) fn align<F: Scalar>(&self, u: &Aux<F>, rows: usize) -> Result<Aux<F>, ModelError> {
        let of_levels = u.levels.as_ref().map(|levels| levels.index.len());
        let of_values = u.values.as_ref().map(|values| values.values.nrows());
        if let Some(found) = of_levels.into_iter().chain(of_values).find(|&found| found != rows) {
            return Err(ModelError::Rows { x: rows, u: found });
        }
        let columns = u.values.as_ref().map(|v| v.values.ncols());
        if (self.levels.is_some(), self.values.as_ref().map(Vec::len)) != (u.levels.is_some(), columns) {
            let found = words(u.levels.is_some(), columns);
            return Err(ModelError::KindOfU { expected: self.u_in_words(), found });
        }
        let levels = match (&self.levels, &u.levels) {
            (Some(names), Some(levels)) => Some(levels.aligned(names).map_err(ModelError::UnknownLevel)?),
            _ => None,
        };
        let mut aligned = Aux { levels, values: u.values.clone() };
        self.standardise(&mut aligned);
        Ok(aligned)
    }
}

/// A u with levels and so many continuous columns, in words.
fn words(levels: bool, columns: Option<usize>) -> String {
    let columns = columns.map(|m| format!("{m} continuous column{}", if m == 1 { "" } else { "s" }));
    match (levels, columns) {
        (false, None) => "no u".into(),
        (true, None) => "a categorical u".into(),
        (false, Some(columns)) => format!("a u of {columns}"),
        (true, Some(columns)) => format!("a u of levels and {columns}"),
    }
}
