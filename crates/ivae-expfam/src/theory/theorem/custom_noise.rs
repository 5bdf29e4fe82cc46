//! [`CustomNoise`]: noise of your own law, and where its characteristic function vanishes.

use std::fmt;
use std::sync::Arc;

use super::answer::Answer;

/// Points of the grid on which zeros are searched.
const GRID: usize = 4096;
/// A modulus below this cannot be distinguished from 0.
const LEAST: f64 = 1e-10;
/// The modulus that rounding can leave where the true value is 0.
const ROUNDING: f64 = 1e-15;
/// A modulus that falls from [`LEAST`] to [`ROUNDING`] within this factor of t has an end: exp(−t²/2), the fastest decay of
/// a characteristic function without zeros (Marcinkiewicz 1939), takes a factor of 1.2.
const ABRUPT: f64 = 1.05;
/// Halvings of an edge, and golden sections of a minimum.
const REFINEMENTS: usize = 60;
/// How far φ(0) may be from 1, and |φ| above it.
const SLACK: f64 = 1e-9;

type Characteristic = dyn Fn(f64) -> [f64; 2] + Send + Sync;

/// Why a function is no characteristic function.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// The range to look at is not a positive number.
    #[error("the range of t must be positive and finite, not {reach}")]
    Reach {
        /// As given.
        reach: f64,
    },
    /// φ(0) is not 1, or |φ(t)| above 1 or not finite.
    #[error("no characteristic function: φ({t}) = {} + {}i", value[0], value[1])]
    NotCharacteristic {
        /// Where.
        t: f64,
        /// φ(t), real and imaginary part.
        value: [f64; 2],
    },
}

/// Noise of a given characteristic function φ(t) = E[exp(i t ε)], the same and independent in every column.
///
/// Its zeros in \[−reach, reach\] are looked for once, on a grid that is refined around every minimum and edge. Condition
/// (i) of theorem 1 asks that they have measure zero:
/// - *holds* if |φ| stays above 1e-10 there, or falls below at isolated points only;
/// - *fails* if φ vanishes on an interval, as that of a band-limited density does;
/// - *unknown* if |φ| decays below 1e-10 gradually, where numbers cannot tell it from 0: look at a shorter range.
///
/// ```
/// use ivae_expfam::theory::theorem::{Answer, CustomNoise};
///
/// // The sum of two uniform variables on (−½, ½) has a triangular density, and φ = (sin ½t / ½t)².
/// let triangular = |t: f64| [if t == 0.0 { 1.0 } else { ((0.5 * t).sin() / (0.5 * t)).powi(2) }, 0.0];
/// assert_eq!(CustomNoise::new("triangular", 100.0, triangular)?.answer().0, Answer::Holds);
///
/// // The density (1 − cos x) / πx² has φ = max(1 − |t|, 0): high frequencies of p(x|u) are lost.
/// let band_limited = |t: f64| [(1.0 - t.abs()).max(0.0), 0.0];
/// assert_eq!(CustomNoise::new("band-limited", 10.0, band_limited)?.answer().0, Answer::Fails);
/// # Ok::<(), ivae_expfam::theory::theorem::NoiseError>(())
/// ```
#[derive(Clone)]
pub struct CustomNoise {
    name: String,
    characteristic: Arc<Characteristic>,
    reach: f64,
    zeros: Zeros,
}

/// The zeros that the search found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Zeros {
    /// The modulus has this minimum.
    None { smallest: f64 },
    /// So many points.
    Isolated { count: usize },
    /// From `low` to `high`, at least.
    Interval { low: f64, high: f64 },
    /// From `from` on too small to tell.
    TooSmall { from: f64 },
}

impl fmt::Debug for CustomNoise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, reach, zeros, .. } = self;
        f.debug_struct("CustomNoise")
            .field("name", name)
            .field("reach", reach)
            .field("zeros", zeros)
            .finish_non_exhaustive()
    }
}

impl CustomNoise {
    /// Of φ(t) = \[real, imaginary part\], looked at for |t| ≤ `reach`: some ten times the inverse of the noise's scale.
    ///
    /// # Errors
    /// See [`NoiseError`].
    pub fn new(
        name: impl Into<String>,
        reach: f64,
        characteristic: impl Fn(f64) -> [f64; 2] + Send + Sync + 'static,
    ) -> Result<Self, NoiseError> {
        if !(reach > 0.0 && reach.is_finite()) {
            return Err(NoiseError::Reach { reach });
        }
        let grid: Vec<(f64, f64)> = (0..=GRID)
            .map(|g| {
                let t = reach * g as f64 / GRID as f64;
                let value = characteristic(t);
                let size = value[0].hypot(value[1]);
                let sound = size <= 1.0 + SLACK && (g > 0 || (value[0] - 1.0).hypot(value[1]) <= SLACK);
                if sound { Ok((t, size)) } else { Err(NoiseError::NotCharacteristic { t, value }) }
            })
            .collect::<Result<_, _>>()?;
        let modulus = |t: f64| {
            let [re, im] = characteristic(t);
            re.hypot(im)
        };
        let zeros = zeros(&grid, &modulus);
        Ok(Self { name: name.into(), characteristic: Arc::new(characteristic), reach, zeros })
    }

    /// Name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// φ(t), real and imaginary part.
    pub fn characteristic(&self, t: f64) -> [f64; 2] {
        (self.characteristic)(t)
    }

    /// Whether condition (i) holds, and why.
    pub fn answer(&self) -> (Answer, String) {
        let (name, reach) = (&self.name, self.reach);
        match self.zeros {
            Zeros::None { smallest } => (
                Answer::Holds,
                format!(
                    "{name}: its characteristic function is at least {smallest:.1e} in modulus for |t| up to {reach}"
                ),
            ),
            Zeros::Isolated { count } => {
                let points =
                    if count == 1 { "one point".to_owned() } else { format!("{count} isolated points") };
                let reason = format!(
                    "{name}: its characteristic function vanishes at {points} only for t up to {reach}"
                );
                (Answer::Holds, reason)
            }
            Zeros::Interval { low, high } => (
                Answer::Fails,
                format!(
                    "{name}: its characteristic function vanishes on an interval, t from {low:.4} to {high:.4}"
                ),
            ),
            Zeros::TooSmall { from } => (
                Answer::Unknown,
                format!(
                    "{name}: beyond t = {from:.4} its characteristic function is below {LEAST:.0e}, which numbers cannot \
                     tell from 0"
                ),
            ),
        }
    }

    /// The smallest modulus found; 0 if there are zeros.
    pub fn smallest(&self) -> f64 {
        if let Zeros::None { smallest } = self.zeros { smallest } else { 0.0 }
    }
}

/// The zeros on a grid of (t, |φ|): an interval takes precedence over values that are too small to tell, and those over
/// isolated points.
fn zeros(grid: &[(f64, f64)], modulus: &dyn Fn(f64) -> f64) -> Zeros {
    let (mut count, mut too_small, mut smallest) = (0, None, f64::INFINITY);
    let mut at = 0;
    while at < grid.len() {
        smallest = smallest.min(grid[at].1);
        if grid[at].1 > LEAST {
            // A minimum between this point's neighbours may still be a zero.
            let lowest = at > 0 && at + 1 < grid.len() && {
                grid[at].1 <= grid[at - 1].1 && grid[at].1 < grid[at + 1].1 && grid[at + 1].1 > LEAST
            };
            if lowest && grid[at - 1].1 > LEAST {
                let found = minimum(grid[at - 1].0, grid[at + 1].0, modulus);
                smallest = smallest.min(found);
                count += usize::from(found <= LEAST);
            }
            at += 1;
            continue;
        }
        let end = grid[at..].iter().position(|point| point.1 > LEAST).map_or(grid.len(), |run| at + run);
        if end - at < 3 && end < grid.len() {
            count += 1;
        } else {
            let low = edge(grid[at - 1].0, grid[at].0, modulus);
            let high = grid[end - 1].0;
            let after = (low * ABRUPT).max(grid[at].0);
            let inside = grid[at..end].iter().filter(|point| point.0 >= after);
            let gone = after <= high
                && inside.clone().next().is_some()
                && inside.clone().all(|point| point.1 <= ROUNDING)
                && modulus(low * ABRUPT) <= ROUNDING;
            if gone {
                return Zeros::Interval { low, high };
            }
            too_small = too_small.or(Some(low));
        }
        at = end;
    }
    match (too_small, count) {
        (Some(from), _) => Zeros::TooSmall { from },
        (None, 0) => Zeros::None { smallest },
        (None, count) => Zeros::Isolated { count },
    }
}

/// The smallest value between two points, by golden sections.
fn minimum(mut low: f64, mut high: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..REFINEMENTS {
        let step = golden * (high - low);
        if f(high - step) <= f(low + step) { high = low + step } else { low = high - step }
    }
    f(0.5 * (low + high))
}

/// Where the modulus falls to [`LEAST`], between a point above and one below.
fn edge(mut above: f64, mut below: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    for _ in 0..REFINEMENTS {
        let middle = 0.5 * (above + below);
        if f(middle) > LEAST { above = middle } else { below = middle }
    }
    below
}
