//! Families as a conditional prior p(z|u): one file a family, or one for all exponential families; and [`Family`], their
//! registry.

mod custom;
mod exponential_family;
mod families;
mod family;
mod gaussian;
mod generalised_normal;
mod laplace;
mod registry;
mod support_map;

pub use custom::CustomPrior;
pub use exponential_family::Unconstrained;
pub use families::{Families, UnknownPrior};
pub use family::{Conditional, LOCATION_FIXED, PriorFamily};
pub use registry::Family;
pub use support_map::SupportMap;
