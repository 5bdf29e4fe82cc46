//! [`Scalar`]: the floating-point types that ivae computes in.

use crate::real::Real;

/// `f32` or `f64`. All numerical code of the project is generic over this trait.
///
/// Sums that are reported (losses, likelihoods) are kept in `f64` whatever the scalar is.
pub trait Scalar: Real + crate::gemm::GemmKernel + crate::vecmath::VecMath + crate::linalg::Backend {
    /// The nearest value to `x`: how every constant enters generic code.
    fn of(x: f64) -> Self;

    /// This value as `f64`, exactly.
    fn f64(self) -> f64;
}

impl Scalar for f32 {
    #[inline]
    fn of(x: f64) -> f32 {
        x as f32
    }
    #[inline]
    fn f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    #[inline]
    fn of(x: f64) -> f64 {
        x
    }
    #[inline]
    fn f64(self) -> f64 {
        self
    }
}
