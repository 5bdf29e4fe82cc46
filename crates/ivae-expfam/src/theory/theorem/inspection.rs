//! [`Inspection`]: properties of the statistics T, measured at points of the support for families that prove nothing.

use crate::density::{ExpFam, StatisticsProperties, Support};

/// Half the range of the grid, in the coordinate that covers the support.
const REACH: f64 = 5.0;
/// Points of the grid.
const GRID: usize = 2001;
/// Pieces of the support on each of which the statistics must be independent.
const WINDOWS: usize = 8;
/// Part of a statistic that must remain when constants and the statistics before it are projected out.
const INDEPENDENT: f64 = 1e-10;
/// Halvings of the piece where T′ changes fastest.
const HALVINGS: usize = 30;
/// A slope of T′ that grows by this factor as the piece shrinks is a kink.
const KINK: f64 = 10.0;

impl StatisticsProperties {
    /// The properties that the family proves, or else those found by [inspection](Self::inspect). `None` for a discrete
    /// support, on which T has no derivative.
    pub fn of(family: &dyn ExpFam<f64>) -> Option<Self> {
        if !family.support().is_continuous() {
            return None;
        }
        family.statistics_properties().or_else(|| Self::inspect(family))
    }

    /// The properties as found from T and T′ at two thousand points, which lie closer together towards 0 or the ends of the
    /// support. Inspection misses what happens between them and beyond ±74. `None` for a discrete support.
    pub fn inspect(family: &dyn ExpFam<f64>) -> Option<Self> {
        let Inspection { zero_slope_share, independent_part, growth, turning_points } =
            Inspection::of(family)?;
        Some(Self {
            nonzero_slope: zero_slope_share == 0.0,
            independent: independent_part > INDEPENDENT,
            smooth: growth <= KINK,
            turning_points: (family.k() == 1).then_some(turning_points),
        })
    }
}

/// The numbers behind [`StatisticsProperties::inspect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Inspection {
    /// Share of the pairs of neighbours at both of which the same T′ⱼ is 0.
    pub zero_slope_share: f64,
    /// The part of a statistic that remains when constants and the statistics before it are projected out: the smallest
    /// over all statistics and pieces, 0 where it is not finite.
    pub independent_part: f64,
    /// The factor by which the slope of T′ⱼ grows as the piece on which T′ⱼ changes fastest shrinks: the largest over j, at
    /// least 1.
    pub growth: f64,
    /// How often the sign of T′₁ changes.
    pub turning_points: usize,
}

impl Inspection {
    /// Measures the statistics of `family`; `None` for a discrete support.
    pub(super) fn of(family: &dyn ExpFam<f64>) -> Option<Self> {
        let support = family.support();
        support.is_continuous().then_some(())?;
        let place = |g: usize| point(support, REACH * (2.0 * g as f64 / (GRID - 1) as f64 - 1.0));
        let z: Vec<f64> = (0..GRID).map(place).collect();
        let slopes: Vec<Vec<f64>> = z.iter().map(|&z| derivative(family, z)).collect();
        let k = family.k();
        let is_flat = |pair: &&[Vec<f64>]| (0..k).any(|j| pair[0][j] == 0.0 && pair[1][j] == 0.0);
        let pieces = z.chunks(GRID.div_ceil(WINDOWS));
        Some(Self {
            zero_slope_share: slopes.windows(2).filter(is_flat).count() as f64 / (GRID - 1) as f64,
            independent_part: pieces.map(|piece| independent_part(family, piece)).fold(1.0, f64::min),
            growth: (0..k).map(|j| growth(family, j, &z, &slopes)).fold(1.0, f64::max),
            turning_points: turning_points(&slopes),
        })
    }
}

/// The point of the support at `s` of a coordinate on ℝ.
fn point(support: Support, s: f64) -> f64 {
    match support {
        Support::Positive => s.exp(),
        Support::Interval { low, high } => low + (high - low) / (1.0 + (-2.0 * s).exp()),
        _ => s.sinh(),
    }
}

fn derivative(family: &dyn ExpFam<f64>, z: f64) -> Vec<f64> {
    let mut dt = vec![0.0; family.k()];
    family.dstats(&mut dt, z);
    dt
}

/// The smallest part of a statistic that Gram–Schmidt orthogonalisation leaves, over these points.
fn independent_part(family: &dyn ExpFam<f64>, z: &[f64]) -> f64 {
    let k = family.k();
    let mut columns = vec![vec![1.0; z.len()]; k + 1];
    let mut t = vec![0.0; k];
    for (at, &z) in z.iter().enumerate() {
        family.stats(&mut t, z);
        t.iter().enumerate().for_each(|(j, &t)| columns[j + 1][at] = t);
    }
    let norm = |column: &[f64]| column.iter().map(|v| v * v).sum::<f64>().sqrt();
    let mut least = 1.0;
    for j in 0..=k {
        let (before, rest) = columns.split_at_mut(j);
        let column = &mut rest[0];
        let size = norm(column);
        // Twice, because rounding leaves a remainder after the first pass.
        for other in before.iter().chain(before.iter()) {
            let dot: f64 = other.iter().zip(column.iter()).map(|(a, b)| a * b).sum();
            column.iter_mut().zip(other).for_each(|(v, o)| *v -= dot * o);
        }
        let left = norm(column);
        if !(left > INDEPENDENT * size && size.is_finite()) {
            return if left < size { left / size } else { 0.0 };
        }
        least = f64::min(least, left / size);
        column.iter_mut().for_each(|v| *v /= left);
    }
    least
}

/// The factor by which the slope of T′ⱼ grows as the piece on which T′ⱼ changes fastest shrinks; 1 if it does not grow.
fn growth(family: &dyn ExpFam<f64>, j: usize, z: &[f64], slopes: &[Vec<f64>]) -> f64 {
    let typical = slopes.iter().map(|s| s[j].abs()).sum::<f64>() / slopes.len() as f64;
    let jump = |g: &usize| (slopes[g + 1][j] - slopes[*g][j]).abs() / (typical + slopes[*g][j].abs());
    let Some(g) = (0..z.len() - 1).max_by(|a, b| jump(a).total_cmp(&jump(b))) else { return 1.0 };
    let (mut low, mut high) = (z[g], z[g + 1]);
    let at = |z: f64| derivative(family, z)[j];
    let slope = |low: f64, high: f64| (at(high) - at(low)).abs() / (high - low);
    let first = slope(low, high);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if slope(low, middle) >= slope(middle, high) { high = middle } else { low = middle }
    }
    let last = slope(low, high);
    if last > first { last / first } else { 1.0 }
}

/// How often the sign of T′₁ changes.
fn turning_points(slopes: &[Vec<f64>]) -> usize {
    let signs: Vec<bool> = slopes.iter().map(|s| s[0]).filter(|&s| s != 0.0).map(|s| s > 0.0).collect();
    signs.windows(2).filter(|pair| pair[0] != pair[1]).count()
}
