//! Fitting and loading a variational model.

use ivae_data::{DataError, Dataset, check_conditional};
use ivae_nn::Inputs;
use ivae_num::{Purpose, Scalar, StreamKey};

use super::collapse::retry_collapsed;
use super::net::Vae;
use super::spec::VaeSpec;
use super::trained::TrainedVae;
use crate::batch::all_rows;
use crate::error::{FitError, SpecError};
use crate::model::recipe::{Job, Outcome, Recipe, Saved};
use crate::model::trained::TrainedModel;
use crate::report::{FitReport, Sensitivity};
use crate::search::{Rows, train_restarts};
use crate::train::{Estimator, InDataUnits};
use ivae_data::{Scaler, Scaling};
use ndarray::ArrayView2;

impl VaeSpec {
    /// The networks for x of `observed` scaled columns and u of shape `u`, which a model that does not read u ignores.
    pub(crate) fn net(&self, latents: usize, observed: usize, u: Inputs) -> Result<Vae, SpecError> {
        let reads_u = self.prior.is_conditional() || self.posterior.conditional_encoder;
        let mut net = Vae::new(self, latents, observed, if reads_u { u } else { Inputs::default() })?;
        net.is_whitened = self.scaling == Scaling::Whiten;
        Ok(net)
    }
}

impl<F: Scalar> Recipe<F> for VaeSpec {
    fn check(&self, held_out: f64) -> Result<(), SpecError> {
        VaeSpec::check(self, held_out)
    }

    fn check_data(&self, data: &Dataset<F>) -> Result<(), FitError> {
        self.likelihood.family.part::<F>().check_x(data.x.view())?;
        if self.prior.is_conditional() {
            check_conditional(data)?;
        }
        Ok(())
    }

    fn scaling(&self) -> Scaling {
        self.scaling
    }

    /// Columns of counts and categories stay as they are.
    fn fit_scaler(&self, x: ArrayView2<'_, F>) -> Result<Scaler<F>, DataError> {
        let mut scaler = Scaler::fit(self.scaling, x)?;
        if let Scaler::Standardise(standardiser) = &mut scaler {
            for j in (0..standardiser.mean.len()).filter(|&j| !self.likelihood.family.part::<F>().scales(j)) {
                (standardiser.mean[j], standardiser.std[j]) = (F::zero(), F::one());
            }
        }
        Ok(scaler)
    }

    fn sensitivity(&self) -> Sensitivity {
        let to_small_levels = self.prior.has_table().then_some(false);
        match self.likelihood.family.part::<f64>().allows(Scaling::Whiten) {
            true => Sensitivity { to_discrete_x: true, to_small_levels },
            false => Sensitivity::default(),
        }
    }

    fn time_budget(&self) -> Option<f64> {
        self.training.step.time_budget
    }

    fn most_epochs(&self, _: usize, _: usize) -> usize {
        self.training.epochs.saturating_mul(self.restarts)
    }

    fn u_only(&self, train: &Dataset<F>, validation: &Dataset<F>) -> Option<f64> {
        Some(self.likelihood.family.part().u_only(train, validation))
    }

    fn fit(&self, job: Job<'_, F>) -> Result<Outcome<F>, FitError> {
        let directions = job.train.x.ncols();
        if job.latents > directions {
            return Err(DataError::Rank { rank: directions, asked: job.latents }.into());
        }
        let mut net = self.net(job.latents, directions, job.u)?;
        let steps = self.training.step.of_epoch(job.train.rows()).1 * self.training.epochs;
        net.objective.kl_warmup = (self.kl.warmup * steps as f64) as u64;
        let observer = InDataUnits { observer: job.observer, log_det: job.scaler.log_abs_det() };
        let validation = all_rows(job.validation);
        let validation = (validation.rows() > 0).then_some(validation);
        let rows = Rows { train: all_rows(job.train), validation };
        let (mut restarts, mut chosen) =
            train_restarts(&net, rows, self.restarts, &self.training, job.seed, &observer)?;
        let key = |restart| StreamKey::new(job.seed, Purpose::Init).restart(restart);
        let first = restarts.len();
        let collapse =
            retry_collapsed(&net, rows, &self.training, key, &mut restarts, &mut chosen, &observer)?;
        let retries = restarts.split_off(first);
        restarts.extend(retries.into_iter().map(|r| observer.restart(r)));
        let best = &restarts[chosen];
        let report = FitReport::of_restarts(restarts.iter().map(|r| (r, "mlp")), best);
        Ok(Outcome {
            model: Box::new(TrainedVae { net, params: best.params.clone() }),
            report: FitReport { collapse: Some(collapse), ..report },
            last_rise: best.last_rise(),
            history: restarts.into_iter().flat_map(|r| r.history).collect(),
        })
    }

    fn load(&self, saved: &Saved<'_>) -> Result<Box<dyn TrainedModel<F>>, String> {
        let net = self.net(saved.latents, saved.scaled, saved.u).map_err(|e| e.to_string())?;
        let params = saved.arrays.groups("params.", Estimator::<F>::layout(&net))?;
        Ok(Box::new(TrainedVae { net, params }))
    }
}
