//! Bounds of log p(x|u): the ELBO, and the importance-weighted bound that is closer.

use ivae_num::{Scalar, StreamKey};

use super::net::Vae;
use crate::batch::{Batch, CHUNK};
use crate::model::trained::LogLikelihood;
use crate::objective::ObjectiveSpec;

impl Vae {
    /// Sums over the rows of `data` of the ELBO (one sample, closed-form KL) and of the importance-weighted bound
    /// log 1/K Σₖ p(x, zₖ|u) / q(zₖ|x, u) with K = `samples` (Burda et al. 2016, equation 8).
    pub(crate) fn bounds<F: Scalar>(
        &self,
        params: &[F],
        data: Batch<'_, F>,
        samples: usize,
        key: StreamKey,
    ) -> LogLikelihood {
        let (n, samples) = (data.rows(), samples.max(1));
        let mut ws = self.scratch(CHUNK.min(n.max(1)));
        let mut sums = LogLikelihood { elbo: 0.0, iwae: 0.0 };
        for start in (0..n).step_by(CHUNK) {
            let batch = data.slice(start, (start + CHUNK).min(n));
            self.infer(params, batch.reborrow(), &mut ws);
            let mut weights = vec![LogSumExp::default(); batch.rows()];
            for k in 0..samples as u64 {
                self.draw_noise(&mut ws, batch.rows(), key.step(k << 32 | start as u64));
                if k == 0 {
                    sums.elbo +=
                        self.evaluate_at_sample(params, batch.x, ObjectiveSpec::Elbo, &mut ws).objective;
                }
                self.evaluate_at_sample(params, batch.x, ObjectiveSpec::SampledElbo, &mut ws);
                let rows = &ws.densities;
                for (i, w) in weights.iter_mut().enumerate() {
                    let kl = rows.z_given_xu[i] - rows.z_given_u[i];
                    w.add(rows.x_given_z[i].f64() - kl.f64());
                }
            }
            sums.iwae += weights.iter().map(|w| w.value() - (samples as f64).ln()).sum::<f64>();
        }
        sums
    }
}

/// Σ exp on a log scale, one term after the other.
#[derive(Debug, Clone, Copy)]
struct LogSumExp {
    max: f64,
    sum: f64,
}

impl Default for LogSumExp {
    fn default() -> Self {
        Self { max: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSumExp {
    fn add(&mut self, v: f64) {
        if v > self.max {
            self.sum = self.sum * (self.max - v).exp() + 1.0;
            self.max = v;
        } else {
            self.sum += (v - self.max).exp();
        }
    }

    fn value(self) -> f64 {
        self.max + self.sum.ln()
    }
}
