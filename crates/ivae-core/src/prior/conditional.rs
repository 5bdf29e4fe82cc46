//! [`Prior`]: a family of p(z|u) with the parameters that u gives it.

use ivae_expfam::GaussianForm;
use ivae_nn::{Input, Inputs, Layout, Scratch};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Conflict, SpecError};
use crate::theta::{Source, Theta, ThetaBlock, ThetaSpec, ThetaWorkspace};
use ivae_expfam::prior::{Family, PriorFamily};
use ivae_num::slices::{top, top_mut};

/// A level of u with fewer rows than this gives its two moments poorly.
pub const FEW_ROWS: usize = 20;
/// Rows of the pooled distribution that every level of u is taken to have beside its rows.
pub const PSEUDO_ROWS: f64 = 2.0;
/// Variances of levels are started no smaller than this.
const LEAST_VARIANCE: f64 = 1e-3;

/// The conditional prior p(z|u) of a variational model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorSpec {
    /// Its family.
    pub family: Family,
    /// How its parameters depend on u: a table (levels), a network, or the same for every u.
    pub parameters: ThetaSpec,
}

impl PriorSpec {
    /// Whether the prior depends on u.
    pub fn is_conditional(&self) -> bool {
        self.has_table() || matches!(self.parameters, ThetaSpec::Net(_))
    }

    /// Whether the prior has a row of parameters for each level of u.
    pub fn has_table(&self) -> bool {
        self.parameters.is_table()
    }
}

/// A conditional prior: a family, and where its parameters come from.
#[derive(Debug, Clone)]
pub struct Prior {
    /// Latents n.
    pub latents: usize,
    /// The family of every latent.
    pub family: Family,
    pub(crate) theta: Theta, // θ_p [B, p]
}

/// Scratch of a [`Prior`]; all arrays are for the largest batch.
#[derive(Debug)]
pub struct PriorWorkspace<F> {
    /// Parameters, `[B, p]`.
    pub theta: Array2<F>,
    pub(crate) d_theta: Array2<F>, // [B, p]
    net: ThetaWorkspace<F>,
}

impl Prior {
    /// Lay out a prior of `n` latents given u of shape `u`.
    ///
    /// # Errors
    /// A prior that depends on u where there is none, or a table where u is not levels alone.
    pub fn new(
        layout: &mut Layout,
        family: Family,
        parameters: &ThetaSpec,
        n: usize,
        u: Inputs,
    ) -> Result<Self, SpecError> {
        match parameters {
            ThetaSpec::Table | ThetaSpec::Net(_) if u == Inputs::default() => {
                return Err(Conflict::PriorWithoutU.into());
            }
            ThetaSpec::Table if u.dense > 0 => return Err(Conflict::TableOfContinuousU.into()),
            _ => {}
        }
        let part = family.part::<f64>();
        let width = n * part.conditional_parameters();
        let mut blocks = vec![ThetaBlock::new(layout, "prior", u, parameters, width)];
        if let Some(start) = part.free_parameter() {
            blocks.push(ThetaBlock::new(layout, "prior.free", u, &ThetaSpec::Free(start), n));
        }
        Ok(Self { latents: n, family, theta: Theta { inputs: u, blocks } })
    }

    /// The family's density, moments and draws.
    pub fn part<F: Scalar>(&self) -> &'static dyn PriorFamily<F> {
        self.family.part()
    }

    /// The Gaussian form, where the family is one.
    pub fn gaussian_form(&self) -> Option<GaussianForm> {
        self.part::<f64>().gaussian_form()
    }

    /// Whether the parameters depend on u.
    pub fn is_conditional(&self) -> bool {
        self.theta.blocks.iter().any(|b| matches!(b.source, Source::Table(_) | Source::Net(_)))
    }

    /// Shape of the u that it reads.
    pub fn inputs(&self) -> Inputs {
        self.theta.inputs
    }

    /// Columns p of θ.
    pub fn width(&self) -> usize {
        self.theta.width()
    }

    /// Columns of θ that depend on u.
    pub(crate) fn conditional_width(&self) -> usize {
        self.latents * self.part::<f64>().conditional_parameters()
    }

    /// Fill the parameters with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        self.theta.init(params, rng);
    }

    /// Scratch for batches of up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, nets: &mut Scratch<F>, batch: usize) -> PriorWorkspace<F> {
        self.theta.reserve(nets, batch);
        let matrix = || Array2::zeros((batch, self.theta.width()));
        PriorWorkspace { theta: matrix(), d_theta: matrix(), net: self.theta.workspace(batch) }
    }

    /// Overwrite `ws.theta` with the parameters for `rows` rows of `u`.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        u: Input<'_, F>,
        rows: usize,
        ws: &mut PriorWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        self.theta.forward(top_mut(&mut ws.theta, rows), params, u, &mut ws.net, nets);
    }

    /// After [`forward`](Self::forward): overwrite the prior's part of `grad` for the cotangents `ws.d_theta` of
    /// `rows` rows.
    pub(crate) fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        params: &[F],
        u: Input<'_, F>,
        rows: usize,
        ws: &mut PriorWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        let d_theta = top(&ws.d_theta, rows);
        self.theta.backward_overwrite(grad, None, params, u, d_theta, &mut ws.net, nets);
    }

    /// θ `[rows, p]` at `rows` rows of `u`.
    pub(crate) fn table<F: Scalar>(&self, params: &[F], u: Input<'_, F>, rows: usize) -> Array2<f64> {
        let mut theta = Array2::zeros((rows, self.theta.width()));
        let mut ws = self.theta.workspace(rows);
        self.theta.forward(theta.view_mut(), params, u, &mut ws, &mut Scratch::new());
        theta.mapv(F::f64)
    }

    /// The parameters of latent `i` in the row `theta` `[p]`.
    fn parameters_of(&self, theta: &[f64], i: usize) -> Vec<f64> {
        theta[i..].iter().step_by(self.latents).copied().collect()
    }

    /// Means and variances, `[rows, n]` each, of the parameters `theta` `[rows, p]`.
    pub(crate) fn moments(&self, theta: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
        let shape = (theta.nrows(), self.latents);
        let (mut mean, mut variance) = (Array2::zeros(shape), Array2::zeros(shape));
        for (row, theta) in theta.rows().into_iter().enumerate() {
            let theta = theta.to_vec();
            for i in 0..self.latents {
                (mean[[row, i]], variance[[row, i]]) =
                    self.part::<f64>().moments(&self.parameters_of(&theta, i));
            }
        }
        (mean, variance)
    }

    /// Draw z `[B, n]` from the parameters `theta` `[B, p]`. Overwrites `z`.
    pub(crate) fn sample<F: Scalar>(
        &self,
        mut z: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        key: StreamKey,
    ) {
        let mut rng = key.rng();
        for (mut z, theta) in z.rows_mut().into_iter().zip(theta.rows()) {
            let theta: Vec<f64> = theta.iter().map(|v| v.f64()).collect();
            for (i, z) in z.iter_mut().enumerate() {
                *z = F::of(self.part::<f64>().draw(&self.parameters_of(&theta, i), &mut rng));
            }
        }
    }

    /// T(z) of the latents `[N, n]`, side by side: (z, z²), z² or z of a Gaussian that depends on u; else the latents.
    pub(crate) fn statistics<F: Scalar>(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        let square = z.mapv(|v| v * v);
        match self.gaussian_form().filter(|_| self.is_conditional()) {
            Some(GaussianForm::Var) => square,
            Some(GaussianForm::MeanVar) => ndarray::concatenate![Axis(1), z, square],
            Some(GaussianForm::Mean) | None => z.to_owned(),
        }
    }

    /// The learned shape of every latent, for families that have one.
    pub(crate) fn shapes<F: Scalar>(&self, params: &[F]) -> Option<Vec<f64>> {
        let Some(Source::Free { slot, .. }) = self.theta.blocks.get(1).map(|b| &b.source) else {
            return None;
        };
        let conditional = self.part::<f64>().conditional_parameters();
        let shape = |free: &F| {
            let theta: Vec<f64> = std::iter::repeat_n(0.0, conditional).chain([free.f64()]).collect();
            self.part::<f64>().shape(&theta)
        };
        params[slot.range()].iter().map(shape).collect()
    }

    /// Start a prior that is a table at the moments of `z` `[N, n]` within each level of u.
    pub(crate) fn start<F: Scalar>(&self, params: &mut [F], z: ArrayView2<'_, F>, u: Input<'_, F>) {
        let (Some(Source::Table(slot)), Some(levels)) =
            (self.theta.blocks.first().map(|b| &b.source), u.levels)
        else {
            return;
        };
        let (mean, variance) = level_moments(z, levels, slot.rows);
        let mut table = slot.view_mut(params);
        for ((u, i), &mean) in mean.indexed_iter() {
            let start = self.part::<f64>().from_moments(mean, variance[[u, i]]);
            for (c, v) in start.into_iter().enumerate() {
                table[[u, c * self.latents + i]] = F::of(v);
            }
        }
    }
}

/// Mean and variance of z in each level, `[M, n]` each, shrunk towards the pooled ones as by [`PSEUDO_ROWS`] rows of them.
fn level_moments<F: Scalar>(z: ArrayView2<'_, F>, levels: &[u32], m: usize) -> (Array2<f64>, Array2<f64>) {
    let n = z.ncols();
    let mut count = vec![0.0; m];
    let (mut sum, mut square) = (Array2::<f64>::zeros((m, n)), Array2::<f64>::zeros((m, n)));
    for (row, &level) in z.rows().into_iter().zip(levels) {
        count[level as usize] += 1.0;
        for (i, &v) in row.iter().enumerate() {
            sum[[level as usize, i]] += v.f64();
            square[[level as usize, i]] += v.f64() * v.f64();
        }
    }
    let all = z.nrows().max(1) as f64;
    let (pooled_sum, pooled_square) = (sum.sum_axis(Axis(0)) / all, square.sum_axis(Axis(0)) / all);
    let (mut mean, mut variance) = (Array2::zeros((m, n)), Array2::zeros((m, n)));
    for u in 0..m {
        for i in 0..n {
            let rows = count[u] + PSEUDO_ROWS;
            let first = (sum[[u, i]] + PSEUDO_ROWS * pooled_sum[i]) / rows;
            let second = (square[[u, i]] + PSEUDO_ROWS * pooled_square[i]) / rows;
            mean[[u, i]] = first;
            variance[[u, i]] = (second - first * first).max(LEAST_VARIANCE);
        }
    }
    (mean, variance)
}
