//! Densities over rows: the traits, and the loops that compute log-densities and their gradients.

pub(crate) mod double;
pub(crate) mod elementary;
pub(crate) mod elementwise;
mod expfam;
pub(crate) mod implement;
pub(crate) mod location_scale;
pub(crate) mod scalar_fallback;
pub(crate) mod scale;
pub(crate) mod shape;
pub(crate) mod special_functions;
mod statistics_properties;
mod support;
pub(crate) mod tile;
mod traits;

pub use expfam::ExpFam;
pub use statistics_properties::StatisticsProperties;
pub use support::Support;
pub use traits::{Density, Reparam};
