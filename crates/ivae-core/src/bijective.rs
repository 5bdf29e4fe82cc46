//! Fitting a bijective decoder: of x itself where there are as many latents as directions, else of a code of x.

use ivae_data::{DataError, Dataset};
use ivae_num::{Purpose, Scalar, StreamKey};

use crate::code::{Code, CodeReport, code_net};
use crate::error::FitError;
use crate::estimator::Batch;
use crate::fit::{OwnUnits, Trained};
use crate::fitted::Model;
use crate::race::{Found, Rows, race};
use crate::scaler::Scaler;
use crate::spec::{BijectiveSpec, CodeKind, FitSpec, TrainSpec};
use crate::trainer::{EpochRecord, Observer, Stage, Staged, Timed};
use crate::vae::AuxShape;

/// Where an autoencoder loses more of the variance than this, noise has bent its code: the ELBO, which knows of noise, finds a
/// better one.
const NOISY: f64 = 0.1;
/// Most starts of a code; all but the first only where those before became non-finite.
const STARTS: usize = 3;

/// Fit to scaled rows.
pub(crate) fn fit_bijective<F: Scalar>(
    spec: &FitSpec,
    bijective: &BijectiveSpec,
    scaler: &Scaler<F>,
    data: &Dataset<F>,
    held_out: &Dataset<F>,
    aux: AuxShape,
    observer: &dyn Observer,
) -> Result<Trained<F>, FitError> {
    let (rows, judge) = (Batch::all(data), Batch::all(held_out));
    let directions = rows.x.ncols();
    if directions == spec.latents {
        let observer = OwnUnits { observer, log_det: scaler.log_abs_det() };
        let found = race(spec, bijective, Rows { train: rows, held_out: judge }, aux, &observer)?;
        let restarts = found.restarts.into_iter().map(|r| observer.restart(r)).collect();
        let search = found.search.in_units(scaler.log_abs_det());
        return Ok(bijection(Found { restarts, search, ..found }, None));
    }

    let training = TrainSpec {
        epochs: bijective.code.epochs,
        learning_rate: bijective.code.learning_rate,
        restarts: 1,
        ..spec.training.clone()
    };
    // What separates the latents needs its time too.
    let timed = Timed::new(observer, spec.training.time_budget.map(|s| s / 2.0));
    let staged = Staged { observer: &timed, stage: Stage::Code };
    let coded = |kind| -> Result<(Code<F>, CodeReport, Vec<EpochRecord>), FitError> {
        let net = code_net(spec, &bijective.code, kind, directions, aux)?;
        let mut dropped = 0;
        let (code, restart) = loop {
            let key = StreamKey::new(spec.seed, Purpose::Init).restart(dropped as u32);
            match Code::fit(net.clone(), rows, Some(judge), &training, key, &staged) {
                Err(FitError::NotFinite { .. }) if dropped + 1 < STARTS => dropped += 1,
                Err(FitError::NotFinite { epoch, .. }) => {
                    return Err(FitError::NotFinite { restarts: STARTS, epoch });
                }
                found => break found?,
            }
        };
        let report = CodeReport { ending: Some(restart.ending), dropped, ..code.report(judge.x) };
        let history = restart.history.into_iter().map(|e| EpochRecord { stage: Stage::Code, ..e }).collect();
        Ok((code, report, history))
    };
    let (mut code, mut report, mut history) = coded(bijective.code.kind)?;
    if bijective.code.kind == CodeKind::Auto && report.lost_variance > NOISY && !timed.late() {
        (code, report, history) = coded(CodeKind::Elbo)?;
    }
    let with =
        |x, data: &Dataset<F>| Dataset { x, x_names: data.x_names.clone(), u: data.u.clone(), s: None };
    let train_code = with(code.encode(rows.x), data);
    let judge_code = with(code.encode(judge.x), held_out);
    if train_code.x.ncols() != spec.latents {
        return Err(DataError::Rank { rank: train_code.x.ncols(), asked: spec.latents }.into());
    }
    let separated = Rows { train: Batch::all(&train_code), held_out: Batch::all(&judge_code) };
    let found = race(spec, bijective, separated, aux, observer)?;
    Ok(bijection(found, Some((code, report, history))))
}

fn bijection<F: Scalar>(
    found: Found<F>,
    code: Option<(Code<F>, CodeReport, Vec<EpochRecord>)>,
) -> Trained<F> {
    let Found { net, restarts, classes, chosen, search } = found;
    let params = restarts[chosen].params.clone();
    let (code, report, history) = match code {
        Some((code, report, history)) => (Some(Box::new(code)), Some(report), history),
        None => (None, None, Vec::new()),
    };
    Trained {
        model: Model::Exact { code, net, params },
        restarts,
        classes,
        chosen,
        collapse: None,
        search: Some(search),
        code: report,
        history,
    }
}
