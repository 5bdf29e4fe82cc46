//! [`Linear`]: y = x W + E\[u\] + b.

use ivae_num::{GemmScratch, Loop, Scalar, column_sums, gemm, gemm_bias, gemm_times, in_parts, wide};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;

use crate::{Init, Input, Inputs, Layout, Slot};

/// An affine map of dense columns x `[B, c]` and a categorical level u `[B]`: y = x W + E\[u\] + b, `[B, o]`.
///
/// It is the map that a layer over the columns `[x | one_hot(u)]` would be, but row u of E is looked up, so its
/// cost does not depend on the number of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    /// W, `[c, o]`; no rows without dense input.
    pub dense: Slot,
    /// E, `[M, o]`; no rows without levels.
    pub levels: Slot,
    /// b, `[1, o]`; no rows without bias.
    pub bias: Slot,
}

impl Linear {
    /// Append the groups `{name}.weight`, `{name}.levels` and `{name}.bias` (those that are not empty) to `layout`.
    pub fn new(layout: &mut Layout, name: &str, inputs: Inputs, out: usize) -> Self {
        let mut linear = Self::without_bias(layout, name, inputs, out);
        linear.bias = layout.push(format!("{name}.bias"), 1, out);
        linear
    }

    /// As [`Linear::new`], with b = 0 and no parameters for it.
    pub fn without_bias(layout: &mut Layout, name: &str, inputs: Inputs, out: usize) -> Self {
        Self {
            dense: layout.push(format!("{name}.weight"), inputs.dense, out),
            levels: layout.push(format!("{name}.levels"), inputs.levels, out),
            bias: layout.push(format!("{name}.bias"), 0, out),
        }
    }

    /// The shape of input this layer reads.
    pub fn inputs(&self) -> Inputs {
        Inputs { dense: self.dense.rows, levels: self.levels.rows }
    }

    /// Number of outputs o.
    pub fn out(&self) -> usize {
        self.dense.cols
    }

    /// Overwrite this layer's weights in `params` by `init`, and its bias by 0.
    pub fn init<F: Scalar>(&self, params: &mut [F], init: Init, rng: &mut (impl Rng + ?Sized)) {
        for slot in [self.dense, self.levels] {
            init.fill(&mut params[slot.range()], self.inputs().one_hot_width(), self.out(), rng);
        }
        params[self.bias.range()].fill(F::zero());
    }

    /// Grow `scratch` for every product of [`Linear::forward`] and [`Linear::backward`] with up to `batch` rows.
    pub fn reserve<F: Scalar>(&self, scratch: &mut GemmScratch<F>, batch: usize) {
        let (c, o) = (self.dense.rows, self.out());
        scratch.reserve(batch, c, o);
        scratch.reserve(c, batch, o);
        scratch.reserve(batch, o, c);
    }

    /// Overwrite `y` `[B, o]`, any strides.
    ///
    /// # Panics
    /// If shapes do not fit, or a level is not below M.
    pub fn forward<F: Scalar>(
        &self,
        mut y: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        self.assert_fits(&input, y.dim());
        let bias = self.bias.view(params);
        match (input.dense, input.levels, self.bias.is_empty()) {
            (Some(x), None, false) => {
                return gemm_bias(y, bias.row(0), x, self.dense.view(params), scratch);
            }
            (_, Some(levels), false) => {
                let (table, bias) = (&params[self.levels.range()], Some(&params[self.bias.range()]));
                LookUp { y: y.view_mut(), bias, table, levels }.run_in_parts();
            }
            (None, None, false) => y.assign(&bias),
            (_, _, true) => {
                y.fill(F::zero());
                self.add_levels(y.view_mut(), params, &input);
            }
        }
        self.add_product(y, params, input, scratch);
    }

    /// Add to `y` `[B, o]`, any strides.
    ///
    /// # Panics
    /// If shapes do not fit, or a level is not below M.
    pub fn forward_add<F: Scalar>(
        &self,
        mut y: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        self.assert_fits(&input, y.dim());
        if !self.bias.is_empty() {
            y += &self.bias.view(params);
        }
        self.add_levels(y.view_mut(), params, &input);
        self.add_product(y, params, input, scratch);
    }

    /// `y ← y + E[u]`.
    fn add_levels<F: Scalar>(&self, y: ArrayViewMut2<'_, F>, params: &[F], input: &Input<'_, F>) {
        if let Some(levels) = input.levels {
            LookUp { y, bias: None, table: &params[self.levels.range()], levels }.run_in_parts();
        }
    }

    /// `y ← y + x W`.
    fn add_product<F: Scalar>(
        &self,
        y: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        if let Some(x) = input.dense {
            gemm(y, F::one(), F::one(), x, self.dense.view(params), scratch);
        }
    }

    /// From `dy` `[B, o]` overwrite this layer's part of `grad` with ∂W = xᵀ dy, ∂E\[u\] = Σ dy over the rows with level u
    /// and ∂b = Σ dy, and add dy Wᵀ to `dx` `[B, c]`.
    ///
    /// # Panics
    /// If shapes do not fit, or a level is not below M.
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        self.backward_bias(grad, dy);
        self.backward_weights(grad, input, dy, scratch);
        if let Some(dx) = dx {
            self.backward_input(dx, params, dy, scratch);
        }
    }

    /// Overwrite ∂b.
    pub(crate) fn backward_bias<F: Scalar>(&self, grad: &mut [F], dy: ArrayView2<'_, F>) {
        if !self.bias.is_empty() {
            column_sums(&mut grad[self.bias.range()], dy);
        }
    }

    /// Overwrite ∂W and ∂E.
    pub(crate) fn backward_weights<F: Scalar>(
        &self,
        grad: &mut [F],
        input: Input<'_, F>,
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        self.assert_fits(&input, dy.dim());
        if let Some(levels) = input.levels {
            SumRows { sums: self.levels.view_mut(grad), levels, dy }.run_in_parts();
        }
        if let Some(x) = input.dense {
            gemm(self.dense.view_mut(grad), F::zero(), F::one(), x.t(), dy, scratch);
        }
    }

    /// `dx ← dy Wᵀ + dx`.
    pub(crate) fn backward_input<F: Scalar>(
        &self,
        dx: ArrayViewMut2<'_, F>,
        params: &[F],
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        gemm(dx, F::one(), F::one(), dy, self.dense.view(params).t(), scratch);
    }

    /// `d ← (dy Wᵀ) ∘ deriv`: past the activation before this layer; and `d_bias ← Σ d`, the gradient of the bias there.
    pub(crate) fn backward_activated<F: Scalar>(
        &self,
        d: ArrayViewMut2<'_, F>,
        d_bias: &mut [F],
        deriv: ArrayView2<'_, F>,
        params: &[F],
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        gemm_times(d, Some(d_bias), deriv, dy, self.dense.view(params).t(), scratch);
    }

    #[track_caller]
    fn assert_fits<F>(&self, input: &Input<'_, F>, y: (usize, usize)) {
        assert_eq!(y.1, self.out(), "the output has {} columns, the layer {}", y.1, self.out());
        input.assert_fits(y.0, self.inputs());
    }
}

/// y ← y + E\[u\], or bias + E\[u\].
struct LookUp<'a, F> {
    y: ArrayViewMut2<'a, F>,
    bias: Option<&'a [F]>,
    table: &'a [F],
    levels: &'a [u32],
}

impl<F: Scalar> Loop for LookUp<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let width = self.y.ncols();
        for (mut y, &u) in self.y.rows_mut().into_iter().zip(self.levels) {
            let from = &self.table[u as usize * width..][..width];
            match (y.as_slice_mut(), self.bias) {
                (Some(y), None) => y.iter_mut().zip(from).for_each(|(y, &e)| *y += e),
                (Some(y), Some(bias)) => {
                    y.iter_mut().zip(bias.iter().zip(from)).for_each(|(y, (&b, &e))| *y = b + e)
                }
                (None, None) => y.iter_mut().zip(from).for_each(|(y, &e)| *y += e),
                (None, Some(bias)) => {
                    y.iter_mut().zip(bias.iter().zip(from)).for_each(|(y, (&b, &e))| *y = b + e)
                }
            }
        }
    }
}

/// Work of one entry in multiplications: memory is what takes time.
const LOOK_UP: usize = 16;
const SUM: usize = 4;

impl<F: Scalar> LookUp<'_, F> {
    fn run_in_parts(self) {
        let (rows, columns) = self.y.dim();
        in_parts(self, rows, LOOK_UP * columns, &Self::split_rows, &wide);
    }

    fn split_rows(self, at: usize) -> (Self, Self) {
        let Self { y, bias, table, levels } = self;
        let ((y, other_y), (levels, other_levels)) = (y.split_at(Axis(0), at), levels.split_at(at));
        (Self { y, bias, table, levels }, Self { y: other_y, bias, table, levels: other_levels })
    }
}

/// `sums[u] ← Σ dy` over the rows with level u, in their order; `sums` `[M, o]`.
struct SumRows<'a, F> {
    sums: ArrayViewMut2<'a, F>,
    levels: &'a [u32],
    dy: ArrayView2<'a, F>,
}

impl<F: Scalar> SumRows<'_, F> {
    fn run_in_parts(self) {
        let (rows, columns) = self.dy.dim();
        in_parts(self, columns, SUM * rows, &Self::split_columns, &wide);
    }

    fn split_columns(self, at: usize) -> (Self, Self) {
        let Self { sums, levels, dy } = self;
        let ((sums, other_sums), (dy, other_dy)) = (sums.split_at(Axis(1), at), dy.split_at(Axis(1), at));
        (Self { sums, levels, dy }, Self { sums: other_sums, levels, dy: other_dy })
    }
}

impl<F: Scalar> Loop for SumRows<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        self.sums.fill(F::zero());
        for (dy, &level) in self.dy.rows().into_iter().zip(self.levels) {
            let mut to = self.sums.row_mut(level as usize);
            match (to.as_slice_mut(), dy.as_slice()) {
                (Some(to), Some(dy)) => to.iter_mut().zip(dy).for_each(|(to, &d)| *to += d),
                _ => to.iter_mut().zip(dy).for_each(|(to, &d)| *to += d),
            }
        }
    }
}
