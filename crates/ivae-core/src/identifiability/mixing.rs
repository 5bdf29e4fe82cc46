//! [`Mixing`]: the decoder and its estimation, as the theorems ask about them.

use ivae_expfam::theorem::Known;
use ivae_expfam::{Answer, Noise};
use ivae_nn::{Activation, FlowSpec, UnitSpec};

use crate::block::Source;
use crate::code::CodeReport;
use crate::exact::Exact;
use crate::fitted::Model;
use crate::race::Search;
use crate::vae::Vae;

/// The decoder and its estimation, as far as the theorems ask.
pub(super) struct Mixing {
    pub noise: Noise,
    pub injective: Known,
    pub smooth: Known,
    pub posterior: Known,
    pub maximum: Known,
}

impl Mixing {
    /// `None` of a linear map. `last_rise` of the objective is in nats per row.
    pub(super) fn of<F>(
        model: &Model<F>,
        search: Option<&Search>,
        code: Option<&CodeReport>,
        last_rise: Option<f64>,
    ) -> Option<Self> {
        let maximum = |found: String| {
            let rise =
                last_rise.map_or(String::new(), |rise| format!("; the last rise was {rise:.1e} nats a row"));
            let number = last_rise;
            Known { number, ..Known::new(Answer::Unknown, format!("no search can tell{found}{rise}")) }
        };
        Some(match model {
            Model::Exact { net, code: own_code, .. } => {
                let found = search.map_or(String::new(), |s| {
                    format!(": {} of {} starts reached these latents", s.reached, s.starts)
                });
                let (injective, posterior) = match code {
                    None => (
                        Known::new(Answer::Holds, "f is bijective by construction"),
                        Known::new(Answer::Holds, "exact likelihood needs no posterior"),
                    ),
                    Some(code) => (
                        Known::new(
                            Answer::Unknown,
                            format!(
                                "f is bijective up to the code of x; of the code, a round trip through x loses {:.1e}",
                                code.round_trip
                            ),
                        )
                        .with_number(code.round_trip),
                        Known::new(
                            Answer::Unknown,
                            "the code is trained first: the likelihood is of the code, not of x",
                        ),
                    ),
                };
                // What a code loses is taken for normal noise: p(x|z) of its samples and of its posterior.
                let noise = if own_code.is_some() { Noise::Gaussian } else { Noise::None };
                let bent = own_code.as_ref().is_some_and(|code| has_kinks(&code.net));
                let smooth = if bent { kink() } else { smooth(net) };
                Self { noise, injective, smooth, posterior, maximum: maximum(found) }
            }
            Model::Vae { net, .. } => Self {
                noise: if net.binary { Noise::Bernoulli } else { Noise::Gaussian },
                injective: Known::new(Answer::Unknown, "a perceptron need not be injective"),
                smooth: match has_kinks(net) {
                    true => kink(),
                    false => Known::new(Answer::Holds, "its activation is smooth"),
                },
                posterior: Known::new(
                    Answer::Unknown,
                    "q is Gaussian; the true posterior is so for linear f alone",
                ),
                maximum: maximum(String::new()),
            },
            Model::Linear(_) => return None,
        })
    }
}

fn kinked(activation: Activation) -> bool {
    matches!(activation, Activation::LeakyRelu { .. })
}

/// Whether the decoder of `net` has.
fn has_kinks(net: &Vae) -> bool {
    let decoder = net.likelihood.blocks.first().map(|b| &b.source);
    matches!(decoder, Some(Source::Net(mlp)) if kinked(mlp.activation))
}

fn kink() -> Known {
    Known::new(Answer::Fails, "its activation has a kink")
}

fn smooth(net: &Exact) -> Known {
    match &net.class {
        FlowSpec::Square(s) if matches!(s.units, UnitSpec::Spline { .. }) => {
            Known::new(Answer::Unknown, "its splines have no second derivative at their knots")
        }
        FlowSpec::Coupling(c) if kinked(c.activation) => kink(),
        _ => Known::new(Answer::Holds, "its layers are smooth"),
    }
}
