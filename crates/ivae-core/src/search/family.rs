//! The choice between families of latents by held-out likelihood.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::prior::Family;
use ivae_num::slices::columns;

/// Rows that the family is chosen on.
pub(crate) const FAMILY_ROWS: usize = 40_000;
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
        let by_level = |latents: Latents<'_, F>| {
            let mut values = vec![Vec::new(); m];
            for (z, &u) in columns(latents.z, i..i + 1).iter().zip(latents.levels) {
                values[u as usize].push(z.f64());
            }
            values
        };
        let pooled: Vec<f64> = columns(train.z, i..i + 1).iter().map(|z| z.f64()).collect();
        for (mut values, test) in by_level(train).into_iter().zip(by_level(held_out)) {
            let fitted = if values.len() < 2 { &mut pooled.clone() } else { &mut values };
            let count = fitted.len() as f64;
            let mean = fitted.iter().sum::<f64>() / count;
            let variance = fitted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            fitted.sort_unstable_by(f64::total_cmp);
            let median = fitted[fitted.len() / 2];
            let spread = fitted.iter().map(|v| (v - median).abs()).sum::<f64>() / count;
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
    use ivae_expfam::{Density, GeneralisedNormal};
    use ivae_num::{Purpose, StreamKey};
    use ndarray::Array2;

    use super::*;

    const ALL: [Family; 3] = [Family::Gaussian, Family::Laplace, Family::GeneralisedNormal];

    /// Latents of two levels, of variance 1 and 9 at shape 2 or 1, drawn from `family` at this shape.
    fn draw(family: Family, shape: f64, rows: usize, seed: u64) -> (Array2<f64>, Vec<u32>) {
        let levels: Vec<u32> = (0..rows).map(|i| (i % 2) as u32).collect();
        let mut rng = StreamKey::new(seed, Purpose::Sample).rng();
        let z = Array2::from_shape_fn((rows, 2), |(row, _)| {
            let variance = if levels[row] == 0 { 1.0 } else { 9.0 };
            let mut theta = family.part::<f64>().from_moments(0.5, variance);
            theta.push(shape.ln());
            family.part::<f64>().draw(&theta, &mut rng)
        });
        (z, levels)
    }

    #[test]
    fn samples_have_the_variance_that_their_scale_stands_for() {
        for family in ALL {
            let (z, levels) = draw(family, 2.0, 40_000, 1);
            for (level, variance) in [(0, 1.0), (1, 9.0)] {
                let rows = z.rows().into_iter().zip(&levels).filter(|(_, u)| **u == level);
                let centred: Vec<f64> = rows.map(|(z, _)| z[0] - 0.5).collect();
                let found = centred.iter().map(|v| v * v).sum::<f64>() / centred.len() as f64;
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
                let scaled =
                    if family == Family::Laplace { Family::Laplace } else { Family::GeneralisedNormal };
                match j {
                    0..4 => scaled.part::<f64>().from_moments(0.5, variance)[j / 2],
                    _ => shape.ln(),
                }
            });
            let mut out = vec![0.0; 5_000];
            GeneralisedNormal.log_prob(&mut out, theta.view(), test.view());
            let learned = out.iter().sum::<f64>() / 5_000.0;
            let train = Latents { z: train.view(), levels: &u };
            let held_out = Latents { z: test.view(), levels: &v };
            assert_eq!(choose_family(train, held_out, learned), family);
        }
    }
}
