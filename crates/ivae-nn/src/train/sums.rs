//! [`Sums`]: the objective and its terms over the rows of a batch.

/// Sums over the rows of a batch, in nats; sums add over batches.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    /// Number of rows.
    pub rows: usize,
    /// Σ of the objective (the ELBO), which rises.
    pub objective: f64,
    /// Σ log p(x|z).
    pub log_px: f64,
    /// Σ KL(q ‖ p(z|u)), or its estimate.
    pub kl: f64,
}

impl Sums {
    /// The objective per row.
    pub fn mean(&self) -> f64 {
        self.objective / self.rows as f64
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.objective += other.objective;
        self.log_px += other.log_px;
        self.kl += other.kl;
    }
}
