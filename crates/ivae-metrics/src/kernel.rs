//! How much of each source the latents know by any smooth function: R² of kernel ridge regression.

use ivae_num::vecmath::VecMath;
use ivae_num::{GemmScratch, Purpose, Scalar, StreamKey, gemm, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::index;

use crate::error::{check_pair, check_range};
use crate::linear::R2;
use crate::moments::Columns;
use crate::{MetricError, Rows};

/// Rows of the kernel that are made at a time.
const BLOCK: usize = 512;

/// Directions of the kernel among landmarks below this part of the largest are rounding.
const FLOOR: f64 = 1e-12;

/// Kernel ridge regression with the kernel exp(−|z − z'|² / (2 w²)) of standardised latents.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KernelRidge {
    /// Width w of the kernel; √(b / 2) for b latents if [`None`], scikit-learn's `gamma = "scale"` of support vector
    /// machines.
    pub width: Option<f64>,
    /// Penalty λ: the mean squared error plus λ |f|² is least, with sources of unit variance.
    pub ridge: f64,
    /// f is spanned by the kernel at this many fitted rows, drawn at random; with as many as there are, it is exact.
    pub landmarks: usize,
    /// Names the rows drawn.
    pub seed: u64,
}

impl Default for KernelRidge {
    fn default() -> Self {
        Self { width: None, ridge: 1e-3, landmarks: 300, seed: 0 }
    }
}

/// R² of kernel ridge regression from z `[N, b]` to each source of s `[N, a]`, fitted on the fitted rows and scored on
/// the others: how much of each source the latents know, up to a smooth function of all of them. At most 1, and negative
/// where worse than the mean; with the arguments exchanged, how much of each latent the sources explain. A constant source
/// has R² 0, and a constant latent says nothing, each with a warning.
///
/// Kernel ridge regression (Saunders, Gammerman & Vovk 1998): f minimises 1/N Σ |s − f(z)|² + λ |f|² over functions spanned by the kernel at the landmarks (subset of regressors:
/// Williams & Seeger 2001; Rudi, Camoriano & Rosasco 2015), in O(N · landmarks²) time and memory linear in N.
/// Score held-out rows: a function this free fits the rows it has seen.
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on), and a setting outside its range.
pub fn kernel_r2<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    kernel: &KernelRidge,
) -> Result<R2, MetricError> {
    check_pair(s, z)?;
    let width = kernel.width.unwrap_or((z.ncols() as f64 / 2.0).sqrt());
    check_range(width > 0.0 && width.is_finite(), "width", "positive and finite", width)?;
    check_range(
        kernel.ridge > 0.0 && kernel.ridge.is_finite(),
        "ridge",
        "positive and finite",
        kernel.ridge,
    )?;
    check_range(kernel.landmarks > 0, "landmarks", "at least 1", 0.0)?;
    let warnings = rows.constants(s, z)?;
    let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);

    let (at_s, at_z) = (Standard::of(fit_s.view()), Standard::of(fit_z.view()));
    let (s, z) = (at_s.apply(fit_s.view()), at_z.apply(fit_z.view()));
    let mut rng = StreamKey::new(kernel.seed, Purpose::Control).rng();
    let mut chosen = index::sample(&mut rng, z.nrows(), kernel.landmarks.min(z.nrows())).into_vec();
    chosen.sort_unstable();
    let features = Features::new(z.select(Axis(0), &chosen), width)?;

    // (Φᵀ Φ / N + λ) β = Φᵀ s / N.
    let r = features.map.ncols();
    let (mut gram, mut cross) = (Array2::<f64>::zeros((r, r)), Array2::<f64>::zeros((r, s.ncols())));
    let (part, mut scratch) = (1.0 / z.nrows() as f64, GemmScratch::new());
    for (z, s) in z.axis_chunks_iter(Axis(0), BLOCK).zip(s.axis_chunks_iter(Axis(0), BLOCK)) {
        let phi = features.of(z, &mut scratch);
        gemm(gram.view_mut(), 1.0, part, phi.t(), phi.view(), &mut scratch);
        gemm(cross.view_mut(), 1.0, part, phi.t(), s, &mut scratch);
    }
    gram.diag_mut().iter_mut().for_each(|v| *v += kernel.ridge);
    // Weights of the kernel at the landmarks, `[m, a]`.
    let weights = features.map.dot(&linalg::solve(gram.view(), cross.view())?);

    let z = at_z.apply(score_z.view());
    let mut prediction = Array2::<f64>::zeros((z.nrows(), weights.ncols()));
    for (z, mut out) in
        z.axis_chunks_iter(Axis(0), BLOCK).zip(prediction.axis_chunks_iter_mut(Axis(0), BLOCK))
    {
        let kernel = features.kernel(z, &mut scratch);
        gemm(out.view_mut(), 0.0, 1.0, kernel.view(), weights.view(), &mut scratch);
    }
    // R² does not depend on units: those of the fitted rows, for sources and predictions.
    Ok(R2::of(at_s.apply(score_s.view()).view(), prediction.view(), warnings))
}

/// Mean and standard deviation of columns; 1 for a constant one.
struct Standard {
    at: Columns,
    deviation: Array1<f64>,
}

impl Standard {
    fn of<F: Scalar>(x: ArrayView2<'_, F>) -> Self {
        let at = Columns::of(x);
        let deviation = (0..x.ncols()).map(|j| {
            let squares: f64 = x.column(j).iter().map(|&v| at.centred(v, j).powi(2)).sum();
            if at.constant[j] { 1.0 } else { (squares / x.nrows() as f64).sqrt() }
        });
        Self { deviation: deviation.collect(), at }
    }

    /// x `[N, c]` standardised, within ±1e100 so that squares are finite; a constant column becomes 0.
    fn apply<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Array2<f64> {
        Array2::from_shape_fn(x.dim(), |(i, j)| {
            let v = self.at.centred(x[[i, j]], j);
            if self.at.constant[j] { 0.0 } else { (v / self.deviation[j]).clamp(-1e100, 1e100) }
        })
    }
}

/// Φ(z) = k(z, landmarks) V Λ^(−½), of the kernel V Λ Vᵀ among the landmarks: |f|² is |β|² in these coordinates.
struct Features {
    /// `[m, b]`, divided by √2 w.
    landmarks: Array2<f64>,
    /// Squared lengths of those, `[m]`.
    squares: Array1<f64>,
    /// √2 w.
    unit: f64,
    /// V Λ^(−½), `[m, r]`.
    map: Array2<f64>,
}

impl Features {
    fn new(landmarks: Array2<f64>, width: f64) -> Result<Self, MetricError> {
        let unit = std::f64::consts::SQRT_2 * width;
        let scaled = landmarks.mapv(|v| v / unit);
        let squares = scaled.map_axis(Axis(1), |row| row.dot(&row));
        let mut out = Self { landmarks: scaled, squares, unit, map: Array2::zeros((0, 0)) };
        let kernel = out.kernel(landmarks.view(), &mut GemmScratch::new());
        let eigen = linalg::eigh(kernel.view())?;
        let floor = FLOOR * eigen.values.iter().copied().fold(0.0, f64::max);
        let kept: Vec<usize> = (0..eigen.values.len()).filter(|&i| eigen.values[i] > floor).collect();
        let roots = eigen.values.select(Axis(0), &kept).mapv(f64::sqrt);
        out.map = eigen.vectors.select(Axis(1), &kept) / roots;
        Ok(out)
    }

    /// Φ `[B, r]` of z `[B, b]`.
    fn of(&self, z: ArrayView2<'_, f64>, scratch: &mut GemmScratch<f64>) -> Array2<f64> {
        let kernel = self.kernel(z, scratch);
        let mut out = Array2::<f64>::zeros((z.nrows(), self.map.ncols()));
        gemm(out.view_mut(), 0.0, 1.0, kernel.view(), self.map.view(), scratch);
        out
    }

    /// k(z, landmarks) `[B, m]` of z `[B, b]`.
    fn kernel(&self, z: ArrayView2<'_, f64>, scratch: &mut GemmScratch<f64>) -> Array2<f64> {
        let z = z.mapv(|v| v / self.unit);
        let squares = z.map_axis(Axis(1), |row| row.dot(&row));
        let mut kernel = Array2::<f64>::zeros((z.nrows(), self.landmarks.nrows()));
        gemm(kernel.view_mut(), 0.0, 2.0, z.view(), self.landmarks.t(), scratch);
        for (mut row, square) in kernel.rows_mut().into_iter().zip(squares) {
            row.zip_mut_with(&self.squares, |k, other| *k = (*k - square - other).min(0.0));
        }
        if let Some(exponents) = kernel.as_slice_mut() {
            <f64 as VecMath>::exp(exponents);
        }
        kernel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(i: usize, rate: f64) -> f64 {
        1.5 * (rate * i as f64).sin()
    }

    #[test]
    fn with_all_rows_as_landmarks_it_is_kernel_ridge_regression() {
        let z = Array2::from_shape_fn((40, 2), |(i, j)| wave(i, 0.7 + j as f64));
        let s = Array2::from_shape_fn((40, 1), |(i, _)| z[[i, 0]] * z[[i, 1]] + 0.3 * z[[i, 0]].cos());
        let kernel = KernelRidge { landmarks: 40, ridge: 1e-2, ..KernelRidge::default() };
        let found = kernel_r2(s.view(), z.view(), Rows::All, &kernel).unwrap();

        // (K + λ N) α = s, prediction K α.
        let (s, z) = (Standard::of(s.view()).apply(s.view()), Standard::of(z.view()).apply(z.view()));
        let k = Array2::from_shape_fn((40, 40), |(i, j)| {
            let difference = &z.row(i) - &z.row(j);
            (-difference.dot(&difference) / 2.0).exp()
        });
        let alpha = linalg::solve((&k + &(Array2::<f64>::eye(40) * 0.4)).view(), s.view()).unwrap();
        let expected = R2::of(s.view(), k.dot(&alpha).view(), Vec::new());
        assert!((found.mean - expected.mean).abs() < 1e-9, "{} {}", found.mean, expected.mean);
    }

    #[test]
    fn a_smooth_function_is_known_in_both_directions_where_it_can_be() {
        let s = Array2::from_shape_fn((1200, 2), |(i, j)| wave(i, 0.7 + j as f64));
        let z = Array2::from_shape_fn((1200, 2), |(i, j)| {
            [s[[i, 0]].powi(2) + 0.1, (s[[i, 1]] + 0.3 * s[[i, 0]]).tanh() * 1e9][j]
        });
        let (fit, score): (Vec<_>, Vec<_>) = (0..1200).partition(|i| i % 2 == 0);
        let rows = Rows::Split { fit: &fit, score: &score };
        let kernel = KernelRidge::default();
        let forward = kernel_r2(z.view(), s.view(), rows, &kernel).unwrap();
        assert!(forward.per_source.iter().all(|&r| r > 0.99), "{forward:?}");
        // The sign of the first source is lost.
        let back = kernel_r2(s.view(), z.view(), rows, &kernel).unwrap();
        assert!(back.per_source[0] < 0.3 && back.per_source[1] > 0.9, "{back:?}");
        // A row far outside of what was fitted is predicted by the mean.
        let mut far = z.clone();
        far[[1, 0]] = 1e300;
        let found = kernel_r2(s.view(), far.view(), rows, &kernel).unwrap();
        assert!((found.mean - back.mean).abs() < 0.05, "{found:?}");
        let again =
            kernel_r2(s.mapv(|v| v as f32).view(), z.mapv(|v| v as f32).view(), rows, &kernel).unwrap();
        assert!((again.mean - back.mean).abs() < 1e-3);
    }

    #[test]
    fn odd_and_bad_input() {
        let s = Array2::from_shape_fn((50, 1), |(i, _)| wave(i, 0.7));
        let constant = Array2::from_elem((50, 1), 0.1);
        let r2 = |s: &Array2<f64>, z: &Array2<f64>, k| kernel_r2(s.view(), z.view(), Rows::All, &k);
        assert!(r2(&s, &constant, KernelRidge::default()).unwrap().mean.abs() < 1e-12);
        assert_eq!(r2(&constant, &s, KernelRidge::default()).unwrap().mean, 0.0);
        for (bad, expected) in [
            (KernelRidge { width: Some(0.0), ..KernelRidge::default() }, "width"),
            (KernelRidge { ridge: f64::NAN, ..KernelRidge::default() }, "ridge"),
            (KernelRidge { landmarks: 0, ..KernelRidge::default() }, "landmarks"),
        ] {
            let error = r2(&s, &s, bad).unwrap_err();
            assert!(matches!(error, MetricError::Range { name, .. } if name == expected), "{error}");
        }
    }
}
