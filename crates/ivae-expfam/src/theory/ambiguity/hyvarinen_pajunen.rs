//! [`HyvarinenPajunen`]: other latents with the same distribution, for any prior with independent components.

use ndarray::{Array2, ArrayView2};

use super::error::AmbiguityError;
use super::orthogonal::Orthogonal;
use crate::family::Marginal;
use crate::family::custom::Tails;

/// z′ = g⁻¹(U g(z)) with gᵢ = Φ⁻¹ ∘ Fᵢ: each component is made standard normal by its distribution function, the vector
/// is rotated, and each component is brought back (after Hyvärinen and Pajunen 1999).
///
/// If the components of z are independent with the laws Fᵢ, so are those of z′; yet z′ mixes them. With
/// f′ = f ∘ g⁻¹ ∘ Uᵀ ∘ g, f′(z′) = f(z) = x: the two models have one p(x).
///
/// ```
/// use ivae_expfam::theory::ambiguity::{HyvarinenPajunen, Orthogonal};
/// use ivae_expfam::{Exponential, Marginal};
/// use ndarray::array;
///
/// // A quarter turn: z₁′ is z₂ read backwards, by its quantiles.
/// let law = || Marginal::of_family(&Exponential, &[-1.0]);
/// let map = HyvarinenPajunen::new(vec![law()?, law()?], Orthogonal::turn(2, (0, 1), 90f64.to_radians()))?;
/// let (z, median) = (array![[0.3, 2f64.ln()]], 2f64.ln());
/// let other = map.apply(z.view());
/// assert!((other[[0, 0]] - median).abs() < 1e-12 && (other[[0, 1]] - 0.3).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HyvarinenPajunen<'a> {
    laws: Vec<Marginal<'a>>,
    turn: Orthogonal,
}

impl<'a> HyvarinenPajunen<'a> {
    /// From the law of each component `[n]` and U `[n, n]`.
    ///
    /// # Errors
    /// If there is not one law for each dimension of U.
    pub fn new(laws: Vec<Marginal<'a>>, turn: Orthogonal) -> Result<Self, AmbiguityError> {
        if laws.len() != turn.n() {
            return Err(AmbiguityError::Dimensions { expected: turn.n(), found: laws.len() });
        }
        Ok(Self { laws, turn })
    }

    /// Rows z′ of rows of `z` `[N, n]`; what lies outside the support is taken to its edge, NaN goes through.
    ///
    /// # Panics
    /// If the columns do not fit.
    pub fn apply(&self, z: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = z.to_owned();
        self.each(&mut out, |law, z| law.tails(z).normal_score());
        out = self.turn.apply(out.view());
        self.each(&mut out, |law, score| law.quantile(Tails::of_normal(score)));
        out
    }

    fn each(&self, z: &mut Array2<f64>, f: impl Fn(&Marginal<'a>, f64) -> f64) {
        for (law, column) in self.laws.iter().zip(z.columns_mut()) {
            column.into_iter().for_each(|z| *z = f(law, *z));
        }
    }
}
