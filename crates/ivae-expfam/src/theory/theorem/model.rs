//! [`Model`]: the description of a model for [`check`](super::check).

use super::super::lambda::{Interval, Lambda};
use super::assumption::Assumption;
use super::noise::Noise;
use crate::density::ExpFam;

/// What the theorems ask about a model.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// Latents n.
    pub latents: usize,
    /// The family of every component of p(z|u).
    pub family: &'a dyn ExpFam<f64>,
    /// Do all components have the same T? If not (each has its own shape, say), `family` stands for all of them.
    pub shared: bool,
    /// λ(u) at every distinct u; `None` if the prior does not depend on u.
    pub lambda: Option<&'a Lambda<'a>>,
    /// If λ is estimated: [`Lambda::smallest_singular_value`], or that of replicates. `None` if λ is exact; for an
    /// estimated λ (see `maximum`), `None` leaves condition (iii) unknown.
    pub smallest: Option<Interval>,
    /// The law of ε.
    pub noise: Noise,
    /// Is p(z|u) of this family, with the same T whatever u is?
    pub prior: Assumption,
    /// Is f injective?
    pub injective: Assumption,
    /// Does f have continuous derivatives, the second cross derivatives included?
    pub smooth: Assumption,
    /// Does the family of q(z|x, u) contain the true posterior? `None` where nothing is estimated.
    pub posterior: Option<Assumption>,
    /// Has the maximum been reached? `None` where nothing is estimated.
    pub maximum: Option<Assumption>,
}
