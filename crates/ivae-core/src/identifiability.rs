//! What the theorems say of a fitted model: [`identifiability`] describes it to [`ivae_expfam::check`].

mod mixing;

use std::collections::BTreeSet;

use ivae_data::Aux;
use ivae_expfam::theorem::Known;
use ivae_expfam::{
    Answer, ExpFam, ExponentialPower, Gaussian, GaussianForm, Lambda, LambdaError, Model as Described, check,
    natural_table,
};
use ivae_nn::Scratch;
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};

use crate::block::{Source, Theta};
use crate::code::CodeReport;
use crate::estimator::{AuxRows, spread_rows};
use crate::family::Family;
use crate::fitted::Model;
use crate::race::Search;
use crate::report::Identifiability;
use crate::vae::aux_input;
use mixing::Mixing;

/// Most distinct values of a continuous u that the conditions are checked on.
const MOST_U: usize = 2000;
/// Locations that vary over u by less than this part of the scale count as fixed.
const FIXED: f64 = 0.1;

/// The distinct values of u, as rows a prior can be evaluated on, and how many rows of data each has: levels present,
/// or distinct rows.
enum DistinctU<F> {
    Levels(Vec<u32>, Vec<usize>),
    Continuous(Array2<F>),
}

fn distinct_u<F: Scalar>(u: &Aux<F>) -> Option<DistinctU<F>> {
    match u {
        Aux::None => None,
        Aux::Levels(levels) => {
            let counted = (0..).zip(levels.counts()).filter(|&(_, count)| count > 0);
            let (present, counts) = counted.unzip();
            Some(DistinctU::Levels(present, counts))
        }
        Aux::Continuous { values, .. } => {
            let mut rows = distinct_rows(values.view(), 0..values.nrows(), MOST_U + 1);
            if rows.len() > MOST_U {
                // From all over the data, which may be sorted, or a time series.
                let spread = spread_rows(values.nrows(), MOST_U).into_iter().map(|i| i as usize);
                rows = distinct_rows(values.view(), spread, MOST_U);
            }
            Some(DistinctU::Continuous(values.select(Axis(0), &rows)))
        }
    }
}

/// Those of `rows` that differ from all before them, at most so many.
fn distinct_rows<F: Scalar>(
    values: ArrayView2<'_, F>,
    rows: impl IntoIterator<Item = usize>,
    most: usize,
) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let bits = |i| values.row(i).iter().map(|v| v.f64().to_bits()).collect::<Vec<_>>();
    rows.into_iter().filter(|&i| seen.insert(bits(i))).take(most).collect()
}

/// The prior's parameters θ at every distinct u, `[M, p]`, and the rows of data behind each level; `None` without u.
fn prior_table<F: Scalar>(
    prior: &Theta,
    params: &[F],
    u: &Aux<F>,
) -> Option<(Array2<f64>, Option<Vec<usize>>)> {
    let distinct = distinct_u(u)?;
    let (rows, count, counts) = match &distinct {
        DistinctU::Levels(levels, counts) => (AuxRows::Levels(levels), levels.len(), Some(counts.clone())),
        DistinctU::Continuous(values) => (AuxRows::Continuous(values.view()), values.nrows(), None),
    };
    let mut theta = Array2::zeros((count, prior.width()));
    let (mut ws, mut scratch) = (prior.workspace(count), Scratch::new());
    prior.forward(theta.view_mut(), params, aux_input(rows), &mut ws, &mut scratch);
    Some((theta.mapv(F::f64), counts))
}

/// λ(u) of the part of the prior that is an exponential family, `[M, n * k]`, that family, whether all latents have the
/// same T, and whether T is the same for all u.
struct Conditional {
    family: Box<dyn ExpFam<f64>>,
    lambda: Array2<f64>,
    shared: bool,
    prior: Known,
}

/// By how many scales the locations vary over u, at most; θ = location | log scale (of a Gaussian, log variance).
fn spread(theta: ArrayView2<'_, f64>, n: usize, family: Family) -> f64 {
    let log_scale = if family == Family::Gaussian { 0.5 } else { 1.0 };
    let of = |i: usize| {
        let scales = theta.column(n + i).mapv(|v| (log_scale * v).exp());
        theta.column(i).std(0.0) / scales.mean().unwrap_or(f64::NAN)
    };
    (0..n).map(of).fold(0.0, f64::max)
}

fn conditional(
    family: Family,
    form: GaussianForm,
    theta: ArrayView2<'_, f64>,
    n: usize,
) -> Result<Conditional, LambdaError> {
    if family == Family::Gaussian {
        let gaussian = Gaussian { form };
        let lambda = natural_table(&gaussian, theta)?;
        let prior = Known::new(Answer::Holds, "Gaussian, its components independent given u");
        return Ok(Conditional { family: Box::new(gaussian), lambda, shared: true, prior });
    }
    // p ∝ exp(λ |z − μ|^β), λ = −α^−β
    let count = theta.nrows();
    let shape = |i: usize| match family {
        Family::GeneralisedNormal if count > 0 => theta[[0, 2 * n + i]].exp(),
        _ => 1.0,
    };
    let shapes: Vec<f64> = (0..n).map(shape).collect();
    let mean_shape = shapes.iter().sum::<f64>() / n.max(1) as f64;
    let lambda = Array2::from_shape_fn((count, n), |(u, i)| -(-shapes[i] * theta[[u, n + i]]).exp());
    let spread = spread(theta, n, family);
    let name = family.name();
    let prior = if spread < FIXED {
        let reason = format!("{name} of one location, which varies over u by {spread:.2} scales at most");
        Known::new(Answer::Holds, reason)
    } else {
        let reason = format!(
            "{name} whose location varies over u by up to {spread:.2} scales: |z − μ|^β of a μ that depends on u is no \
             exponential family, and the theorems do not speak of it"
        );
        Known::new(Answer::Unknown, reason)
    }
    .with_number(spread);
    let family = Box::new(ExponentialPower { location: 0.0, shape: mean_shape });
    Ok(Conditional { family, lambda, shared: shapes.iter().all(|s| (s - mean_shape).abs() < 1e-6), prior })
}

/// What the theorems say of `model`, fitted to data whose auxiliary variable is `u`; `None` of a linear map. `last_rise` of
/// the objective is in nats per row.
pub(crate) fn identifiability<F: Scalar>(
    model: &Model<F>,
    u: &Aux<F>,
    search: Option<&Search>,
    code: Option<&CodeReport>,
    last_rise: Option<f64>,
) -> Option<Identifiability> {
    let mixing = Mixing::of(model, search, code, last_rise)?;
    let (prior, family, form, params) = match model {
        Model::Exact { net, params, .. } => (&net.prior, net.family, net.prior_form, params),
        Model::Vae { net, params } => (&net.prior, Family::Gaussian, net.prior_form, params),
        Model::Linear(_) => return None,
    };
    let latents = prior.blocks.first().map_or(0, |b| b.width) / form.k();
    let fixed = prior.blocks.iter().all(|b| matches!(b.source, Source::Fixed(_) | Source::Free { .. }));
    let table = if fixed { None } else { prior_table(prior, params, u) };
    let mut out = Identifiability {
        k: form.k(),
        distinct_u: 1,
        needed: latents * form.k() + 1,
        ..Identifiability::default()
    };
    if let Some(DistinctU::Levels(levels, _)) = distinct_u(u) {
        out.distinct_u = levels.len();
    }
    if let Err(error) = judge(&mut out, table, (family, form, latents), mixing) {
        out.verdict = format!("cannot be known: {error}");
    }
    Some(out)
}

/// Fill in what follows from the prior's table; without one, or where it is constant, the prior does not depend on u.
fn judge(
    out: &mut Identifiability,
    table: Option<(Array2<f64>, Option<Vec<usize>>)>,
    (family, form, n): (Family, GaussianForm, usize),
    mixing: Mixing,
) -> Result<(), LambdaError> {
    let (theta, rows) = table.unzip();
    let theta = theta.unwrap_or_else(|| Array2::zeros((0, n * form.k())));
    let (rows, found) = (rows.flatten(), conditional(family, form, theta.view(), n)?);
    checked(out, &found, (n, rows.as_deref()), &mixing)?;
    let varied = out.check.as_ref().and_then(|check| check.condition("(iii) variability"));
    let both = family == Family::Gaussian && form == GaussianForm::MeanVar && theta.nrows() > 0;
    if both && varied.is_some_and(|c| c.answer != Answer::Holds) {
        // Means that do not vary are no statistics: what is left is the family of T = (z − μ)².
        let spread = spread(theta.view(), n, family);
        if spread < FIXED {
            let variances = Array2::from_shape_fn((theta.nrows(), n), |(u, i)| theta[[u, n + i]]);
            let found = Conditional {
                prior: Known::new(
                    Answer::Holds,
                    format!("Gaussian of one mean, which varies over u by {spread:.2} scales at most"),
                )
                .with_number(spread),
                ..conditional(family, GaussianForm::Var, variances.view(), n)?
            };
            checked(out, &found, (n, rows.as_deref()), &mixing)?;
        }
    }
    Ok(())
}

fn checked(
    out: &mut Identifiability,
    found: &Conditional,
    (latents, rows): (usize, Option<&[usize]>),
    mixing: &Mixing,
) -> Result<(), LambdaError> {
    let family = found.family.as_ref();
    let lambda = (found.lambda.nrows() > 0).then(|| Lambda::new(family, found.lambda.view())).transpose()?;
    (out.k, out.needed) = (family.k(), latents * family.k() + 1);
    if let Some(lambda) = &lambda {
        let v = lambda.variability()?;
        (out.distinct_u, out.rank) = (v.distinct_u, v.rank);
        out.condition = Some(v.condition).filter(|c| c.is_finite());
        out.singular_values = v.singular_values;
        let span = lambda.span()?;
        (out.unspanned, out.leverage) = (span.unspanned, span.leverage);
        out.smallest = rows.map(|rows| lambda.smallest_singular_value(rows)).transpose()?;
    }
    let verdict = check(&Described {
        latents,
        family,
        shared: found.shared,
        lambda: lambda.as_ref().filter(|_| out.rank > 0),
        smallest: out.smallest,
        noise: mixing.noise.clone(),
        prior: found.prior.clone(),
        injective: mixing.injective.clone(),
        smooth: mixing.smooth.clone(),
        posterior: Some(mixing.posterior.clone()),
        maximum: Some(mixing.maximum.clone()),
    })?;
    out.verdict = verdict.sentence();
    out.check = Some(verdict);
    Ok(())
}

#[cfg(test)]
mod tests {
    use ivae_expfam::{Class, Noise};

    use super::*;

    /// Two Gaussian latents at 20 levels of 500 rows, whose means vary by `spread` and whose log variances by 1.
    fn judged(spread: f64) -> Identifiability {
        judged_of(spread, Some(vec![500; 20]))
    }

    /// The same, without rows for a continuous u of 20 values.
    fn judged_of(spread: f64, rows: Option<Vec<usize>>) -> Identifiability {
        let wave = |u: usize, c: usize| ((u * (c + 3) * (c + 5)) as f64).sin();
        let theta =
            Array2::from_shape_fn((20, 4), |(u, c)| if c < 2 { spread * wave(u, c) } else { wave(u, c) });
        let known = || Known::new(Answer::Holds, "");
        let mixing = Mixing {
            noise: Noise::None,
            injective: known(),
            smooth: known(),
            posterior: known(),
            maximum: known(),
        };
        let mut out = Identifiability::default();
        let kind = (Family::Gaussian, GaussianForm::MeanVar, 2);
        assert_eq!(judge(&mut out, Some((theta, rows)), kind, mixing), Ok(()));
        out
    }

    #[test]
    fn a_continuous_u_of_many_values_is_seen_from_end_to_end() {
        let u = |rows: usize, of: fn(usize) -> f64| Aux::Continuous {
            values: Array2::from_shape_fn((rows, 1), |(i, _)| of(i)),
            names: vec!["u".into()],
        };
        let seen = |u: &Aux<f64>| match distinct_u(u) {
            Some(DistinctU::Continuous(values)) => values.into_raw_vec_and_offset().0,
            _ => panic!("u is continuous"),
        };
        let sorted = seen(&u(5 * MOST_U, |i| i as f64));
        assert_eq!(sorted.len(), MOST_U);
        assert!(sorted[MOST_U - 1] > 4.9 * MOST_U as f64);
        // A rare value of few is not missed.
        assert_eq!(seen(&u(5 * MOST_U, |i| if i == 7 { 2.0 } else { (i % 2) as f64 })), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_continuous_u_has_no_interval_and_the_condition_cannot_be_known() {
        let condition = |out: &Identifiability| {
            let check = out.check.as_ref().and_then(|check| check.condition("(iii) variability"));
            check.map(|c| (c.answer, c.reason.clone())).unwrap()
        };
        let (levels, continuous) = (judged(1.0), judged_of(1.0, None));
        let (answer, reason) = condition(&levels);
        assert!(levels.smallest.is_some() && answer == Answer::Holds && reason.contains("95 % interval"));
        let (answer, reason) = condition(&continuous);
        assert!(continuous.smallest.is_none() && answer == Answer::Unknown, "{reason}");
        assert!(reason.contains("no interval") && continuous.verdict.contains("(iii) variability"));
    }

    #[test]
    fn means_count_only_where_they_vary() {
        let class = |out: &Identifiability| out.check.as_ref().map(|check| check.class);
        let both = judged(1.0);
        assert_eq!((both.k, both.needed, both.rank, class(&both)), (2, 5, 4, Some(Class::ComponentWise)));
        // Of the size of their own noise, 1/√500.
        let still = judged(0.04);
        assert_eq!(
            (still.k, still.needed, still.rank, class(&still)),
            (1, 3, 2, Some(Class::ScaledPermutation))
        );
    }
}
