//! Canonical correlations, of all directions or of those that carry the variance.

use ivae_num::{Scalar, linalg};
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{check_count, check_pair, check_range};
use crate::linear::Whitener;
use crate::mcc::score;
use crate::moments::{Columns, Products};
use crate::{Correlation, Mcc, MetricError, Rows, Warning};

/// Canonical correlations.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Cca {
    /// Canonical correlations, descending, `[min(a, b)]`; 0 for directions that one side lacks.
    pub correlations: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// What a reader of the numbers must know.
    pub warnings: Vec<Warning>,
}

/// Canonical correlations of s `[N, a]` and z `[N, b]` (Hotelling 1936): the singular values of
/// R_ss^(−½) R_sz R_zz^(−½), each in \[0, 1\]: 1 where an affine map of z gives one of s. A constant column has no
/// direction, with a warning.
///
/// # Errors
/// Different numbers of rows, fewer than max(a, b) + 2 rows, no columns, an entry that is not finite.
pub fn cca<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Cca, MetricError> {
    check_pair(s, z)?;
    check_count(s.nrows(), s.ncols().max(z.ncols()) + 2)?;
    let mut correlations = Variates::fit(s, z)?.correlations;
    correlations.iter_mut().for_each(|c| *c = c.clamp(0.0, 1.0));
    correlations.resize(s.ncols().min(z.ncols()), 0.0);
    let mean = correlations.iter().sum::<f64>() / correlations.len() as f64;
    Ok(Cca { correlations, mean, warnings: Rows::All.constants(s, z)? })
}

/// MCC of the canonical variates of sources s `[N, a]` and latents z `[N, b]`: weak recovery by canonical correlation, as
/// Khemakhem, Monti, Kingma & Hyvärinen (2020, ICE-BeeM, section 5) measure it. In \[0, 1\]; 1 for latents that are any
/// invertible affine map of the sources.
///
/// The maps to the min(a, b) pairs of variates and their assignment are fitted on the fitted rows, the rest is scored.
/// `Match` counts pairs of variates, from the one that correlates most, not columns of s and z. [`weak_mcc`] maps the latents
/// alone, so that its pairs are the sources themselves.
///
/// [`weak_mcc`]: crate::weak_mcc
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on), and fewer than max(a, b) + 2 fitted rows.
pub fn cca_mcc<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    check_pair(s, z)?;
    let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
    check_count(fit_s.view().nrows(), s.ncols().max(z.ncols()) + 2)?;
    let maps = Variates::fit(fit_s.view(), fit_z.view())?;
    let of = |s, z| (maps.s.apply(s), maps.z.apply(z));
    let scored = of(score_s.view(), score_z.view());
    let fitted = matches!(rows, Rows::Split { .. }).then(|| of(fit_s.view(), fit_z.view()));
    let fitted = fitted.as_ref().map(|(s, z)| (s.view(), z.view()));
    let mut out = score(fitted, (scored.0.view(), scored.1.view()), correlation)?;
    // A variate that does not vary is a direction that one side lacks; the columns of the user's are s and z.
    out.warnings.retain(|w| !matches!(w, Warning::ConstantLatent { .. } | Warning::ConstantSource { .. }));
    out.warnings.extend(rows.constants(s, z)?);
    Ok(out)
}

/// The maps to the canonical variates of two matrices.
struct Variates {
    s: Whiten,
    z: Whiten,
    /// Canonical correlations, descending, of the directions that both sides have.
    correlations: Vec<f64>,
}

/// An affine map from the columns of a matrix to its variates, of unit variance on the rows it was fitted on.
struct Whiten {
    at: Columns,
    /// `[c, min(a, b)]`; 0 for directions that one side lacks.
    map: Array2<f64>,
}

impl Variates {
    fn fit<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Self, MetricError> {
        let (at_s, at_z) = (Columns::of(s), Columns::of(z));
        let cross = Products::of(s, &at_s, z, &at_z).correlations(&at_s, &at_z);
        let (white_s, white_z) = (Whitener::of(s, &at_s)?, Whitener::of(z, &at_z)?);
        let product = white_s.map.t().dot(&cross).dot(&white_z.map);
        let pairs = s.ncols().min(z.ncols());
        let (mut map_s, mut map_z) = (Array2::zeros((s.ncols(), pairs)), Array2::zeros((z.ncols(), pairs)));
        let mut correlations = Vec::new();
        if !product.is_empty() {
            let svd = linalg::svd(product.view())?;
            correlations = svd.s.to_vec();
            let (left, right) = (white_s.standardised().dot(&svd.u), white_z.standardised().dot(&svd.vt.t()));
            for k in 0..correlations.len() {
                map_s.column_mut(k).assign(&left.column(k));
                map_z.column_mut(k).assign(&right.column(k));
            }
        }
        Ok(Self { s: Whiten { at: at_s, map: map_s }, z: Whiten { at: at_z, map: map_z }, correlations })
    }
}

impl Whiten {
    fn apply<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Array2<f64> {
        Array2::from_shape_fn(x.dim(), |(i, j)| self.at.centred(x[[i, j]], j)).dot(&self.map)
    }
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
    let of_leading = cca(leading(s, variance)?.view(), leading(z, variance)?.view())?;
    Ok(Cca { warnings: Rows::All.constants(s, z)?, ..of_leading })
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

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; rows * columns];
        ivae_num::stream::fill_normal(
            &mut flat,
            columns,
            ivae_num::StreamKey::new(seed, ivae_num::Purpose::Generate),
        );
        Array2::from_shape_vec((rows, columns), flat).unwrap()
    }

    #[test]
    fn an_affine_map_is_undone_and_noise_is_not_flattered() {
        let s = normals(400, 3, 1);
        let map = ndarray::array![[1.0, 2.0, -1.0], [0.5, -1.0, 3.0], [2.0, 0.1, 1.0]];
        let z = s.dot(&map) * 40.0 + 7.0;
        let (fit, held_out): (Vec<_>, Vec<_>) = (0..400).partition(|i| i % 4 > 0);
        let split = Rows::Split { fit: &fit, score: &held_out };
        let score = |z: &Array2<f64>, rows| cca_mcc(s.view(), z.view(), rows, Correlation::Pearson).unwrap();
        for rows in [Rows::All, split] {
            assert!((score(&z, rows).score - 1.0).abs() < 1e-12);
            // More latents than sources, the same latents twice.
            let twice = ndarray::concatenate![Axis(1), z, z.select(Axis(1), &[0, 1])];
            assert!((score(&twice, rows).score - 1.0).abs() < 1e-9);
        }
        // On the rows that they were fitted on, the matched correlations are the canonical ones.
        let noisy = &z + &(normals(400, 3, 2) * 30.0);
        let expected = cca(s.view(), noisy.view()).unwrap();
        let found = score(&noisy, Rows::All);
        assert!((found.score - expected.mean).abs() < 1e-12);
        for (found, expected) in found.matched.iter().zip(&expected.correlations) {
            assert!((found.source, found.latent) == (found.source, found.source));
            assert!((found.correlation - expected).abs() < 1e-12);
        }
        // Ten rows and nine columns of noise: 1 where they were fitted, little elsewhere.
        let (few, other) = (normals(22, 9, 3), normals(22, 9, 4));
        let (fit, held_out): (Vec<_>, Vec<_>) = (0..22).partition(|i| *i < 11);
        let split = Rows::Split { fit: &fit, score: &held_out };
        let on = |rows| cca_mcc(few.view(), other.view(), rows, Correlation::Pearson).unwrap().score;
        assert!(on(split) < 0.6 && on(Rows::Split { fit: &fit, score: &fit }) > 0.9);
    }

    #[test]
    fn what_does_not_vary_scores_0_and_is_told() {
        let s = normals(50, 2, 1);
        let mut z = s.clone();
        z.column_mut(1).fill(3.0);
        let told = vec![Warning::ConstantLatent { column: 1 }];
        let found = cca_mcc(s.view(), z.view(), Rows::All, Correlation::Spearman).unwrap();
        assert!(found.score > 0.49 && found.score < 0.6, "{}", found.score);
        assert_eq!(found.warnings, told);
        assert_eq!(cca(s.view(), z.view()).unwrap().warnings, told);
        assert_eq!(svcca(s.view(), z.view(), 0.99).unwrap().warnings, told);
        let nothing = Array2::<f64>::ones((50, 2));
        let found = cca_mcc(s.view(), nothing.view(), Rows::All, Correlation::Pearson).unwrap();
        assert_eq!((found.score, found.warnings.len()), (0.0, 2));
        assert!(
            cca_mcc(s.view(), z.select(Axis(0), &[0, 1, 2]).view(), Rows::All, Correlation::Pearson).is_err()
        );
    }
}
