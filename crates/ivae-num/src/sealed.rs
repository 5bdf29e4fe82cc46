//! Keeps the traits under [`Scalar`](crate::Scalar) closed: their implementations rely on knowing both types.

pub trait Sealed: Sized {}
impl Sealed for f32 {}
impl Sealed for f64 {}
