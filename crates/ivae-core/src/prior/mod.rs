//! The conditional prior p(z|u): [`Prior`], a family of [`ivae_expfam::prior`] with its parameters.

mod conditional;
mod level_means;

pub use conditional::{FEW_ROWS, Prior, PriorSpec, PriorWorkspace};
pub use ivae_expfam::prior::{
    CustomPrior, Families, Family, PriorFamily, SupportMap, Unconstrained, UnknownPrior,
};
pub use level_means::PSEUDO_ROWS;
pub(crate) use level_means::level_means;
