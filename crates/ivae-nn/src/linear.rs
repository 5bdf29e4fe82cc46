//! [`Linear`]: y = x W + E\[u\] + b.

use ivae_num::levels::{add_rows, look_up};
use ivae_num::{GemmScratch, Scalar, add_to_column_sums, gemm, gemm_bias, gemm_levels, gemm_times};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use rand::Rng;

use crate::accumulate::Accumulate;
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
        if self.bias.is_empty() {
            y.fill(F::zero());
            return self.add(y, params, input, scratch);
        }
        let (bias, table, weight) =
            (&params[self.bias.range()], || self.levels.view(params), || self.dense.view(params));
        match (input.dense, input.levels) {
            (Some(x), Some(levels)) => gemm_levels(y, bias, table(), levels, x, weight(), scratch),
            (Some(x), None) => gemm_bias(y, bias.into(), x, weight(), scratch),
            (None, Some(levels)) => look_up(y, Some(bias), table(), levels),
            (None, None) => y.assign(&ArrayView1::from(bias)),
        }
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
        self.add(y, params, input, scratch);
    }

    /// `y ← y + E[u] + x W`.
    fn add<F: Scalar>(
        &self,
        mut y: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        if let Some(levels) = input.levels {
            look_up(y.view_mut(), None, self.levels.view(params), levels);
        }
        if let Some(x) = input.dense {
            gemm(y, F::one(), F::one(), x, self.dense.view(params), scratch);
        }
    }

    /// From `dy` `[B, o]` add to this layer's part of `grad` ∂W = xᵀ dy, ∂E\[u\] = Σ dy over the rows with level u and
    /// ∂b = Σ dy, and add dy Wᵀ to `dx` `[B, c]`.
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
        self.backward_bias(Accumulate::Add, grad, dy);
        self.backward_weights(Accumulate::Add, grad, input, dy, scratch);
        if let Some(dx) = dx {
            self.backward_input(dx, params, dy, scratch);
        }
    }

    /// Add ∂b to `grad`, or overwrite it.
    pub(crate) fn backward_bias<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dy: ArrayView2<'_, F>,
    ) {
        if !self.bias.is_empty() {
            add_to_column_sums(accumulate.start(grad, self.bias), dy);
        }
    }

    /// Add ∂W and ∂E to `grad`, or overwrite them.
    pub(crate) fn backward_weights<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        input: Input<'_, F>,
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        self.assert_fits(&input, dy.dim());
        if let Some(levels) = input.levels {
            accumulate.start(grad, self.levels);
            add_rows(self.levels.view_mut(grad), levels, dy);
        }
        if let Some(x) = input.dense {
            gemm(self.dense.view_mut(grad), accumulate.beta(), F::one(), x.t(), dy, scratch);
        }
    }

    /// Add dy Wᵀ to `dx`.
    pub(crate) fn backward_input<F: Scalar>(
        &self,
        dx: ArrayViewMut2<'_, F>,
        params: &[F],
        dy: ArrayView2<'_, F>,
        scratch: &mut GemmScratch<F>,
    ) {
        gemm(dx, F::one(), F::one(), dy, self.dense.view(params).t(), scratch);
    }

    /// Overwrite `d` with (dy Wᵀ) ∘ deriv, past the activation before this layer, and add Σ d to `d_bias`, the gradient of
    /// the bias there.
    pub(crate) fn backward_activated_overwrite_d<F: Scalar>(
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
