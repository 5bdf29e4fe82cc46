//! [`Categorical`]: a latent with finitely many values.

mod few_values;
mod natural;
mod rows;

pub use natural::Categorical;
