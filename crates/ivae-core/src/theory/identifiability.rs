//! What the theorems say of a fitted model: [`identifiability`] describes it to [`ivae_expfam::check`].

use ivae_data::Aux;
use ivae_expfam::ConditionId;
use ivae_expfam::theory::lambda::{Interval, Unspanned};
use ivae_expfam::{Answer, Lambda, LambdaError, Model as Described, Verdict, check};
use ivae_nn::Input;
use ivae_num::Scalar;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::assumptions;
use super::facts::{EstimationFacts, ModelFacts};
use crate::batch::spread_rows;
use crate::prior::{Prior, PriorFamily};
use ivae_expfam::prior::Conditional;

/// Most distinct values of a continuous u that the conditions are checked on.
const MOST_U: usize = 2000;

/// What the theorems (Khemakhem et al. 2020) say of the fitted model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Identifiability {
    /// Statistics per latent.
    pub k: usize,
    /// Distinct u in the data, counted up to 2000 where u has continuous columns.
    pub distinct_u: usize,
    /// nk + 1.
    pub needed: usize,
    /// Singular values of the fitted L that are significantly non-zero.
    pub rank: usize,
    /// Largest over smallest singular value; `None` if infinite.
    pub condition: Option<f64>,
    /// Singular values of the fitted L, descending.
    pub singular_values: Vec<f64>,
    /// How small the smallest may really be; `None` for a u with continuous columns.
    #[serde(default)]
    pub smallest: Option<Interval>,
    /// Natural parameters that no u moves.
    #[serde(default)]
    pub unspanned: Vec<Unspanned>,
    /// How much of L rests on each distinct u, `[M]`, of sum `rank`.
    #[serde(default)]
    pub leverage: Vec<f64>,
    /// In one sentence.
    pub verdict: String,
    /// Condition by condition.
    #[serde(default)]
    pub check: Option<Verdict>,
}

impl Identifiability {
    /// The condition (iii), variability, and its answer.
    pub fn variability(&self) -> Option<&ivae_expfam::theory::theorem::Condition> {
        self.check.as_ref()?.condition(ConditionId::Variability)
    }
}

/// The distinct u of the data, as rows a prior can be evaluated on.
struct DistinctU<F> {
    levels: Option<Vec<u32>>,   // [M]
    values: Option<Array2<F>>,  // [M, m]
    counts: Option<Vec<usize>>, // [M], rows of data with each level, where u is levels alone
}

impl<F: Scalar> DistinctU<F> {
    /// `None` without u.
    fn new(u: &Aux<F>) -> Option<Self> {
        let Some(continuous) = &u.values else {
            let levels = u.levels.as_ref()?;
            let counted = (0..).zip(levels.counts()).filter(|&(_, count)| count > 0);
            let (present, counts): (Vec<u32>, Vec<usize>) = counted.unzip();
            return Some(Self { levels: Some(present), values: None, counts: Some(counts) });
        };
        let count = continuous.values.nrows();
        let mut rows = u.distinct_rows(0..count, MOST_U + 1);
        if rows.len() > MOST_U {
            // From all over the data, which may be sorted, or a time series.
            let spread = spread_rows(count, MOST_U).into_iter().map(|i| i as usize);
            rows = u.distinct_rows(spread, MOST_U);
        }
        Some(Self {
            levels: u.levels.as_ref().map(|levels| rows.iter().map(|&i| levels.index[i]).collect()),
            values: Some(continuous.values.select(Axis(0), &rows)),
            counts: None,
        })
    }

    fn input(&self) -> Input<'_, F> {
        Input { dense: self.values.as_ref().map(|v| v.view()), levels: self.levels.as_deref() }
    }
}

/// What the theorems say of a model with these `facts`, fitted to data whose auxiliary variable is `u`.
pub fn identifiability<F: Scalar>(
    facts: &ModelFacts<'_, F>,
    u: &Aux<F>,
    estimation: EstimationFacts,
) -> Identifiability {
    let (prior, distinct) = (facts.prior, DistinctU::new(u));
    // The theorems are of one number k of statistics for every latent.
    let Some(part) = prior.part::<f64>() else {
        let families = &prior.families;
        let verdict = format!(
            "unknown: the latents have different families ({families}), and the theorems are of one for all of them"
        );
        return Identifiability { verdict, ..Identifiability::default() };
    };
    let k = part.statistics();
    let mut out = Identifiability {
        k,
        distinct_u: distinct.as_ref().and_then(|d| d.counts.as_ref()).map_or(1, Vec::len),
        needed: prior.latents * k + 1,
        ..Identifiability::default()
    };
    let distinct = distinct.filter(|_| prior.is_conditional());
    let theta = distinct.as_ref().map(|d| prior.table(facts.params, d.input(), d.input().rows()));
    let counts = distinct.as_ref().and_then(|d| d.counts.as_deref());
    if let Err(error) = fill(&mut out, part, theta, counts, facts, estimation) {
        out.verdict = format!("unknown: {error}");
    }
    out
}

/// Fill in what follows from the prior's table θ `[M, p]`; without one, or where it is constant, the prior does not depend
/// on u.
fn fill<F>(
    out: &mut Identifiability,
    part: &dyn PriorFamily<f64>,
    theta: Option<Array2<f64>>,
    counts: Option<&[usize]>,
    facts: &ModelFacts<'_, F>,
    estimation: EstimationFacts,
) -> Result<(), LambdaError> {
    let Prior { latents: n, .. } = *facts.prior;
    let theta = theta.unwrap_or_else(|| Array2::zeros((0, facts.prior.width())));
    fill_check(out, &part.conditional(theta.view(), n)?, counts, facts, estimation)?;
    if out.variability().is_some_and(|c| c.answer != Answer::Holds)
        && let Some(without_location) = part.without_location(theta.view(), n)?
    {
        fill_check(out, &without_location, counts, facts, estimation)?;
    }
    Ok(())
}

fn fill_check<F>(
    out: &mut Identifiability,
    found: &Conditional,
    counts: Option<&[usize]>,
    facts: &ModelFacts<'_, F>,
    estimation: EstimationFacts,
) -> Result<(), LambdaError> {
    let (family, latents) = (found.family.as_ref(), facts.prior.latents);
    let lambda = (found.lambda.nrows() > 0).then(|| Lambda::new(family, found.lambda.view())).transpose()?;
    (out.k, out.needed) = (family.k(), latents * family.k() + 1);
    if let Some(lambda) = &lambda {
        let v = lambda.variability()?;
        (out.distinct_u, out.rank) = (v.distinct_u, v.rank);
        out.condition = Some(v.condition).filter(|c| c.is_finite());
        out.singular_values = v.singular_values;
        let span = lambda.span()?;
        (out.unspanned, out.leverage) = (span.unspanned, span.leverage);
        out.smallest = counts.map(|counts| lambda.smallest_singular_value(counts)).transpose()?;
    }
    let verdict = check(&Described {
        latents,
        family,
        shared: found.is_shared,
        lambda: lambda.as_ref().filter(|_| out.rank > 0),
        smallest: out.smallest,
        noise: facts.noise.clone(),
        prior: found.assumption.clone(),
        injective: assumptions::injective(facts.injective, estimation.round_trip),
        smooth: assumptions::smooth(facts.smooth),
        posterior: Some(assumptions::posterior(facts.posterior)),
        maximum: Some(assumptions::maximum(estimation)),
    })?;
    out.verdict = verdict.sentence();
    out.check = Some(verdict);
    Ok(())
}

#[cfg(test)]
mod tests {
    use ivae_data::Continuous;
    use ivae_expfam::{Class, Noise};
    use ivae_nn::{Inputs, Layout};

    use super::super::facts::{Injectivity, PosteriorFacts, Smoothness};
    use super::*;
    use crate::prior::Family;
    use crate::theta::ThetaSpec;

    /// Two Gaussian latents at 20 levels of 500 rows, whose means vary by `spread` and whose log variances by 1.
    fn judged(spread: f64) -> Identifiability {
        judged_with(spread, Some(&[500; 20]))
    }

    /// The same, without counts of rows for a continuous u of 20 values.
    fn judged_with(spread: f64, counts: Option<&[usize]>) -> Identifiability {
        let wave = |u: usize, c: usize| ((u * (c + 3) * (c + 5)) as f64).sin();
        let theta =
            Array2::from_shape_fn((20, 4), |(u, c)| if c < 2 { spread * wave(u, c) } else { wave(u, c) });
        let u = Inputs { dense: 0, levels: 20 };
        let prior =
            Prior::new(&mut Layout::new(), &Family::Gaussian.into(), &ThetaSpec::Table, 2, u).unwrap();
        let facts = ModelFacts::<f64> {
            prior: &prior,
            params: &[],
            noise: Noise::None,
            injective: Injectivity::Bijective,
            smooth: Smoothness::Smooth,
            posterior: PosteriorFacts::NotNeeded,
        };
        let mut out = Identifiability::default();
        let part = prior.part::<f64>().unwrap();
        assert_eq!(fill(&mut out, part, Some(theta), counts, &facts, EstimationFacts::default()), Ok(()));
        out
    }

    #[test]
    fn many_values_of_a_continuous_u_are_taken_from_all_over_the_data() {
        let u = |rows: usize, value: fn(usize) -> f64| {
            Aux::from(Continuous::new(Array2::from_shape_fn((rows, 1), |(i, _)| value(i))))
        };
        let seen = |u: &Aux<f64>| {
            DistinctU::new(u).and_then(|d| d.values).expect("u is continuous").into_raw_vec_and_offset().0
        };
        let sorted = seen(&u(5 * MOST_U, |i| i as f64));
        assert_eq!(sorted.len(), MOST_U);
        assert!(sorted[MOST_U - 1] > 4.9 * MOST_U as f64);
        // A rare value of few is not missed.
        assert_eq!(seen(&u(5 * MOST_U, |i| if i == 7 { 2.0 } else { (i % 2) as f64 })), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_continuous_u_has_no_interval_and_its_condition_is_unknown() {
        let condition =
            |out: &Identifiability| out.variability().map(|c| (c.answer, c.reason.clone())).unwrap();
        let (levels, continuous) = (judged(1.0), judged_with(1.0, None));
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
        // As large as their own noise, 1/√500.
        let still = judged(0.04);
        assert_eq!(
            (still.k, still.needed, still.rank, class(&still)),
            (1, 3, 2, Some(Class::ScaledPermutation))
        );
    }
}
