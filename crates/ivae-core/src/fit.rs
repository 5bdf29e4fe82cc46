//! The pipeline from checked data to a fitted model: split, scale, restarts in parallel, choice, diagnostics.

use std::any::Any;
use std::time::Instant;

use ivae_data::{Aux, DataError, Dataset, Split, check, check_conditional, check_latents};
use ivae_num::{Purpose, Scalar, StreamKey};
use rayon::prelude::*;

use crate::bijective::fit_bijective;
use crate::code::CodeReport;
use crate::defaults::not_binary;
use crate::diagnostics::{u_only_bernoulli, u_only_log_likelihood};
use crate::error::{FitError, SpecError};
use crate::estimator::{Batch, Estimator};
use crate::fitted::{Fitted, Model, Schema};
use crate::identifiability::identifiability;
use crate::linear::{check_linear, fit_linear};
use crate::linear_step::take_linear_step;
use crate::race::Search;
use crate::remedy::{Rows, retry_collapsed};
use crate::report::{Collapse, FitReport, Objective, RestartReport};
use crate::scaler::Scaler;
use crate::spec::{DecoderSpec, FitSpec, ModelKind, Scaling};
use crate::trainer::{
    Ending, EpochRecord, Observer, Restart, Silent, Stage, Timed, best, train, train_alone,
};
use crate::vae::{AuxShape, Vae};
use crate::warnings::{data_warnings, warnings};

/// Fit a model to `data`, holding out rows as the spec says.
///
/// Restarts run in parallel on the current rayon pool; the result does not depend on how many threads it has.
///
/// # Errors
/// Bad data or a bad spec (before any work starts), all restarts non-finite, or the observer's stop.
pub fn fit<F: Scalar>(
    data: &Dataset<F>,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(data, spec)?;
    fit_compiled(without_sources(data), split(data, spec)?, spec, observer)
}

/// [`fit`] in the memory of the data: of large data, no second copy is made.
///
/// # Errors
/// As [`fit`].
pub fn fit_owned<F: Scalar>(
    mut data: Dataset<F>,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(&data, spec)?;
    data.s = None;
    let split = split(&data, spec)?;
    fit_compiled(data, split, spec, observer)
}

fn split<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Result<Split, DataError> {
    let (n, fraction) = (data.x.nrows(), spec.training.held_out);
    match (spec.training.held_out_block, spec.model) {
        (Some(block), _) => Split::by_blocks(n, fraction, block),
        // Lags are counted in rows: hold out one stretch of the series, not rows here and there.
        (None, ModelKind::Sobi) => {
            Split::by_blocks(n, fraction, ((fraction * n as f64).round() as usize).max(1))
        }
        (None, _) => {
            let levels = data.u.levels().map(|l| l.index.as_slice());
            Split::by_rows(n, fraction, levels, StreamKey::new(spec.seed, Purpose::Split))
        }
    }
}

/// A copy of what a fit looks at.
fn without_sources<F: Scalar>(data: &Dataset<F>) -> Dataset<F> {
    Dataset { x: data.x.clone(), x_names: data.x_names.clone(), u: data.u.clone(), s: None }
}

impl FitSpec {
    /// [`fit`] with nobody watching.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn fit<F: Scalar>(&self, data: &Dataset<F>) -> Result<Fitted<F>, FitError> {
        fit(data, self, &Silent)
    }
}

/// [`fit`] with a split of the caller's own: rows to train on, and rows that choose between epochs and restarts.
///
/// # Errors
/// As [`fit`].
pub fn fit_split<F: Scalar>(
    data: &Dataset<F>,
    split: &Split,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    check_fit(data, spec)?;
    fit_compiled(without_sources(data), split.clone(), spec, observer)
}

type Fit<F> = fn(Dataset<F>, Split, &FitSpec, &dyn Observer) -> Result<Fitted<F>, FitError>;

// A generic function is compiled in every crate that calls it; all of the training hangs on this one, so it is compiled here.
static SINGLE: Fit<f32> = fit_checked;
static DOUBLE: Fit<f64> = fit_checked;

/// [`fit_checked`] as this crate has it.
fn fit_compiled<F: Scalar>(
    data: Dataset<F>,
    split: Split,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    let data: Box<dyn Any> = Box::new(data);
    let fitted: Box<dyn Any> = match data.downcast() {
        Ok(data) => Box::new(SINGLE(*data, split, spec, observer)?),
        Err(data) => Box::new(DOUBLE(*data.downcast().expect("data of f32 or f64"), split, spec, observer)?),
    };
    Ok(*fitted.downcast().expect("a fit of the scalar of its data"))
}

fn fit_checked<F: Scalar>(
    data: Dataset<F>,
    split: Split,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    let began = Instant::now();
    let observer = &Timed::new(observer, spec.training.time_budget);
    let schema = Schema::of(&data);
    let said_of_data = data_warnings(&data, spec);
    let rows = data.rows();
    let (train_rows, held_out) = data.divide(&split);
    let split = {
        // The rows that train are the others: while they do, their list need not be kept.
        let Split { train, held_out } = split;
        let stated = (train.len() + held_out.len() != rows).then_some(train);
        move || match stated {
            Some(train) => Split { train, held_out },
            None => Split::holding_out(rows, held_out),
        }
    };
    let mut fitted = match spec.model {
        ModelKind::Ivae | ModelKind::Vae => variational(train_rows, held_out, schema, spec, observer)?,
        _ => fit_linear(&train_rows, schema, spec)?,
    };
    fitted.split = split();
    fitted.report.warnings.extend(said_of_data);
    fitted.report.seconds = began.elapsed().as_secs_f64();
    Ok(fitted)
}

/// What [`fit`] checks before any work: the spec, the data, and that they fit each other.
///
/// # Errors
/// The first fault found.
pub fn check_fit<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Result<(), FitError> {
    spec.check()?;
    check(data)?;
    check_latents(data, spec.latents)?;
    if let (true, Some(((row, column), value))) = (spec.is_binary(), not_binary(data)) {
        return Err(SpecError::NotBinary { row, column, value }.into());
    }
    if matches!(spec.model, ModelKind::Ivae | ModelKind::Ajd) {
        check_conditional(data)?;
    }
    Ok(check_linear(data, spec)?)
}

fn variational<F: Scalar>(
    train_rows: Dataset<F>,
    held_out: Dataset<F>,
    schema: Schema,
    spec: &FitSpec,
    observer: &dyn Observer,
) -> Result<Fitted<F>, FitError> {
    let scaler = Scaler::fit(spec.scaling, train_rows.x.view())?;
    let u_only = (!split_is_empty(&held_out)).then(|| match spec.is_binary() {
        true => u_only_bernoulli(&train_rows, &held_out),
        false => u_only_log_likelihood(&train_rows, &held_out),
    });
    let (train_rows, held_out) = (scaler.scale(train_rows), scaler.scale(held_out));
    let aux = match &train_rows.u {
        _ if spec.model == ModelKind::Vae && !spec.vae.posterior.sees_u => AuxShape::None,
        Aux::None => AuxShape::None,
        Aux::Levels(levels) => AuxShape::Levels(levels.names.len()),
        Aux::Continuous { values, .. } => AuxShape::Continuous(values.ncols()),
    };
    let directions = train_rows.x.ncols();
    if spec.latents > directions {
        return Err(DataError::Rank { rank: directions, asked: spec.latents }.into());
    }
    let found = match &spec.decoder {
        DecoderSpec::Mlp => {
            let mut net = Vae::new(&spec.vae, spec.latents, directions, aux)?;
            net.whitened = spec.scaling == Scaling::Whiten;
            let observer = OwnUnits { observer, log_det: scaler.log_abs_det() };
            let (batch, judge) = (Batch::all(&train_rows), Batch::all(&held_out));
            let judge = (judge.rows() > 0).then_some(judge);
            let (mut restarts, mut chosen) = train_all(&net, batch, judge, spec, &observer)?;
            let key = |restart| StreamKey::new(spec.seed, Purpose::Init).restart(restart);
            let rows = Rows { train: batch, held_out: judge };
            let first = restarts.len();
            let collapse =
                retry_collapsed(&net, rows, &spec.training, key, &mut restarts, &mut chosen, &observer)?;
            let again = restarts.split_off(first);
            restarts.extend(again.into_iter().map(|r| observer.restart(r)));
            let params = restarts[chosen].params.clone();
            Trained {
                classes: vec!["mlp"; restarts.len()],
                restarts,
                chosen,
                collapse: Some(collapse),
                search: None,
                code: None,
                model: Model::Vae { net, params },
                history: Vec::new(),
            }
        }
        DecoderSpec::Bijective(bijective) => {
            fit_bijective(spec, bijective, &scaler, &train_rows, &held_out, aux, observer)?
        }
    };

    let Trained { model, restarts, classes, chosen, collapse, search, code, mut history } = found;
    let restart = &restarts[chosen];
    let identifiability =
        identifiability(&model, &train_rows.u, search.as_ref(), code.as_ref(), restart.last_rise());
    let best = restart.history.get(restart.best_epoch.wrapping_sub(1));
    let objective = Objective {
        train: best.map(|e| e.train),
        held_out: best.and_then(|e| e.held_out),
        // The likelihood of a code is no rival of one of x.
        u_only: u_only.filter(|_| code.is_none()),
    };
    let steps: u64 = restarts.iter().map(|r| r.steps).sum();
    let seconds: f64 = restarts.iter().filter_map(|r| r.history.last()).map(|e| e.seconds).sum();
    let mut report = FitReport {
        model: spec.model.name().into(),
        seconds: 0.0,
        steps,
        us_per_step: (steps > 0).then(|| 1e6 * seconds / steps as f64),
        converged: matches!(restart.ending, Ending::Converged | Ending::EarlyStopped),
        epochs: restart.history.len(),
        objective,
        identifiability,
        linear_step: None,
        ica: None,
        search,
        code,
        collapse,
        restarts: restarts.iter().zip(classes).map(|(r, class)| summary(r, class)).collect(),
        chosen: restart.restart,
        warnings: Vec::new(),
    };
    report.warnings = warnings(&report, spec);
    history.extend(restarts.into_iter().flat_map(|r| r.history));
    let mut fitted = Fitted {
        spec: spec.clone(),
        schema,
        scaler,
        model,
        step: None,
        split: Split { train: Vec::new(), held_out: Vec::new() },
        history,
        report,
    };
    take_linear_step(&mut fitted, &train_rows);
    Ok(fitted)
}

/// What a training ends with, of whatever kind.
pub(crate) struct Trained<F> {
    pub(crate) model: Model<F>,
    pub(crate) restarts: Vec<Restart<F>>,
    /// The class of each restart.
    pub(crate) classes: Vec<&'static str>,
    pub(crate) chosen: usize,
    pub(crate) collapse: Option<Collapse>,
    pub(crate) search: Option<Search>,
    pub(crate) code: Option<CodeReport>,
    /// Epochs before the restarts'.
    pub(crate) history: Vec<EpochRecord>,
}

/// Train every restart, in parallel, and choose.
fn train_all<F: Scalar, E: Estimator<F>>(
    net: &E,
    rows: Batch<'_, F>,
    judge: Option<Batch<'_, F>>,
    spec: &FitSpec,
    observer: &OwnUnits<'_>,
) -> Result<(Vec<Restart<F>>, usize), FitError> {
    let key = |restart| StreamKey::new(spec.seed, Purpose::Init).restart(restart);
    let run = if spec.training.restarts == 1 { train_alone } else { train };
    let restarts: Vec<Restart<F>> = (0..spec.training.restarts as u32)
        .into_par_iter()
        .filter(|&restart| restart == 0 || !observer.late())
        .map(|restart| observer.restart(run(net, rows, judge, &spec.training, key(restart), observer)))
        .collect();
    let chosen = choose(&restarts)?;
    Ok((restarts, chosen))
}

/// Objectives of x as the model sees it, told as those of x in its own units: higher by the scaling's
/// log-determinant.
pub(crate) struct OwnUnits<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) log_det: f64,
}

impl OwnUnits<'_> {
    fn record(&self, scaled: &EpochRecord) -> EpochRecord {
        let held_out = scaled.held_out.map(|v| v + self.log_det);
        EpochRecord { train: scaled.train + self.log_det, held_out, ..scaled.clone() }
    }

    pub(crate) fn restart<F>(&self, scaled: Restart<F>) -> Restart<F> {
        let history = scaled.history.iter().map(|e| self.record(e)).collect();
        Restart { objective: scaled.objective + self.log_det, history, ..scaled }
    }
}

impl Observer for OwnUnits<'_> {
    fn epoch(&self, record: &EpochRecord) {
        self.observer.epoch(&self.record(record));
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }

    fn late(&self) -> bool {
        self.observer.late()
    }
}

fn split_is_empty<F: Scalar>(data: &Dataset<F>) -> bool {
    data.x.nrows() == 0
}

/// The restart with the best objective among those that stayed finite; the earliest of equals.
fn choose<F>(restarts: &[Restart<F>]) -> Result<usize, FitError> {
    if restarts.iter().any(|r| r.ending == Ending::Interrupted) {
        return Err(FitError::Interrupted { epochs: restarts.iter().map(|r| r.history.len()).sum() });
    }
    best(restarts).ok_or_else(|| FitError::NotFinite {
        restarts: restarts.len(),
        epoch: restarts.iter().map(|r| r.history.len() + 1).min().unwrap_or(1),
    })
}

fn summary<F>(r: &Restart<F>, class: &str) -> RestartReport {
    RestartReport {
        restart: r.restart,
        class: class.into(),
        polished: r.stage == Stage::Polish,
        objective: Some(r.objective).filter(|o| o.is_finite()),
        best_epoch: r.best_epoch,
        steps: r.steps,
        ending: r.ending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_finite_restart_is_chosen() {
        let restart = |objective, ending| Restart::<f32> {
            stage: Stage::Search,
            restart: 0,
            params: Vec::new(),
            best_epoch: 1,
            objective,
            ending,
            steps: 1,
            history: Vec::new(),
        };
        let (good, lost) = (Ending::Converged, Ending::NotFinite);
        let all = [restart(-1.0, good), restart(-1.3, good), restart(-0.99, lost)];
        assert_eq!(choose(&all).unwrap(), 0);
        assert!(matches!(choose(&all[2..]), Err(FitError::NotFinite { restarts: 1, .. })));
    }
}
