//! Layers, networks, bijections and their training on flat parameters, each backward pass beside its forward pass.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod accumulate;
mod activation;
mod batch;
mod clip;
mod error;
mod flow;
mod init;
mod input;
mod inverse;
mod linear;
mod mlp;
mod optimiser;
mod params;
mod schedule;
pub mod theta;
pub mod train;

pub use activation::Activation;
pub use batch::{Batch, BatchBuffer, spread_rows};
pub use clip::clip_norm;
pub use error::SpecError;
pub use flow::{CouplingSpec, Flow, FlowSpec, FlowWorkspace, MapSpec, SquareSpec, TransformSpec, UnitSpec};
pub use init::Init;
pub use input::{Input, Inputs};
pub use linear::Linear;
pub use mlp::{Mlp, MlpSpec, MlpWorkspace, Scratch};
pub use optimiser::{Optimiser, OptimiserSpec};
pub use params::{Group, Layout, Slot};
pub use schedule::{Schedule, ScheduleSpec};
