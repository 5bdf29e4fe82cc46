//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod constants;
mod dependence;
mod disentanglement;
mod golden;
mod laws;
mod memory;
mod references;
mod single;
