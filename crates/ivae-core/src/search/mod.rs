//! The search over restarts: classes set against each other, their basins, and which start is kept.

mod basins;
mod candidates;
mod explore;
mod family;
mod report;
mod restarts;

pub(crate) use basins::{class_reports, conclude, tie};
pub(crate) use candidates::{Agreement, Class, Probe, Rows, Start};
pub(crate) use explore::Search;
pub(crate) use family::{FAMILY_ROWS, Latents, choose_family, match_families};
pub use report::{ClassReport, SearchReport};
pub(crate) use restarts::train_restarts;
