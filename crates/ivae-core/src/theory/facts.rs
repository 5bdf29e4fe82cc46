//! [`ModelFacts`]: a fitted model as the theorems ask about it.

use ivae_expfam::Noise;
use ivae_nn::Activation;

use crate::prior::Prior;

/// A fitted model, as far as the theorems ask.
#[derive(Debug, Clone)]
pub struct ModelFacts<'a, F> {
    /// p(z|u).
    pub prior: &'a Prior,
    /// The model's parameters, of which the prior reads its own.
    pub params: &'a [F],
    /// The noise of x around f(z).
    pub noise: Noise,
    /// Whether f is injective.
    pub injective: Injectivity,
    /// Whether f is smooth.
    pub smooth: Smoothness,
    /// Whether the posterior's family contains the true posterior.
    pub posterior: PosteriorFacts,
}

/// Whether a decoder is injective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injectivity {
    /// By construction.
    Bijective,
    /// A bijection after the decoder of an autoencoder.
    UpToBottleneck,
    /// A perceptron, which need not be.
    Perceptron,
}

/// Whether a decoder is smooth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smoothness {
    /// It has all derivatives that the theorems ask for.
    Smooth,
    /// Its splines have no second derivative at their knots.
    Splines,
    /// Its activation has a kink.
    Kink,
}

impl Smoothness {
    /// That of a perceptron with this activation.
    pub fn of(activation: Activation) -> Self {
        match activation {
            Activation::LeakyRelu { .. } | Activation::Relu => Self::Kink,
            _ => Self::Smooth,
        }
    }
}

/// Whether a posterior's family contains the true posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PosteriorFacts {
    /// Exact likelihood needs no posterior.
    NotNeeded,
    /// An autoencoder is trained first, so the likelihood is of its bottleneck.
    OfBottleneck,
    /// Gaussian.
    Gaussian,
}

/// What is known of the maximum of the objective.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EstimationFacts {
    /// Starts whose latents agree with the ones kept, and all starts of their class, where there was a search.
    pub starts: Option<(usize, usize)>,
    /// From the best of the epochs before it up to the best epoch, in nats per row.
    pub last_rise: Option<f64>,
    /// Mean squared error of the white bottleneck after a round trip through x, where there is one.
    pub round_trip: Option<f64>,
}
