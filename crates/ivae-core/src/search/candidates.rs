//! What a search chooses from: classes of networks, their trained starts, and the rows that compare them.

use ivae_num::Scalar;
use ndarray::Array2;

use crate::batch::Batch;
use crate::train::{Restart, TrainSpec};

/// One class of a search: a network, and how its starts are trained.
#[derive(Debug)]
pub(crate) struct Class<N> {
    pub(crate) name: &'static str,
    /// Most starts; fewer where they agree earlier.
    pub(crate) restarts: usize,
    pub(crate) training: TrainSpec,
    pub(crate) net: N,
}

/// What starts are compared by, on the same rows.
#[derive(Debug, Clone)]
pub(crate) struct Probe<F> {
    /// Latents of some held-out rows, `[R, n]`.
    pub(crate) z: Array2<F>,
    /// log p of the same rows, `[R]`.
    pub(crate) log_p: Vec<f64>,
}

/// A start of a class, trained.
#[derive(Debug, Clone)]
pub(crate) struct Start<F, N> {
    pub(crate) class: usize,
    /// Number of the restart that it began as.
    pub(crate) origin: u32,
    pub(crate) net: N,
    pub(crate) restart: Restart<F>,
    pub(crate) probe: Probe<F>,
}

impl<F: Scalar, N> Start<F, N> {
    /// The same as a start of `class`, with its number `from` higher.
    pub(crate) fn renumbered(mut self, class: usize, from: u32) -> Self {
        self.class = class;
        self.origin += from;
        self.restart.restart += from;
        self.restart.history.iter_mut().for_each(|e| e.restart += from);
        self
    }
}

/// The rows of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a, F> {
    pub(crate) train: Batch<'a, F>,
    pub(crate) validation: Option<Batch<'a, F>>,
}

impl<F: Scalar> Rows<'_, F> {
    /// The same rows under a shorter lifetime.
    pub(crate) fn reborrow(&self) -> Rows<'_, F> {
        Rows { train: self.train.reborrow(), validation: self.validation.map(Batch::reborrow) }
    }
}

/// How the latents of two starts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// After matching them one to one.
    Matched,
    /// After the affine map that Theorem 1 leaves free whatever the data are.
    Affine,
}
