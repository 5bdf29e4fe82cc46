//! [`SearchReport`]: how a decoder was found, and how sure it is.

use serde::{Deserialize, Serialize};

use crate::prior::Families;

/// How a decoder was found, and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// The class that was kept.
    pub class: String,
    /// Distribution of the latents given u, or that of each.
    pub family: Families,
    /// Learned shape β of each latent, for the generalised normal: 2 is Gaussian, 1 Laplace.
    pub shapes: Option<Vec<f64>>,
    /// Every class that was searched.
    pub classes: Vec<ClassReport>,
    /// Starts of the class that was kept.
    pub starts: usize,
    /// Those of them whose latents agree with the ones that were kept.
    pub starts_in_basin: usize,
    /// Mean correlation, after matching, of their latents with those that were kept (after an affine map, for a prior of
    /// which only the means depend on u: it leaves one free); `None` where no other start agrees.
    pub agreement: Option<f64>,
    /// From the best start of another basin up to the best of this one, in nats per row; `None` where all agree.
    pub likelihood_margin: Option<f64>,
}

impl SearchReport {
    /// The same in the units of x as given, in which a log-density is higher by `log_det`.
    pub(crate) fn in_data_units(mut self, log_det: f64) -> Self {
        self.classes.iter_mut().for_each(|c| c.best = c.best.map(|b| b + log_det));
        self
    }
}

/// One class of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Its name.
    pub class: String,
    /// Starts it was given.
    pub starts: usize,
    /// Objective of its best start, before refinement; `None` if none stayed finite.
    pub best: Option<f64>,
    /// Seconds of training, over all its starts.
    pub seconds: f64,
}
