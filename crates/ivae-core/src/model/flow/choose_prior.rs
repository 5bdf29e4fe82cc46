//! The family of the latents, chosen by held-out likelihood after a search under the generalised normal.
//!
//! Under it a search finds latents of almost any unimodal distribution, up to an elementwise map of each: a flow bends a
//! latent until its distribution is of the family it was given. So only families of ℝ are compared. The exponential of a
//! Gaussian latent is a log-normal one, and the cube root of a Gamma one is almost Gaussian (Wilson & Hilferty 1931): no
//! likelihood tells these apart, and a family of another support is for the user to name.

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

/// Most starts of a search under a family that was chosen.
const STARTS: usize = 4;

/// The networks of a class with a prior of some families.
pub(super) type Networks<'a> = dyn Fn(&ClassSpec, &Families) -> Result<FlowModel, SpecError> + Sync + 'a;

impl FlowModelSpec {
    /// Starts of the leader's class under a Gaussian whose mean alone depends on u, numbered from `from` on; `None` where
    /// the best of them is more than one standard error behind the leader. Latents found under another family are no place
    /// to begin: more parameters explain any rotation of them as well.
    pub(super) fn search_means<F: Scalar>(
        &self,
        search: &Search<'_, F, FlowModel>,
        leader: &Start<F, FlowModel>,
        from: usize,
        networks: &Networks<'_>,
    ) -> Result<Option<Vec<Start<F, FlowModel>>>, FitError> {
        let class = &self.classes[leader.class];
        let alone = [Class {
            name: class.flow.name(),
            restarts: class.restarts.min(STARTS),
            training: self.training(class),
            net: networks(class, &Family::GaussianMean.into())?,
        }];
        let Search { seed, observer, probe, .. } = *search;
        let rows = search.rows.reborrow();
        let alone = Search { classes: &alone, rows, seed, observer, agreement: Agreement::Affine, probe };
        let starts = match alone.explore() {
            Ok(starts) => starts,
            Err(FitError::NotFinite { .. } | FitError::Data(DataError::Rank { .. })) => return Ok(None),
            Err(error) => return Err(error),
        };
        let ties = best(starts.iter().map(|s| &s.restart)).is_some_and(|best| tie(leader, &starts[best]));
        let renumbered = starts.into_iter().map(|start| start.renumbered(leader.class, from as u32));
        Ok(ties.then(|| renumbered.collect()))
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
