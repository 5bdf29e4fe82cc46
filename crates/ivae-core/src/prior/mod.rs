//! The conditional prior p(z|u): [`Prior`], a family of [`ivae_expfam::prior`] with its parameters.

mod conditional;

pub use conditional::{FEW_ROWS, PSEUDO_ROWS, Prior, PriorSpec, PriorWorkspace};
pub use ivae_expfam::prior::{Family, PriorFamily};
