//! [`FitReport`]: what a fit says about itself, and its warnings.

mod checks;
mod fit_report;
mod warning;

pub use checks::{Sensitivity, data_warnings, warnings};
pub use fit_report::{BottleneckReport, Collapse, FitReport, IcaReport, Objective, RestartReport};
pub use warning::Warning;
