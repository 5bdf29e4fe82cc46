//! Settings to start from: the defaults of each model, and the original architecture.

use ivae_data::{Aux, Dataset};
use ivae_expfam::GaussianForm;
use ivae_nn::{
    Activation, CouplingSpec, FlowSpec, MlpSpec, OptimiserSpec, ScheduleSpec, SquareSpec, UnitSpec,
};
use ivae_num::Scalar;

use crate::block::BlockSpec;
use crate::spec::{
    BijectiveSpec, ClassSpec, CodeKind, CodeSpec, DecoderSpec, FitSpec, KlTerm, LikelihoodFamily,
    LikelihoodSpec, ModelKind, PosteriorSpec, PriorSpec, Scaling, Start, TrainSpec, VaeSpec, VarianceSpec,
};

/// Small data are passed over more often, so that a restart takes at least so many steps by default (a start in a race a
/// third, its polish half).
pub const LEAST_STEPS: usize = 3000;

/// The first value of x that is neither 0 nor 1, with its row and column.
pub(crate) fn not_binary<F: Scalar>(data: &Dataset<F>) -> Option<((usize, usize), f64)> {
    let other = |(_, v): &((usize, usize), &F)| **v != F::zero() && **v != F::one();
    data.x.indexed_iter().find(other).map(|(at, v)| (at, v.f64()))
}

/// Names a class of decoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecoderKind {
    /// [`DecoderSpec::Mlp`].
    Mlp,
    /// [`FlowSpec::Square`] alone, with tanh or spline units.
    Square,
    /// [`FlowSpec::Coupling`] alone.
    Coupling,
    /// A race of all bijective classes.
    Bijective,
}

/// A code of no more columns than this is found as well, and in half the time, by narrower networks.
const FEW_COLUMNS: usize = 8;

impl FitSpec {
    /// The default variational model: linear maps plus SiLU networks, a per-segment table for the prior, learned
    /// noise, a Gaussian posterior of full covariance, closed-form KL, the true ELBO.
    ///
    /// The variance floor, 1 % of each whitened direction (more where x has more directions than latents), keeps
    /// noiseless data from driving the likelihood to infinity. Held-out ELBO cannot choose it: without noise a lower
    /// floor is always likelier.
    pub fn ivae(latents: usize) -> Self {
        let net = MlpSpec { hidden: vec![128, 128, 128], activation: Activation::Silu, skip: true };
        Self {
            model: ModelKind::Ivae,
            latents,
            lags: None,
            scaling: Scaling::Whiten,
            decoder: DecoderSpec::Mlp,
            vae: VaeSpec {
                prior: PriorSpec { form: GaussianForm::MeanVar, parameters: BlockSpec::Table },
                posterior: PosteriorSpec {
                    net: net.clone(),
                    shared_trunk: true,
                    sees_u: false,
                    product: false,
                    correlated: true,
                },
                likelihood: LikelihoodSpec {
                    net,
                    family: LikelihoodFamily::Gaussian(VarianceSpec::PerDimension {
                        start: 0.3,
                        floor: 0.01,
                    }),
                },
                kl: KlTerm::Closed,
                start: Start::Ajd,
            },
            training: TrainSpec {
                epochs: 90,
                batch: 256,
                optimiser: OptimiserSpec::default(),
                learning_rate: 6e-3,
                schedule: ScheduleSpec::Cosine { warmup: 0.05 },
                clip_norm: Some(10.0),
                patience: None,
                time_budget: None,
                held_out: 0.1,
                held_out_block: None,
                restarts: 2,
            },
            seed: 0,
        }
    }

    /// A bijective decoder with exact likelihood, of x or, where it has more columns than there are latents, of a code
    /// of x: the classes of `kind` raced by held-out likelihood.
    pub fn bijective(latents: usize, observed: usize, kind: DecoderKind) -> Self {
        let mut spec = Self::ivae(latents);
        let tanh = ClassSpec {
            restarts: 8,
            epochs: 40,
            learning_rate: 0.02,
            flow: FlowSpec::Square(SquareSpec {
                layers: 3,
                units: UnitSpec::Tanh { slope: 0.3 },
                scale: 0.6,
            }),
        };
        let spline = ClassSpec {
            restarts: 4,
            epochs: 20,
            learning_rate: 0.02,
            flow: FlowSpec::Square(SquareSpec {
                layers: 10,
                units: UnitSpec::Spline { bins: 8, bound: 4.0 },
                scale: 1.0,
            }),
        };
        let coupling = ClassSpec {
            restarts: 2,
            epochs: 10,
            learning_rate: 0.01,
            flow: FlowSpec::Coupling(CouplingSpec::default()),
        };
        let classes = match kind {
            DecoderKind::Square => vec![tanh, spline],
            DecoderKind::Coupling => vec![ClassSpec { restarts: 4, epochs: 40, ..coupling }],
            DecoderKind::Bijective | DecoderKind::Mlp => vec![tanh, spline, coupling],
        };
        if observed > latents {
            // A column enlarged to the size of the others pulls the code over itself: seen as cuts in it.
            spec.scaling = Scaling::Together;
        }
        spec.decoder = DecoderSpec::Bijective(BijectiveSpec {
            family: None,
            finalists: 2,
            polish_epochs: 60,
            classes,
            code: CodeSpec {
                kind: CodeKind::Auto,
                net: MlpSpec {
                    hidden: vec![if observed <= FEW_COLUMNS { 64 } else { 128 }; 3],
                    activation: Activation::Silu,
                    skip: true,
                },
                epochs: 120,
                learning_rate: 4e-3,
            },
        });
        spec
    }

    /// The same networks with a standard normal prior: the baseline that is not identifiable.
    pub fn vae(latents: usize) -> Self {
        let mut spec = Self::ivae(latents);
        spec.model = ModelKind::Vae;
        spec.vae.start = Start::Pca;
        spec.vae.prior = PriorSpec { form: GaussianForm::Mean, parameters: BlockSpec::Fixed(0.0) };
        spec
    }

    /// For x of 0 and 1: Bernoulli likelihood with a linear decoder to its logits, x as it is, a product posterior
    /// (x says little of each latent), a high learning rate.
    pub fn set_bernoulli(&mut self) {
        self.decoder = DecoderSpec::Mlp;
        self.scaling = Scaling::None;
        self.vae.likelihood.family = LikelihoodFamily::Bernoulli;
        self.vae.posterior.product = true;
        self.vae.posterior.net.hidden = vec![64];
        self.vae.likelihood.net.hidden = vec![];
        self.training.learning_rate = 0.02;
        self.training.epochs = 60;
        self.training.restarts = 2;
    }

    /// The identifiable model for `data`, of the class that suits them: [`for_data`](Self::for_data).
    pub fn auto<F: Scalar>(latents: usize, data: &Dataset<F>) -> Self {
        Self::for_data(ModelKind::Ivae, None, latents, data)
    }

    /// The defaults of `model` for `data`; without a `decoder`, the class that suits them: bijective with exact
    /// likelihood where there are as many latents as columns and u is categorical, else a perceptron.
    ///
    /// Where every value of x is 0 or 1, the likelihood is Bernoulli ([`set_bernoulli`](Self::set_bernoulli)).
    ///
    /// A categorical u gets a prior table, a continuous one a network; epochs are enough for [`LEAST_STEPS`] steps.
    pub fn for_data<F: Scalar>(
        model: ModelKind,
        decoder: Option<DecoderKind>,
        latents: usize,
        data: &Dataset<F>,
    ) -> Self {
        let binary = not_binary(data).is_none();
        let bijective = !binary && latents <= data.observed() && data.u.levels().is_some();
        let mut spec = match (model, decoder) {
            (ModelKind::Ivae, Some(DecoderKind::Mlp)) => Self::ivae(latents),
            (ModelKind::Ivae, Some(kind)) => Self::bijective(latents, data.observed(), kind),
            (ModelKind::Ivae, None) if bijective => {
                Self::bijective(latents, data.observed(), DecoderKind::Bijective)
            }
            (ModelKind::Ivae, None) => Self::ivae(latents),
            (ModelKind::Vae, _) => Self::vae(latents),
            (linear, _) => Self::linear(linear, latents),
        };
        if binary && spec.decoder == DecoderSpec::Mlp {
            spec.set_bernoulli();
        }
        let t = &mut spec.training;
        let training_rows = (data.rows() as f64 * (1.0 - t.held_out)) as usize;
        let least = LEAST_STEPS.div_ceil((training_rows / t.batch).max(1));
        t.epochs = t.epochs.max(least);
        if let DecoderSpec::Bijective(b) = &mut spec.decoder {
            b.classes.iter_mut().for_each(|c| c.epochs = c.epochs.max(least / 3));
            b.polish_epochs = b.polish_epochs.max(least / 2);
            b.code.epochs = b.code.epochs.max(least);
        }
        if let (ModelKind::Ivae, Aux::Continuous { .. }) = (model, &data.u) {
            let net = MlpSpec { hidden: vec![32, 32], activation: Activation::Silu, skip: true };
            spec.vae.prior.parameters = BlockSpec::Net(net);
        }
        spec
    }

    /// A linear baseline.
    pub fn linear(model: ModelKind, latents: usize) -> Self {
        Self { model, ..Self::ivae(latents) }
    }

    /// The architecture of the original implementation, for comparisons of speed on equal work: networks of three
    /// layers with `hidden` xtanh units, u into encoder and prior, noise variance 0.01, sampled KL, batch 64, Adam
    /// at 0.01, nothing scaled, one start, nothing held out.
    pub fn reference(latents: usize, hidden: usize, batch: usize) -> Self {
        let net = MlpSpec {
            hidden: vec![hidden, hidden],
            activation: Activation::Xtanh { slope: 0.1 },
            skip: false,
        };
        Self {
            model: ModelKind::Ivae,
            latents,
            lags: None,
            scaling: Scaling::None,
            decoder: DecoderSpec::Mlp,
            vae: VaeSpec {
                prior: PriorSpec { form: GaussianForm::Var, parameters: BlockSpec::Net(net.clone()) },
                posterior: PosteriorSpec {
                    net: net.clone(),
                    shared_trunk: false,
                    sees_u: true,
                    product: false,
                    correlated: false,
                },
                likelihood: LikelihoodSpec {
                    net,
                    family: LikelihoodFamily::Gaussian(VarianceSpec::Fixed(0.01)),
                },
                kl: KlTerm::Sampled,
                start: Start::Random,
            },
            training: TrainSpec {
                epochs: 20,
                batch,
                optimiser: OptimiserSpec::default(),
                learning_rate: 1e-2,
                schedule: ScheduleSpec::Constant,
                clip_norm: None,
                patience: None,
                time_budget: None,
                held_out: 0.0,
                held_out_block: None,
                restarts: 1,
            },
            seed: 0,
        }
    }
}
