//! The pipeline from data to a fitted model: checks, split, scaling, search, theory, report.

use std::time::Instant;

use ivae_data::{DataError, Dataset, Split, check, check_latents};
use ivae_num::{Purpose, Scalar, StreamKey};

use crate::batch::{Batch, aux_input};
use crate::error::FitError;
use crate::fitted::{Fitted, Schema};
use crate::model::{Job, Outcome};
use crate::report::{FitReport, Objective, data_warnings, warnings};
use crate::spec::{FitSpec, Ivae};
use crate::theory::{EstimationFacts, identifiability, linear_step};
use crate::train::{Observer, Silent, Timed};

/// A scalar type for which fits are compiled in this crate.
///
/// A generic function is compiled in every crate that calls it; all of the training hangs on one, so it is compiled here,
/// once for each type.
pub trait FitScalar: Scalar {
    #[doc(hidden)]
    const FIT: Fit<Self>;
}

type Fit<F> = fn(Dataset<F>, Split, &FitSpec, &dyn Observer) -> Result<Fitted<F>, FitError>;

impl FitScalar for f32 {
    const FIT: Fit<f32> = fit_checked;
}

impl FitScalar for f64 {
    const FIT: Fit<f64> = fit_checked;
}

/// Fit a model to `data`, holding out rows as the spec says.
///
/// Restarts run in parallel on the current rayon pool; the result does not depend on how many threads it has.
///
/// # Errors
/// Bad data or a bad spec (before any work starts), all restarts non-finite, or the observer's stop.
pub fn fit<F: FitScalar>(
    data: &Dataset<F>,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(data, spec)?;
    (F::FIT)(without_sources(data), split(data, spec)?, spec, observer)
}

/// [`fit`] in the memory of the data: of large data, no second copy is made.
///
/// # Errors
/// As [`fit`].
pub fn fit_owned<F: FitScalar>(
    mut data: Dataset<F>,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(&data, spec)?;
    data.s = None;
    let split = split(&data, spec)?;
    (F::FIT)(data, split, spec, observer)
}

/// [`fit`] with a given split: rows to train on, and rows that choose between epochs and restarts.
///
/// # Errors
/// As [`fit`].
pub fn fit_split<F: FitScalar>(
    data: &Dataset<F>,
    split: &Split,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(data, spec)?;
    (F::FIT)(without_sources(data), split.clone(), spec, observer)
}

impl FitSpec {
    /// [`fit`] with nobody watching.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn fit<F: FitScalar>(&self, data: &Dataset<F>) -> Result<Fitted<F>, FitError> {
        fit(data, self, &Silent)
    }
}

impl Ivae {
    /// Choose what is not set for `data`, and fit.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn fit<F: FitScalar>(&self, data: &Dataset<F>) -> Result<Fitted<F>, FitError> {
        self.spec(data)?.fit(data)
    }
}

/// What [`fit`] checks before any work: the spec, the data, and that they fit each other.
///
/// # Errors
/// The first fault found.
pub fn check_fit<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Result<(), FitError> {
    spec.check()?;
    check(data)?;
    check_latents(data, spec.latents)?;
    spec.model.recipe().check_data(data)
}

fn split<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Result<Split, DataError> {
    let (n, held_out) = (data.x.nrows(), spec.split.held_out);
    match spec.split.block {
        Some(block) => Split::by_blocks(n, held_out, block),
        None if spec.model.recipe::<F>().holds_out_a_stretch() => {
            Split::by_blocks(n, held_out, ((held_out * n as f64).round() as usize).max(1))
        }
        None => {
            let levels = data.u.levels.as_ref().map(|l| l.index.as_slice());
            Split::by_rows(n, held_out, levels, StreamKey::new(spec.seed, Purpose::Split))
        }
    }
}

/// A copy of what a fit looks at.
fn without_sources<F: Scalar>(data: &Dataset<F>) -> Dataset<F> {
    Dataset { x: data.x.clone(), x_names: data.x_names.clone(), u: data.u.clone(), s: None }
}

fn fit_checked<F: Scalar>(
    data: Dataset<F>,
    split: Split,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    let (began, recipe) = (Instant::now(), spec.model.recipe::<F>());
    let observer = &Timed::new(observer, recipe.time_budget());
    let rows = data.rows();
    let of_data = data_warnings(&data, recipe.sensitivity());
    let (train, validation) = data.divide(&split);
    let schema = Schema::new(&train)?;
    // The rows that train are the others, unless some are left out: while they do, their list need not be kept.
    let Split { train: stated, held_out } = split;
    let stated = (stated.len() + held_out.len() != rows).then_some(stated);

    let scaler = recipe.fit_scaler(train.x.view())?;
    let u_only = if validation.rows() > 0 { recipe.u_only(&train, &validation) } else { None };
    let (mut train, mut validation) = (scaler.scale(train), scaler.scale(validation));
    [&mut train, &mut validation].into_iter().for_each(|part| schema.standardise(&mut part.u));
    let job = Job {
        latents: spec.latents,
        seed: spec.seed,
        u: schema.inputs(),
        train: &train,
        validation: &validation,
        scaler: &scaler,
        observer,
    };
    let Outcome { model, report: found, last_rise, history } = recipe.fit(job)?;

    let estimation = EstimationFacts {
        starts: found.search.as_ref().map(|s| (s.starts_in_basin, s.starts)),
        last_rise,
        round_trip: found.bottleneck.map(|b| b.round_trip),
    };
    let described = model.describe();
    let verdict = described.as_ref().map(|facts| identifiability(facts, &train.u, estimation));
    let step = verdict.as_ref().zip(described).filter(|_| spec.model.is_identifiable());
    let (step_report, step) = step
        .map(|(verdict, facts)| {
            let leaves_rotation = facts.prior.leaves_rotation();
            let z = || model.encode(Batch { x: train.x.view(), u: aux_input(&train.u) });
            let levels = train.u.levels.as_ref().map(|l| l.index.as_slice());
            linear_step(verdict, leaves_rotation, z, levels, spec.seed)
        })
        .unzip();
    let mut report = FitReport {
        model: spec.model.name().into(),
        seconds: began.elapsed().as_secs_f64(),
        // The likelihood of a bottleneck cannot be compared with one of x.
        objective: Objective { u_only: u_only.filter(|_| found.bottleneck.is_none()), ..found.objective },
        identifiability: verdict,
        linear_step: step_report,
        ..found
    };
    report.warnings = warnings(&report, spec.model.is_identifiable());
    report.warnings.extend(of_data);
    let step = step.flatten().map(Into::into);
    let split = match stated {
        Some(train) => Split { train, held_out },
        None => Split::holding_out(rows, held_out),
    };
    Ok(Fitted { spec: spec.clone(), schema, scaler, model, step, split, history, report })
}
