//! Assertions for property tests of your own priors: whether a table λ(u) identifies the latents, its rank, and that the
//! rank is invariant.
//!
//! Each returns a [`TestCaseError`](proptest::test_runner::TestCaseError) with the values that it has found, so that `?`
//! passes it on in `proptest!`. The [`strategies`](super::strategies) draw the tables. An example with a custom prior,
//! p(z|u) ∝ exp(λ₁(u) z² + λ₂(u) z⁴) with both λ negative:
//!
//! ```
//! use std::sync::Arc;
//!
//! use ivae_expfam::family::custom::{Custom, Range, Statistics};
//! use ivae_expfam::testing::assertions::{
//!     assert_identifiable, assert_not_identifiable, assert_rank, assert_rank_is_invariant,
//! };
//! use ivae_expfam::testing::strategies::{SharedFamily, deficient_table, generic_table};
//! use proptest::test_runner::{Config, RngSeed, TestRunner};
//!
//! #[derive(Debug)]
//! struct EvenQuartic;
//!
//! impl Statistics for EvenQuartic {
//!     fn k(&self) -> usize {
//!         2
//!     }
//!     fn stats(&self, t: &mut [f64], z: f64) {
//!         (t[0], t[1]) = (z.powi(2), z.powi(4));
//!     }
//!     fn dstats(&self, dt: &mut [f64], z: f64) {
//!         (dt[0], dt[1]) = (2.0 * z, 4.0 * z.powi(3));
//!     }
//!     fn range(&self, _: usize) -> Range {
//!         Range::Negative
//!     }
//! }
//!
//! let prior: SharedFamily = Arc::new(Custom::new(EvenQuartic)?);
//! // n = 2 latents: n·k + 1 = 5 values of u are needed; 4 are too few, however different they are, and 12 that vary in 3
//! // directions are no better.
//! let tables = (generic_table(&prior, 2, 12), generic_table(&prior, 2, 4), deficient_table(&prior, 2, 12, 3));
//! // A fixed seed: in rare tables one of the 3 directions is so short that it counts as rounding.
//! let seed = RngSeed::Fixed(1);
//! let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, rng_seed: seed, ..Config::default() });
//! runner.run(&tables, |(generic, few, flat)| {
//!     assert_identifiable(prior.as_ref(), generic.view())?;
//!     assert_rank_is_invariant(prior.as_ref(), generic.view())?;
//!     assert_not_identifiable(prior.as_ref(), few.view())?;
//!     assert_rank(prior.as_ref(), flat.view(), 3)?;
//!     assert_not_identifiable(prior.as_ref(), flat.view())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod identifiability;
mod reparameterised;

pub use identifiability::{
    assert_identifiable, assert_not_identifiable, assert_rank, assert_rank_is_invariant,
};
pub use reparameterised::Reparameterised;
