//! The `ivae` command as its users meet it: every test runs the real program in a folder of its own.
#![allow(clippy::unwrap_used)] // the helpers outside of #[test] functions

mod bad_data;
mod bad_options;
mod bad_output;
mod bad_run;
mod harness;
mod interrupt;
mod mixed_u;
mod names;
mod output;
mod session;
