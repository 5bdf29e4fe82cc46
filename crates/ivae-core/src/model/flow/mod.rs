//! Flows: bijective decoders with exact likelihood, searched by class and restart.

mod choose_prior;
mod fit;
mod net;
mod spec;
mod trained;

pub use net::{FlowModel, FlowModelWorkspace};
pub use spec::{ClassSpec, FlowClasses, FlowModelSpec};
