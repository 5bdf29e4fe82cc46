//! [`Gaussian`] in its three conditional forms, as [`Density`](crate::Density), [`Reparam`](crate::Reparam) and
//! [`ExpFam`](crate::ExpFam).

mod form;
mod kl;
mod natural;
mod rows;

pub use form::{Gaussian, GaussianForm};
pub use kl::{gaussian_kl, gaussian_kl_backward};
