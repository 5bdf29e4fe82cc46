//! Settings to start from: the defaults of each model for given data, and the original architecture.

use ivae_data::Dataset;
use ivae_nn::{Activation, MlpSpec};
use ivae_num::Scalar;

use super::fit_spec::{FitSpec, SplitSpec};
use crate::likelihood::LikelihoodFamily;
use crate::model::flow::FlowClasses;
use crate::model::vae::VaeSpec;
use crate::model::{DecoderKind, ModelKind, ModelSpec};
use crate::theta::ThetaSpec;

/// Small data are passed over more often, so that a restart takes at least so many steps by default (a start in a search
/// a third, its refinement half).
pub const LEAST_STEPS: usize = 3000;

/// Of larger data an epoch is a part of a pass over them, so that the steps of a fit stop growing: fewer rows lose sources,
/// more only take longer.
pub const MOST_EPOCH_ROWS: usize = 150_000;

/// The prior network for a u with continuous columns.
fn prior_network() -> ThetaSpec {
    ThetaSpec::Net(MlpSpec { hidden: vec![32, 32], activation: Activation::Silu, skip: true })
}

impl FitSpec {
    /// The default variational model with a prior by level of u; see [`VaeSpec::ivae`].
    pub fn ivae(latents: usize) -> Self {
        Self::new(latents, VaeSpec::ivae())
    }

    /// The architecture of the original implementation, nothing held out; see [`VaeSpec::reference`].
    pub fn reference(latents: usize, hidden: usize, batch: usize) -> Self {
        let split = SplitSpec { held_out: 0.0, block: None };
        Self { split, ..Self::new(latents, VaeSpec::reference(hidden, batch)) }
    }

    /// The identifiable model for `data`, of the class that suits them: [`for_data`](Self::for_data).
    pub fn auto<F: Scalar>(latents: usize, data: &Dataset<F>) -> Self {
        Self::for_data(&ModelKind::Ivae, None, latents, data)
    }

    /// The defaults of `model` for `data`; without a `decoder`, the class that suits them: a flow with exact likelihood
    /// where there are as many latents as columns or fewer and there is a u, else a perceptron.
    ///
    /// Where every value of x is 0 or 1, the likelihood is Bernoulli, and where x is of counts ([`are_counts`](crate::likelihood::are_counts)), Poisson
    /// ([`VaeSpec::set_likelihood`]).
    ///
    /// A u of levels alone gets a prior table, one with continuous columns a network; epochs are enough for
    /// [`LEAST_STEPS`] steps, and of no more than [`MOST_EPOCH_ROWS`] rows.
    pub fn for_data<F: Scalar>(
        model: &ModelKind,
        decoder: Option<DecoderKind>,
        latents: usize,
        data: &Dataset<F>,
    ) -> Self {
        let of_discrete = LikelihoodFamily::of_discrete(data.x.view());
        let suits_flow = of_discrete.is_none() && latents <= data.observed() && !data.u.is_none();
        let suited = if suits_flow { DecoderKind::Flow(FlowClasses::All) } else { DecoderKind::Mlp };
        let mut spec = Self::new(latents, model.spec(decoder.unwrap_or(suited), latents, data.observed()));
        let training_rows = (data.rows() as f64 * (1.0 - spec.split.held_out)) as usize;
        let least = |batch: usize| LEAST_STEPS.div_ceil((training_rows / batch).max(1));
        if let Some(step) = spec.model.step_mut().filter(|_| training_rows > MOST_EPOCH_ROWS) {
            step.epoch_rows = Some(MOST_EPOCH_ROWS);
        }
        match &mut spec.model {
            ModelSpec::Vae(vae) => {
                if let Some(likelihood) = of_discrete {
                    vae.set_likelihood(likelihood);
                }
                vae.training.epochs = vae.training.epochs.max(least(vae.training.step.batch));
                if *model == ModelKind::Ivae && data.u.values.is_some() {
                    vae.prior.parameters = prior_network();
                }
            }
            ModelSpec::Flow(flow) => {
                let least = least(flow.step.batch);
                flow.classes.iter_mut().for_each(|c| c.epochs = c.epochs.max(least / 3));
                flow.refine_epochs = flow.refine_epochs.max(least / 2);
                flow.bottleneck.epochs = flow.bottleneck.epochs.max(least);
                if data.u.values.is_some() {
                    flow.prior_parameters = prior_network();
                }
            }
            _ => {}
        }
        spec
    }
}
