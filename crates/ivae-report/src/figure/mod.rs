//! Figures as SVG strings, made from plain numbers.
//!
//! Every figure follows the reader's light or dark theme, uses colours that colour-blind readers can tell apart, and
//! stands on its own as a file as well as inside a [`Page`](crate::Page). The same input gives the same bytes.
//! Values that are not finite are left out, and said to be where that is not plain to see; no input makes a figure
//! fail.

mod axis;
mod bars;
mod curves;
mod extent;
mod frame;
mod heatmap;
mod legend;
mod lines;
mod pairs;
mod palette;
mod panel;
mod plane;
mod scatter;
mod strip;

pub use bars::{Bar, BarsOptions, bars};
pub use curves::{Curve, CurvesOptions, curves};
pub use heatmap::{HeatmapOptions, heatmap};
pub use lines::{LinesOptions, Series, lines, spectrum};
pub use pairs::{Pair, PairsOptions, pairs};
pub use plane::{PlaneCurve, PlaneKind, PlaneOptions, PlanePanel, plane_panels};
pub use scatter::{ScatterOptions, ScatterPanel, scatter_panels};
pub use strip::{Strip, StripDot, StripOptions, strips};
