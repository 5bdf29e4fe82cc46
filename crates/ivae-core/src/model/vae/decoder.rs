//! [`Decoder`]: the network f and the likelihood p(x|z) around its output.

use ivae_expfam::Density;
use ivae_nn::{Input, Inputs, Layout, Mlp, MlpSpec, Scratch};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::likelihood::{Likelihood, LikelihoodFamily};
use crate::theta::{Source, Theta, ThetaBlock, ThetaSpec, ThetaWorkspace};
use ivae_num::slices::{top, top_mut};

/// The likelihood p(x|z).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikelihoodSpec {
    /// The decoder f.
    pub net: MlpSpec,
    /// The distribution around its output.
    pub family: LikelihoodFamily,
}

/// The decoder f with its likelihood.
#[derive(Debug, Clone)]
pub struct Decoder {
    /// Observed columns d (after scaling).
    pub observed: usize,
    /// The distribution around its output.
    pub family: LikelihoodFamily,
    pub(crate) theta: Theta, // θ_x [B, p]
    floors: Vec<f64>,        // of the free parameters
}

/// Scratch of a [`Decoder`]; all arrays are for the largest batch.
#[derive(Debug)]
pub struct DecoderWorkspace<F> {
    /// Parameters of p(x|z), `[B, p]`: f(z), then what is free, such as a log-variance.
    pub theta: Array2<F>,
    pub(crate) d_theta: Array2<F>, // [B, p]
    net: ThetaWorkspace<F>,
}

impl Decoder {
    /// Lay out a decoder of `latents` latents to `observed` columns.
    pub fn new(layout: &mut Layout, spec: &LikelihoodSpec, latents: usize, observed: usize) -> Self {
        let z = Inputs { dense: latents, levels: 0 };
        let net = ThetaSpec::Net(spec.net.clone());
        let part = spec.family.part::<f64>();
        let mut blocks = vec![ThetaBlock::new(layout, "decoder", z, &net, part.outputs(observed))];
        let free = part.free_parameters(observed, latents);
        blocks.extend(free.iter().map(|p| ThetaBlock::new(layout, &p.name, z, &p.source, p.columns)));
        let floors = free.iter().map(|p| p.floor).collect();
        Self { observed, family: spec.family.clone(), theta: Theta { inputs: z, blocks }, floors }
    }

    /// The likelihood's density, mean and draws.
    pub fn part<F: Scalar>(&self) -> &dyn Likelihood<F> {
        self.family.part()
    }

    /// The density of x given θ_x.
    pub fn density<F: Scalar>(&self) -> &dyn Density<F> {
        self.part().density()
    }

    /// The network f.
    pub(crate) fn net(&self) -> Option<&Mlp> {
        match self.theta.blocks.first().map(|b| &b.source) {
            Some(Source::Net(mlp)) => Some(mlp),
            _ => None,
        }
    }

    /// Fill the parameters with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        self.theta.init(params, rng);
    }

    /// Scratch for batches of up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, nets: &mut Scratch<F>, batch: usize) -> DecoderWorkspace<F> {
        self.theta.reserve(nets, batch);
        let matrix = || Array2::zeros((batch, self.theta.width()));
        DecoderWorkspace { theta: matrix(), d_theta: matrix(), net: self.theta.workspace(batch) }
    }

    /// Overwrite `ws.theta` with the likelihood's parameters for `z` `[B, n]`.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut DecoderWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        self.theta.forward(top_mut(&mut ws.theta, z.nrows()), params, Input::dense(z), &mut ws.net, nets);
    }

    /// After [`forward`](Self::forward): for the cotangents `d_log_prob` `[B]` of log p(x|z), overwrite the decoder's part of
    /// `grad` with the gradient of its parameters, and add that of z to `d_z` `[B, n]`.
    pub(crate) fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        d_z: ArrayViewMut2<'_, F>,
        params: &[F],
        (x, z): (ArrayView2<'_, F>, ArrayView2<'_, F>),
        d_log_prob: &[F],
        ws: &mut DecoderWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        let b = z.nrows();
        let mut d_theta = top_mut(&mut ws.d_theta, b);
        d_theta.fill(F::zero());
        self.density().log_prob_backward(Some(d_theta.view_mut()), None, top(&ws.theta, b), x, d_log_prob);
        self.theta.backward_overwrite(
            grad,
            Some(d_z),
            params,
            Input::dense(z),
            d_theta.view(),
            &mut ws.net,
            nets,
        );
    }

    /// After [`forward`](Self::forward) of B rows: overwrite `x` `[B, d]` with the mean of p(x|z).
    pub fn mean<F: Scalar>(&self, x: ArrayViewMut2<'_, F>, ws: &DecoderWorkspace<F>) {
        let theta = top(&ws.theta, x.nrows());
        self.part().mean(x, theta);
    }

    /// Put free parameters back above their floor.
    pub(crate) fn project<F: Scalar>(&self, params: &mut [F]) {
        for (block, &floor) in self.theta.blocks.iter().skip(1).zip(&self.floors) {
            let floor = F::of(floor);
            if let Source::Free { slot, .. } = &block.source {
                slot.view_mut(params).mapv_inplace(|v| if v < floor { floor } else { v });
            }
        }
    }
}
