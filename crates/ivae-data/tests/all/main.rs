//! All tests of the public interface in one program: to link one for each file takes longer than to run them.
#![allow(clippy::unwrap_used)] // the helpers of tests are tests

mod common;
mod mixing;
mod numpy;
mod round_trip;
mod simulation;
mod text;
mod whitening;
