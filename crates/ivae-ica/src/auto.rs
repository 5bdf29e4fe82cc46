//! [`Auto`]: FastICA, and where it has not converged Picard.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::{Attempt, FastIca, FittedIca, IcaError, Picard, Start};

/// FastICA, the fastest where it converges; where it has not, [`Picard`] from where it stopped.
/// [`FittedIca::method`] says which it was, [`FittedIca::before`] how the first ended.
#[derive(Debug, Clone, Default)]
pub struct Auto {
    /// The first attempt; its components, whitening and seed are those of both.
    pub fastica: FastIca,
    /// The second; it starts where the first stopped.
    pub picard: Picard,
}

impl Auto {
    /// Fit to x `[N, d]`.
    ///
    /// # Errors
    /// As [`FastIca::fit`] and [`Picard::fit`].
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        let first = self.fastica.fit(x)?;
        if first.converged {
            return Ok(first);
        }
        let FastIca { whitening, components, seed, .. } = self.fastica;
        let start = Start::Unmixing(first.unmixing.mapv(F::f64));
        let second = Picard { whitening, components, seed, start, ..self.picard.clone() }.fit(x)?;
        let FittedIca { method, iterations, limit, tolerance, redrawn, .. } = first;
        Ok(FittedIca { before: Some(Attempt { method, iterations, limit, tolerance, redrawn }), ..second })
    }
}
