//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod binary;
mod bottleneck;
mod budget;
mod builder;
mod common;
mod few_rows;
mod fit;
mod golden;
mod gradients;
mod likelihoods;
mod linear_gaussian;
mod linear_step;
mod mixed_u;
mod no_alloc;
mod posterior;
mod registry;
mod report;
mod saved;
mod search;
mod sobi;
mod spec;
mod threads;
mod units_of_u;
