//! [`Measure`]: a density known up to its constant, as weighted points by adaptive Gauss–Kronrod quadrature.

use super::chart::Chart;
use super::kronrod::{LEN, rule};

/// Mass is left out where the log-density is this far below its highest value.
const DEPTH: f64 = 70.0;

/// How far it must have fallen at the end of the chart.
const FALL: f64 = 34.0;

/// Points at which modes are looked for.
const GRID: usize = 720;

/// Parts into which the neighbourhood of a highest point is cut, to look for others.
const CLOSER: usize = 48;

/// Error that a panel may have, relative to the whole mass.
const TOLERANCE: f64 = 1e-12;

/// Most panels: beyond, the density is too rough.
const PANELS: usize = 4096;

/// A normalised density as points and weights, panel by panel along the chart.
#[derive(Debug)]
pub(super) struct Measure {
    chart: Chart,
    /// log ∫ of the density as given.
    pub(super) log_mass: f64,
    /// The points, [`LEN`] to a panel, and their probabilities.
    points: Vec<(f64, f64)>,
    panels: Vec<Panel>,
}

/// A piece of the chart.
#[derive(Debug, Clone, Copy)]
struct Panel {
    low: f64,
    high: f64,
    /// Probability of all panels before this one.
    before: f64,
    /// Probability of this one.
    mass: f64,
}

impl Measure {
    /// Of exp(`log_density`), which may have kinks at `breaks`. None if it has no finite mass as far as the chart goes.
    pub(super) fn new(chart: Chart, breaks: &[f64], log_density: &dyn Fn(f64) -> f64) -> Option<Self> {
        let along = |s: f64| {
            let value = log_density(chart.z(s)) + chart.log_slope(s);
            if value.is_nan() { f64::NEG_INFINITY } else { value }
        };
        let breaks: Vec<f64> = breaks.iter().map(|&z| chart.s(z)).filter(|s| s.is_finite()).collect();
        let samples = samples(chart.end(), &breaks, &along);
        let modes = modes(&samples, &along);
        let top = modes.iter().fold(f64::NEG_INFINITY, |top, &(_, value)| top.max(value));
        let open = samples[0].1.max(samples[samples.len() - 1].1);
        if !top.is_finite() || open >= top - FALL {
            return None;
        }
        let modes: Vec<f64> = modes.iter().filter(|mode| mode.1 > top - DEPTH).map(|mode| mode.0).collect();
        let cuts = cuts(&samples, &modes, &breaks, top - DEPTH, &along);
        Self::refine(chart, cuts, top, &along)
    }

    /// Halve panels until the two rules agree in the mass and in its second moment of the log-density.
    fn refine(chart: Chart, mut todo: Vec<(f64, f64)>, top: f64, along: &dyn Fn(f64) -> f64) -> Option<Self> {
        let size = |&(low, high): &(f64, f64)| {
            rule(low, high).map(|(s, k, _)| k * (along(s) - top).exp()).sum::<f64>()
        };
        let coarse: f64 = todo.iter().map(size).sum();
        todo.reverse();
        let (mut points, mut panels): (Vec<(f64, f64)>, Vec<Panel>) = (Vec::new(), Vec::new());
        while let Some((low, high)) = todo.pop() {
            let (mut mass, mut gap, mut gap_of_square, start) = (0.0, 0.0, 0.0, points.len());
            for (s, kronrod, gauss) in rule(low, high) {
                let below = along(s) - top;
                let p = below.exp();
                points.push((chart.z(s), kronrod * p));
                mass += kronrod * p;
                gap += (kronrod - gauss) * p;
                gap_of_square += (kronrod - gauss) * p * below.max(-DEPTH).powi(2);
            }
            // The error of the Kronrod rule is far below its distance from the Gauss rule: to about the power 1.5.
            let rough = gap.abs().max(1e-2 * gap_of_square.abs()) > TOLERANCE.powf(2.0 / 3.0) * coarse;
            let middle = 0.5 * (low + high);
            if rough && low < middle && middle < high {
                if panels.len() + todo.len() > PANELS {
                    return None;
                }
                points.truncate(start);
                todo.extend([(middle, high), (low, middle)]);
            } else {
                panels.push(Panel { low, high, before: 0.0, mass });
            }
        }
        let total: f64 = panels.iter().map(|panel| panel.mass).sum();
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        points.iter_mut().for_each(|point| point.1 /= total);
        let mut before = 0.0;
        for panel in &mut panels {
            panel.mass /= total;
            panel.before = before;
            before += panel.mass;
        }
        Some(Self { chart, log_mass: top + total.ln(), points, panels })
    }

    /// z and its probability, for sums in place of integrals.
    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points.iter().copied().filter(|point| point.1 > 0.0)
    }

    /// The pieces of the chart that were told apart, in order.
    pub(super) fn panels(&self) -> impl Iterator<Item = (f64, f64)> {
        self.panels.iter().map(|panel| (panel.low, panel.high))
    }

    /// Visit the points on one side of `z`, the one with less mass, with their probabilities. Returns whether that is
    /// the lower side. `log_density` is that of [`new`](Measure::new).
    pub(super) fn side(&self, z: f64, log_density: &dyn Fn(f64) -> f64, f: &mut dyn FnMut(f64, f64)) -> bool {
        let s = self.chart.s(z);
        let at = self.panels.partition_point(|panel| panel.high <= s);
        let lower = self.panels.get(at).is_some_and(|panel| panel.before + 0.5 * panel.mass < 0.5);
        let last = self.panels.len();
        let whole = if lower { 0..at } else { (at + 1).min(last)..last };
        self.points[LEN * whole.start..LEN * whole.end].iter().for_each(|&(z, p)| f(z, p));
        if let Some(panel) = self.panels.get(at) {
            let (low, high) =
                if lower { (panel.low, s.max(panel.low)) } else { (s.max(panel.low), panel.high) };
            rule(low, high)
                .for_each(|(s, weight, _)| f(self.chart.z(s), weight * self.density(s, log_density)));
        }
        lower
    }

    /// Density along the chart.
    fn density(&self, s: f64, log_density: &dyn Fn(f64) -> f64) -> f64 {
        (log_density(self.chart.z(s)) + self.chart.log_slope(s) - self.log_mass).exp()
    }

    /// The z below which there is the probability `u`: Newton's method within a bracket, from the density and its
    /// integral over the part of a panel.
    pub(super) fn quantile(&self, u: f64, log_density: &dyn Fn(f64) -> f64) -> f64 {
        let at = self.panels.partition_point(|panel| panel.before <= u).max(1) - 1;
        let panel = self.panels[at];
        let target = (u - panel.before).min(panel.mass);
        let (mut low, mut high) = (panel.low, panel.high);
        let mut s = low + (high - low) * (target / panel.mass).clamp(0.0, 1.0);
        for _ in 0..60 {
            let mass: f64 =
                rule(panel.low, s).map(|(s, weight, _)| weight * self.density(s, log_density)).sum();
            let error = mass - target;
            if error.abs() <= 1e-14 {
                break;
            }
            if error > 0.0 {
                high = s
            } else {
                low = s
            }
            let newton = s - error / self.density(s, log_density);
            let next = if low < newton && newton < high { newton } else { 0.5 * (low + high) };
            if next == s {
                break;
            }
            s = next;
        }
        self.chart.z(s)
    }
}

/// Points of the chart with the log-density there, in order: evenly spaced, `breaks`, and more around each highest point,
/// where there may be several modes.
fn samples(end: f64, breaks: &[f64], along: &dyn Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let step = 2.0 * end / GRID as f64;
    let even = (0..=GRID).map(|i| -end + step * i as f64);
    let inside = breaks.iter().copied().filter(|s| s.abs() < end);
    let ordered = |mut samples: Vec<(f64, f64)>| {
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        samples.dedup_by(|a, b| a.0 == b.0);
        samples
    };
    let mut samples = ordered(even.chain(inside).map(|s| (s, along(s))).collect());
    let around = |i: usize| {
        let (low, high) = (samples[i - 1].0, samples[i + 1].0);
        (1..CLOSER).map(move |j| low + (high - low) * (j as f64 / CLOSER as f64))
    };
    let closer: Vec<(f64, f64)> = peaks(&samples).flat_map(around).map(|s| (s, along(s))).collect();
    samples.extend(closer);
    ordered(samples)
}

/// Local maxima.
fn peaks(samples: &[(f64, f64)]) -> impl Iterator<Item = usize> {
    let value = |i: usize| samples[i].1;
    (1..samples.len() - 1).filter(move |&i| value(i) > value(i - 1) && value(i) >= value(i + 1))
}

/// Local maxima and their values, from the left, improved by golden sections.
fn modes(samples: &[(f64, f64)], along: &dyn Fn(f64) -> f64) -> Vec<(f64, f64)> {
    peaks(samples)
        .map(|i| {
            let golden = 0.5 * (5.0f64.sqrt() - 1.0);
            let (mut low, mut high) = (samples[i - 1].0, samples[i + 1].0);
            let mut inner = [high - golden * (high - low), low + golden * (high - low)];
            let mut at = inner.map(along);
            for _ in 0..60 {
                if at[0] >= at[1] {
                    high = inner[1];
                    inner = [high - golden * (high - low), inner[0]];
                    at = [along(inner[0]), at[0]];
                } else {
                    low = inner[0];
                    inner = [inner[1], low + golden * (high - low)];
                    at = [at[1], along(inner[1])];
                }
            }
            let found = 0.5 * (low + high);
            if along(found) >= samples[i].1 { (found, along(found)) } else { samples[i] }
        })
        .collect()
}

/// First panels: from each mode to where the log-density falls below `floor`, or to the valley before the next one,
/// cut at `breaks`.
fn cuts(
    samples: &[(f64, f64)],
    modes: &[f64],
    breaks: &[f64],
    floor: f64,
    along: &dyn Fn(f64) -> f64,
) -> Vec<(f64, f64)> {
    let valley = |from: f64, to: f64| {
        let between = samples.iter().filter(|&&(s, _)| from < s && s < to);
        between.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.5 * (from + to), |lowest| lowest.0)
    };
    // From `far`, towards the mode, to where the floor is passed.
    let edge = |far: f64, mode: f64| {
        let (mut far, mut near) = (far, mode);
        if along(far) < floor {
            for _ in 0..60 {
                let middle = 0.5 * (far + near);
                if along(middle) < floor { far = middle } else { near = middle }
            }
        }
        far
    };
    let ends = (samples[0].0, samples[samples.len() - 1].0);
    let mut panels = Vec::new();
    for (i, &mode) in modes.iter().enumerate() {
        let left = if i == 0 { ends.0 } else { valley(modes[i - 1], mode) };
        let right = if i + 1 == modes.len() { ends.1 } else { valley(mode, modes[i + 1]) };
        let (left, right) = (edge(left, mode), edge(right, mode));
        let mut points = vec![left, mode, right];
        points.extend(breaks.iter().copied().filter(|&s| left < s && s < right));
        points.sort_by(f64::total_cmp);
        points.dedup();
        panels.extend(points.windows(2).map(|ends| (ends[0], ends[1])));
    }
    panels
}
