//! [`ExponentialPower`]: the scale of a Laplace, Gaussian or generalised Gaussian law of fixed location and shape.

use ivae_num::{Formula, Functions, Scalar};
use rand::{Rng, RngCore};

use crate::density::elementary::{Elementary, GradientRows, LogProbRows, impl_elementary};
use crate::density::{ExpFam, StatisticsProperties, Support};
use crate::special::{draw_ln_gamma, ln_gamma};

/// Components `p(z) ∝ exp(λ |z − μ|^β)` of fixed location μ and shape β > 0, with θ = log_scale, λ = −1 / scale^β
/// (Subbotin 1923): Laplace for β = 1, Gaussian for β = 2, flat on \[μ − scale, μ + scale\] for β → ∞.
///
/// k = 1, T = |z − μ|^β, h = 1, A = log 2Γ(1 + 1/β) − log(−λ) / β. T is not monotonic. A location that varies makes
/// no exponential family (but for β = 2): for it there are the densities [`Laplace`](crate::Laplace) and
/// [`GeneralisedNormal`](crate::GeneralisedNormal). A shape that is not positive gives NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialPower {
    /// μ.
    pub location: f64,
    /// β.
    pub shape: f64,
}

impl ExponentialPower {
    /// −λ; NaN outside the natural domain.
    fn rate(self, lambda: &[f64]) -> f64 {
        if lambda[0] < 0.0 && self.shape > 0.0 { -lambda[0] } else { f64::NAN }
    }
}

impl ExpFam<f64> for ExponentialPower {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = (z - self.location).abs().powf(self.shape);
    }

    /// 0 at the location, also where there is a kink.
    fn dstats(&self, dt: &mut [f64], z: f64) {
        let r = z - self.location;
        dt[0] = if r == 0.0 { 0.0 } else { self.shape * r.abs().powf(self.shape) / r };
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        self.rate(lambda).is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        std::f64::consts::LN_2 + ln_gamma(1.0 + 1.0 / self.shape) - self.rate(lambda).ln() / self.shape
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        mean[0] = 1.0 / (self.shape * self.rate(lambda));
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let rate = self.rate(lambda);
        cov[0] = 1.0 / (self.shape * rate * rate);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        self.log_partition(lambda) + 1.0 / self.shape
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        let ratio = self.rate(to) / self.rate(lambda);
        (ratio - 1.0 - ratio.ln()) / self.shape
    }

    /// λ = −exp(−β · log_scale).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda[0] = -(-self.shape * eta[0]).exp();
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] += d_lambda[0] * self.shape * (-self.shape * eta[0]).exp();
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties { smooth: self.shape >= 2.0, ..StatisticsProperties::analytic(1, 1) })
    }

    /// |z − μ|^β follows a Gamma law of shape 1/β and rate −λ.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let size = ((draw_ln_gamma(1.0 / self.shape, rng) - self.rate(lambda).ln()) / self.shape).exp();
        if rng.random() { self.location + size } else { self.location - size }
    }
}

/// t^β of t = |z − μ| / scale, from μ, β and log 2Γ(1 + 1/β). `ROOT` is β where it is 1 or 2: a Laplace or Gaussian law
/// takes one exponential, and any other a logarithm as well.
#[derive(Clone, Copy)]
struct Power<F, const ROOT: u8> {
    location: F,
    shape: F,
    constant: F,
}

impl<F: Scalar, const ROOT: u8> Power<F, ROOT> {
    fn of(law: &ExponentialPower) -> Self {
        let constant = F::of(law.log_partition(&[-1.0]));
        Self { location: F::of(law.location), shape: F::of(law.shape), constant }
    }

    /// t^β, and its derivative in z, β t^β / (z − μ); where β is known, that takes no quotient. It is 0 at μ.
    #[inline(always)]
    fn at<M: Functions<F>>(&self, z: F, log_scale: F) -> (F, F) {
        let (r, beta) = (z - self.location, self.shape);
        let (power, slope) = if ROOT == 0 {
            let power = M::exp(beta * (M::ln(r.abs()) - log_scale));
            (power, beta * power / r)
        } else {
            let inverse = M::exp(-log_scale);
            let t = r * inverse;
            if ROOT == 1 { (t.abs(), inverse.copysign(r)) } else { (t * t, beta * (t * inverse)) }
        };
        (power, if r == F::zero() { F::zero() } else { slope })
    }
}

/// z → −t^β − log_scale − log 2Γ(1 + 1/β).
#[derive(Clone, Copy)]
struct LogProb<F, const ROOT: u8>(Power<F, ROOT>);

impl<F: Scalar, const ROOT: u8> Formula<F, 1, 1> for LogProb<F, ROOT> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z]: [F; 1], [log_scale]: [F; 1]) -> [F; 1] {
        [-self.0.at::<M>(z, log_scale).0 - (log_scale + self.0.constant)]
    }
}

/// (z, log scale) → d times the derivatives in each: (−β t^β / (z − μ), β t^β − 1); that in z is 0 at μ.
#[derive(Clone, Copy)]
struct Derivatives<F, const ROOT: u8>(Power<F, ROOT>);

impl<F: Scalar, const ROOT: u8> Formula<F, 2, 1> for Derivatives<F, ROOT> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z, log_scale]: [F; 2], [d]: [F; 1]) -> [F; 2] {
        let (power, slope) = self.0.at::<M>(z, log_scale);
        [-d * slope, d * (self.0.shape * power - F::one())]
    }
}

impl Elementary for ExponentialPower {
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>) {
        match self.shape {
            1.0 => rows.apply(LogProb(Power::<F, 1>::of(self))),
            2.0 => rows.apply(LogProb(Power::<F, 2>::of(self))),
            _ => rows.apply(LogProb(Power::<F, 0>::of(self))),
        }
    }

    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>) {
        match self.shape {
            1.0 => rows.apply(Derivatives(Power::<F, 1>::of(self))),
            2.0 => rows.apply(Derivatives(Power::<F, 2>::of(self))),
            _ => rows.apply(Derivatives(Power::<F, 0>::of(self))),
        }
    }
}

impl_elementary!(ExponentialPower);
