//! Maps of the latents that leave their distribution, and so p(x | u), unchanged.
//!
//! - [`Orthogonal`]: the rotation z′ = U z of a standard normal prior.
//! - [`HyvarinenPajunen`]: the same for any other prior with independent components.
//! - [`Centres`]: the maps that remain when u moves the mean of a Gaussian.
//! - [`same_law`]: a two-sample test that shows it.

mod centres;
mod error;
mod hyvarinen_pajunen;
mod orthogonal;
mod same_law;

pub use centres::Centres;
pub use error::AmbiguityError;
pub use hyvarinen_pajunen::HyvarinenPajunen;
pub use orthogonal::Orthogonal;
pub use same_law::{SameLaw, same_law};
