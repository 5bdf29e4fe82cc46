//! [`Variability`]: in how many directions λ(u) varies over u, and how far.

use std::fmt;

use serde::Serialize;

use super::error::LambdaError;
use super::spectrum::Spectrum;
use super::table::Lambda;

/// [`Variability::rank`] counts singular values above this fraction of the largest (or of 1, if that is more):
/// half of the digits of `f32`, in which λ is fitted.
pub const RANK_TOLERANCE: f64 = 3.5e-4;

/// How far λ(u) varies over u, in units in which every family and every latent counts alike: see
/// [`Lambda::variability`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variability {
    /// Statistics per latent.
    pub k: usize,
    /// Number of distinct u, M.
    pub distinct_u: usize,
    /// Distinct u that the theorem asks for, n·k + 1.
    pub needed: usize,
    /// Directions, of n·k, in which λ varies: singular values above [`RANK_TOLERANCE`] · max(1, largest).
    pub rank: usize,
    /// Largest over smallest singular value; infinite if the smallest is zero to working precision.
    pub condition: f64,
    /// Singular values, descending, `[n * k]`.
    pub singular_values: Vec<f64>,
}

impl Variability {
    /// Are there at least n·k + 1 distinct u?
    pub fn enough_u(&self) -> bool {
        self.distinct_u >= self.needed
    }

    /// Does λ vary in all n·k directions, so that some n·k + 1 of the u make L invertible?
    pub fn full_rank(&self) -> bool {
        self.rank + 1 == self.needed
    }
}

impl fmt::Display for Variability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, distinct_u, needed, condition, .. } = self;
        let directions = needed - 1;
        if !self.enough_u() {
            write!(f, "{distinct_u} distinct u, but n·k + 1 = {needed} are needed")
        } else if !self.full_rank() {
            write!(f, "λ(u) varies in only {rank} of n·k = {directions} directions")
        } else {
            write!(f, "λ(u) varies in all n·k = {directions} directions (condition {condition:.3})")
        }
    }
}

/// The least singular value that counts as a direction.
pub(super) fn threshold(spectrum: &Spectrum) -> f64 {
    RANK_TOLERANCE * spectrum.largest().max(1.0)
}

impl Lambda<'_> {
    /// In how many directions λ varies over u, and how far.
    ///
    /// The columns of L for any u⁰ span the same space as the deviations of λ(u) from its mean λ̄ over u, so no u⁰ is
    /// chosen. The deviations are whitened by the Fisher information at λ̄, so that their singular values
    /// - do not change when a latent is shifted or rescaled, or its statistics are replaced by any other basis of
    ///   theirs;
    /// - have an absolute meaning: ½ s² is, to second order, the mean over u of the Kullback–Leibler divergence in nats
    ///   that the variation along its direction makes. One far below 1/√(rows of data) is noise.
    ///
    /// # Errors
    /// If the decomposition does not converge.
    pub fn variability(&self) -> Result<Variability, LambdaError> {
        let (count, columns) = self.table.dim();
        let (whitened, _) = self.whitened();
        let precision = columns.max(count) as f64 * self.epsilon;
        let spectrum = Spectrum { precision, ..Spectrum::of(whitened.view())? };
        Ok(Variability {
            k: self.k(),
            distinct_u: count,
            needed: self.needed(),
            rank: spectrum.above(threshold(&spectrum)),
            condition: spectrum.condition(),
            singular_values: spectrum.singular_values,
        })
    }
}
