//! Parameters θ of a distribution, row by row: constants, learned numbers, a table by level, or a network.

mod block;
mod blocks;
mod distinct_levels;

pub use block::{Source, ThetaBlock, ThetaBlockWorkspace, ThetaSpec};
pub use blocks::{Theta, ThetaWorkspace};
