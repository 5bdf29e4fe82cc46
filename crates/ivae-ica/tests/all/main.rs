//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod ajd;
mod behaviours;
mod blocks;
mod common;
mod golden;
mod joint;
mod laws;
mod likelihood;
mod linear_step;
mod never_nan;
mod single;
mod sobi;
