//! Draws of a logarithm, where the draw itself would underflow.

use rand::{Rng, RngCore};
use rand_distr::{Distribution, Gamma, Open01};

/// log of a draw from the Gamma law of this shape and rate 1; NaN unless 0 < shape < ∞.
///
/// A draw of a small shape s is one of shape s + 1 times U^(1/s) (Marsaglia and Tsang 2000, section 6).
pub(crate) fn draw_ln_gamma(shape: f64, rng: &mut dyn RngCore) -> f64 {
    let (raised, boost) =
        if shape < 1.0 { (shape + 1.0, rng.sample::<f64, _>(Open01).ln() / shape) } else { (shape, 0.0) };
    let law = if shape > 0.0 { Gamma::new(raised, 1.0).ok() } else { None };
    law.map_or(f64::NAN, |law| law.sample(rng).ln() + boost)
}
