//! Second moments of the columns of one or two matrices: centred, scaled against overflow, accumulated in `f64`.

use ivae_num::{GemmScratch, Scalar, gemm};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use crate::Warning;

/// Rows that are centred and multiplied at a time: small enough for the cache, large enough for the product.
const BLOCK: usize = 512;

/// Where the columns of a matrix lie: x is used as `x / scale − mean − rest`.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// A power of two near the largest magnitude, so that dividing by it is exact and no square overflows, `[c]`.
    pub(crate) scale: Vec<f64>,
    /// Mean of `x / scale`, rounded, `[c]`.
    pub(crate) mean: Vec<f64>,
    /// Mean of `x / scale − mean`: what the rounding of `mean` left, which matters next to a small spread, `[c]`.
    rest: Vec<f64>,
    /// The column does not vary beyond the rounding of its own values, `[c]`.
    pub(crate) constant: Vec<bool>,
}

impl Columns {
    /// Of x `[N, c]`, N > 0, all finite.
    pub(crate) fn of<F: Scalar>(x: ArrayView2<'_, F>) -> Self {
        let columns = x.ncols();
        let mut low = vec![f64::INFINITY; columns];
        let mut high = vec![f64::NEG_INFINITY; columns];
        for row in x.rows() {
            for ((low, high), v) in low.iter_mut().zip(&mut high).zip(row) {
                *low = low.min(v.f64());
                *high = high.max(v.f64());
            }
        }
        let mut out = Self {
            scale: Vec::with_capacity(columns),
            mean: vec![0.0; columns],
            rest: vec![0.0; columns],
            constant: Vec::with_capacity(columns),
        };
        for (low, high) in low.into_iter().zip(high) {
            let largest = low.abs().max(high.abs());
            let scale = power_of_two_below(largest);
            out.scale.push(scale);
            out.constant.push(high / scale - low / scale <= 4.0 * F::epsilon().f64() * (largest / scale));
        }
        out.mean = out.mean_of_centred(x);
        out.rest = out.mean_of_centred(x);
        out
    }

    /// x as used, for an entry of column j.
    pub(crate) fn centred<F: Scalar>(&self, x: F, j: usize) -> f64 {
        x.f64() / self.scale[j] - self.mean[j] - self.rest[j]
    }

    fn mean_of_centred<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Vec<f64> {
        let mut sum = vec![0.0; x.ncols()];
        for row in x.rows() {
            for (j, (sum, &v)) in sum.iter_mut().zip(row).enumerate() {
                *sum += self.centred(v, j);
            }
        }
        sum.iter_mut().for_each(|sum| *sum /= x.nrows() as f64);
        sum
    }

    /// The constant columns.
    pub(crate) fn constants(&self) -> impl Iterator<Item = usize> {
        (0..self.constant.len()).filter(|&j| self.constant[j])
    }

    /// Overwrites the first rows of `out` `[>= B, c]` with x `[B, c]`, scaled and centred.
    fn centre<F: Scalar>(&self, out: &mut Array2<f64>, x: ArrayView2<'_, F>) {
        for (mut out, x) in out.rows_mut().into_iter().zip(x.rows()) {
            for (j, (out, &x)) in out.iter_mut().zip(x).enumerate() {
                *out = self.centred(x, j);
            }
        }
    }
}

/// A warning for each constant column of sources and of latents.
pub(crate) fn constant_columns(at_s: &Columns, at_z: &Columns) -> Vec<Warning> {
    let sources = at_s.constants().map(|column| Warning::ConstantSource { column });
    let latents = at_z.constants().map(|column| Warning::ConstantLatent { column });
    sources.chain(latents).collect()
}

/// The power of two in (x/2, x], at least the smallest normal number (so that x = 0 gives a usable scale, too).
fn power_of_two_below(x: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    f64::from_bits(x.to_bits() & EXPONENT).max(f64::MIN_POSITIVE)
}

/// Centred products of two matrices x and y in the units of their [`Columns`].
#[derive(Debug, Clone)]
pub(crate) struct Products {
    /// Σ x yᵀ, `[a, b]`.
    pub(crate) cross: Array2<f64>,
    /// Σ x², `[a]`.
    pub(crate) left: Vec<f64>,
    /// Σ y², `[b]`.
    pub(crate) right: Vec<f64>,
}

impl Products {
    /// Of x `[N, a]` and y `[N, b]`, in blocks of rows.
    pub(crate) fn of<F: Scalar>(
        x: ArrayView2<'_, F>,
        at_x: &Columns,
        y: ArrayView2<'_, F>,
        at_y: &Columns,
    ) -> Self {
        let (a, b) = (x.ncols(), y.ncols());
        let mut out = Self { cross: Array2::zeros((a, b)), left: vec![0.0; a], right: vec![0.0; b] };
        let (mut bx, mut by) = (Array2::zeros((BLOCK, a)), Array2::zeros((BLOCK, b)));
        let mut scratch = GemmScratch::new();
        for (x, y) in x.axis_chunks_iter(Axis(0), BLOCK).zip(y.axis_chunks_iter(Axis(0), BLOCK)) {
            let rows = x.nrows();
            at_x.centre(&mut bx, x);
            at_y.centre(&mut by, y);
            let (bx, by) = (first_rows(&bx, rows), first_rows(&by, rows));
            add_squares(&mut out.left, bx);
            add_squares(&mut out.right, by);
            gemm(out.cross.view_mut(), 1.0, 1.0, bx.t(), by, &mut scratch);
        }
        out
    }

    /// Correlations `[a, b]`, in [−1, 1]; 0 where a column is constant.
    pub(crate) fn correlations(&self, at_x: &Columns, at_y: &Columns) -> Array2<f64> {
        let mut out = self.cross.clone();
        for ((i, j), c) in out.indexed_iter_mut() {
            let norm = self.left[i].sqrt() * self.right[j].sqrt();
            let usable = !at_x.constant[i] && !at_y.constant[j] && norm > 0.0;
            *c = if usable { (*c / norm).clamp(-1.0, 1.0) } else { 0.0 };
        }
        out
    }
}

fn first_rows(x: &Array2<f64>, rows: usize) -> ArrayView2<'_, f64> {
    x.slice_axis(Axis(0), Slice::from(..rows))
}

/// Adds the column sums of squares of x `[B, c]` to `out` `[c]`.
fn add_squares(out: &mut [f64], x: ArrayView2<'_, f64>) {
    for row in x.rows() {
        for (out, v) in out.iter_mut().zip(row) {
            *out += v * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    fn column(values: &[f64]) -> Array2<f64> {
        Array1::from(values.to_vec()).insert_axis(Axis(1))
    }

    #[test]
    fn extreme_magnitudes_neither_overflow_nor_vanish() {
        for scale in [1e-308, 1e-160, 1.0, 1e160, 8e307] {
            let x = column(&[-scale, 0.5 * scale, scale, 0.25 * scale]);
            let at = Columns::of(x.view());
            let p = Products::of(x.view(), &at, x.view(), &at);
            assert!((p.correlations(&at, &at)[[0, 0]] - 1.0).abs() < 1e-15, "scale {scale:e}");
        }
    }

    #[test]
    fn a_large_offset_costs_nothing_beyond_the_rounding_of_the_data() {
        let y: Vec<f64> = (0..2000).map(|i| f64::from(i % 7) - 3.0).collect();
        let x: Vec<f64> = y.iter().map(|v| v + (1u64 << 40) as f64).collect();
        let (x, y) = (column(&x), column(&y));
        let (at_x, at_y) = (Columns::of(x.view()), Columns::of(y.view()));
        let r = Products::of(x.view(), &at_x, y.view(), &at_y).correlations(&at_x, &at_y);
        assert!((r[[0, 0]] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn constant_means_no_variation_beyond_rounding() {
        let x = array![[0.1, 0.1 + 1e-17, 1e9, 0.0], [0.1, 0.1 - 3e-17, 1e9 + 1e-3, 0.0]];
        assert_eq!(Columns::of(x.view()).constant, [true, true, false, true]);
    }
}
