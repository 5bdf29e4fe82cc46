//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod binary;
mod budget;
mod code;
mod few_rows;
mod fit;
mod golden;
mod gradients;
mod linear_step;
mod no_alloc;
mod posterior;
mod race;
mod sobi;
mod threads;
