//! [`Family`]: distributions of a latent given u that exact likelihood can take, and the choice between them.

use ivae_expfam::{Density, Gaussian, GaussianForm, GeneralisedNormal, Laplace};
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{ArrayView2, ArrayViewMut2};
use rand::Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::slices::columns;

/// Distribution of a latent given u.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Gaussian.
    Gaussian,
    /// Laplace with location and scale.
    Laplace,
    /// Generalised normal (Subbotin 1923) with location, scale, and a shape learned for each latent: 2 is Gaussian, 1
    /// Laplace, larger is lighter in the tails.
    GeneralisedNormal,
}

impl Family {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "Gaussian",
            Self::Laplace => "Laplace",
            Self::GeneralisedNormal => "generalised normal",
        }
    }

    /// log p(z|θ) of every row; see [`Density::log_prob`].
    pub fn log_prob<F: Scalar>(
        self,
        form: GaussianForm,
        out: &mut [F],
        theta: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) {
        match self {
            Self::Gaussian => Gaussian { form }.log_prob(out, theta, z),
            Self::Laplace => Laplace.log_prob(out, theta, z),
            Self::GeneralisedNormal => GeneralisedNormal.log_prob(out, theta, z),
        }
    }

    /// See [`Density::log_prob_backward`].
    pub(crate) fn log_prob_backward<F: Scalar>(
        self,
        form: GaussianForm,
        d_theta: ArrayViewMut2<'_, F>,
        d_z: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (d_theta, d_z) = (Some(d_theta), Some(d_z));
        match self {
            Self::Gaussian => Gaussian { form }.log_prob_backward(d_theta, d_z, theta, z, d_out),
            Self::Laplace => Laplace.log_prob_backward(d_theta, d_z, theta, z, d_out),
            Self::GeneralisedNormal => GeneralisedNormal.log_prob_backward(d_theta, d_z, theta, z, d_out),
        }
    }

    /// log scale of a latent of variance `v`; the generalised normal at shape 2.
    pub(crate) fn log_scale(self, v: f64) -> f64 {
        match self {
            Self::Gaussian => v.ln(), // log-variance
            Self::Laplace => 0.5 * (0.5 * v).ln(),
            Self::GeneralisedNormal => 0.5 * (2.0 * v).ln(),
        }
    }

    /// Mean and variance of latent `i` of `n`, with the parameters θ of a row.
    pub(crate) fn moments(
        self,
        form: GaussianForm,
        theta: impl Fn(usize) -> f64,
        n: usize,
        i: usize,
    ) -> (f64, f64) {
        match (self, form) {
            (Self::Gaussian, GaussianForm::MeanVar) => (theta(i), theta(n + i).exp()),
            (Self::Gaussian, GaussianForm::Var) => (0.0, theta(i).exp()),
            (Self::Gaussian, GaussianForm::Mean) => (theta(i), 1.0),
            (Self::Laplace, _) => (theta(i), 2.0 * (2.0 * theta(n + i)).exp()),
            (Self::GeneralisedNormal, _) => {
                (theta(i), GeneralisedNormal::variance(theta(n + i), theta(2 * n + i)))
            }
        }
    }

    /// Draw z `[B, n]` from θ `[B, p]`. Overwrites.
    pub(crate) fn sample<F: Scalar>(
        self,
        form: GaussianForm,
        mut z: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        key: StreamKey,
    ) {
        let (n, mut rng) = (z.ncols(), key.purpose(Purpose::Sample).rng());
        for ((b, i), z) in z.indexed_iter_mut() {
            let at = |column: usize| theta[[b, column]].f64();
            let gaussian = |rng: &mut _, mean: f64, log_var: f64| {
                mean + (0.5 * log_var).exp() * Distribution::<f64>::sample(&StandardNormal, rng)
            };
            let power = |rng: &mut _, shape: f64| {
                // |t|^β is Gamma(1/β) distributed.
                let size = Gamma::new(1.0 / shape, 1.0).map_or(f64::NAN, |g| g.sample(rng));
                size.powf(1.0 / shape)
            };
            let value = match (self, form) {
                (Self::Gaussian, GaussianForm::MeanVar) => gaussian(&mut rng, at(i), at(n + i)),
                (Self::Gaussian, GaussianForm::Var) => gaussian(&mut rng, 0.0, at(i)),
                (Self::Gaussian, GaussianForm::Mean) => gaussian(&mut rng, at(i), 0.0),
                (Self::Laplace | Self::GeneralisedNormal, _) => {
                    let shape = if self == Self::Laplace { 1.0 } else { at(2 * n + i).exp() };
                    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
                    at(i) + sign * at(n + i).exp() * power(&mut rng, shape)
                }
            };
            *z = F::of(value);
        }
    }
}

/// A simpler family is taken when it costs less than this, in nats per row and latent.
const TIE: f64 = 0.002;

/// Some latents `[N, n]` and their levels of u `[N]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latents<'a, F> {
    pub(crate) z: ArrayView2<'a, F>,
    pub(crate) levels: &'a [u32],
}

/// The family under which `held_out` is likeliest, each fitted in closed form to `train`: the simplest of those that
/// tie. `learned` is log p per row of `held_out` under the generalised normal as it was learned.
pub(crate) fn choose_family<F: Scalar>(
    train: Latents<'_, F>,
    held_out: Latents<'_, F>,
    learned: f64,
) -> Family {
    let rows = held_out.z.nrows().max(1) as f64;
    let n = train.z.ncols();
    let m = train.levels.iter().chain(held_out.levels).max().map_or(0, |&u| u as usize + 1);
    let (mut gaussian, mut laplace) = (0.0, 0.0);
    for i in 0..n {
        let by_level = |of: Latents<'_, F>| {
            let mut values = vec![Vec::new(); m];
            for (z, &u) in columns(of.z, i..i + 1).iter().zip(of.levels) {
                values[u as usize].push(z.f64());
            }
            values
        };
        let pooled: Vec<f64> = columns(train.z, i..i + 1).iter().map(|z| z.f64()).collect();
        for (mut own, test) in by_level(train).into_iter().zip(by_level(held_out)) {
            let known = if own.len() < 2 { &mut pooled.clone() } else { &mut own };
            let count = known.len() as f64;
            let mean = known.iter().sum::<f64>() / count;
            let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            known.sort_unstable_by(f64::total_cmp);
            let median = known[known.len() / 2];
            let spread = known.iter().map(|v| (v - median).abs()).sum::<f64>() / count;
            for v in test {
                gaussian -= 0.5 * ((std::f64::consts::TAU * variance).ln() + (v - mean).powi(2) / variance);
                laplace -= (2.0 * spread).ln() + (v - median).abs() / spread;
            }
        }
    }
    let tie = TIE * n as f64;
    let best = learned.max(gaussian / rows).max(laplace / rows);
    let ties = |score: f64| best - score <= tie; // a score that is NaN ties with nothing
    match (ties(gaussian / rows), ties(laplace / rows)) {
        (true, _) => Family::Gaussian,
        (false, true) => Family::Laplace,
        _ => Family::GeneralisedNormal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    const ALL: [Family; 3] = [Family::Gaussian, Family::Laplace, Family::GeneralisedNormal];

    /// Latents of two levels, of scale 1 and 3, drawn from `family` at this shape.
    fn draw(family: Family, shape: f64, rows: usize, seed: u64) -> (Array2<f64>, Vec<u32>) {
        let levels: Vec<u32> = (0..rows).map(|i| (i % 2) as u32).collect();
        let theta = Array2::from_shape_fn((rows, 6), |(b, j)| match j {
            0 | 1 => 0.5,
            2 | 3 => family.log_scale(if levels[b] == 0 { 1.0 } else { 9.0 }),
            _ => shape.ln(),
        });
        let theta =
            if family == Family::GeneralisedNormal { theta } else { columns(theta.view(), 0..4).to_owned() };
        let mut z = Array2::zeros((rows, 2));
        family.sample(
            GaussianForm::MeanVar,
            z.view_mut(),
            theta.view(),
            StreamKey::new(seed, Purpose::Sample),
        );
        (z, levels)
    }

    #[test]
    fn samples_have_the_variance_that_their_scale_stands_for() {
        for family in ALL {
            let (z, levels) = draw(family, 2.0, 40_000, 1);
            for (level, variance) in [(0, 1.0), (1, 9.0)] {
                let own: Vec<f64> = z
                    .rows()
                    .into_iter()
                    .zip(&levels)
                    .filter(|(_, u)| **u == level)
                    .map(|(z, _)| z[0] - 0.5)
                    .collect();
                let found = own.iter().map(|v| v * v).sum::<f64>() / own.len() as f64;
                assert!((found / variance - 1.0).abs() < 0.05, "{family:?}: {found}, not {variance}");
            }
        }
    }

    #[test]
    fn the_family_that_made_the_latents_is_chosen() {
        for (family, shape) in
            [(Family::Gaussian, 2.0), (Family::Laplace, 1.0), (Family::GeneralisedNormal, 6.0)]
        {
            let (train, u) = draw(family, shape, 20_000, 2);
            let (test, v) = draw(family, shape, 5_000, 3);
            // The generalised normal "as learned" is the truth.
            let theta = Array2::from_shape_fn((5_000, 6), |(b, j)| {
                let variance: f64 = if v[b] == 0 { 1.0 } else { 9.0 };
                match (j, family) {
                    (0 | 1, _) => 0.5,
                    (2 | 3, Family::Laplace) => Family::Laplace.log_scale(variance),
                    (2 | 3, _) => Family::GeneralisedNormal.log_scale(variance),
                    _ => shape.ln(),
                }
            });
            let mut out = vec![0.0; 5_000];
            Family::GeneralisedNormal.log_prob(GaussianForm::MeanVar, &mut out, theta.view(), test.view());
            let learned = out.iter().sum::<f64>() / 5_000.0;
            let train = Latents { z: train.view(), levels: &u };
            let held_out = Latents { z: test.view(), levels: &v };
            assert_eq!(choose_family(train, held_out, learned), family);
        }
    }
}
