//! Canonical correlations, of all directions or of those that carry the variance.

use ivae_num::{Scalar, linalg};
use ndarray::{Array2, ArrayView2, Axis};

use crate::MetricError;
use crate::error::{check_count, check_pair, check_range};
use crate::linear::Whitener;
use crate::moments::{Columns, Products};

/// Canonical correlations.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Cca {
    /// Canonical correlations, descending, `[min(a, b)]`; 0 for directions that one side lacks.
    pub correlations: Vec<f64>,
    /// Their mean.
    pub mean: f64,
}

/// Canonical correlations of s `[N, a]` and z `[N, b]` (Hotelling 1936): the singular values of
/// R_ss^(−½) R_sz R_zz^(−½).
///
/// # Errors
/// Different numbers of rows, fewer than max(a, b) + 2 rows, no columns, an entry that is not finite.
pub fn cca<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Cca, MetricError> {
    check_pair(s, z)?;
    check_count(s.nrows(), s.ncols().max(z.ncols()) + 2)?;
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let cross = Products::of(s, &at_s, z, &at_z).correlations(&at_s, &at_z);
    let (white_s, white_z) = (Whitener::of(s, &at_s)?, Whitener::of(z, &at_z)?);
    let product = white_s.map.t().dot(&cross).dot(&white_z.map);
    let mut correlations =
        if product.is_empty() { Vec::new() } else { linalg::svd(product.view())?.s.to_vec() };
    correlations.iter_mut().for_each(|c| *c = c.clamp(0.0, 1.0));
    correlations.resize(s.ncols().min(z.ncols()), 0.0);
    let mean = correlations.iter().sum::<f64>() / correlations.len() as f64;
    Ok(Cca { correlations, mean })
}

/// Singular-vector canonical correlations (Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017): [`cca`] of the fewest
/// leading principal components of s `[N, a]` and of z `[N, b]` that carry the part `variance` of the variance of each,
/// 0.99 in the paper. In \[0, 1\]; as many correlations as the narrower side keeps.
///
/// Unlike [`cca`] it depends on the units of the columns: standardise those of different kinds.
///
/// # Errors
/// As [`cca`], and `variance` outside (0, 1\].
pub fn svcca<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    variance: f64,
) -> Result<Cca, MetricError> {
    check_pair(s, z)?;
    check_count(s.nrows(), s.ncols().max(z.ncols()) + 2)?;
    check_range(variance > 0.0 && variance <= 1.0, "variance", "above 0, at most 1", variance)?;
    cca(leading(s, variance)?.view(), leading(z, variance)?.view())
}

/// The leading principal components of x `[N, c]`, in units of its largest column, that carry a part of its variance.
fn leading<F: Scalar>(x: ArrayView2<'_, F>, part: f64) -> Result<Array2<f64>, MetricError> {
    let at = Columns::of(x);
    let largest = at.scale.iter().copied().fold(0.0, f64::max);
    let mut covariance = Products::of(x, &at, x, &at).cross;
    for ((i, j), c) in covariance.indexed_iter_mut() {
        *c *= at.scale[i] / largest * (at.scale[j] / largest);
    }
    let eigen = linalg::eigh(covariance.view())?;
    let total: f64 = eigen.values.iter().map(|v| v.max(0.0)).sum();
    let (mut kept, mut carried) = (Vec::new(), 0.0);
    for i in (0..x.ncols()).rev() {
        kept.push(i);
        carried += eigen.values[i].max(0.0);
        if carried >= part * total {
            break;
        }
    }
    let unit = Array2::from_shape_fn(x.dim(), |(i, j)| at.centred(x[[i, j]], j) * (at.scale[j] / largest));
    Ok(unit.dot(&eigen.vectors.select(Axis(1), &kept)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn weak_directions_are_left_out() {
        // Two strong directions that the sides share, and noise of a thousandth of their size that they do not.
        let wave = |i: usize, rate: f64| (rate * i as f64).sin();
        let s =
            Array2::from_shape_fn((500, 3), |(i, j)| [wave(i, 0.7), wave(i, 1.9), 1e-3 * wave(i, 2.3)][j]);
        let z = Array2::from_shape_fn((500, 3), |(i, j)| {
            [wave(i, 0.7) + wave(i, 1.9), wave(i, 0.7) - wave(i, 1.9), 1e-3 * wave(i, 2.9)][j]
        });
        let all = cca(s.view(), z.view()).unwrap();
        assert!(all.correlations[1] > 1.0 - 1e-9 && all.correlations[2] < 0.1);
        let strong = svcca(s.view(), (&z * 1e200).view(), 0.99).unwrap();
        assert_eq!(strong.correlations.len(), 2);
        assert!(strong.mean > 1.0 - 1e-6, "{strong:?}");
        assert!((svcca(s.view(), z.view(), 1.0).unwrap().mean - all.mean).abs() < 1e-9);
        assert!(svcca(s.view(), z.view(), 1.01).is_err() && svcca(s.view(), z.view(), f64::NAN).is_err());
    }
}
