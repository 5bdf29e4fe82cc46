//! The posterior q(z|x,u): diagonal, with full covariance, or a product with the prior; and Laplace's approximation.

mod density;
mod encoder;
mod gaussian;
mod laplace;

pub(crate) use density::KlForm;
pub use encoder::{Encoder, EncoderWorkspace, PosteriorSpec};
pub use gaussian::Posterior;
pub(crate) use laplace::LaplacePosterior;
