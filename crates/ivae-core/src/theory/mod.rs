//! What the theorems say of a fitted model, and the linear step that they leave free.

mod assumptions;
mod facts;
mod identifiability;
mod linear_step;

pub use facts::{EstimationFacts, Injectivity, ModelFacts, PosteriorFacts, Smoothness};
pub use identifiability::{Identifiability, identifiability};
pub use linear_step::{LinearStepReport, StepReason, linear_step};
