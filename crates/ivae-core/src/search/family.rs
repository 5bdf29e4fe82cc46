//! The choice between families of latents by held-out likelihood, and where latents that were found under one family lie
//! in another.

use std::f64::consts::SQRT_2;

use ivae_expfam::prior::SupportMap;
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::prior::{Families, Family, level_means};

/// Rows that the family is chosen on.
pub(crate) const FAMILY_ROWS: usize = 40_000;
/// Rows that a placement is looked for on.
const PLACEMENT_ROWS: usize = 4000;
/// Quantiles between which nearly all of a latent lies.
const OUTER: f64 = 0.005;

/// The families of ℝ that are compared, from the simplest on. Of all but the last, the members of greatest likelihood are found
/// without training.
const CANDIDATES: [Family; 6] = [
    Family::GaussianMean,
    Family::GaussianVar,
    Family::LaplaceScale,
    Family::Gaussian,
    Family::Laplace,
    Family::GeneralisedNormal,
];

/// Some latents `[N, n]` and their levels of u `[N]`; no levels where u has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latents<'a, F> {
    pub(crate) z: ArrayView2<'a, F>,
    pub(crate) levels: &'a [u32],
}

impl<F: Scalar> Latents<'_, F> {
    fn column(&self, i: usize) -> Vec<f64> {
        self.z.column(i).iter().map(|z| z.f64()).collect()
    }

    fn level(&self, row: usize) -> usize {
        self.levels.get(row).map_or(0, |&level| level as usize)
    }

    fn count(&self) -> usize {
        self.levels.iter().max().map_or(1, |&level| level as usize + 1)
    }
}

/// An affine map v = `scale` z + `shift` of a latent found, after which a family fits it best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    pub(crate) scale: f64,
    pub(crate) shift: f64,
}

/// One latent, with what its family is judged on.
struct Column {
    v: Vec<f64>,
    levels: Vec<usize>,
    count: usize,
}

impl Column {
    fn new<F: Scalar>(latents: &Latents<'_, F>, i: usize, count: usize) -> Self {
        let v = latents.column(i);
        let levels = (0..v.len()).map(|row| latents.level(row)).collect();
        Self { v, levels, count }
    }

    /// Every few rows, at most about `rows`.
    fn thinned(&self, rows: usize) -> Self {
        let step = (self.v.len() / rows.max(1)).max(1);
        let v = self.v.iter().step_by(step).copied().collect();
        let levels = self.levels.iter().step_by(step).copied().collect();
        Self { v, levels, count: self.count }
    }

    fn at(&self, placement: Placement) -> Self {
        let v = self.v.iter().map(|v| placement.scale * v + placement.shift).collect();
        Self { v, levels: self.levels.clone(), count: self.count }
    }

    /// The map to mean 0 and variance 1 within the levels.
    fn of_unit_variance(&self) -> Placement {
        let (mut count, mut sum) = (vec![0.0; self.count], vec![0.0; self.count]);
        for (v, &level) in self.v.iter().zip(&self.levels) {
            (count[level], sum[level]) = (count[level] + 1.0, sum[level] + v);
        }
        let within = |(v, &level): (&f64, &usize)| (v - sum[level] / count[level]).powi(2);
        let rows = self.v.len().max(1) as f64;
        let scale = (self.v.iter().zip(&self.levels).map(within).sum::<f64>() / rows).sqrt().recip();
        Placement { scale, shift: -scale * sum.iter().sum::<f64>() / rows }
    }

    /// The conditional parameters of greatest likelihood in every level.
    fn parameters(&self, family: &Family) -> Vec<Vec<f64>> {
        let levels: Vec<u32> = self.levels.iter().map(|&level| level as u32).collect();
        let part = family.part::<f64>();
        let found = level_means(part, ArrayView1::from(&self.v), &levels, self.count);
        if *family != Family::Laplace {
            return found.iter().map(|mean| part.from_start_statistics(mean)).collect();
        }
        let mut by_level = vec![Vec::new(); self.count];
        self.v.iter().zip(&self.levels).for_each(|(&v, &level)| by_level[level].push(v));
        let pooled = laplace(self.v.clone());
        by_level.into_iter().map(|v| if v.len() < 2 { pooled.clone() } else { laplace(v) }).collect()
    }

    /// log p of every row under the parameters of its level.
    fn log_p(&self, family: &Family, parameters: &[Vec<f64>]) -> Vec<f64> {
        let width = parameters.first().map_or(0, Vec::len);
        let theta = Array2::from_shape_fn((self.v.len(), width), |(row, c)| parameters[self.levels[row]][c]);
        let mut log_p = vec![0.0; self.v.len()];
        family.part::<f64>().log_prob(
            &mut log_p,
            theta.view(),
            ArrayView1::from(&self.v).insert_axis(Axis(1)),
        );
        log_p
    }
}

/// Location and log scale of greatest likelihood: the median, and the mean distance from it.
fn laplace(mut v: Vec<f64>) -> Vec<f64> {
    v.sort_unstable_by(f64::total_cmp);
    let median = v.get(v.len() / 2).copied().unwrap_or(0.0);
    let spread = v.iter().map(|v| (v - median).abs()).sum::<f64>() / v.len().max(1) as f64;
    vec![median, spread.ln()]
}

/// Where `family` fits a latent best, with its mean log-likelihood there in the latent's own units, on some of the rows.
fn place(family: &Family, latent: &Column) -> (Placement, f64) {
    let tried = match family {
        Family::GaussianMean => vec![latent.of_unit_variance()],
        _ => placements(family, &latent.v),
    };
    let latent = latent.thinned(PLACEMENT_ROWS);
    let judged = |placement: Placement| {
        let placed = latent.at(placement);
        let log_p = placed.log_p(family, &placed.parameters(family));
        let score = log_p.iter().sum::<f64>() / log_p.len().max(1) as f64 + placement.scale.abs().ln();
        (placement, if score.is_nan() { f64::NEG_INFINITY } else { score })
    };
    tried
        .into_iter()
        .map(judged)
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .unwrap_or((Placement { scale: 1.0, shift: 0.0 }, f64::NEG_INFINITY))
}

/// The affine maps that are tried: none where the family has location and scale itself; for (0, ∞) both directions.
fn placements(family: &Family, z: &[f64]) -> Vec<Placement> {
    let part = family.part::<f64>();
    let mut sorted = z.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quantile = |part: f64| sorted.get((part * sorted.len() as f64) as usize).copied().unwrap_or(0.0);
    let (low, high) = (quantile(OUTER), quantile(1.0 - OUTER));
    let width = if high > low { high - low } else { 1.0 };
    // v over the range of z, from `from` on, `over` wide.
    let spanning = |sign: f64, from: f64, over: f64| {
        let (scale, end) = (sign * over / width, if sign > 0.0 { low } else { high });
        Placement { scale, shift: from - scale * end }
    };
    match part.support_map() {
        SupportMap::Identity if part.absorbs_affine() => vec![Placement { scale: 1.0, shift: 0.0 }],
        SupportMap::Identity => {
            let mean = z.iter().sum::<f64>() / z.len().max(1) as f64;
            // The width is about five standard deviations of a Gaussian.
            let scales = (-8..=4).map(|i| SQRT_2.powi(i) * 5.0 / width);
            scales.map(|scale| Placement { scale, shift: -scale * mean }).collect()
        }
        SupportMap::Softplus => {
            let widths = [3.0, 6.0, 12.0, 24.0];
            let starts = [-4.0, -2.0, -1.0, 0.0, 1.0];
            let of_sign = |sign: f64| {
                widths
                    .into_iter()
                    .flat_map(move |over| starts.into_iter().map(move |from| (sign, from, over)))
            };
            of_sign(1.0).chain(of_sign(-1.0)).map(|(sign, from, over)| spanning(sign, from, over)).collect()
        }
        SupportMap::Sigmoid { .. } => {
            let middles = [-1.0, 0.0, 1.0];
            [2.0, 4.0, 8.0, 12.0]
                .into_iter()
                .flat_map(|over| middles.map(|middle| spanning(1.0, middle - 0.5 * over, over)))
                .collect()
        }
    }
}

/// Which of the latents found becomes each latent of `families`, and where it lies in its family.
pub(crate) fn match_families<F: Scalar>(
    families: &Families,
    found: Latents<'_, F>,
) -> (Vec<usize>, Vec<Placement>) {
    let n = found.z.ncols();
    let columns: Vec<Column> = (0..n).map(|i| Column::new(&found, i, found.count())).collect();
    let placed: Vec<Vec<(Placement, f64)>> = (0..n)
        .into_par_iter()
        .map(|i| columns.iter().map(|column| place(&families.of(i), column)).collect())
        .collect();
    let order: Vec<usize> = match families.single() {
        Some(_) => (0..n).collect(),
        None => {
            // Scores that say nothing are as bad as the worst.
            let worst = placed.iter().flatten().map(|p| p.1).filter(|s| s.is_finite()).fold(0.0, f64::min);
            let score = |(i, j): (usize, usize)| {
                let score = placed[i][j].1;
                if score.is_finite() { score } else { worst - 1.0 }
            };
            let mut pairs = ivae_metrics::assignment(&Array2::from_shape_fn((n, n), score));
            pairs.sort_unstable();
            pairs.into_iter().map(|(_, j)| j).collect()
        }
    };
    let placements = order.iter().enumerate().map(|(i, &j)| placed[i][j].0).collect();
    (order, placements)
}

/// The family under which `held_out` is likeliest, each fitted to `train` level by level: the simplest of those that are
/// within one standard error of the best (the rule of Breiman et al. 1984, section 3.4.3). `learned` is log p of every row
/// of `held_out` under the generalised normal as it was learned.
pub(crate) fn choose_family<F: Scalar>(
    train: Latents<'_, F>,
    held_out: Latents<'_, F>,
    learned: &[f64],
) -> Family {
    let (n, count) = (train.z.ncols(), train.count().max(held_out.count()));
    let columns: Vec<(Column, Column)> =
        (0..n).map(|i| (Column::new(&train, i, count), Column::new(&held_out, i, count))).collect();
    let scores: Vec<Vec<f64>> = CANDIDATES
        .par_iter()
        .map(|family| {
            if *family == Family::GeneralisedNormal {
                return learned.to_vec();
            }
            let mut log_p = vec![0.0; held_out.z.nrows()];
            for (train, test) in &columns {
                let placement = place(family, train).0;
                let parameters = train.at(placement).parameters(family);
                let of_latent = test.at(placement).log_p(family, &parameters);
                let log_det = placement.scale.abs().ln();
                log_p.iter_mut().zip(of_latent).for_each(|(sum, p)| *sum += p + log_det);
            }
            log_p
        })
        .collect();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let means: Vec<f64> =
        scores.iter().map(|s| mean(s)).map(|m| if m.is_nan() { f64::NEG_INFINITY } else { m }).collect();
    let best =
        (0..means.len()).fold(means.len() - 1, |best, i| if means[i] > means[best] { i } else { best });
    let ties = |i: &usize| {
        let difference: Vec<f64> = scores[best].iter().zip(&scores[*i]).map(|(a, b)| a - b).collect();
        let gap = mean(&difference);
        let variance = mean(&difference.iter().map(|d| (d - gap).powi(2)).collect::<Vec<_>>());
        means[*i].is_finite() && gap <= (variance / difference.len().max(1) as f64).sqrt()
    };
    CANDIDATES[(0..means.len()).find(ties).unwrap_or(best)]
}

#[cfg(test)]
mod tests {
    use ivae_num::slices::columns;
    use ivae_num::{Purpose, StreamKey};
    use ndarray::Array2;

    use super::*;

    /// Latents of two levels, drawn from `family` with these moments of v, and scaled by `scale`.
    fn draw(
        family: Family,
        moments: [(f64, f64); 2],
        scale: f64,
        rows: usize,
        seed: u64,
    ) -> (Array2<f64>, Vec<u32>) {
        let levels: Vec<u32> = (0..rows).map(|i| (i % 2) as u32).collect();
        let mut rng = StreamKey::new(seed, Purpose::Sample).rng();
        let part = family.part::<f64>();
        let theta = moments.map(|(mean, variance)| {
            let mut theta = part.from_moments(mean, variance);
            theta.extend(part.free_parameter().map(|_| 6f64.ln()));
            theta
        });
        let z = Array2::from_shape_fn((rows, 2), |(row, _)| {
            scale * part.draw(&theta[levels[row] as usize], &mut rng)
        });
        (z, levels)
    }

    #[test]
    fn the_family_that_made_the_latents_is_chosen() {
        let (both, means) = ([(0.5, 1.0), (-1.0, 9.0)], [(0.5, 1.0), (-1.0, 1.0)]);
        let cases = [
            (Family::Gaussian, both),
            (Family::GaussianVar, both),
            (Family::GaussianMean, means),
            (Family::Laplace, both),
            (Family::LaplaceScale, both),
            (Family::GeneralisedNormal, both),
        ];
        for (family, moments) in cases {
            // A latent is found in any scale, and in either direction.
            let (z, u) = draw(family, moments, -2.5, 20_000, 2);
            let (test, v) = draw(family, moments, -2.5, 5_000, 3);
            // "As learned" is the truth for the generalised normal of shape 6, and worse for the others.
            let learned = match family {
                Family::GeneralisedNormal => {
                    let part = family.part::<f64>();
                    let theta = Array2::from_shape_fn((5_000, 6), |(row, c)| {
                        let (mean, variance) = moments[v[row] as usize];
                        let mut theta = part.from_moments(mean, variance);
                        theta.push(6f64.ln());
                        theta[c / 2]
                    });
                    let mut log_p = vec![0.0; 5_000];
                    part.log_prob(&mut log_p, theta.view(), test.mapv(|z| z / -2.5).view());
                    log_p.iter().map(|p| p - 2.0 * 2.5f64.ln()).collect()
                }
                _ => vec![-100.0; 5_000],
            };
            let train = Latents { z: z.view(), levels: &u };
            let held_out = Latents { z: test.view(), levels: &v };
            assert_eq!(choose_family(train, held_out, &learned), family);
        }
    }

    #[test]
    fn latents_go_to_the_families_they_come_from() {
        let (gamma, u) = draw(Family::Gamma, [(0.5, 1.0), (2.0, 3.0)], -3.0, 8000, 5);
        let (gauss, _) = draw(Family::Gaussian, [(0.5, 1.0), (-1.0, 9.0)], 1.0, 8000, 6);
        let z = ndarray::concatenate![Axis(1), columns(gauss.view(), 0..1), columns(gamma.view(), 0..1)];
        let families = Families::Each(vec![Family::Gamma, Family::Gaussian]);
        let (order, placed) = match_families(&families, Latents { z: z.view(), levels: &u });
        assert_eq!(order, [1, 0]);
        assert!(placed[0].scale < 0.0, "{placed:?}: the Gamma latent was turned round");
    }
}
