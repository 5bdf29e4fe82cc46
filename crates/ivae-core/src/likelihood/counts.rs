//! What the likelihoods of counts share: their support, what the encoder reads, and where the decoder starts.

use ivae_data::Scaling;
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Zip};

use super::member::{Suited, check_support};
use crate::error::SpecError;

/// Larger values are taken for measurements that happen to be whole.
const MOST_DEFAULT: f64 = 1000.0;

/// Networks that follow rates of several factors of e, at the rate at which they train without restarts.
pub(super) const SUITED: Suited = Suited {
    scaling: Scaling::None,
    encoder: &[64, 64],
    decoder: &[64, 64],
    learning_rate: 3e-3,
    epochs: 60,
};

/// Check that every value is 0, 1, 2, …
pub(super) fn check<F: Scalar>(likelihood: &'static str, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
    let is_count = |v: f64| v >= 0.0 && v.is_finite() && v.fract() == 0.0;
    check_support(likelihood, "counts (0, 1, 2, …)", x, is_count)
}

/// Whether x is taken for counts unless told otherwise: whole numbers from 0 to below 1000, of which some are 0 and not
/// all are 0 or 1. Numbers that begin at 1, such as answers on a scale, are not.
pub fn are_counts<F: Scalar>(x: ArrayView2<'_, F>) -> bool {
    let (mut has_zero, mut most) = (false, 0.0);
    for v in x.iter().map(|v| v.f64()) {
        if !(0.0..MOST_DEFAULT).contains(&v) || v.fract() != 0.0 {
            return false;
        }
        has_zero |= v == 0.0;
        most = v.max(most);
    }
    has_zero && most > 1.0
}

/// Overwrite `features` with 2 √(x + ⅜), whose variance is 1 whatever the rate (Anscombe 1948).
pub(super) fn write_features<F: Scalar>(features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
    let (two, shift) = (F::of(2.0), F::of(0.375));
    Zip::from(features).and(x).for_each(|to, &x| *to = two * (x + shift).sqrt());
}

/// log(x + ½).
pub(super) fn crude_log_rates<F: Scalar>(x: ArrayView2<'_, F>) -> Array2<F> {
    x.mapv(|x| F::of((x.f64() + 0.5).ln()))
}

/// Overwrite `rates` `[B, d]` with exp of the first d columns of θ, within the bound of [`Poisson`](ivae_expfam::Poisson).
pub(super) fn rates<F: Scalar>(mut rates: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
    let (d, most) = (rates.ncols(), ivae_expfam::Poisson::MOST_LOG_RATE);
    let log_rates = ivae_num::slices::columns(theta, 0..d);
    rates.zip_mut_with(&log_rates, |rate, l| *rate = F::of(l.f64().clamp(-most, most).exp()));
}
