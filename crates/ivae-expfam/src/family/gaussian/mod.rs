//! [`Gaussian`] in its three conditional forms, as [`Density`](crate::Density), [`Reparam`](crate::Reparam) and
//! [`ExpFam`](crate::ExpFam).

pub mod at_sample;
pub mod correlation;
mod form;
mod full_product;
mod kl;
mod natural;
pub mod product;
mod rows;

pub use form::{Gaussian, GaussianForm};
pub use full_product::FullProduct;
pub use kl::{gaussian_kl, gaussian_kl_backward};
