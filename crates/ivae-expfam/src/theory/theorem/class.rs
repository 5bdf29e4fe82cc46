//! [`Class`]: the maps up to which the latents are identifiable.

use serde::{Deserialize, Serialize};

/// Up to which maps p(x|u) determines the latents; from the widest class to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing follows: the latents may be mixed in any way.
    None,
    /// T(z) = A T(z′) + c with an invertible nk × nk matrix A (theorem 1).
    Affine,
    /// Each z is known up to order and an invertible map of that component alone (the paper's theorems 2 and 3).
    ComponentWise,
    /// Each T(z) is known up to order, scale and shift (the talk's theorem 3).
    ScaledPermutation,
}

impl Class {
    /// In words that complete "identifiable".
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "not at all by these theorems",
            Self::Affine => "up to an invertible linear map of T(z)",
            Self::ComponentWise => "up to permutation and component-wise maps",
            Self::ScaledPermutation => "up to a scaled permutation of T(z)",
        }
    }
}
