//! The linear models: FastICA, Picard, Infomax, AJD, SOBI and PCA.

mod fit;
mod map;
mod spec;

pub use map::LinearMap;
pub use spec::LinearSpec;
