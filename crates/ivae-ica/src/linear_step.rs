//! [`LinearStep`]: the last step of an identifiable model of which a theorem leaves a linear map free.

use ivae_num::Scalar;
use ndarray::{ArrayView2, Axis};

use crate::start::orthogonalise;
use crate::{FittedIca, IcaError, Picard};

/// Linear ICA of statistics T(z) `[N, nk]`, known up to T = A T′ + c with an invertible A (theorem 1 of Khemakhem,
/// Kingma, Monti & Hyvärinen 2020): finds A, up to order, sign and scale, if the true T are independent over all rows, all
/// u together, and at most one of them is Gaussian there.
///
/// It is for models whose verdict leaves A free, T being monotonic in each latent, so that latents can be read back from it
/// (for a Gaussian prior of which u moves the means alone, T = z). Where more is identified, the step could only undo
/// that.
///
/// By [`Picard`] without its constraint, since outputs need not be uncorrelated on the rows at hand: where T depends on
/// u, rows of the same u are no independent draws, and the sample is worth as little as there are different u.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinearStep {
    /// A is known to be orthogonal, as for Gaussians of variance 1 given u: the step is the rotation next to the unmixing
    /// found, and outputs keep the scale of the statistics.
    pub rotation: bool,
    /// Names the random start.
    pub seed: u64,
}

impl LinearStep {
    /// Fit to statistics `[N, n]`, of which none is a linear function of the others. Outputs are those of
    /// [`FittedIca::transform`].
    ///
    /// That it did not converge is no error: see [`FittedIca::converged`].
    ///
    /// # Errors
    /// As [`Picard::fit`]; statistics that vary in fewer than n directions.
    pub fn fit<F: Scalar>(&self, statistics: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        let components = Some(statistics.ncols());
        let picard = Picard { orthogonal: false, components, seed: self.seed, ..Picard::default() };
        let mut found = picard.fit(statistics)?;
        if self.rotation {
            let mut b = found.unmixing.mapv(F::f64);
            let lengths = b.map_axis(Axis(1), |row| row.dot(&row).sqrt());
            b /= &lengths.insert_axis(Axis(1));
            let rotation = orthogonalise(b.view())?;
            found.mixing = rotation.t().mapv(F::of);
            found.unmixing = rotation.mapv(F::of);
        }
        Ok(found)
    }
}
