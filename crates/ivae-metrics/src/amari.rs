//! The Amari index: how far an unmixing is from undoing a mixing.

use ivae_num::Scalar;
use ndarray::{ArrayView1, ArrayView2};

use crate::MetricError;
use crate::error::check_matrix;

/// The Amari index of an unmixing W `[n, d]` and the true mixing A `[d, n]`, in \[0, 1\]; 0 if and only if W A is a
/// scaled permutation. With P = |W A| `[n, n]` (Amari, Cichocki & Yang 1996, divided by its largest value),
///
/// ```text
/// [ Σ_i (Σ_j P_ij / max_k P_ik − 1) + Σ_j (Σ_i P_ij / max_k P_kj − 1) ] / (2 n (n − 1)).
/// ```
///
/// 0 for n = 1. A row or a column of zeros counts as one of equal entries, the worst.
///
/// # Errors
/// A is not `[d, n]`, no columns, an entry that is not finite.
pub fn amari<F: Scalar>(unmixing: ArrayView2<'_, F>, mixing: ArrayView2<'_, F>) -> Result<f64, MetricError> {
    check_matrix(unmixing, "the unmixing")?;
    check_matrix(mixing, "the mixing")?;
    let n = unmixing.nrows();
    let (expected, found) = ((unmixing.ncols(), n), mixing.dim());
    if found != expected {
        return Err(MetricError::Shape { what: "the mixing", expected, found });
    }
    if n == 1 {
        return Ok(0.0);
    }
    // The units of either do not matter, and products of entries up to 1 do not overflow.
    let scaled = |m: ArrayView2<'_, F>| {
        let largest = m.iter().fold(0.0, |a: f64, v| a.max(v.f64().abs()));
        m.mapv(|v| if largest > 0.0 { v.f64() / largest } else { 0.0 })
    };
    let product = scaled(unmixing).dot(&scaled(mixing)).mapv(f64::abs);
    let excess = |entries: ArrayView1<'_, f64>| {
        let largest = entries.iter().copied().fold(0.0, f64::max);
        if largest > 0.0 { entries.iter().map(|v| v / largest).sum::<f64>() - 1.0 } else { (n - 1) as f64 }
    };
    let rows: f64 = product.rows().into_iter().map(excess).sum();
    let columns: f64 = product.columns().into_iter().map(excess).sum();
    Ok((rows + columns) / (2 * n * (n - 1)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn bounds_and_degenerate_input() {
        assert_eq!(amari(array![[3.0]].view(), array![[-2.0]].view()).unwrap(), 0.0);
        let ones = Array2::<f32>::ones((3, 3));
        assert_eq!(amari(ones.view(), ones.view()).unwrap(), 1.0);
        assert_eq!(amari(Array2::<f64>::zeros((3, 3)).view(), Array2::eye(3).view()).unwrap(), 1.0);
        let huge = Array2::<f64>::eye(3) * f64::MAX;
        assert_eq!(amari(huge.view(), huge.view()).unwrap(), 0.0);
        let permutation = array![[0.0, -5.0, 0.0], [0.0, 0.0, 1e-3], [7.0, 0.0, 0.0]];
        assert_eq!(amari(permutation.view(), Array2::eye(3).view()).unwrap(), 0.0);
        // An unmixing of more columns than components.
        let wide = array![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
        assert_eq!(amari(wide.view(), wide.t()).unwrap(), 0.0);
    }

    #[test]
    fn bad_input_is_named() {
        let error = amari(Array2::<f64>::eye(2).view(), Array2::eye(3).view()).unwrap_err();
        assert_eq!(error, MetricError::Shape { what: "the mixing", expected: (2, 2), found: (3, 3) });
        assert_eq!(error.to_string(), "the mixing is 3 × 3, expected 2 × 2");
        let nan = array![[f64::NAN]];
        assert!(matches!(amari(nan.view(), nan.view()), Err(MetricError::NotFinite { .. })));
    }
}
