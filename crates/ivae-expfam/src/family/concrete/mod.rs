//! [`BinaryConcrete`] and [`Concrete`]: continuous relaxations of binary and categorical variables.
//!
//! Maddison, Mnih and Teh 2016 (also Jang, Gu and Poole 2016). Both are densities of logarithms, as in appendix C of the
//! former: values near 0 or 1 lose no digits at any temperature, and nothing overflows.

mod binary;
mod simplex;
mod unit;

pub use binary::BinaryConcrete;
pub use simplex::Concrete;
pub use unit::UnitConcrete;
