//! The laws that every exponential family obeys, as assertions for tests of your own families (feature `proptest`).
//!
//! [`family_laws!`](crate::family_laws) runs all of them in one line. Each law takes a family and unconstrained
//! parameters η of some cases, at least two that differ, and panics where the family breaks it. The laws compare closed
//! forms with finite differences, with a quadrature that uses nothing but the density, and with draws from fixed seeds,
//! so that a law holds every time or never.

mod density;
mod domain;
mod evaluate;
mod macros;
mod partition;
mod quadrature;
mod sampling;

pub use density::{
    density_is_that_of_the_natural_parameters, normalises, score_is_the_derivative,
    statistics_have_their_derivatives,
};
pub use domain::{domain_map_is_onto, domain_map_is_smooth_and_inside};
pub use evaluate::{Family, fisher, log_density, mean_stats, natural, stats};
pub use partition::{
    entropy_and_kl_by_quadrature, partition_has_its_derivatives, partition_is_convex,
    quadrature_gives_the_mean_statistics,
};
pub use sampling::{
    draws_follow_the_density, samples_have_the_covariance_of_the_statistics, samples_have_the_mean_statistics,
};
