//! The softplus, the sigmoid and the logarithm of a sum of exponentials, without overflow.

/// log(1 + eˣ).
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 1 / (1 + e⁻ˣ).
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// log Σ eˣ, −∞ of nothing.
pub(crate) fn log_sum_exp(x: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = x.clone().fold(f64::NEG_INFINITY, |top, x| if x > top || x.is_nan() { x } else { top });
    if top.is_finite() { top + x.map(|x| (x - top).exp()).sum::<f64>().ln() } else { top }
}
