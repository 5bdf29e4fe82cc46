//! [`Reparameterised`]: a family in another affine parameterisation of its statistics.

use ivae_num::{LinalgError, linalg};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, aview1};
use rand::RngCore;

use crate::density::{Density, ExpFam, StatisticsProperties, Support};

/// The densities of `family` with the statistics T′ = M T + b, whose natural parameters are λ′ = M⁻ᵀ λ: an exponential
/// family has its T up to an invertible affine map (Barndorff-Nielsen 1978, section 8.1), so that nothing of what
/// identifies its latents may depend on the choice. η, and the rows θ of [`Density`], are those of `family`.
#[derive(Debug, Clone)]
pub struct Reparameterised<'a> {
    family: &'a dyn ExpFam<f64>,
    m: Array2<f64>,
    inverse: Array2<f64>,
    b: Array1<f64>,
}

impl<'a> Reparameterised<'a> {
    /// By M `[k, k]` and b `[k]`.
    ///
    /// # Errors
    /// If M is not square, or singular.
    ///
    /// # Panics
    /// If M or b is not of the family's k.
    pub fn new(
        family: &'a dyn ExpFam<f64>,
        m: ArrayView2<'_, f64>,
        b: ArrayView1<'_, f64>,
    ) -> Result<Self, LinalgError> {
        let k = family.k();
        assert_eq!((m.dim(), b.len()), ((k, k), k), "M and b are of k = {k}");
        let inverse = linalg::solve(m, Array2::eye(k).view())?;
        Ok(Self { family, m: m.to_owned(), inverse, b: b.to_owned() })
    }

    /// λ′(u) `[M, n * k]` of the family's own λ(u) `[M, n * k]`.
    pub fn table(&self, lambda: ArrayView2<'_, f64>) -> Array2<f64> {
        let k = self.m.nrows();
        Array2::from_shape_fn(lambda.dim(), |(u, c)| {
            (0..k).map(|l| self.inverse[[l, c % k]] * lambda[[u, c / k * k + l]]).sum()
        })
    }

    /// λ = Mᵀ λ′.
    fn own(&self, lambda: &[f64]) -> Vec<f64> {
        self.m.t().dot(&aview1(lambda)).to_vec()
    }
}

/// Overwrites `out` with `values`.
fn write(out: &mut [f64], values: Array1<f64>) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
}

impl Density<f64> for Reparameterised<'_> {
    fn width(&self, n: usize) -> usize {
        self.family.width(n)
    }

    fn log_prob(&self, out: &mut [f64], theta: ArrayView2<'_, f64>, v: ArrayView2<'_, f64>) {
        self.family.log_prob(out, theta, v);
    }

    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, f64>>,
        d_v: Option<ArrayViewMut2<'_, f64>>,
        theta: ArrayView2<'_, f64>,
        v: ArrayView2<'_, f64>,
        d_out: &[f64],
    ) {
        self.family.log_prob_backward(d_theta, d_v, theta, v, d_out);
    }
}

impl ExpFam<f64> for Reparameterised<'_> {
    fn k(&self) -> usize {
        self.family.k()
    }

    fn support(&self) -> Support {
        self.family.support()
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        self.family.stats(t, z);
        write(t, self.m.dot(&aview1(t)) + &self.b);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        self.family.dstats(dt, z);
        write(dt, self.m.dot(&aview1(dt)));
    }

    fn log_base(&self, z: f64) -> f64 {
        self.family.log_base(z)
    }

    fn dlog_base(&self, z: f64) -> f64 {
        self.family.dlog_base(z)
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        self.family.in_domain(&self.own(lambda))
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        self.family.log_partition(&self.own(lambda)) + self.b.dot(&aview1(lambda))
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        self.family.mean_stats(mean, &self.own(lambda));
        write(mean, self.m.dot(&aview1(mean)) + &self.b);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let k = self.family.k();
        self.family.fisher(cov, &self.own(lambda));
        let own = Array2::from_shape_fn((k, k), |(i, j)| cov[i * k + j]);
        let full = self.m.dot(&own).dot(&self.m.t());
        // Symmetric to the last digit.
        cov.iter_mut().enumerate().for_each(|(e, c)| *c = full[[(e / k).max(e % k), (e / k).min(e % k)]]);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        self.family.entropy(&self.own(lambda))
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        self.family.kl(&self.own(lambda), &self.own(to))
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        self.family.natural(lambda, eta);
        write(lambda, self.inverse.t().dot(&aview1(lambda)));
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        self.family.natural_backward(d_eta, eta, &self.inverse.dot(&aview1(d_lambda)).to_vec());
    }

    /// Left to inspection for k ≥ 2, because a mixture of statistics with nonzero slopes may have slope 0 on an interval.
    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        self.family.statistics_properties().filter(|_| self.family.k() == 1)
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        self.family.draw(&self.own(lambda), rng)
    }
}
