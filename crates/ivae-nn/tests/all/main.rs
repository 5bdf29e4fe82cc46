//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod common;
mod flow;
mod golden;
mod golden_flow;
mod gradients;
mod misuse;
mod no_alloc;
mod specs;
mod threads;
