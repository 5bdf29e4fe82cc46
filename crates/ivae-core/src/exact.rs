//! [`Exact`]: a bijective decoder with exact likelihood, the noiseless limit of the model.
//!
//! With V(ε) → 0 the model of Definition 1 (Khemakhem et al. 2020) becomes a change of variables: for g = f⁻¹,
//!
//! ```text
//! log p(x|u) = log p_{T,λ}(g(x)|u) + log|det ∂g/∂x|.
//! ```
//!
//! Nothing is approximated, and inference is g itself: it needs no u.
//!
//! A level of u with a few rows has a likelihood without bound: its variances go to 0. So where some have fewer than
//! [`FEW_ROWS`], every level is trained as if it had [`PSEUDO_ROWS`] rows more, drawn from all rows.

use ivae_expfam::GaussianForm;
use ivae_nn::{Flow, FlowSpec, FlowWorkspace, Layout, Scratch};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2};

use crate::block::{Block, BlockSpec, Theta, ThetaWorkspace};
use crate::error::SpecError;
use crate::estimator::{AuxRows, Batch, BatchBuffer, Estimator, Terms, spread_rows};
use crate::family::Family;
use crate::fitted::exact_latents;
use crate::slices::{columns, columns_mut, top, top_mut};
use crate::spec::PriorSpec;
use crate::start::{START_ROWS, set_table};
use crate::vae::{AuxShape, aux_input, check_prior};

/// A level with fewer rows than this gives its two moments poorly.
pub const FEW_ROWS: usize = 20;
/// Rows of the pooled distribution that every level is then taken to have beside its own.
pub const PSEUDO_ROWS: f64 = 2.0;

/// A bijective model: immutable; its parameters are a flat slice.
#[derive(Debug, Clone)]
pub struct Exact {
    /// Latents n, as many as x has (scaled) columns.
    pub latents: usize,
    /// Shape of u.
    pub aux: AuxShape,
    /// The bijection's class.
    pub class: FlowSpec,
    /// Distribution of the latents given u.
    pub family: Family,
    layout: Layout,
    flow: Flow,
    pub(crate) prior: Theta, // θ_p [B, p]
    pub(crate) prior_form: GaussianForm,
    /// What a row of each level weighs as a pseudo-row of it, κ / N_u `[M]`; empty where all levels have rows enough.
    shrinkage: Vec<f64>,
}

/// Scratch memory of an [`Exact`] step; all arrays are for the largest batch.
#[derive(Debug)]
pub struct ExactWorkspace<F> {
    /// Latents z = g(x), `[B, n]`.
    pub z: Array2<F>,
    /// log|det ∂g/∂x|, `[B]`.
    pub log_det: Vec<F>,
    /// log p(z|u), `[B]`.
    pub log_pz: Vec<F>,
    /// Prior parameters, `[B, p]`.
    pub theta_p: Array2<F>,
    d_z: Array2<F>,
    d_theta_p: Array2<F>,
    d_minus: Vec<F>,
    pooled: Array2<F>,   // latents of other rows, where there are pseudo-rows
    d_pooled: Array2<F>, // their gradient, which nothing follows
    d_theta_pooled: Array2<F>,
    flow: FlowWorkspace<F>,
    prior: ThetaWorkspace<F>,
    nets: Scratch<F>, // what networks of the prior work in
}

impl Exact {
    /// Lay out a model of x with `dim` columns, and as many latents.
    ///
    /// # Errors
    /// A prior that does not fit u.
    pub fn new(
        class: &FlowSpec,
        prior: &PriorSpec,
        family: Family,
        dim: usize,
        aux: AuxShape,
    ) -> Result<Self, SpecError> {
        check_prior(prior, aux)?;
        if family != Family::Gaussian && prior.form != GaussianForm::MeanVar {
            return Err(SpecError::Conflict("priors that are not Gaussian have both location and scale"));
        }
        let mut layout = Layout::new();
        let flow = Flow::new(&mut layout, "flow", class, dim);
        let u = aux.inputs();
        let mut blocks = vec![Block::new(&mut layout, "prior", u, &prior.parameters, prior.form.width(dim))];
        if family == Family::GeneralisedNormal {
            // From the Gaussian's shape on.
            let start = BlockSpec::Free(2f64.ln());
            blocks.push(Block::new(&mut layout, "prior.log_shape", u, &start, dim));
        }
        let prior_form = prior.form;
        Ok(Self {
            latents: dim,
            aux,
            class: class.clone(),
            family,
            layout,
            flow,
            prior: Theta { inputs: u, blocks },
            prior_form,
            shrinkage: Vec::new(),
        })
    }

    /// The same model, whose training shrinks the prior of every level towards the pooled distribution of the latents if
    /// a level of `u`, the rows that train, has fewer than [`FEW_ROWS`]: in every step each row weighs κ / N_u,
    /// κ = [`PSEUDO_ROWS`], as a row of another one's latents, so that over an epoch each level has κ rows of all.
    pub(crate) fn shrinking<F>(mut self, u: &AuxRows<'_, F>) -> Self {
        if let (AuxRows::Levels(rows), AuxShape::Levels(levels)) = (u, self.aux) {
            let mut counts = vec![0usize; levels];
            rows.iter().for_each(|&level| counts[level as usize] += 1);
            if counts.iter().any(|&count| (1..FEW_ROWS).contains(&count)) {
                self.shrinkage = counts.iter().map(|&count| PSEUDO_ROWS / count.max(1) as f64).collect();
            }
        }
        self
    }

    /// Learned shapes β of the generalised normal, `[n]`.
    pub(crate) fn shapes<F: Scalar>(&self, params: &[F]) -> Option<Vec<f64>> {
        let slot = self.layout.slot("prior.log_shape")?;
        Some(params[slot.range()].iter().map(|s| s.f64().exp()).collect())
    }

    /// Start a prior that is a table at the moments of g(x) within each level of u.
    fn start_prior<F: Scalar>(&self, params: &mut [F], data: Batch<'_, F>) {
        let rows = spread_rows(data.rows(), START_ROWS);
        let mut buffer = BatchBuffer::new(&data, rows.len());
        let data = buffer.gather(&data, &rows);
        let z = exact_latents(self, params, data.x);
        set_table(&self.prior, self.family, self.prior_form, params, z.view(), data.u);
    }

    /// Parameters with the bijection of `other`, a model of the same class, and the prior started at its latents.
    pub(crate) fn with_flow_of<F: Scalar>(&self, other: &Self, params: &[F], data: Batch<'_, F>) -> Vec<F> {
        let mut out = vec![F::zero(); self.layout.len()];
        // The bijection's parameters come first in both.
        let shared = |name: &str| name.starts_with("flow.");
        for group in self.layout.groups.iter().filter(|g| shared(&g.name)) {
            if let Some(slot) = other.layout.slot(&group.name) {
                out[group.slot.range()].copy_from_slice(&params[slot.range()]);
            }
        }
        self.prior.init(&mut out, &mut StreamKey::new(0, ivae_num::Purpose::Init).rng());
        self.start_prior(&mut out, data);
        out
    }

    /// Overwrite `ws.z` and `ws.log_det` with g(x) and its log-determinant.
    pub fn encode<F: Scalar>(&self, params: &[F], x: ArrayView2<'_, F>, ws: &mut ExactWorkspace<F>) {
        let b = x.nrows();
        self.flow.forward(top_mut(&mut ws.z, b), &mut ws.log_det[..b], params, x, &mut ws.flow);
    }

    /// x = f(z), `[B, n]`. Overwrites `x`.
    pub fn decode<F: Scalar>(
        &self,
        x: ndarray::ArrayViewMut2<'_, F>,
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut ExactWorkspace<F>,
    ) {
        self.flow.inverse(x, params, z, &mut ws.flow);
    }

    /// Overwrite `ws.theta_p` with the prior's parameters for `rows` rows of `u`.
    pub fn prior_parameters<F: Scalar>(
        &self,
        params: &[F],
        u: AuxRows<'_, F>,
        rows: usize,
        ws: &mut ExactWorkspace<F>,
    ) {
        let theta_p = top_mut(&mut ws.theta_p, rows);
        self.prior.forward(theta_p, params, aux_input(u), &mut ws.prior, &mut ws.nets);
    }

    /// The forward pass: fills z, log|det| and log p(z|u); returns the sums.
    pub fn forward<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut ExactWorkspace<F>) -> Terms {
        let b = batch.rows();
        self.encode(params, batch.x, ws);
        self.prior_parameters(params, batch.u, b, ws);
        self.family.log_prob(self.prior_form, &mut ws.log_pz[..b], top(&ws.theta_p, b), top(&ws.z, b));
        let sum = |v: &[F]| v[..b].iter().map(|v| v.f64()).sum::<f64>();
        let (log_px, kl) = (sum(&ws.log_det), -sum(&ws.log_pz));
        Terms { rows: b, objective: log_px - kl, log_px, kl }
    }
}

impl<F: Scalar> Estimator<F> for Exact {
    type Workspace = ExactWorkspace<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey) {
        let mut rng = key.rng();
        self.flow.init(params, &mut rng);
        self.prior.init(params, &mut rng);
        self.start_prior(params, data);
    }

    fn workspace(&self, batch: usize) -> ExactWorkspace<F> {
        let (n, p) = (self.latents, self.prior.width());
        let mut nets = Scratch::new();
        self.prior.reserve(&mut nets, batch);
        let pseudo = if self.shrinkage.is_empty() { 0 } else { batch };
        ExactWorkspace {
            z: Array2::zeros((batch, n)),
            log_det: vec![F::zero(); batch],
            log_pz: vec![F::zero(); batch],
            theta_p: Array2::zeros((batch, p)),
            d_z: Array2::zeros((batch, n)),
            d_theta_p: Array2::zeros((batch, p)),
            d_minus: vec![F::zero(); batch],
            pooled: Array2::zeros((pseudo, n)),
            d_pooled: Array2::zeros((pseudo, n)),
            d_theta_pooled: Array2::zeros((pseudo, p)),
            flow: self.flow.workspace(batch),
            prior: self.prior.workspace(batch),
            nets,
        }
    }

    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        _: StreamKey,
        ws: &mut ExactWorkspace<F>,
    ) -> Terms {
        let terms = self.forward(params, batch, ws);
        let b = batch.rows();
        ws.d_minus[..b].fill(-F::one() / F::of(b as f64));
        let (d_minus, theta_p, z) = (&ws.d_minus[..b], top(&ws.theta_p, b), top(&ws.z, b));
        let (mut d_z, mut d_p) = (top_mut(&mut ws.d_z, b), top_mut(&mut ws.d_theta_p, b));
        d_z.fill(F::zero());
        d_p.fill(F::zero());
        let form = self.prior_form;
        self.family.log_prob_backward(form, d_p.view_mut(), d_z.view_mut(), theta_p, z, d_minus);
        self.flow.backward(grad, None, params, d_z.view(), d_minus, &mut ws.flow);
        if let (false, AuxRows::Levels(levels)) = (self.shrinkage.is_empty(), &batch.u) {
            let mut pooled = top_mut(&mut ws.pooled, b);
            // Batches are shuffled: half a batch on stands any row.
            for (row, mut to) in pooled.rows_mut().into_iter().enumerate() {
                to.assign(&z.row((row + b / 2) % b));
            }
            let weight = |&level: &u32| F::of(-self.shrinkage[level as usize] / b as f64);
            ws.d_minus.iter_mut().zip(*levels).for_each(|(w, level)| *w = weight(level));
            let (weights, pooled) = (&ws.d_minus[..b], top(&ws.pooled, b));
            let (mut own, nowhere) = (top_mut(&mut ws.d_theta_pooled, b), top_mut(&mut ws.d_pooled, b));
            own.fill(F::zero());
            self.family.log_prob_backward(form, own.view_mut(), nowhere, theta_p, pooled, weights);
            // The table learns of them, but not the shape of the family: the pooled distribution has another.
            let table = 0..form.width(self.latents);
            let mut to = columns_mut(&mut d_p, table.clone());
            to += &columns(own.view(), table);
        }
        self.prior.backward(grad, None, params, aux_input(batch.u), d_p.view(), &mut ws.prior, &mut ws.nets);
        terms
    }

    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, _: StreamKey, ws: &mut ExactWorkspace<F>) -> Terms {
        self.forward(params, batch, ws)
    }

    fn project(&self, _: &mut [F]) {}
}

#[cfg(test)]
mod tests {
    use ivae_nn::SquareSpec;
    use ivae_num::{Purpose, gradcheck, stream};

    use super::*;
    use crate::defaults::DecoderKind;
    use crate::spec::FitSpec;

    /// What shrinkage adds to the gradient is that of −Σ_b κ/N_u log p(z_other | u_b) / B by the table alone.
    #[test]
    fn pseudo_rows_teach_the_table_alone() {
        let levels = [0, 1, 1, 0, 2, 1, 0, 0];
        let batch = |x| Batch { x, u: AuxRows::Levels(&levels) };
        let mut x = Array2::<f64>::zeros((8, 2));
        stream::fill_normal(x.as_slice_mut().unwrap_or_default(), 2, StreamKey::new(1, Purpose::Generate));
        let flow = FlowSpec::Square(SquareSpec { layers: 1, ..SquareSpec::default() });
        let prior = FitSpec::bijective(2, 2, DecoderKind::Square).vae.prior;
        let plain =
            Exact::new(&flow, &prior, Family::GeneralisedNormal, 2, AuxShape::Levels(3)).expect("right");
        let shrinking = plain.clone().shrinking(&AuxRows::<f64>::Levels(&levels));
        assert_eq!(shrinking.shrinkage, [0.5, 2.0 / 3.0, 2.0]);
        let many = levels.repeat(20);
        assert!(plain.clone().shrinking(&AuxRows::<f64>::Levels(&many)).shrinkage.is_empty());

        let key = StreamKey::new(3, Purpose::Init);
        let mut params = vec![0.0; plain.layout.len()];
        plain.init(&mut params, batch(x.view()), key);
        let gradient = |net: &Exact| {
            let (mut grad, mut ws) = (vec![f64::NAN; params.len()], Estimator::<f64>::workspace(net, 8));
            net.step(&mut grad, &params, batch(x.view()), key, &mut ws);
            grad
        };
        let added: Vec<f64> = gradient(&shrinking).iter().zip(gradient(&plain)).map(|(a, b)| a - b).collect();
        let table = plain.layout.slot("prior").expect("a table").range();
        assert!(added.iter().enumerate().all(|(i, v)| table.contains(&i) || v.abs() < 1e-15));

        let z = exact_latents(&plain, &params, x.view());
        let mut ws = Estimator::<f64>::workspace(&plain, 8);
        gradcheck::check(&params[table.clone()], &added[table.clone()], |entries| {
            let mut params = params.clone();
            params[table.clone()].copy_from_slice(entries);
            plain.prior_parameters(&params, AuxRows::Levels(&levels), 8, &mut ws);
            let other = Array2::from_shape_fn((8, 2), |(b, i)| z[[(b + 4) % 8, i]]);
            let mut log_p = [0.0; 8];
            plain.family.log_prob(plain.prior_form, &mut log_p, ws.theta_p.view(), other.view());
            levels.iter().zip(log_p).map(|(&u, l)| -shrinking.shrinkage[u as usize] * l / 8.0).sum()
        })
        .assert_below(1e-7);
    }
}
