//! [`Mixing`]: the kinds of mixing that simulated data can have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// How the sources are mixed: which family the map f is drawn from.
///
/// Every f is injective, continuous and clearly nonlinear, with derivatives bounded away from 0 where the data are, and
/// set by the seed alone. A method that is tuned to one family shows it on the others.
///
/// [`Network`](Self::Network) takes the sources as they are. All others first bring each source to mean 0 and
/// variance 1, by the moments of its mixture over the segments (so that f does not hang on the sample), and map n
/// sources to n variables y, which are whitened for standard normal sources and then mixed by a linear map with
/// singular values between 0.7 and 1.4. If d > n, one common lift y ↦ \[y, 0.7 sin(y C + φ)\] Q follows, with Q a
/// rotation of d dimensions: a curved surface on which y can be read off again. A swirl or an additive coupling of a
/// single source is linear, for there is nothing to turn or couple it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mixing {
    /// Linear maps with tanh(h) + 0.1 h between them (Hyvärinen & Morioka 2016; Khemakhem et al. 2020).
    #[default]
    Network,
    /// Rotations of planes by an angle that grows with the radius in the plane; keeps volumes.
    Swirl,
    /// Half of the coordinates shifted by sines of projections of the other half, in turn (the additive couplings of
    /// Dinh et al. 2014); keeps volumes.
    AdditiveCoupling,
    /// A linear map, another increasing function for each coordinate, a linear map (Taleb & Jutten 1999).
    PostNonlinear,
    /// Affine maps with leaky ReLUs between them.
    LeakyRelu,
    /// Blocks z + g(z) with g a wide contractive network (the invertible residual networks of Behrmann et al. 2019).
    Residual,
    /// Space bent into a ball, and a Möbius map of the ball onto itself.
    Mobius,
    /// Increasing cubic polynomials of each coordinate, between linear maps.
    Polynomial,
    /// Random increasing rational-quadratic splines of each coordinate, between linear maps.
    Spline,
    /// Slow waves across random directions, added to a linear map that dominates them.
    Sines,
}

impl Mixing {
    /// All kinds, in the order of their documentation.
    pub const ALL: [Self; 10] = [
        Self::Network,
        Self::Swirl,
        Self::AdditiveCoupling,
        Self::PostNonlinear,
        Self::LeakyRelu,
        Self::Residual,
        Self::Mobius,
        Self::Polynomial,
        Self::Spline,
        Self::Sines,
    ];

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Swirl => "swirl",
            Self::AdditiveCoupling => "additive-coupling",
            Self::PostNonlinear => "post-nonlinear",
            Self::LeakyRelu => "leaky-relu",
            Self::Residual => "residual",
            Self::Mobius => "mobius",
            Self::Polynomial => "polynomial",
            Self::Spline => "spline",
            Self::Sines => "sines",
        }
    }
}

impl fmt::Display for Mixing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mixing {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| DataError::Option {
            option: "mixing",
            value: format!("`{name}`"),
            expected: "network, swirl, additive-coupling, post-nonlinear, leaky-relu, residual, mobius, polynomial, \
                       spline or sines",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for kind in Mixing::ALL {
            assert_eq!(kind.to_string().parse::<Mixing>().unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        let says = "swirll".parse::<Mixing>().unwrap_err().to_string();
        assert!(
            says.contains("`swirll`") && Mixing::ALL.iter().all(|kind| says.contains(kind.name())),
            "{says}"
        );
    }
}
