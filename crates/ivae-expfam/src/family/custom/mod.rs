//! [`Custom`]: a family of your own statistics, by quadrature; [`implicit_derivative`]: pathwise derivatives of draws;
//! [`Marginal`]: distribution functions and quantiles.

mod chart;
mod family;
mod implicit;
mod kronrod;
mod marginal;
mod measure;
mod polynomial;
mod spline;
mod statistics;

pub use family::{Custom, CustomError};
pub use implicit::implicit_derivative;
pub use marginal::{Marginal, MarginalError, Tails};
pub use polynomial::Polynomial;
pub use spline::Spline;
pub use statistics::{Range, Statistics};
