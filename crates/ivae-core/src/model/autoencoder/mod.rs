//! The autoencoder that reduces x to n dimensions before a flow separates the latents.

mod net;
mod spec;

pub use net::Autoencoder;
pub use spec::BottleneckSpec;
