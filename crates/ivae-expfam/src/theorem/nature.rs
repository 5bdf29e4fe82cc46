//! [`Nature`]: what the theorems ask of the statistics T, proven by a family or seen by inspection.

use crate::{ExpFam, Support};

/// Half the range of the grid, in the coordinate that covers the support.
const REACH: f64 = 5.0;
/// Points of the grid.
const GRID: usize = 2001;
/// Pieces of the support on each of which the statistics must be independent.
const WINDOWS: usize = 8;
/// Part of a statistic that must be left when those before it, and constants, are projected out.
const INDEPENDENT: f64 = 1e-10;
/// Halvings of a piece where T′ changes fastest.
const HALVINGS: usize = 30;
/// A slope of T′ that grows by this factor as the piece shrinks is a kink.
const KINK: f64 = 10.0;

/// What the statistics T₁ … T_k of one component are like, as functions on the support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    /// Is every T′ⱼ ≠ 0 almost everywhere?
    pub moving: bool,
    /// Are 1, T₁ … T_k linearly independent on every set of positive measure?
    pub independent: bool,
    /// Is every Tⱼ twice differentiable?
    pub smooth: bool,
    /// How often the only statistic of k = 1 turns from falling to rising or back: 0 if it is monotonic, 1 if it has a
    /// unique minimum (or maximum, which is the minimum of −T, with −λ). `None` for k ≥ 2.
    pub turns: Option<usize>,
}

impl Nature {
    /// Of statistics that are not constant, independent and analytic, so that all holds everywhere if it holds anywhere;
    /// the only one of k = 1 has so many turns.
    pub(crate) fn analytic(k: usize, turns: usize) -> Self {
        Self { moving: true, independent: true, smooth: true, turns: (k == 1).then_some(turns) }
    }

    /// As the family proves it, or else by [inspection](Self::inspect). `None` for a discrete support, on which T has
    /// no derivative.
    pub fn of(family: &dyn ExpFam<f64>) -> Option<Self> {
        if !family.support().is_continuous() {
            return None;
        }
        family.nature().or_else(|| Self::inspect(family))
    }

    /// By T and T′ at two thousand points, that lie closer towards 0 or the ends of the support: what is so on smaller
    /// pieces, or beyond ±74, is not seen. `None` for a discrete support.
    pub fn inspect(family: &dyn ExpFam<f64>) -> Option<Self> {
        let Seen { still, left, growth, turns } = Seen::of(family)?;
        Some(Self {
            moving: still == 0.0,
            independent: left > INDEPENDENT,
            smooth: growth <= KINK,
            turns: (family.k() == 1).then_some(turns),
        })
    }
}

/// The numbers behind [`Nature::inspect`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Share of the pairs of neighbours at both of which the same T′ⱼ is 0.
    pub still: f64,
    /// The part of a statistic that is left when those before it, and constants, are projected out: the least of all
    /// statistics and pieces, 0 where it is not finite.
    pub left: f64,
    /// By what factor the slope of T′ⱼ grows as the piece shrinks where it changes fastest: the largest of all, at least 1.
    pub growth: f64,
    /// How often the sign of T′₁ changes.
    pub turns: usize,
}

impl Seen {
    /// `None` for a discrete support.
    pub(super) fn of(family: &dyn ExpFam<f64>) -> Option<Self> {
        let support = family.support();
        support.is_continuous().then_some(())?;
        let place = |g: usize| point(support, REACH * (2.0 * g as f64 / (GRID - 1) as f64 - 1.0));
        let z: Vec<f64> = (0..GRID).map(place).collect();
        let slopes: Vec<Vec<f64>> = z.iter().map(|&z| derivative(family, z)).collect();
        let k = family.k();
        let still = |pair: &&[Vec<f64>]| (0..k).any(|j| pair[0][j] == 0.0 && pair[1][j] == 0.0);
        let pieces = z.chunks(GRID.div_ceil(WINDOWS));
        Some(Self {
            still: slopes.windows(2).filter(still).count() as f64 / (GRID - 1) as f64,
            left: pieces.map(|piece| left(family, piece)).fold(1.0, f64::min),
            growth: (0..k).map(|j| growth(family, j, &z, &slopes)).fold(1.0, f64::max),
            turns: turns(&slopes),
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

/// The least part that Gram and Schmidt's method leaves of a statistic, over these points.
fn left(family: &dyn ExpFam<f64>, z: &[f64]) -> f64 {
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
        // Twice: once leaves what rounding has put back.
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

/// By what factor the slope of T′ⱼ grows as the piece shrinks where it changes fastest; 1 where it does not.
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
fn turns(slopes: &[Vec<f64>]) -> usize {
    let signs: Vec<bool> = slopes.iter().map(|s| s[0]).filter(|&s| s != 0.0).map(|s| s > 0.0).collect();
    signs.windows(2).filter(|pair| pair[0] != pair[1]).count()
}
