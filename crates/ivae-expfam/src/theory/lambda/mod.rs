//! [`Lambda`]: the table of natural parameters λ(u) over distinct u, the matrix L of its differences, and whether L can
//! be made invertible.

mod cholesky;
mod error;
mod points;
mod span;
mod spectrum;
mod table;
mod uncertainty;
mod variability;

pub use error::LambdaError;
pub use points::Points;
pub use span::{Span, Unspanned};
pub use spectrum::Spectrum;
pub use table::{Lambda, natural_table};
pub use uncertainty::{CONFIDENCE, Interval, REPLICATES};
pub use variability::{RANK_TOLERANCE, Variability};
