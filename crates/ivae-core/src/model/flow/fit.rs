//! Fitting and loading a flow: of x itself where there are as many latents as directions, else of a bottleneck of x.

use ivae_data::{DataError, Dataset, check_conditional};
use ivae_metrics::u_only_gaussian;
use ivae_nn::Inputs;
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::Array2;

use super::choose_prior::simplest_family;
use super::net::FlowModel;
use super::spec::{ClassSpec, FlowModelSpec};
use super::trained::{FlowChoice, TrainedFlow};
use crate::batch::{Batch, BatchBuffer, all_rows, spread_rows};
use crate::error::{FitError, SpecError};
use crate::likelihood::u_only;
use crate::model::autoencoder::Autoencoder;
use crate::model::recipe::{Job, Outcome, Recipe, Saved};
use crate::model::trained::TrainedModel;
use crate::model::vae::Vae;
use crate::objective::ObjectiveSpec;
use crate::prior::{Families, Family};
use crate::report::{BottleneckReport, FitReport, Sensitivity};
use crate::search::{Agreement, Class, Probe, Rows, Search, SearchReport, class_reports, conclude};
use crate::train::{EpochRecord, Estimator, InDataUnits, Observer, Restart, Stage, Staged, Timed, TrainSpec};
use ivae_data::Scaling;
use ivae_num::slices::{rows_mut, top};

/// Where an autoencoder loses more of the variance than this, noise has bent its bottleneck: the ELBO, which knows of
/// noise, finds a better one.
const NOISY: f64 = 0.1;
/// Most starts of a bottleneck; all but the first only where those before became non-finite.
const STARTS: usize = 3;
/// Rows that latents are compared on.
const COMPARED_ROWS: usize = 2000;

/// A flow that was found, with all restarts and the name of each one's class.
struct Found<F> {
    net: FlowModel,
    restarts: Vec<(Restart<F>, &'static str)>,
    chosen: usize,
    search: SearchReport,
}

/// A trained bottleneck, what it keeps, and its epochs.
type Bottleneck<F> = (Autoencoder<F>, BottleneckReport, Vec<EpochRecord>);

impl FlowModelSpec {
    /// Search all classes on white rows.
    fn search<F: Scalar>(
        &self,
        job: &Job<'_, F>,
        rows: Rows<'_, F>,
        observer: &dyn Observer,
    ) -> Result<Found<F>, FitError> {
        let rows = rows.reborrow();
        // One family is searched as it is; several are told apart when latents have been found under one.
        let asked = self.prior.as_ref();
        let searched: Families = asked.and_then(Families::single).unwrap_or(Family::GeneralisedNormal).into();
        let validation = rows.validation.unwrap_or(rows.train);
        let net = |class: &ClassSpec, families: &Families| {
            let net = FlowModel::new(&class.flow, families, &self.prior_parameters, job.latents, job.u)?;
            Ok::<_, SpecError>(net.shrinking(rows.train.u))
        };
        let classes: Vec<Class<FlowModel>> = (self.classes.iter())
            .map(|class| {
                Ok(Class {
                    name: class.flow.name(),
                    restarts: class.restarts,
                    training: self.training(class),
                    net: net(class, &searched)?,
                })
            })
            .collect::<Result<_, FitError>>()?;
        let compared = spread_rows(validation.rows(), COMPARED_ROWS);
        let mut buffer = BatchBuffer::new(&validation, compared.len());
        let compared = buffer.gather(&validation, &compared);
        let probe = |net: &FlowModel, params: &[F]| {
            let (mut z, mut log_p) = (Array2::zeros((compared.rows(), net.latents)), Vec::new());
            net.evaluate_parts(params, compared, |start, rows, ws| {
                rows_mut(&mut z, start..start + rows).assign(&top(&ws.z, rows));
                log_p.extend(ws.log_det.iter().zip(&ws.log_pz).take(rows).map(|(d, p)| d.f64() + p.f64()));
            });
            Probe { z, log_p }
        };
        let leaves_rotation = |families: &Families| {
            families.runs(job.latents).iter().any(|(family, _)| family.part::<F>().leaves_rotation())
        };
        let agreement_of = |families: &Families| match leaves_rotation(families) {
            true => Agreement::Affine,
            false => Agreement::Matched,
        };
        let agreement = agreement_of(&searched);
        let search = Search { classes: &classes, rows, seed: job.seed, observer, agreement, probe: &probe };
        let explored = search.explore()?;
        let mut starts = explored.clone();
        let mut families = asked.cloned().unwrap_or(searched);
        let leader = crate::train::best(explored.iter().map(|s| &s.restart)).map(|best| &explored[best]);
        if let (None, Some(leader)) = (asked, leader)
            && let Some(base) = simplest_family(&leader.net, &leader.restart.params, rows.train, validation)
        {
            families = base.into();
            if base == Family::GaussianMean && !observer.late() {
                match self.search_means(&search, leader, explored.len(), &net)? {
                    Some(others) => starts = others,
                    None => families = Family::Gaussian.into(),
                }
            }
        }
        let refined =
            search.refine(&starts, self.survivors, self.refine_epochs, |class, found, params| {
                if families == found.prior.families {
                    return Ok((found, params));
                }
                let other = net(&self.classes[class], &families)?;
                let params = other.with_flow_of(&found, &params, rows.train);
                Ok((other, params))
            })?;
        let family_of =
            |net: &FlowModel, params: &[F]| (net.prior.families.clone(), net.prior.shapes(params));
        // Where several families were asked for, only what was refined has them.
        let have_families = asked.is_none_or(|asked| starts.iter().any(|s| s.net.prior.families == *asked));
        let all: Vec<_> = starts.iter().chain(&refined).collect();
        let (from, before, after) = match have_families || refined.iter().all(|s| !s.restart.usable()) {
            true => (0, &starts[..], &refined[..]),
            false => (starts.len(), &refined[..], &[][..]),
        };
        let (chosen, mut report) = conclude(before, after, &classes, agreement_of(&families), family_of);
        report.classes = class_reports(&explored, &classes);
        let chosen = all[from + chosen];
        let (net, chosen) = (chosen.net.clone(), (chosen.restart.stage, chosen.restart.restart));
        // The starts under other families come after those that were searched first.
        let others = starts.into_iter().filter(|s| s.restart.restart as usize >= explored.len());
        let all: Vec<_> = explored.iter().cloned().chain(others).chain(refined).collect();
        let chosen = all.iter().position(|s| (s.restart.stage, s.restart.restart) == chosen).unwrap_or(0);
        Ok(Found {
            net,
            chosen,
            search: report,
            restarts: all.into_iter().map(|s| (s.restart, classes[s.class].name)).collect(),
        })
    }

    /// Train the bottleneck for `objective`; again from another start while it becomes non-finite.
    fn bottleneck<F: Scalar>(
        &self,
        job: &Job<'_, F>,
        objective: ObjectiveSpec,
        observer: &dyn Observer,
    ) -> Result<Bottleneck<F>, FitError> {
        let (rows, validation) = (all_rows(job.train), all_rows(job.validation));
        let training = TrainSpec {
            epochs: self.bottleneck.epochs,
            learning_rate: self.bottleneck.learning_rate,
            step: self.step.clone(),
        };
        let net = self.bottleneck_net(objective, (job.latents, rows.x.ncols(), job.u))?;
        let mut dropped = 0;
        let (found, restart) = loop {
            let key = StreamKey::new(job.seed, Purpose::Init).restart(dropped as u32);
            match Autoencoder::fit(net.clone(), rows, Some(validation), &training, key, observer) {
                Err(FitError::NotFinite { .. }) if dropped + 1 < STARTS => dropped += 1,
                Err(FitError::NotFinite { epoch, .. }) => {
                    return Err(FitError::NotFinite { restarts: STARTS, epoch });
                }
                found => break found?,
            }
        };
        let report = BottleneckReport { ending: Some(restart.ending), dropped, ..found.report(validation.x) };
        let staged = |e| EpochRecord { stage: Stage::Bottleneck, ..e };
        Ok((found, report, restart.history.into_iter().map(staged).collect()))
    }

    /// The networks of a bottleneck trained for `objective`, for (latents, scaled columns, shape of u).
    fn bottleneck_net(
        &self,
        objective: ObjectiveSpec,
        sizes: (usize, usize, Inputs),
    ) -> Result<Vae, SpecError> {
        self.bottleneck.net(objective, (self.prior.as_ref(), &self.prior_parameters), self.scaling, sizes)
    }
}

impl<F: Scalar> Recipe<F> for FlowModelSpec {
    fn check(&self, held_out: f64) -> Result<(), SpecError> {
        FlowModelSpec::check(self, held_out)
    }

    fn check_data(&self, data: &Dataset<F>) -> Result<(), FitError> {
        Ok(check_conditional(data)?)
    }

    fn scaling(&self) -> Scaling {
        self.scaling
    }

    fn sensitivity(&self) -> Sensitivity {
        let to_small_levels = self.prior_parameters.is_table().then_some(true);
        Sensitivity { to_discrete_x: true, to_small_levels }
    }

    fn time_budget(&self) -> Option<f64> {
        self.step.time_budget
    }

    fn most_epochs(&self, observed: usize, latents: usize) -> usize {
        let bottlenecks = match self.bottleneck.objective {
            _ if observed <= latents => 0,
            None => 2,
            Some(_) => 1,
        };
        let bottleneck = self.bottleneck.epochs.saturating_mul(bottlenecks);
        let search: usize = self.classes.iter().map(|c| c.epochs.saturating_mul(c.restarts)).sum();
        bottleneck.saturating_add(search).saturating_add(self.refine_epochs.saturating_mul(self.survivors))
    }

    fn u_only(&self, train: &Dataset<F>, validation: &Dataset<F>) -> Option<f64> {
        Some(u_only(u_only_gaussian, train, validation))
    }

    fn fit(&self, job: Job<'_, F>) -> Result<Outcome<F>, FitError> {
        let (rows, validation) = (all_rows(job.train), all_rows(job.validation));
        let directions = rows.x.ncols();
        if job.latents > directions {
            return Err(DataError::Rank { rank: directions, asked: job.latents }.into());
        }
        if directions == job.latents {
            let log_det = job.scaler.log_abs_det();
            let observer = InDataUnits { observer: job.observer, log_det };
            let rows = Rows { train: rows, validation: Some(validation) };
            let mut found = self.search(&job, rows, &observer)?;
            found.restarts =
                found.restarts.into_iter().map(|(r, class)| (observer.restart(r), class)).collect();
            found.search = found.search.in_data_units(log_det);
            return Ok(found.outcome(None));
        }
        // The search needs its time too.
        let timed = Timed::new(job.observer, self.step.time_budget.map(|s| s / 2.0));
        let staged = Staged { observer: &timed, stage: Stage::Bottleneck };
        let objective = self.bottleneck.objective;
        let mut bottleneck =
            self.bottleneck(&job, objective.unwrap_or(ObjectiveSpec::Reconstruction), &staged)?;
        if objective.is_none() && bottleneck.1.lost_variance > NOISY && !timed.late() {
            bottleneck = self.bottleneck(&job, ObjectiveSpec::Elbo, &staged)?;
        }
        let (train_x, validation_x) = (bottleneck.0.encode(rows.x), bottleneck.0.encode(validation.x));
        let rank = train_x.ncols();
        if rank != job.latents {
            return Err(DataError::Rank { rank, asked: job.latents }.into());
        }
        let rows = Rows {
            train: Batch { x: train_x.view(), u: rows.u },
            validation: Some(Batch { x: validation_x.view(), u: validation.u }),
        };
        Ok(self.search(&job, rows, job.observer)?.outcome(Some(bottleneck)))
    }

    fn load(&self, saved: &Saved<'_>) -> Result<Box<dyn TrainedModel<F>>, String> {
        let missing = "there is no table `choice`, which names the class and family that were chosen";
        let choice: FlowChoice =
            saved.choice.ok_or(missing)?.clone().try_into().map_err(|e: toml::de::Error| e.to_string())?;
        let (n, u) = (saved.latents, saved.u);
        let net = FlowModel::new(&choice.flow, &choice.family, &self.prior_parameters, n, u)
            .map_err(|e| e.to_string())?;
        let params = saved.arrays.groups("params.", Estimator::<F>::layout(&net))?;
        let bottleneck = match saved.scaled > n {
            false => None,
            true => {
                let objective =
                    choice.bottleneck.ok_or("the table `choice` does not name the bottleneck's objective")?;
                let net = self.bottleneck_net(objective, (n, saved.scaled, u)).map_err(|e| e.to_string())?;
                Some(Autoencoder::read(net, saved.arrays)?)
            }
        };
        Ok(Box::new(TrainedFlow { bottleneck, net, params }))
    }
}

impl<F: Scalar> Found<F> {
    fn outcome(self, bottleneck: Option<Bottleneck<F>>) -> Outcome<F> {
        let Self { net, restarts, chosen, search } = self;
        let best = &restarts[chosen].0;
        let report = FitReport::of_restarts(restarts.iter().map(|(r, class)| (r, *class)), best);
        let (last_rise, params) = (best.last_rise(), best.params.clone());
        let (autoencoder, kept, mut history) = match bottleneck {
            Some((autoencoder, kept, history)) => (Some(autoencoder), Some(kept), history),
            None => (None, None, Vec::new()),
        };
        history.extend(restarts.into_iter().flat_map(|(r, _)| r.history));
        Outcome {
            model: Box::new(TrainedFlow { bottleneck: autoencoder, net, params }),
            report: FitReport { search: Some(search), bottleneck: kept, ..report },
            last_rise,
            history,
        }
    }
}
