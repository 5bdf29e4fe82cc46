//! [`FlowModel`]: a bijective decoder with exact likelihood, the noiseless limit of the model.
//!
//! With V(ε) → 0 the model of Definition 1 (Khemakhem et al. 2020) becomes a change of variables: for g = f⁻¹,
//!
//! ```text
//! log p(x|u) = log p_{T,λ}(g(x)|u) + log|det ∂g/∂x|.
//! ```
//!
//! Nothing is approximated, and inference is g itself: it needs no u.
//!
//! A level of u with a few rows has unbounded likelihood, because its variances can shrink to 0. So where some have fewer
//! than [`FEW_ROWS`], every level is trained as if it had [`PSEUDO_ROWS`] rows more, drawn from all rows.

use ivae_nn::{Flow, FlowSpec, FlowWorkspace, Input, Inputs, Layout, Scratch};
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::batch::{Batch, BatchBuffer, CHUNK, START_ROWS, spread_rows};
use crate::error::SpecError;
use crate::objective::Sums;
use crate::prior::{FEW_ROWS, Families, PSEUDO_ROWS, Prior, PriorWorkspace};
use crate::search::{Latents, match_families};
use crate::theta::ThetaSpec;
use crate::train::Estimator;
use ivae_num::slices::{columns, columns_mut, rows, rows_mut, top, top_mut};

/// Rows that inference works on at a time, since many layers of a flow keep something of each row.
const FLOW_CHUNK: usize = 256;

/// A bijective model: immutable; its parameters are a flat slice.
#[derive(Debug, Clone)]
pub struct FlowModel {
    /// Latents n, as many as x has (scaled) columns.
    pub latents: usize,
    /// The bijection's class.
    pub class: FlowSpec,
    /// p(z|u).
    pub prior: Prior,
    layout: Layout,
    flow: Flow,
    /// What a row of each level weighs as a pseudo-row of it, κ / N_u `[M]`; empty where all levels have rows enough.
    shrinkage: Vec<f64>,
}

/// Scratch memory of a [`FlowModel`] step; all arrays are for the largest batch.
#[derive(Debug)]
pub struct FlowModelWorkspace<F> {
    /// Latents z = g(x), `[B, n]`.
    pub z: Array2<F>,
    /// log|det ∂g/∂x|, `[B]`.
    pub log_det: Vec<F>,
    /// log p(z|u), `[B]`.
    pub log_pz: Vec<F>,
    /// Of p(z|u).
    pub p: PriorWorkspace<F>,
    d_z: Array2<F>,
    d_log_prob: Vec<F>,
    pooled: Array2<F>,   // latents of other rows, where there are pseudo-rows
    d_pooled: Array2<F>, // their gradient, which nothing follows
    d_theta_pooled: Array2<F>,
    flow: FlowWorkspace<F>,
    nets: Scratch<F>, // what networks of the prior work in
}

impl FlowModel {
    /// Lay out a model of x with `dim` columns, and as many latents, given u of shape `u`.
    ///
    /// # Errors
    /// A prior that does not fit u.
    pub fn new(
        class: &FlowSpec,
        families: &Families,
        parameters: &ThetaSpec,
        dim: usize,
        u: Inputs,
    ) -> Result<Self, SpecError> {
        let mut layout = Layout::new();
        let flow = Flow::new(&mut layout, "flow", class, dim, !families.absorbs_affine());
        let prior = Prior::new(&mut layout, families, parameters, dim, u)?;
        Ok(Self { latents: dim, class: class.clone(), prior, layout, flow, shrinkage: Vec::new() })
    }

    /// The same model, whose training shrinks the prior of every level towards the pooled distribution of the latents if
    /// a level of `u`, the rows that train, has fewer than [`FEW_ROWS`]: in every step each row weighs κ / N_u,
    /// κ = [`PSEUDO_ROWS`], as a row of another one's latents, so that over an epoch each level has κ rows of all.
    pub(crate) fn shrinking<F>(mut self, u: Input<'_, F>) -> Self {
        if let (Some(rows), Inputs { dense: 0, levels }) = (u.levels, self.prior.inputs()) {
            let mut counts = vec![0usize; levels];
            rows.iter().for_each(|&level| counts[level as usize] += 1);
            if counts.iter().any(|&count| (1..FEW_ROWS).contains(&count)) {
                self.shrinkage = counts.iter().map(|&count| PSEUDO_ROWS / count.max(1) as f64).collect();
            }
        }
        self
    }

    /// Start a prior that is a table at the moments of g(x) within each level of u.
    fn start_prior<F: Scalar>(&self, params: &mut [F], data: Batch<'_, F>) {
        let rows = spread_rows(data.rows(), START_ROWS);
        let mut buffer = BatchBuffer::new(&data, rows.len());
        let data = buffer.gather(&data, &rows);
        let z = self.latents_of(params, data.x);
        self.prior.start(params, z.view(), data.u);
    }

    /// Parameters with the bijection of `other`, a model of the same class, its latents brought to where the families of
    /// this prior fit them best, and the prior started there.
    pub(crate) fn with_flow_of<F: Scalar>(&self, other: &Self, params: &[F], data: Batch<'_, F>) -> Vec<F> {
        let mut out = vec![F::zero(); self.layout.len()];
        for group in self.layout.groups.iter().filter(|g| g.name.starts_with("flow.")) {
            if let Some(slot) = other.layout.slot(&group.name) {
                out[group.slot.range()].copy_from_slice(&params[slot.range()]);
            }
        }
        if !self.prior.families.absorbs_affine() {
            self.place(&mut out, data.reborrow());
        }
        self.prior.init(&mut out, &mut StreamKey::new(0, Purpose::Init).rng());
        self.start_prior(&mut out, data);
        out
    }

    /// Bring the latents of `data` to where the families of the prior fit them best.
    fn place<F: Scalar>(&self, params: &mut [F], data: Batch<'_, F>) {
        let rows = spread_rows(data.rows(), START_ROWS);
        let mut buffer = BatchBuffer::new(&data, rows.len());
        let rows = buffer.gather(&data, &rows);
        let z = self.latents_of(params, rows.x);
        let found = Latents { z: z.view(), levels: rows.u.levels.unwrap_or(&[]) };
        let (order, placed) = match_families(&self.prior.families, found);
        let (scale, shift): (Vec<f64>, Vec<f64>) = placed.iter().map(|p| (p.scale, p.shift)).unzip();
        self.flow.then_affine(params, &order, &scale, &shift);
    }

    /// Overwrite `ws.z` and `ws.log_det` with g(x) and its log-determinant.
    pub fn encode<F: Scalar>(&self, params: &[F], x: ArrayView2<'_, F>, ws: &mut FlowModelWorkspace<F>) {
        let b = x.nrows();
        self.flow.forward(top_mut(&mut ws.z, b), &mut ws.log_det[..b], params, x, &mut ws.flow);
    }

    /// x = f(z), `[B, n]`. Overwrites `x`.
    pub fn decode<F: Scalar>(
        &self,
        x: ArrayViewMut2<'_, F>,
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut FlowModelWorkspace<F>,
    ) {
        self.flow.inverse(x, params, z, &mut ws.flow);
    }

    /// g(x) `[N, n]` of any number of rows.
    pub(crate) fn latents_of<F: Scalar>(&self, params: &[F], x: ArrayView2<'_, F>) -> Array2<F> {
        let mut z = Array2::zeros(x.dim());
        let mut ws = Estimator::<F>::workspace(self, FLOW_CHUNK.min(x.nrows().max(1)));
        for (start, part) in Batch::of_x(x).parts(FLOW_CHUNK) {
            self.encode(params, part.x, &mut ws);
            rows_mut(&mut z, start..start + part.rows()).assign(&top(&ws.z, part.rows()));
        }
        z
    }

    /// f(z) `[N, n]` of any number of rows.
    pub(crate) fn mixture_of<F: Scalar>(&self, params: &[F], z: ArrayView2<'_, F>) -> Array2<F> {
        let mut x = Array2::zeros(z.dim());
        let mut ws = Estimator::<F>::workspace(self, CHUNK.min(z.nrows().max(1)));
        for start in (0..z.nrows()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(z.nrows());
            self.decode(rows_mut(&mut x, range.clone()), params, rows(z, range), &mut ws);
        }
        x
    }

    /// The sums over any number of rows; `each` sees the parts of `batch`, with the row a part starts at, and what was
    /// computed of it.
    pub(crate) fn evaluate_parts<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        mut each: impl FnMut(usize, usize, &FlowModelWorkspace<F>),
    ) -> Sums {
        let mut ws = Estimator::<F>::workspace(self, FLOW_CHUNK.min(batch.rows().max(1)));
        let mut sums = Sums::default();
        for (start, part) in batch.parts(FLOW_CHUNK) {
            let rows = part.rows();
            sums += self.forward(params, part, &mut ws);
            each(start, rows, &ws);
        }
        sums
    }

    /// The forward pass: fills z, log|det| and log p(z|u); returns the sums.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut FlowModelWorkspace<F>,
    ) -> Sums {
        let b = batch.rows();
        self.encode(params, batch.x, ws);
        self.prior.forward(params, batch.u, b, &mut ws.p, &mut ws.nets);
        self.prior.log_prob(&mut ws.log_pz[..b], top(&ws.z, b), &mut ws.p);
        let sum = |v: &[F]| v[..b].iter().map(|v| v.f64()).sum::<f64>();
        let (log_px, kl) = (sum(&ws.log_det), -sum(&ws.log_pz));
        Sums { rows: b, objective: log_px - kl, log_px, kl }
    }
}

impl<F: Scalar> Estimator<F> for FlowModel {
    type Workspace = FlowModelWorkspace<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey) {
        let mut rng = key.rng();
        self.flow.init(params, &mut rng);
        if !self.prior.is_real() {
            self.place(params, data.reborrow());
        }
        self.prior.init(params, &mut rng);
        self.start_prior(params, data);
    }

    fn workspace(&self, batch: usize) -> FlowModelWorkspace<F> {
        let (n, p) = (self.latents, self.prior.width());
        let mut nets = Scratch::new();
        let pseudo = if self.shrinkage.is_empty() { 0 } else { batch };
        FlowModelWorkspace {
            z: Array2::zeros((batch, n)),
            log_det: vec![F::zero(); batch],
            log_pz: vec![F::zero(); batch],
            p: self.prior.workspace(&mut nets, batch),
            d_z: Array2::zeros((batch, n)),
            d_log_prob: vec![F::zero(); batch],
            pooled: Array2::zeros((pseudo, n)),
            d_pooled: Array2::zeros((pseudo, n)),
            d_theta_pooled: Array2::zeros((pseudo, p)),
            flow: self.flow.workspace(batch),
            nets,
        }
    }

    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        _: StreamKey,
        ws: &mut FlowModelWorkspace<F>,
    ) -> Sums {
        let sums = self.forward(params, batch, ws);
        let b = batch.rows();
        ws.d_log_prob[..b].fill(-F::one() / F::of(b as f64));
        let (d_log_prob, theta_p, z) = (&ws.d_log_prob[..b], top(&ws.p.theta, b), top(&ws.z, b));
        let (mut d_z, mut d_p) = (top_mut(&mut ws.d_z, b), top_mut(&mut ws.p.d_theta, b));
        d_z.fill(F::zero());
        d_p.fill(F::zero());
        self.prior.log_prob_backward(d_p.view_mut(), d_z.view_mut(), theta_p, z, d_log_prob);
        self.flow.backward_overwrite(grad, None, params, d_z.view(), d_log_prob, &mut ws.flow);
        if let (false, Some(levels)) = (self.shrinkage.is_empty(), batch.u.levels) {
            let mut pooled = top_mut(&mut ws.pooled, b);
            // Batches are shuffled: half a batch on stands any row.
            for (row, mut to) in pooled.rows_mut().into_iter().enumerate() {
                to.assign(&z.row((row + b / 2) % b));
            }
            let weight = |&level: &u32| F::of(-self.shrinkage[level as usize] / b as f64);
            ws.d_log_prob.iter_mut().zip(levels).for_each(|(w, level)| *w = weight(level));
            let (weights, pooled) = (&ws.d_log_prob[..b], top(&ws.pooled, b));
            let (mut d_pseudo, nowhere) = (top_mut(&mut ws.d_theta_pooled, b), top_mut(&mut ws.d_pooled, b));
            d_pseudo.fill(F::zero());
            self.prior.log_prob_backward(d_pseudo.view_mut(), nowhere, theta_p, pooled, weights);
            // They teach the table, but not the shape of the family: the pooled distribution has another.
            for table in self.prior.conditional_columns() {
                let mut to = columns_mut(&mut d_p, table.clone());
                to += &columns(d_pseudo.view(), table);
            }
        }
        self.prior.backward_overwrite(grad, params, batch.u, b, &mut ws.p, &mut ws.nets);
        sums
    }

    fn evaluate(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        _: StreamKey,
        ws: &mut FlowModelWorkspace<F>,
    ) -> Sums {
        self.forward(params, batch, ws)
    }

    fn project(&self, _: &mut [F]) {}
}

#[cfg(test)]
mod tests {
    use ivae_nn::SquareSpec;
    use ivae_num::{gradcheck, stream};

    use super::*;

    /// What shrinkage adds to the gradient is that of −Σ_b κ/N_u log p(z_other | u_b) / B by the table alone.
    #[test]
    fn pseudo_rows_teach_the_table_alone() {
        let levels = [0, 1, 1, 0, 2, 1, 0, 0];
        let batch = |x| Batch { x, u: Input::levels(&levels) };
        let mut x = Array2::<f64>::zeros((8, 2));
        stream::fill_normal(x.as_slice_mut().unwrap_or_default(), 2, StreamKey::new(1, Purpose::Generate));
        let flow = FlowSpec::Square(SquareSpec { layers: 1, ..SquareSpec::default() });
        let u = Inputs { dense: 0, levels: 3 };
        let plain =
            FlowModel::new(&flow, &crate::prior::Family::GeneralisedNormal.into(), &ThetaSpec::Table, 2, u)
                .expect("a right spec");
        let shrinking = plain.clone().shrinking(Input::<f64>::levels(&levels));
        assert_eq!(shrinking.shrinkage, [0.5, 2.0 / 3.0, 2.0]);
        let many = levels.repeat(20);
        assert!(plain.clone().shrinking(Input::<f64>::levels(&many)).shrinkage.is_empty());

        let key = StreamKey::new(3, Purpose::Init);
        let mut params = vec![0.0; plain.layout.len()];
        plain.init(&mut params, batch(x.view()), key);
        let gradient = |net: &FlowModel| {
            let (mut grad, mut ws) = (vec![0.0; params.len()], Estimator::<f64>::workspace(net, 8));
            net.step(&mut grad, &params, batch(x.view()), key, &mut ws);
            grad
        };
        let added: Vec<f64> = gradient(&shrinking).iter().zip(gradient(&plain)).map(|(a, b)| a - b).collect();
        let table = plain.layout.slot("prior").expect("a table").range();
        assert!(added.iter().enumerate().all(|(i, v)| table.contains(&i) || v.abs() < 1e-15));

        let z = plain.latents_of(&params, x.view());
        gradcheck::check(&params[table.clone()], &added[table.clone()], |entries| {
            let mut params = params.clone();
            params[table.clone()].copy_from_slice(entries);
            let theta = plain.prior.table(&params, Input::levels(&levels), 8);
            let other = Array2::from_shape_fn((8, 2), |(b, i)| z[[(b + 4) % 8, i]]);
            let mut log_p = [0.0; 8];
            plain.prior.part::<f64>().unwrap().log_prob(&mut log_p, theta.view(), other.view());
            levels.iter().zip(log_p).map(|(&u, l)| -shrinking.shrinkage[u as usize] * l / 8.0).sum()
        })
        .assert_below(1e-7);
    }
}
