//! SVG figures and self-contained HTML pages of what was fitted.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod file;
mod markdown;
mod svg;

pub mod figure;
pub mod page;
pub mod record;

pub use error::ReportError;
pub use page::{Details, Figure, Page, Section, Stat, Table};
pub use record::Record;
