//! [`Standardiser`]: every column to mean 0 and standard deviation 1, and back.

use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::DataError;

/// An affine map per column, `y = (x − mean) / std`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardiser<F> {
    /// Mean of each column, `[d]`.
    pub mean: Array1<F>,
    /// Standard deviation of each column (divisor N), `[d]`; 1 for a column that is constant.
    pub std: Array1<F>,
}

impl<F: Scalar> Standardiser<F> {
    /// Means and standard deviations of x `[N, d]`, summed in f64.
    ///
    /// # Errors
    /// No rows, or a value that is not finite.
    pub fn fit(x: ArrayView2<'_, F>) -> Result<Self, DataError> {
        let (mean, std) = column_moments(x)?;
        Ok(Self { mean: mean.mapv(F::of), std: std.mapv(F::of) })
    }

    /// Overwrites `out` `[N, d]` with the standardised x `[N, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn apply_into(&self, mut out: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        for (mut y, x) in out.rows_mut().into_iter().zip(x.rows()) {
            Zip::from(&mut y)
                .and(x)
                .and(&self.mean)
                .and(&self.std)
                .for_each(|y, &x, &m, &s| *y = (x - m) / s);
        }
    }

    /// The standardised x `[N, d]`, in the memory of x.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn apply_owned(&self, mut x: Array2<F>) -> Array2<F> {
        for mut x in x.rows_mut() {
            Zip::from(&mut x).and(&self.mean).and(&self.std).for_each(|x, &m, &s| *x = (*x - m) / s);
        }
        x
    }

    /// The standardised x `[N, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn apply(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        let mut out = Array2::zeros(x.raw_dim());
        self.apply_into(out.view_mut(), x);
        out
    }

    /// Overwrites `out` `[N, d]` with the x whose standardised values are y `[N, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn invert_into(&self, mut out: ArrayViewMut2<'_, F>, y: ArrayView2<'_, F>) {
        for (mut x, y) in out.rows_mut().into_iter().zip(y.rows()) {
            Zip::from(&mut x).and(y).and(&self.mean).and(&self.std).for_each(|x, &y, &m, &s| *x = y * s + m);
        }
    }

    /// The x whose standardised values are y `[N, d]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn invert(&self, y: ArrayView2<'_, F>) -> Array2<F> {
        let mut out = Array2::zeros(y.raw_dim());
        self.invert_into(out.view_mut(), y);
        out
    }

    /// log |det| of the map: what a log-density of y gains to become one of x.
    pub fn log_abs_det(&self) -> f64 {
        self.std.iter().map(|s| -s.f64().ln()).sum()
    }
}

/// Means and standard deviations (divisor N) of the columns, summed in f64; 1 for the deviation of a constant column.
pub(crate) fn column_moments<F: Scalar>(
    x: ArrayView2<'_, F>,
) -> Result<(Array1<f64>, Array1<f64>), DataError> {
    let mean = column_means(x)?;
    let mut std = Array1::<f64>::zeros(x.ncols());
    for row in x.rows() {
        Zip::from(&mut std).and(row).and(&mean).for_each(|s, &v, &m| *s += (v.f64() - m).powi(2));
    }
    // A constant column leaves only rounding of its mean.
    Zip::from(&mut std).and(&mean).for_each(|s, &m| {
        let root = (*s / x.nrows() as f64).sqrt();
        *s = if root <= 1e-14 * m.abs() { 1.0 } else { root };
    });
    Ok((mean, std))
}

/// Means of the columns, summed in f64.
pub(crate) fn column_means<F: Scalar>(x: ArrayView2<'_, F>) -> Result<Array1<f64>, DataError> {
    if x.nrows() == 0 {
        return Err(DataError::NoRows);
    }
    let mut mean = Array1::<f64>::zeros(x.ncols());
    for (row, values) in x.axis_iter(Axis(0)).enumerate() {
        for (j, &v) in values.iter().enumerate() {
            if !v.is_finite() {
                return Err(DataError::NotFinite {
                    part: "x",
                    row,
                    column: format!("x{}", j + 1),
                    value: v.f64(),
                });
            }
            mean[j] += v.f64();
        }
    }
    Ok(mean / x.nrows() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    #[test]
    fn columns_become_standard_and_come_back() {
        let x = array![[1.0, 10.0, 7.3], [2.0, 10.0, 7.3], [3.0, 40.0, 7.3], [6.0, 40.0, 7.3]];
        let scale = Standardiser::fit(x.view()).unwrap();
        assert_eq!(scale.mean[0], 3.0);
        assert_abs_diff_eq!(scale.std[0], 3.5f64.sqrt(), epsilon = 1e-15);
        assert_eq!(scale.std[2], 1.0, "a constant column is left in its unit");
        let y = scale.apply(x.view());
        assert_eq!(scale.apply_owned(x.clone()), y);
        assert_abs_diff_eq!(y.column(0).sum(), 0.0, epsilon = 1e-14);
        assert_abs_diff_eq!(y.column(1).mapv(|v| v * v).sum(), 4.0, epsilon = 1e-14);
        assert!((scale.invert(y.view()) - &x).iter().all(|e| e.abs() < 1e-13));
        assert_abs_diff_eq!(scale.log_abs_det(), -(3.5f64.sqrt() * 15.0).ln(), epsilon = 1e-14);
        let json = serde_json::to_string(&scale).unwrap();
        assert_eq!(serde_json::from_str::<Standardiser<f64>>(&json).unwrap(), scale);
    }

    #[test]
    fn single_precision_survives_a_large_offset() {
        let x = Array2::from_shape_fn((1000, 1), |(i, _)| 1e4 + (i % 10) as f32);
        let scale = Standardiser::fit(x.view()).unwrap();
        assert_abs_diff_eq!(scale.std[0], 8.25f32.sqrt(), epsilon = 1e-6);
    }

    #[test]
    fn bad_values_are_refused() {
        assert!(matches!(Standardiser::<f32>::fit(Array2::zeros((0, 2)).view()), Err(DataError::NoRows)));
        let err = Standardiser::fit(array![[0.0, 1.0], [2.0, f64::NAN]].view()).unwrap_err();
        assert!(matches!(err, DataError::NotFinite { row: 1, ref column, .. } if column == "x2"));
    }
}
