//! [`Real`]: what kernels ask of a number, below [`Scalar`](crate::Scalar), which has the kernels.

use std::fmt::{Debug, Display};
use std::iter::Sum;

use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{Float, FloatConst, NumAssign};

/// `f32` or `f64` as a plain number.
pub trait Real:
    Float
    + FloatConst
    + NumAssign
    + Sum
    + LinalgScalar
    + ScalarOperand
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + bytemuck::Pod
    + 'static
{
}

impl Real for f32 {}
impl Real for f64 {}
