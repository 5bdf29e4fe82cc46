//! How the mixings other than the network are drawn.
//!
//! All expect inputs of about unit variance, and their constants are set so that they are about as nonlinear, and about
//! as well conditioned, as the network of three layers.

use std::f64::consts::{LN_2, PI};

use ivae_num::{LinalgError, linalg};
use ndarray::{Array1, Array2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use super::kind::Mixing;
use super::moebius::Moebius;
use super::monotone::Monotone;
use super::spline::Spline;
use super::step::{Coupling, Residual, Step, Swirl, Wave};

/// Singular values of a linear map are e^u, u uniform on ± this.
const SPREAD: f64 = 0.5 * LN_2;
/// Units of a residual block.
const UNITS: usize = 64;
/// Bins of a spline.
const BINS: usize = 8;
/// Splines reach from minus this to this; straight lines continue them.
const REACH: f64 = 3.0;

/// The steps of a mixing of `kind` from `n` standardised sources to `d` ≥ n dimensions.
pub(super) fn steps(kind: Mixing, n: usize, d: usize, rng: &mut impl Rng) -> Result<Vec<Step>, LinalgError> {
    let mut steps = Vec::new();
    match kind {
        Mixing::Network => return Ok(steps),
        Mixing::Swirl => {
            for _ in 0..3 {
                steps.push(Step::Linear(rotation(n, rng)?));
                let angles = (0..n / 2).map(|_| sign(rng) * rng.random_range(1.5..2.5)).collect();
                steps.push(Step::Swirl(Swirl { angles }));
            }
        }
        Mixing::AdditiveCoupling => {
            for _ in 0..4 {
                steps.push(Step::Linear(rotation(n, rng)?));
                steps.push(Step::Coupling(Coupling {
                    amplitude: 0.8,
                    weights: directions(n / 2, n - n / 2, 1.3, rng),
                    phase: phases(n - n / 2, PI, rng),
                }));
            }
        }
        Mixing::PostNonlinear => {
            let shift = rng.random_range(0..5);
            let functions = (0..n).map(|j| post_nonlinearity(shift + j, rng)).collect();
            after_linear_maps(&mut steps, n, vec![functions], rng)?;
        }
        Mixing::LeakyRelu => {
            for _ in 0..3 {
                steps.push(Step::Linear(well_spread(n, rng)?));
                steps.push(Step::Shift(phases(n, 0.5, rng)));
                let slope = rng.random_range(0.25..0.3);
                steps.push(Step::Coordinates(vec![Monotone::Leaky { slope }; n]));
            }
        }
        Mixing::Residual => {
            for _ in 0..4 {
                steps.push(Step::Residual(contraction(n, rng)?));
            }
        }
        Mixing::Mobius => {
            for _ in 0..2 {
                steps.push(Step::Linear(well_spread(n, rng)?));
                let centre = directions(n, 1, 0.7, rng).column(0).to_owned();
                steps.push(Step::Moebius(Moebius { radius: 1.0 + (n as f64).sqrt(), centre }));
            }
        }
        Mixing::Polynomial => {
            let functions = (0..n).map(|_| cubic(rng.random_range(0.1..0.3))).collect();
            after_linear_maps(&mut steps, n, vec![functions], rng)?;
        }
        Mixing::Spline => {
            let mut layer = || (0..n).map(|_| spline(rng)).collect();
            let functions = vec![layer(), layer()];
            after_linear_maps(&mut steps, n, functions, rng)?;
        }
        Mixing::Sines => {
            for _ in 0..2 {
                let speed = rng.random_range(1.2..1.6);
                steps.push(Step::Residual(Residual {
                    skip: rotation(n, rng)?,
                    inner: rotation(n, rng)? * speed,
                    phase: phases(n, PI, rng),
                    outer: rotation(n, rng)? * (0.8 / speed),
                    wave: Wave::Sin,
                }));
            }
        }
    }
    whiten(&mut steps, n, rng)?;
    steps.push(Step::Linear(well_spread(n, rng)?));
    if d > n {
        steps.push(Step::Residual(lift(n, d, rng)?));
    }
    Ok(steps)
}

/// Brings the results of the steps to mean 0 and covariance I for standard normal sources, so that all kinds come out
/// at one scale, in every direction.
fn whiten(steps: &mut Vec<Step>, n: usize, rng: &mut impl Rng) -> Result<(), LinalgError> {
    let rows = 1000 + 20 * n;
    let y = steps.iter().fold(gaussian(rows, n, rng), |h, step| step.forward(h));
    let mean = y.sum_axis(Axis(0)) / rows as f64;
    let y = y - &mean;
    let linalg::Eigh { values, vectors } = linalg::eigh((y.t().dot(&y) / rows as f64).view())?;
    let scales = values.mapv(|v| 1.0 / v.sqrt());
    steps.push(Step::Shift(-mean));
    steps.push(Step::Linear((&vectors * &scales).dot(&vectors.t()))); // the symmetric root: free of signs
    Ok(())
}

/// y ↦ [y, 0.7 sin(y C + φ)] Q with Q a rotation: the sines are orthogonal to the copy of y, so that any C is injective.
fn lift(n: usize, d: usize, rng: &mut impl Rng) -> Result<Residual, LinalgError> {
    let q = rotation(d, rng)?;
    let (skip, outer) = q.view().split_at(Axis(0), n);
    Ok(Residual {
        skip: skip.to_owned(),
        inner: directions(n, d - n, 1.0, rng),
        phase: phases(d - n, PI, rng),
        outer: &outer * 0.7,
        wave: Wave::Sin,
    })
}

/// Layers of functions of each coordinate, a linear map before each.
fn after_linear_maps(
    steps: &mut Vec<Step>,
    n: usize,
    layers: Vec<Vec<Monotone>>,
    rng: &mut impl Rng,
) -> Result<(), LinalgError> {
    for functions in layers {
        steps.push(Step::Linear(well_spread(n, rng)?));
        steps.push(Step::Coordinates(functions));
    }
    Ok(())
}

/// A contractive block of [`UNITS`] units of tanh or more, whose Lipschitz constant is 0.8.
///
/// The units share n orthogonal directions, so that the constant is that of their sum along one direction, a function
/// of one variable. The usual bound ‖W‖ ‖V‖ for units that face all ways is far above what they reach: scaled by it,
/// a block is almost linear.
fn contraction(n: usize, rng: &mut impl Rng) -> Result<Residual, LinalgError> {
    const SHARPNESS: f64 = 1.5;
    let each = UNITS.div_ceil(n);
    let (into, out) = (rotation(n, rng)?, rotation(n, rng)?);
    let phase = phases(n * each, SHARPNESS * REACH, rng);
    let mut weights = gaussian(1, n * each, rng).row(0).to_owned();
    for (mut weights, phase) in weights.exact_chunks_mut(each).into_iter().zip(phase.exact_chunks(each)) {
        let slope = |at: f64| -> f64 {
            let unit = |(w, p): (&f64, &f64)| w * SHARPNESS / (SHARPNESS * at + p).cosh().powi(2);
            weights.iter().zip(phase).map(unit).sum()
        };
        let steepest = (-500..=500).map(|i| slope(0.01 * f64::from(i)).abs()).fold(0.0, f64::max);
        weights *= 0.8 / steepest;
    }
    let unit = |k: usize| k / each;
    Ok(Residual {
        skip: rotation(n, rng)?,
        inner: Array2::from_shape_fn((n, n * each), |(i, k)| SHARPNESS * into[[i, unit(k)]]),
        outer: Array2::from_shape_fn((n * each, n), |(k, o)| weights[k] * out[[unit(k), o]]),
        phase,
        wave: Wave::Tanh,
    })
}

/// The `kind`th increasing function of a post-nonlinear mixing, modulo 5.
fn post_nonlinearity(kind: usize, rng: &mut impl Rng) -> Monotone {
    match kind % 5 {
        0 => Monotone::Tanh { gain: rng.random_range(1.5..2.5), slope: 0.15 },
        1 => Monotone::Stretch { gain: rng.random_range(0.8..1.2) },
        2 => Monotone::Asinh { gain: rng.random_range(4.0..8.0) },
        3 => Monotone::Softplus { gain: rng.random_range(3.0..5.0), slope: 0.15 },
        _ => Monotone::Stairs { gain: rng.random_range(1.5..2.5), depth: 0.85 },
    }
}

/// h + c h³, scaled to variance 1 for a standard normal h: E (h + c h³)² = 1 + 6 c + 15 c².
fn cubic(curvature: f64) -> Monotone {
    Monotone::Cubic { curvature, scale: (1.0 + 6.0 * curvature + 15.0 * curvature * curvature).sqrt() }
}

/// A spline of mean slope 1 whose bins have slopes in a ratio of up to 9.
fn spline(rng: &mut impl Rng) -> Monotone {
    let mut widths: Vec<f64> = (0..BINS).map(|_| rng.random_range(0.5..1.5)).collect();
    let mut heights: Vec<f64> = widths.iter().map(|w| w * rng.random_range(-1.1f64..1.1).exp()).collect();
    for steps in [&mut widths, &mut heights] {
        let total: f64 = steps.iter().sum();
        steps.iter_mut().for_each(|step| *step *= 2.0 * REACH / total);
    }
    Monotone::Spline(Spline::new(-REACH, &widths, &heights))
}

/// A random orthogonal matrix (uniform: the orthogonal factor of a Gaussian matrix).
fn rotation(n: usize, rng: &mut impl Rng) -> Result<Array2<f64>, LinalgError> {
    let svd = linalg::svd(gaussian(n, n, rng).view())?;
    Ok(svd.u.dot(&svd.vt))
}

/// A random square matrix with moderate singular values, of geometric mean 1 on average.
fn well_spread(n: usize, rng: &mut impl Rng) -> Result<Array2<f64>, LinalgError> {
    let scales = Array1::from_shape_simple_fn(n, || rng.random_range(-SPREAD..SPREAD).exp());
    Ok((rotation(n, rng)? * scales).dot(&rotation(n, rng)?))
}

/// Columns `[n, count]` of this norm, facing all ways.
fn directions(n: usize, count: usize, norm: f64, rng: &mut impl Rng) -> Array2<f64> {
    let mut columns = gaussian(n, count, rng);
    for mut column in columns.columns_mut() {
        let length = column.dot(&column).sqrt();
        column *= norm / length;
    }
    columns
}

fn gaussian(rows: usize, cols: usize, rng: &mut impl Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((rows, cols), || rng.sample(StandardNormal))
}

/// Numbers uniform on (−`limit`, `limit`).
fn phases(count: usize, limit: f64, rng: &mut impl Rng) -> Array1<f64> {
    Array1::from_shape_simple_fn(count, || rng.random_range(-limit..limit))
}

fn sign(rng: &mut impl Rng) -> f64 {
    if rng.random() { 1.0 } else { -1.0 }
}
