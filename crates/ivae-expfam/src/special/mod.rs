//! Special functions that families need, in double precision; your own families may use them too.

mod bessel;
mod draws;
mod gamma;
pub(crate) mod gamma_formula;
mod normal;
mod softplus;

pub use bessel::BesselRatio;
pub(crate) use draws::draw_ln_gamma;
pub use gamma::{digamma, ln_gamma, ln_gamma_and_digamma, trigamma};
pub(crate) use normal::{gumbel, ln_tail, logistic, normal_quantile};
pub(crate) use softplus::{log_sum_exp, sigmoid, softplus};
