//! Laws, strategies and assertions for property tests of families and priors (feature `proptest`).

pub mod assertions;
pub mod laws;
pub mod strategies;
