//! The assumptions that [`ivae_expfam::check`] cannot find out, from [`ModelFacts`] in words.

use ivae_expfam::Answer;
use ivae_expfam::Assumption;

use super::facts::{EstimationFacts, Injectivity, PosteriorFacts, Smoothness};

/// Whether f is injective.
pub(super) fn injective(injective: Injectivity, round_trip: Option<f64>) -> Assumption {
    match injective {
        Injectivity::Bijective => Assumption::new(Answer::Holds, "f is bijective by construction"),
        Injectivity::UpToBottleneck => {
            let error = round_trip.map_or(String::new(), |error| format!(", which loses {error:.1e} of it"));
            let reason = format!(
                "f is bijective up to the bottleneck of an autoencoder: a round trip of the bottleneck through x{error}"
            );
            Assumption { number: round_trip, ..Assumption::new(Answer::Unknown, reason) }
        }
        Injectivity::Perceptron => Assumption::new(Answer::Unknown, "a perceptron need not be injective"),
    }
}

/// Whether f is smooth.
pub(super) fn smooth(smooth: Smoothness) -> Assumption {
    match smooth {
        Smoothness::Smooth => Assumption::new(Answer::Holds, "its layers are smooth"),
        Smoothness::Splines => {
            Assumption::new(Answer::Unknown, "its splines have no second derivative at their knots")
        }
        Smoothness::Kink => Assumption::new(Answer::Fails, "its activation has a kink"),
    }
}

/// Whether the posterior's family contains the true posterior.
pub(super) fn posterior(posterior: PosteriorFacts) -> Assumption {
    match posterior {
        PosteriorFacts::NotNeeded => Assumption::new(Answer::Holds, "exact likelihood needs no posterior"),
        PosteriorFacts::OfBottleneck => Assumption::new(
            Answer::Unknown,
            "the autoencoder is trained first: the likelihood is of its bottleneck, not of x",
        ),
        PosteriorFacts::Gaussian => Assumption::new(
            Answer::Unknown,
            "q is Gaussian; the true posterior is Gaussian only for a linear f",
        ),
    }
}

/// Whether the objective is at its maximum.
pub(super) fn maximum(facts: EstimationFacts) -> Assumption {
    let starts = facts
        .starts
        .map_or(String::new(), |(agree, all)| format!(": {agree} of {all} starts reached these latents"));
    let rise =
        facts.last_rise.map_or(String::new(), |rise| format!("; the last rise was {rise:.1e} nats a row"));
    let reason = format!("no search can prove a global maximum{starts}{rise}");
    Assumption { number: facts.last_rise, ..Assumption::new(Answer::Unknown, reason) }
}
