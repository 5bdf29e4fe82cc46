//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod ambiguity;
mod concrete;
mod custom;
mod densities;
mod equivalence;
mod families;
mod gaussian;
mod golden;
mod invariance;
mod lambda;
mod likelihoods;
mod long_rows;
mod margin;
mod marginal;
mod numbers;
mod replicates;
mod rows;
mod sampling;
mod span;
mod strategies;
mod theorem;
mod vectorised_rows;
