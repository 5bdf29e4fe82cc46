//! [`Exact`]: a bijective decoder with exact likelihood, the noiseless limit of the model.
//!
//! With V(ε) → 0 the model of Definition 1 (Khemakhem et al. 2020) becomes a change of variables: for g = f⁻¹,
//!
//! ```text
//! log p(x|u) = log p_{T,λ}(g(x)|u) + log|det ∂g/∂x|.
//! ```
//!
//! Nothing is approximated, and inference is g itself: it needs no u.

use ivae_expfam::GaussianForm;
use ivae_nn::{Flow, FlowSpec, FlowWorkspace, Layout};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2};

use crate::block::{Block, BlockSpec, Theta, ThetaWorkspace};
use crate::error::SpecError;
use crate::estimator::{AuxRows, Batch, BatchBuffer, Estimator, Terms, spread_rows};
use crate::family::Family;
use crate::fitted::exact_latents;
use crate::slices::{top, top_mut};
use crate::spec::PriorSpec;
use crate::start::{START_ROWS, set_table};
use crate::vae::{AuxShape, aux_input, check_prior};

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
    flow: FlowWorkspace<F>,
    prior: ThetaWorkspace<F>,
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
        })
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
        self.prior.forward(top_mut(&mut ws.theta_p, rows), params, aux_input(u), &mut ws.prior);
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
        ExactWorkspace {
            z: Array2::zeros((batch, n)),
            log_det: vec![F::zero(); batch],
            log_pz: vec![F::zero(); batch],
            theta_p: Array2::zeros((batch, p)),
            d_z: Array2::zeros((batch, n)),
            d_theta_p: Array2::zeros((batch, p)),
            d_minus: vec![F::zero(); batch],
            flow: self.flow.workspace(batch),
            prior: self.prior.workspace(batch),
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
        self.prior.backward(grad, None, params, aux_input(batch.u), d_p.view(), &mut ws.prior);
        self.flow.backward(grad, None, params, d_z.view(), d_minus, &mut ws.flow);
        terms
    }

    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, _: StreamKey, ws: &mut ExactWorkspace<F>) -> Terms {
        self.forward(params, batch, ws)
    }

    fn project(&self, _: &mut [F]) {}
}
