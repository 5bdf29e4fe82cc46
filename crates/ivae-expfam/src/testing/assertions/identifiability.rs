//! Assertions about a table λ(u): whether it identifies the latents, its rank, and that the rank is invariant.

use ivae_num::{Purpose, StreamKey, stream};
use ndarray::{Array2, ArrayView2, Axis};
use proptest::test_runner::TestCaseError;
use rand::Rng;

use super::reparameterised::Reparameterised;
use crate::density::ExpFam;
use crate::theory::lambda::{Lambda, LambdaError, Spectrum, Variability};
use crate::theory::theorem::{Answer, Assumption, Class, Model, Noise, Verdict, check};

/// Other orders, and other statistics, that [`assert_rank_is_invariant`] tries.
const TRIALS: u64 = 4;
/// Singular values below this part of the largest (or of 1, if that is more) count as rounding, where spectra are
/// compared or a u⁰ is chosen.
const ROUNDING: f64 = 1e-8;

fn error(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn variability(family: &dyn ExpFam<f64>, table: ArrayView2<'_, f64>) -> Result<Variability, TestCaseError> {
    Lambda::new(family, table).and_then(|lambda| lambda.variability()).map_err(error)
}

/// The verdict of [`check`] on a prior alone: everything else is assumed to hold.
fn verdict(family: &dyn ExpFam<f64>, table: ArrayView2<'_, f64>) -> Result<Verdict, LambdaError> {
    let lambda = Lambda::new(family, table)?;
    let holds = || Assumption::new(Answer::Holds, "taken to hold");
    check(&Model {
        latents: lambda.n(),
        family,
        shared: true,
        lambda: Some(&lambda),
        smallest: None,
        noise: Noise::None,
        prior: holds(),
        injective: holds(),
        smooth: holds(),
        posterior: None,
        maximum: None,
    })
}

/// Conditions (ii) and (iii) of theorem 1 (Khemakhem et al. 2020) hold for the prior of λ(u) `table` `[M, n * k]`, and
/// the n·k + 1 [best points](Lambda::best_points) make L invertible: the latents are determined up to an affine map of
/// T at least, by a mixing that is injective and noise of a law that allows it.
///
/// # Errors
/// If not, or if the table cannot be used ([`LambdaError`]).
pub fn assert_identifiable(
    family: &dyn ExpFam<f64>,
    table: ArrayView2<'_, f64>,
) -> Result<(), TestCaseError> {
    let verdict = verdict(family, table).map_err(error)?;
    if verdict.class < Class::Affine {
        return Err(error(format!("{family:?}, λ of shape {:?}: {verdict}", table.dim())));
    }
    let lambda = Lambda::new(family, table).map_err(error)?;
    let points = lambda.best_points().map_err(error)?;
    let spectrum = lambda.l_matrix(points.u0, &points.others).and_then(|l| Ok(Spectrum::of(l.view())?));
    let found = spectrum.map_err(error)?;
    if found.condition().is_infinite() {
        return Err(error(format!("{family:?}: L of {points:?} is singular, {:?}", found.singular_values)));
    }
    Ok(())
}

/// Condition (ii) or (iii) of theorem 1 fails for the prior of λ(u) `table` `[M, n * k]`.
///
/// # Errors
/// If both hold, or if the table cannot be used.
pub fn assert_not_identifiable(
    family: &dyn ExpFam<f64>,
    table: ArrayView2<'_, f64>,
) -> Result<(), TestCaseError> {
    let verdict = verdict(family, table).map_err(error)?;
    if verdict.class == Class::None {
        return Ok(());
    }
    let values = variability(family, table)?.singular_values;
    Err(error(format!("{family:?}: {verdict}singular values of λ(u) − λ̄: {values:?}")))
}

/// λ(u) `table` `[M, n * k]` varies in `rank` directions ([`Variability::rank`]); if in fewer than n·k, that is seen
/// everywhere: by [`Lambda::span`], which names what is not moved, and by the leverages, whose sum is the rank.
///
/// # Errors
/// If not, or if the table cannot be used.
pub fn assert_rank(
    family: &dyn ExpFam<f64>,
    table: ArrayView2<'_, f64>,
    rank: usize,
) -> Result<(), TestCaseError> {
    let found = variability(family, table)?;
    let span = Lambda::new(family, table).and_then(|lambda| lambda.span()).map_err(error)?;
    let leverage: f64 = span.leverage.iter().sum();
    let agree = span.rank == rank
        && span.unspanned.is_empty() == (rank + 1 == found.needed)
        && (leverage - rank as f64).abs() < ROUNDING * (rank + 1) as f64;
    if found.rank != rank || !agree {
        let values = &found.singular_values;
        return Err(error(format!(
            "{family:?}, λ of shape {:?}: rank {}, not {rank}; singular values {values:?}, not spanned {:?}, \
             leverages of sum {leverage}",
            table.dim(),
            found.rank,
            span.unspanned
        )));
    }
    Ok(())
}

/// The directions in which λ(u) `table` `[M, n * k]` varies do not depend on what is a matter of choice:
/// - *u⁰*: L of every u⁰ against all other u has the rank of the deviations from the mean (singular values
///   above 1e-8 of the largest, or of 1 if that is more: a table that is singular but for less has no rank to speak
///   of);
/// - *order of the u* and *labels of the components*: rank and singular values stay, to the same 1e-8;
/// - *statistics*: so they do under T′ = M T + b with λ′ = M⁻ᵀ λ ([`Reparameterised`]), for the same M in every
///   component.
///
/// Four orders, labellings and M each, from fixed seeds.
///
/// # Errors
/// If they do, or if the table cannot be used.
pub fn assert_rank_is_invariant(
    family: &dyn ExpFam<f64>,
    table: ArrayView2<'_, f64>,
) -> Result<(), TestCaseError> {
    let (count, columns) = table.dim();
    let k = family.k();
    let found = variability(family, table)?;
    any_u0(family, table)?;
    for trial in 0..TRIALS {
        let key = StreamKey::new(trial, Purpose::Control);
        let order = shuffled(count, key);
        let turned = table.select(Axis(0), &order);
        same(&format!("u in the order {order:?}"), &found, &variability(family, turned.view())?)?;

        let labels = shuffled(columns / k, key.step(1));
        let from: Vec<usize> = labels.iter().flat_map(|&i| i * k..(i + 1) * k).collect();
        let relabelled = table.select(Axis(1), &from);
        same(&format!("components labelled {labels:?}"), &found, &variability(family, relabelled.view())?)?;

        let (m, b) = affine(k, key.step(2));
        let other = Reparameterised::new(family, m.view(), b.row(0)).map_err(error)?;
        let moved = variability(&other, other.table(table).view())?;
        same(&format!("statistics M T + b with M = {m}, b = {b}"), &found, &moved)?;
    }
    Ok(())
}

/// Rank and singular values of two tables are the same.
fn same(what: &str, found: &Variability, other: &Variability) -> Result<(), TestCaseError> {
    let (a, b) = (&found.singular_values, &other.singular_values);
    let largest = a.first().copied().unwrap_or(0.0);
    let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if found.rank != other.rank || apart.is_nan() || apart > ROUNDING * largest.max(1.0) {
        return Err(error(format!(
            "with {what} the rank is {}, not {}; singular values {b:?}, not {a:?}",
            other.rank, found.rank
        )));
    }
    Ok(())
}

/// Every u⁰ gives the rank of the deviations from the mean, in whitened coordinates.
fn any_u0(family: &dyn ExpFam<f64>, table: ArrayView2<'_, f64>) -> Result<(), TestCaseError> {
    let lambda = Lambda::new(family, table).map_err(error)?;
    let (whitened, _) = lambda.whitened();
    let spectrum = |of: &Array2<f64>| Spectrum::of(of.view()).map_err(error);
    let rank =
        |of: &Spectrum| of.singular_values.iter().filter(|&&s| s > ROUNDING * of.largest().max(1.0)).count();
    let expected = rank(&spectrum(&whitened)?);
    for u0 in 0..whitened.ncols() {
        let l = Array2::from_shape_fn(whitened.dim(), |(c, u)| whitened[[c, u]] - whitened[[c, u0]]);
        let found = spectrum(&l)?;
        if rank(&found) != expected {
            let values = &found.singular_values;
            return Err(error(format!(
                "{family:?}: L of u⁰ = {u0} is of rank {}, not {expected}; singular values {values:?}",
                rank(&found)
            )));
        }
    }
    Ok(())
}

/// 0 … count − 1 in a random order.
fn shuffled(count: usize, key: StreamKey) -> Vec<usize> {
    let (mut order, mut rng) = ((0..count).collect::<Vec<usize>>(), key.rng());
    (1..count).for_each(|last| order.swap(last, rng.random_range(0..=last)));
    order
}

/// M `[k, k]`, a triangle of diagonal ±½ to ±2 with its rows in reverse, so invertible; b `[1, k]`.
fn affine(k: usize, key: StreamKey) -> (Array2<f64>, Array2<f64>) {
    let mut normal = vec![0.0f64; (k + 1) * k];
    stream::fill_normal(&mut normal, k, key);
    let entry = |(row, l): (usize, usize)| {
        let (j, value) = (k - 1 - row, normal[row * k + l]);
        match l.cmp(&j) {
            std::cmp::Ordering::Less => 0.5 * value,
            std::cmp::Ordering::Equal => value.signum() * (0.5 + 1.5 / (1.0 + value * value)),
            std::cmp::Ordering::Greater => 0.0,
        }
    };
    (Array2::from_shape_fn((k, k), entry), Array2::from_shape_fn((1, k), |(_, l)| normal[k * k + l]))
}
