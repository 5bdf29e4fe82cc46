//! The variational autoencoder, conditional (iVAE) or not.

mod bounds;
mod collapse;
mod decoder;
mod estimate;
mod fit;
mod infer;
mod net;
mod spec;
mod trained;
mod warm_start;
mod workspace;

pub use collapse::{COLLAPSED, collapse};
pub use decoder::{Decoder, DecoderWorkspace, LikelihoodSpec};
pub use net::Vae;
pub use spec::{VaeSpec, WarmStart};
pub use workspace::VaeWorkspace;
