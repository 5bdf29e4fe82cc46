//! [`AuxScaler`]: centre and scale of the continuous columns of u.

use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

use crate::scale::column_moments;
use crate::{Aux, DataError};

/// Centre and scale of the continuous columns of u, `[m]` each, in f64 whatever type the data have: a network that reads
/// (u − centre) / scale does not depend on the unit and the origin of u.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuxScaler {
    /// Mean of each column.
    pub centre: Vec<f64>,
    /// Standard deviation of each column (divisor N); 1 for a constant column.
    pub scale: Vec<f64>,
}

impl AuxScaler {
    /// Fit to the rows of `u`; [`None`] where it has no continuous part.
    ///
    /// # Errors
    /// No rows, or a value that is not finite.
    pub fn fit<F: Scalar>(u: &Aux<F>) -> Result<Option<Self>, DataError> {
        let moments = u.values.as_ref().map(|part| column_moments(part.values.view())).transpose()?;
        Ok(moments.map(|(centre, scale)| Self { centre: centre.to_vec(), scale: scale.to_vec() }))
    }

    /// Standardise the continuous part of `u` in its memory. Levels stay as they are.
    pub fn standardise<F: Scalar>(&self, u: &mut Aux<F>) {
        for mut row in u.values.iter_mut().flat_map(|part| part.values.rows_mut()) {
            for ((v, centre), scale) in row.iter_mut().zip(&self.centre).zip(&self.scale) {
                *v = F::of((v.f64() - centre) / scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::{Continuous, Levels};

    fn standardised<F: Scalar>(values: Array2<F>) -> Array2<F> {
        let mut u: Aux<F> = Continuous::new(values).into();
        let scaler = AuxScaler::fit(&u).unwrap().unwrap();
        scaler.standardise(&mut u);
        u.values.unwrap().values
    }

    #[test]
    fn unit_and_offset_leave_no_trace() {
        let u = Array2::from_shape_fn((50, 2), |(i, j)| ((i * (j + 3)) % 17) as f64 / 16.0);
        let expected = standardised(u.clone());
        assert!(expected.mean_axis(ndarray::Axis(0)).unwrap().iter().all(|m| m.abs() < 1e-12));
        assert!(expected.var_axis(ndarray::Axis(0), 0.0).iter().all(|v| (v - 1.0).abs() < 1e-12));
        for (unit, offset) in [(57.3, 0.0), (1e-3, 0.0), (1.0, 2014.0), (1.0, 1e6), (-1e9, 3.0)] {
            let sign = f64::signum(unit);
            let moved = standardised(u.mapv(|v| v * unit + offset));
            assert!((moved * sign - &expected).iter().all(|e| e.abs() < 1e-8), "{unit} u + {offset}");
        }
        // Sixteenths beside a million are exact in f32, and stay so until they are centred in f64.
        let (near, far) = (u.mapv(|v| v as f32), u.mapv(|v| (v + 1e6) as f32));
        assert!((standardised(far) - standardised(near)).iter().all(|e| e.abs() < 1e-6));
    }

    #[test]
    fn a_constant_column_is_centred_alone_and_levels_stay() {
        assert_eq!(standardised(array![[0.25], [0.25], [0.25]]), array![[0.0], [0.0], [0.0]]);
        let levels: Aux<f64> = Levels::from_integers(&[3, 4]).into();
        assert_eq!(AuxScaler::fit(&levels).unwrap(), None);
    }
}
