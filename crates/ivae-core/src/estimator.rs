//! [`Estimator`]: what the trainer needs of a model, and the batch it feeds it.

use ivae_data::{Aux, Dataset};
use ivae_nn::Layout;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2};

use crate::slices::{rows, top};

/// The auxiliary variable of some rows.
#[derive(Debug, Clone, Copy)]
pub enum AuxRows<'a, F> {
    /// None.
    None,
    /// Levels, `[B]`.
    Levels(&'a [u32]),
    /// Continuous, `[B, m]`.
    Continuous(ArrayView2<'a, F>),
}

impl<'a, F: Scalar> AuxRows<'a, F> {
    /// The same rows under a shorter lifetime.
    pub fn reborrow<'b>(self) -> AuxRows<'b, F>
    where
        'a: 'b,
    {
        match self {
            Self::None => AuxRows::None,
            Self::Levels(levels) => AuxRows::Levels(levels),
            Self::Continuous(values) => AuxRows::Continuous(values.reborrow()),
        }
    }
}

/// Some rows of the data, scaled.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a, F> {
    /// Observations, `[B, d]`.
    pub x: ArrayView2<'a, F>,
    /// Auxiliary variable, B rows.
    pub u: AuxRows<'a, F>,
}

impl<'a, F: Scalar> Batch<'a, F> {
    /// All rows of `data`.
    pub fn all(data: &'a Dataset<F>) -> Self {
        let u = match &data.u {
            Aux::None => AuxRows::None,
            Aux::Levels(levels) => AuxRows::Levels(&levels.index),
            Aux::Continuous { values, .. } => AuxRows::Continuous(values.view()),
        };
        Self { x: data.x.view(), u }
    }

    /// The same rows under a shorter lifetime.
    pub fn reborrow<'b>(self) -> Batch<'b, F>
    where
        'a: 'b,
    {
        Batch { x: self.x.reborrow(), u: self.u.reborrow() }
    }

    /// Number of rows B.
    pub fn rows(&self) -> usize {
        self.x.nrows()
    }

    /// Batches of `most` rows and the last of what is left, with the row that each starts at.
    pub(crate) fn parts(self, most: usize) -> impl Iterator<Item = (usize, Batch<'a, F>)> {
        let rows = self.rows();
        (0..rows).step_by(most).map(move |start| (start, self.slice(start, (start + most).min(rows))))
    }

    /// Rows `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Batch<'a, F> {
        let u = match self.u {
            AuxRows::None => AuxRows::None,
            AuxRows::Levels(levels) => AuxRows::Levels(&levels[start..end]),
            AuxRows::Continuous(values) => AuxRows::Continuous(rows(values, start..end)),
        };
        Batch { x: rows(self.x, start..end), u }
    }
}

/// Memory that gathered rows live in.
#[derive(Debug, Clone)]
pub struct BatchBuffer<F> {
    x: Array2<F>,          // [capacity, d]
    levels: Vec<u32>,      // [capacity], or empty
    continuous: Array2<F>, // [capacity, m], or [0, 0]
}

impl<F: Scalar> BatchBuffer<F> {
    /// For up to `capacity` rows of `data`.
    pub fn new(data: &Batch<'_, F>, capacity: usize) -> Self {
        let (levels, m) = match data.u {
            AuxRows::None => (0, None),
            AuxRows::Levels(_) => (capacity, None),
            AuxRows::Continuous(values) => (0, Some(values.ncols())),
        };
        Self {
            x: Array2::zeros((capacity, data.x.ncols())),
            levels: vec![0; levels],
            continuous: m.map_or(Array2::zeros((0, 0)), |m| Array2::zeros((capacity, m))),
        }
    }

    /// Copy `rows` of `data` here and lend them as a batch.
    pub fn gather(&mut self, data: &Batch<'_, F>, rows: &[u32]) -> Batch<'_, F> {
        let b = rows.len();
        gather(&mut self.x, data.x, rows);
        let u = match data.u {
            AuxRows::None => AuxRows::None,
            AuxRows::Levels(levels) => {
                for (to, &row) in self.levels.iter_mut().zip(rows) {
                    *to = levels[row as usize];
                }
                AuxRows::Levels(&self.levels[..b])
            }
            AuxRows::Continuous(values) => {
                gather(&mut self.continuous, values, rows);
                AuxRows::Continuous(top(&self.continuous, b))
            }
        };
        Batch { x: top(&self.x, b), u }
    }
}

/// Copy the rows `index` of `from` to the first rows of `to`.
fn gather<F: Scalar>(to: &mut Array2<F>, from: ArrayView2<'_, F>, index: &[u32]) {
    let width = from.ncols();
    match (to.as_slice_mut(), from.as_slice()) {
        (Some(to), Some(from)) if width > 0 => {
            ivae_num::rows::gather(to, from, width, index);
        }
        _ => {
            for (mut to, &row) in to.rows_mut().into_iter().zip(index) {
                to.assign(&from.row(row as usize));
            }
        }
    }
}

/// At most `most` of `rows` rows, spread evenly: data are often sorted by u.
pub(crate) fn spread_rows(rows: usize, most: usize) -> Vec<u32> {
    let count = rows.min(most);
    (0..count).map(|i| (i * rows / count) as u32).collect()
}

/// Sums over the rows of a batch, in nats; sums add over batches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms {
    /// Number of rows.
    pub rows: usize,
    /// Σ of the objective (the ELBO), which rises.
    pub objective: f64,
    /// Σ log p(x|z).
    pub log_px: f64,
    /// Σ KL(q ‖ p(z|u)), or its estimate.
    pub kl: f64,
}

impl Terms {
    /// The objective per row.
    pub fn mean(&self) -> f64 {
        self.objective / self.rows as f64
    }
}

impl std::ops::AddAssign for Terms {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.objective += other.objective;
        self.log_px += other.log_px;
        self.kl += other.kl;
    }
}

/// A model whose parameters are found by stochastic gradients.
///
/// The model is `&self` and never changes; parameters are one flat slice laid out by [`layout`](Self::layout).
pub trait Estimator<F: Scalar>: Sync {
    /// Scratch memory of a step.
    type Workspace: Send;

    /// The names and places of the parameters.
    fn layout(&self) -> &Layout;

    /// Overwrite `params` with starting values for `data` (the training rows), drawn from `key`.
    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey);

    /// Scratch for batches of up to `batch` rows; [`step`](Self::step) does not allocate beyond it.
    fn workspace(&self, batch: usize) -> Self::Workspace;

    /// Overwrite `grad` with the gradient of the mean loss (minus the objective per row); returns the sums.
    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        key: StreamKey,
        ws: &mut Self::Workspace,
    ) -> Terms;

    /// The sums of [`step`](Self::step), without gradients.
    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, key: StreamKey, ws: &mut Self::Workspace) -> Terms;

    /// What restarts are compared by on `held_out` rows, per row, where it is more than the objective that
    /// [`evaluate`](Self::evaluate) gives; the same `key` for all.
    fn score(&self, params: &[F], held_out: Batch<'_, F>, key: StreamKey) -> Option<f64> {
        let _ = (params, held_out, key);
        None
    }

    /// Put parameters back where they may lie (variance floors); called after every step.
    fn project(&self, params: &mut [F]);
}
