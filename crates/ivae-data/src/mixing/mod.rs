//! The mixings f of simulated data: ten families, how each is drawn, and the map with its inverse.

mod draw;
mod kind;
mod map;
mod moebius;
mod monotone;
mod network;
mod spline;
mod step;

pub use kind::Mixing;
pub use map::MixingMap;
