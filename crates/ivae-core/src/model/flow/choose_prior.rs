//! The family of the latents, chosen by held-out likelihood after a search under the generalised normal.
//!
//! Under it a search finds latents of almost any unimodal distribution, up to an elementwise map of each: a flow bends a
//! latent until its distribution is of the family it was given (a cube root makes any Gamma distribution almost normal,
//! Wilson & Hilferty 1931). Which of the simple families explains the latents found needs no training. Others do, because
//! they are found bent; they are searched as well where neither a Gaussian nor anything simpler explains the latents.

use ivae_data::DataError;
use ivae_num::Scalar;
use ndarray::Array2;

use super::net::FlowModel;
use super::spec::{ClassSpec, FlowModelSpec};
use crate::batch::{Batch, BatchBuffer, spread_rows};
use crate::error::{FitError, SpecError};
use crate::prior::{Families, Family};
use crate::search::{Agreement, Class, FAMILY_ROWS, Latents, Search, Start, choose_family, tie};
use crate::train::best;
use ivae_num::slices::{rows_mut, top};

/// The families that are searched as well, from the simplest on.
const SEARCHED: [Family; 5] =
    [Family::GaussianMean, Family::LaplaceScale, Family::Gamma, Family::LogNormal, Family::Beta];
/// Most starts of each.
const STARTS: usize = 4;

/// The networks of a class with a prior of some families.
pub(super) type Networks<'a> = dyn Fn(&ClassSpec, &Families) -> Result<FlowModel, SpecError> + Sync + 'a;

/// A family with the starts of a class under it.
type StartsOf<F> = (Family, Vec<Start<F, FlowModel>>);

impl FlowModelSpec {
    /// Search the leader's class under other families, where the latents found do not decide: after a Gaussian whose mean
    /// alone depends on u under that one, since any rotation of the latents is found as well; where neither a Gaussian nor
    /// anything simpler explains the latents, under every family of [`SEARCHED`]. The simplest family that is within one
    /// standard error of the best, with its starts, which count as the leader's class and are numbered from `from` on;
    /// `None` where that is the family `base` of the leader.
    pub(super) fn search_families<F: Scalar>(
        &self,
        search: &Search<'_, F, FlowModel>,
        leader: &Start<F, FlowModel>,
        base: Family,
        from: usize,
        networks: &Networks<'_>,
    ) -> Result<Option<StartsOf<F>>, FitError> {
        let families: &[Family] = match base {
            Family::GaussianMean => &SEARCHED[..1],
            Family::Laplace | Family::GeneralisedNormal => &SEARCHED,
            _ => return Ok(None),
        };
        let class = &self.classes[leader.class];
        let mut found: Vec<StartsOf<F>> = Vec::new();
        for &family in families {
            let net = networks(class, &family.into())?;
            let restarts = class.restarts.min(STARTS);
            let alone = [Class { name: class.flow.name(), restarts, training: self.training(class), net }];
            let leaves_rotation = family.part::<F>().leaves_rotation();
            let agreement = if leaves_rotation { Agreement::Affine } else { Agreement::Matched };
            let Search { seed, observer, probe, .. } = *search;
            let rows = search.rows.reborrow();
            let alone = Search { classes: &alone, rows, seed, observer, agreement, probe };
            let starts = match alone.explore() {
                Ok(starts) => starts,
                Err(FitError::NotFinite { .. } | FitError::Data(DataError::Rank { .. })) => continue,
                Err(error) => return Err(error),
            };
            let earlier = from + found.iter().map(|(_, starts)| starts.len()).sum::<usize>();
            let renumbered = starts.into_iter().map(|start| start.renumbered(leader.class, earlier as u32));
            found.push((family, renumbered.collect()));
        }
        let best_of = |starts: &[Start<F, FlowModel>]| best(starts.iter().map(|s| &s.restart));
        let objective = |start: &Start<F, FlowModel>| start.restart.objective;
        let leading = found.iter().filter_map(|(_, starts)| Some(&starts[best_of(starts)?]));
        let winner = leading.fold(leader, |a, b| if objective(b) > objective(a) { b } else { a });
        // The generalised normal has the most parameters, a Laplace distribution as many as the last three.
        let base_rank = if base == Family::GeneralisedNormal { SEARCHED.len() } else { 2 };
        let simplest = found.iter().find(|(family, starts)| {
            let rank = SEARCHED.iter().position(|f| f == family).unwrap_or(0);
            let comes_first = rank < base_rank || !tie(winner, leader);
            comes_first && best_of(starts).is_some_and(|best| tie(winner, &starts[best]))
        });
        Ok(simplest.map(|(family, starts)| (*family, starts.clone())))
    }
}

/// The simplest family that explains the latents found as well as the best does, without training; `None` where u is not
/// levels alone.
pub(super) fn simplest_family<F: Scalar>(
    net: &FlowModel,
    params: &[F],
    train: Batch<'_, F>,
    validation: Batch<'_, F>,
) -> Option<Family> {
    if train.u.dense.is_some() || train.u.levels.is_none() {
        return None;
    }
    let latents = |rows: &Batch<'_, F>| {
        let index = spread_rows(rows.rows(), FAMILY_ROWS);
        let mut buffer = BatchBuffer::new(rows, index.len());
        let batch = buffer.gather(rows, &index);
        let (mut z, mut log_p) = (Array2::zeros((index.len(), net.latents)), Vec::new());
        net.evaluate_parts(params, batch, |start, rows, ws| {
            rows_mut(&mut z, start..start + rows).assign(&top(&ws.z, rows));
            log_p.extend(ws.log_pz[..rows].iter().map(|p| p.f64()));
        });
        (z, batch.u.levels.map_or_else(Vec::new, <[u32]>::to_vec), log_p)
    };
    let (z, levels, _) = latents(&train);
    let (test, test_levels, learned) = latents(&validation);
    let train = Latents { z: z.view(), levels: &levels };
    Some(choose_family(train, Latents { z: test.view(), levels: &test_levels }, &learned))
}
