//! [`Prior`]: a family of p(z|u) with the parameters that u gives it.

use std::ops::Range;

use ivae_expfam::GaussianForm;
use ivae_nn::{Input, Inputs, Layout, Scratch};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::level_means::level_means;
use crate::error::{Conflict, SpecError};
use crate::theta::{Source, Theta, ThetaBlock, ThetaSpec, ThetaWorkspace};
use ivae_expfam::prior::{Families, Family, PriorFamily, SupportMap};
use ivae_num::slices::{columns, columns_mut, top, top_mut};

/// A level of u with fewer rows than this gives its two moments poorly.
pub const FEW_ROWS: usize = 20;

/// The conditional prior p(z|u) of a variational model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriorSpec {
    /// Its family, or one for each latent.
    pub family: Families,
    /// How its parameters depend on u: a table (levels), a network, or the same for every u.
    pub parameters: ThetaSpec,
}

impl PriorSpec {
    /// Whether the prior depends on u.
    pub fn is_conditional(&self) -> bool {
        self.has_table() || matches!(self.parameters, ThetaSpec::Net(_))
    }

    /// Whether the prior is one Gaussian form for all latents, for which KL divergences and products are closed.
    pub fn is_gaussian(&self) -> bool {
        self.family.single().is_some_and(|family| family.part::<f64>().gaussian_form().is_some())
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
    pub families: Families,
    runs: Vec<Run>,
    pub(crate) theta: Theta, // θ_p [B, p], the columns of one run after the other
}

/// Neighbouring latents of one family.
#[derive(Debug, Clone)]
struct Run {
    family: Family,
    latents: Range<usize>,
    theta: Range<usize>, // columns of θ_p
    blocks: Range<usize>,
}

/// Scratch of a [`Prior`]; all arrays are for the largest batch.
#[derive(Debug)]
pub struct PriorWorkspace<F> {
    /// Parameters, `[B, p]`.
    pub theta: Array2<F>,
    pub(crate) d_theta: Array2<F>, // [B, p]
    log_prob: Vec<F>,              // [B], where there is more than one run
    net: ThetaWorkspace<F>,
}

impl Prior {
    /// Lay out a prior of `n` latents given u of shape `u`.
    ///
    /// # Errors
    /// A prior that depends on u where there is none, or a table where u is not levels alone.
    pub fn new(
        layout: &mut Layout,
        families: &Families,
        parameters: &ThetaSpec,
        n: usize,
        u: Inputs,
    ) -> Result<Self, SpecError> {
        check_families(families, n)?;
        match parameters {
            ThetaSpec::Table | ThetaSpec::Net(_) if u == Inputs::default() => {
                return Err(Conflict::PriorWithoutU.into());
            }
            ThetaSpec::Table if u.dense > 0 => return Err(Conflict::TableOfContinuousU.into()),
            _ => {}
        }
        let (mut runs, mut blocks, mut width): (Vec<Run>, Vec<ThetaBlock>, usize) =
            (Vec::new(), Vec::new(), 0);
        for (family, latents) in families.runs(n) {
            let (part, first, from) = (family.part::<f64>(), blocks.len(), width);
            let name = match latents.start {
                0 => "prior".to_owned(),
                start => format!("prior.{start}"),
            };
            let of_u = latents.len() * part.conditional_parameters();
            blocks.push(ThetaBlock::new(layout, &name, u, parameters, of_u));
            if let Some(start) = part.free_parameter() {
                let free = ThetaSpec::Free(start);
                blocks.push(ThetaBlock::new(layout, &format!("{name}.free"), u, &free, latents.len()));
            }
            width += part.width(latents.len());
            runs.push(Run { family, latents, theta: from..width, blocks: first..blocks.len() });
        }
        Ok(Self { latents: n, families: families.clone(), runs, theta: Theta { inputs: u, blocks } })
    }

    /// The family's density, moments and draws, where all latents have the same.
    pub fn part<F: Scalar>(&self) -> Option<&dyn PriorFamily<F>> {
        match &self.runs[..] {
            [run] => Some(run.family.part()),
            _ => None,
        }
    }

    /// The Gaussian form, where all latents have the same.
    pub fn gaussian_form(&self) -> Option<GaussianForm> {
        self.part::<f64>()?.gaussian_form()
    }

    /// Whether theory leaves a linear map of the latents free for every λ(u).
    pub(crate) fn leaves_rotation(&self) -> bool {
        self.runs.iter().any(|run| run.family.part::<f64>().leaves_rotation())
    }

    /// Overwrite `log_p` `[B]` with log p(v|u) of the rows `v` `[B, n]`, for the parameters in `ws.theta`.
    pub(crate) fn log_prob<F: Scalar>(
        &self,
        log_p: &mut [F],
        v: ArrayView2<'_, F>,
        ws: &mut PriorWorkspace<F>,
    ) {
        for (r, run) in self.runs.iter().enumerate() {
            let theta = columns(top(&ws.theta, v.nrows()), run.theta.clone());
            let v = columns(v, run.latents.clone());
            if r == 0 {
                run.family.part().log_prob(log_p, theta, v);
            } else {
                let of_run = &mut ws.log_prob[..log_p.len()];
                run.family.part().log_prob(of_run, theta, v);
                log_p.iter_mut().zip(of_run).for_each(|(p, q)| *p += *q);
            }
        }
    }

    /// Backward of [`log_prob`](Self::log_prob) at the parameters `theta` `[B, p]` for the cotangents `d_log_p` `[B]`. Adds
    /// to `d_theta` `[B, p]` and `d_v` `[B, n]`.
    pub(crate) fn log_prob_backward<F: Scalar>(
        &self,
        mut d_theta: ArrayViewMut2<'_, F>,
        mut d_v: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_log_p: &[F],
    ) {
        for run in &self.runs {
            let (theta, v) = (columns(theta, run.theta.clone()), columns(v, run.latents.clone()));
            let d_theta = columns_mut(&mut d_theta, run.theta.clone());
            let d_v = columns_mut(&mut d_v, run.latents.clone());
            run.family.part().log_prob_backward(Some(d_theta), Some(d_v), theta, v, d_log_p);
        }
    }

    /// log p(vᵢ|u) of latent `i` alone: overwrite `log_p` `[B]`, for `v` `[B, 1]` and all parameters `theta` `[B, p]`.
    pub(crate) fn log_prob_of<F: Scalar>(
        &self,
        i: usize,
        log_p: &mut [F],
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
    ) {
        let run = self.run(i);
        run.family.part().log_prob(log_p, self.columns_of(i, theta).view(), v);
    }

    /// The parameters of latent `i`, `[B, c]`, of all `theta` `[B, p]`.
    pub(crate) fn columns_of<F: Scalar>(&self, i: usize, theta: ArrayView2<'_, F>) -> Array2<F> {
        let run = self.run(i);
        let (first, step) = (run.theta.start + i - run.latents.start, run.latents.len());
        let parts: Vec<_> = (first..run.theta.end).step_by(step).map(|c| columns(theta, c..c + 1)).collect();
        ndarray::concatenate(Axis(1), &parts).unwrap_or_default()
    }

    fn run(&self, i: usize) -> &Run {
        self.runs.iter().find(|run| run.latents.contains(&i)).unwrap_or(&self.runs[0])
    }

    /// The map from ℝ onto the support of latent `i`.
    fn support_map(&self, i: usize) -> SupportMap {
        self.run(i).family.part::<f64>().support_map()
    }

    /// Whether every latent has the support ℝ, so that z and v are the same.
    pub(crate) fn is_real(&self) -> bool {
        (0..self.latents).all(|i| self.support_map(i) == SupportMap::Identity)
    }

    /// The latents z = m(v), in place, of the networks' coordinates v.
    pub(crate) fn to_support<F: Scalar>(&self, mut v: Array2<F>) -> Array2<F> {
        if !self.is_real() {
            v.indexed_iter_mut().for_each(|((_, i), v)| *v = self.support_map(i).to_support(*v));
        }
        v
    }

    /// The networks' coordinates v = m⁻¹(z) of the latents.
    pub(crate) fn to_real<F: Scalar>(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        Array2::from_shape_fn(z.dim(), |(row, i)| self.support_map(i).to_real(z[[row, i]]))
    }

    /// m′(v) of latent `i`.
    pub(crate) fn support_slope<F: Scalar>(&self, i: usize, v: F) -> F {
        self.support_map(i).slope(v)
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

    /// Columns of θ that depend on u, run by run.
    pub(crate) fn conditional_columns(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.runs.iter().map(|run| {
            let of_u = run.latents.len() * run.family.part::<f64>().conditional_parameters();
            run.theta.start..run.theta.start + of_u
        })
    }

    /// Fill the parameters with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        self.theta.init(params, rng);
    }

    /// Scratch for batches of up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, nets: &mut Scratch<F>, batch: usize) -> PriorWorkspace<F> {
        self.theta.reserve(nets, batch);
        let matrix = || Array2::zeros((batch, self.theta.width()));
        let log_prob = vec![F::zero(); if self.runs.len() > 1 { batch } else { 0 }];
        PriorWorkspace { theta: matrix(), d_theta: matrix(), log_prob, net: self.theta.workspace(batch) }
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
        let Run { latents, theta: columns, .. } = self.run(i);
        theta[columns.start + i - latents.start..columns.end].iter().step_by(latents.len()).copied().collect()
    }

    fn family_of<F: Scalar>(&self, i: usize) -> &dyn PriorFamily<F> {
        self.run(i).family.part()
    }

    /// Means and variances of v, `[rows, n]` each, of the parameters `theta` `[rows, p]`.
    pub(crate) fn moments(&self, theta: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
        let shape = (theta.nrows(), self.latents);
        let (mut mean, mut variance) = (Array2::zeros(shape), Array2::zeros(shape));
        for (row, theta) in theta.rows().into_iter().enumerate() {
            let theta = theta.to_vec();
            for i in 0..self.latents {
                (mean[[row, i]], variance[[row, i]]) =
                    self.family_of::<f64>(i).moments(&self.parameters_of(&theta, i));
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
                *z = F::of(self.family_of::<f64>(i).draw(&self.parameters_of(&theta, i), &mut rng));
            }
        }
    }

    /// T(z) of latents `[N, m]`, side by side, of a prior that depends on u; else the latents. Where the latents have different
    /// families, there must be as many.
    pub(crate) fn statistics<F: Scalar>(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        if !self.is_conditional() {
            return z.to_owned();
        }
        if let Some(part) = self.part::<F>() {
            return part.transformed(z);
        }
        if z.ncols() != self.latents {
            return z.to_owned();
        }
        let of_run = |run: &Run| run.family.part::<F>().transformed(columns(z, run.latents.clone()));
        let parts: Vec<Array2<F>> = self.runs.iter().map(of_run).collect();
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(1), &parts).unwrap_or_default()
    }

    /// The learned shape of every latent, for families that have one.
    pub(crate) fn shapes<F: Scalar>(&self, params: &[F]) -> Option<Vec<f64>> {
        let part = self.part::<f64>()?;
        let Some(Source::Free { slot, .. }) = self.theta.blocks.get(1).map(|b| &b.source) else {
            return None;
        };
        let conditional = part.conditional_parameters();
        let shape = |free: &F| {
            let theta: Vec<f64> = std::iter::repeat_n(0.0, conditional).chain([free.f64()]).collect();
            part.shape(&theta)
        };
        params[slot.range()].iter().map(shape).collect()
    }

    /// Start a prior that is a table at what the families make of `v` `[N, n]` within each level of u.
    pub(crate) fn start<F: Scalar>(&self, params: &mut [F], v: ArrayView2<'_, F>, u: Input<'_, F>) {
        let Some(levels) = u.levels else { return };
        for run in &self.runs {
            let Source::Table(slot) = &self.theta.blocks[run.blocks.start].source else { return };
            let (part, v) = (run.family.part::<f64>(), columns(v, run.latents.clone()));
            let mut table = slot.view_mut(params);
            for (i, v) in v.columns().into_iter().enumerate() {
                for (u, mean) in level_means(part, v, levels, slot.rows).iter().enumerate() {
                    for (c, start) in part.from_start_statistics(mean).into_iter().enumerate() {
                        table[[u, c * run.latents.len() + i]] = F::of(start);
                    }
                }
            }
        }
    }
}

/// Refuse as many families as there are no latents for.
fn check_families(families: &Families, n: usize) -> Result<(), SpecError> {
    match families.latents() {
        Some(given) if given != n => {
            Err(Conflict::PriorsForOtherLatents { priors: given, latents: n }.into())
        }
        _ => Ok(()),
    }
}
