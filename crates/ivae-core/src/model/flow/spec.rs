//! [`FlowModelSpec`]: the classes of a bijective decoder, how they are searched, and how x is reduced before.

use ivae_nn::{Activation, CouplingSpec, FlowSpec, MlpSpec, SquareSpec, UnitSpec};
use serde::{Deserialize, Serialize};

use crate::error::{Conflict, SpecError, positive_count};
use crate::model::autoencoder::BottleneckSpec;
use crate::model::recipe::check_patience;
use crate::prior::Families;
use crate::theta::ThetaSpec;
use crate::train::{StepSpec, TrainSpec};
use ivae_data::Scaling;

/// A bottleneck of no more columns than this is found as well, and in half the time, by narrower networks.
const FEW_COLUMNS: usize = 8;

/// A bijective decoder without noise, trained by exact likelihood: of x itself where n = d, of a bottleneck of x where
/// n < d. Classes are searched side by side, and the best restarts refined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowModelSpec {
    /// How x is scaled before the networks read it.
    pub scaling: Scaling,
    /// Distribution of a latent given u; if none is named, the simplest that held-out likelihood cannot tell from the
    /// best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Families>,
    /// How its parameters depend on u: a table (levels), a network, or the same for every u.
    pub prior_parameters: ThetaSpec,
    /// The best restarts of so many classes are trained further, then the better half of them while they still rise.
    pub survivors: usize,
    /// Their further epochs, at half the learning rate.
    pub refine_epochs: usize,
    /// How steps are taken, in all stages.
    pub step: StepSpec,
    /// The classes, from the simplest on.
    pub classes: Vec<ClassSpec>,
    /// How x is reduced to n dimensions where it has more.
    pub bottleneck: BottleneckSpec,
}

/// One class of the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Most starts; fewer where they agree earlier.
    pub restarts: usize,
    /// Epochs of each.
    pub epochs: usize,
    /// Their base learning rate.
    pub learning_rate: f64,
    /// The class.
    pub flow: FlowSpec,
}

/// Which classes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowClasses {
    /// Square linear maps with tanh or spline units.
    Square,
    /// Affine coupling blocks.
    Coupling,
    /// All of them.
    All,
}

impl FlowModelSpec {
    /// The default search of `classes` for `latents` latents of x with `observed` columns.
    pub fn new(latents: usize, observed: usize, classes: FlowClasses) -> Self {
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
        let classes = match classes {
            FlowClasses::Square => vec![tanh, spline],
            FlowClasses::Coupling => vec![ClassSpec { restarts: 4, epochs: 40, ..coupling }],
            FlowClasses::All => vec![tanh, spline, coupling],
        };
        Self {
            // A column enlarged to the size of the others pulls the bottleneck over itself: seen as cuts in it.
            scaling: if observed > latents { Scaling::SharedScale } else { Scaling::Whiten },
            prior: None,
            prior_parameters: ThetaSpec::Table,
            survivors: 2,
            refine_epochs: 60,
            step: StepSpec::default(),
            classes,
            bottleneck: BottleneckSpec {
                objective: None,
                net: MlpSpec {
                    hidden: vec![if observed <= FEW_COLUMNS { 64 } else { 128 }; 3],
                    activation: Activation::Silu,
                    skip: true,
                },
                epochs: 120,
                learning_rate: 4e-3,
            },
        }
    }

    /// How the starts of `class` are trained.
    pub(crate) fn training(&self, class: &ClassSpec) -> TrainSpec {
        TrainSpec { epochs: class.epochs, learning_rate: class.learning_rate, step: self.step.clone() }
    }

    /// Check every number that can be wrong whatever the data are.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self, held_out: f64) -> Result<(), SpecError> {
        positive_count("refine_epochs", self.refine_epochs)?;
        positive_count("classes", self.classes.len())?;
        for class in &self.classes {
            class.flow.check()?;
            positive_count("classes.restarts", class.restarts)?;
            self.training(class).check()?;
        }
        check_patience(&self.step, held_out)?;
        self.bottleneck.check()?;
        if let ThetaSpec::Net(net) = &self.prior_parameters {
            net.check()?;
        }
        if held_out == 0.0 {
            return Err(Conflict::FlowWithoutHeldOut.into());
        }
        Ok(())
    }
}
