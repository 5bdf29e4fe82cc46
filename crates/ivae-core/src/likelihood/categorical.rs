//! The categorical likelihood, for x of 0, 1, …, K − 1: f(z) is the log-odds of each category but the last against the last.

use ivae_data::{Dataset, Scaling};
use ivae_expfam::{Categorical, Density};
use ivae_metrics::u_only_categorical;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand::Rng;

use super::counts;
use super::member::{Likelihood, Noise, Suited, check_support, u_only};
use crate::error::SpecError;

/// Most categories.
const MOST: u32 = 1000;

impl<F: Scalar> Likelihood<F> for Categorical {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check(&self) -> Result<(), SpecError> {
        let range = "[2, 1000]";
        match (2..=MOST).contains(&self.count) {
            true => Ok(()),
            false => {
                let value = f64::from(self.count);
                Err(SpecError::OutOfRange { name: "the number of categories", value, range })
            }
        }
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        let support = format!("categories 0 to {}", self.count.saturating_sub(1));
        let most = f64::from(self.count);
        check_support("categorical", &support, x, |v| v >= 0.0 && v < most && v.fract() == 0.0)
    }

    fn allows(&self, scaling: Scaling) -> bool {
        scaling == Scaling::None
    }

    fn suited(&self) -> Option<Suited> {
        Some(counts::SUITED)
    }

    fn outputs(&self, observed: usize) -> usize {
        (self.count as usize).saturating_sub(1) * observed
    }

    fn features(&self, observed: usize) -> Option<usize> {
        Some(self.count as usize * observed)
    }

    /// 1 for the category of each column, 0 for the others: a block of columns for each category.
    fn write_features(&self, mut features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        let d = x.ncols();
        features.fill(F::zero());
        for ((b, j), v) in x.indexed_iter() {
            // The check of x refuses other values.
            let category = (v.f64() as usize).min((self.count as usize).saturating_sub(1));
            features[[b, category * d + j]] = F::one();
        }
    }

    /// The log-odds of each column, and how they move with the frequencies: log pₖ by δpₖ / pₖ.
    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        let (rows, d, last) = (x.nrows(), x.ncols(), (self.count as usize).saturating_sub(1));
        let mut seen = Array2::<F>::zeros((rows, (last + 1) * d));
        Likelihood::<F>::write_features(self, seen.view_mut(), x);
        let count = f64::from(self.count);
        let p: Vec<f64> = seen
            .columns()
            .into_iter()
            .map(|c| (c.iter().map(|v| v.f64()).sum::<f64>() + 1.0) / (rows as f64 + count))
            .collect();
        let log_probability = |b: usize, c: usize| p[c].ln() + (seen[[b, c]].f64() - p[c]) / p[c];
        Some(Array2::from_shape_fn((rows, last * d), |(b, c)| {
            F::of(log_probability(b, c) - log_probability(b, last * d + c % d))
        }))
    }

    fn mean(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (d, last) = (x.ncols(), (self.count as usize).saturating_sub(1));
        for ((b, j), x) in x.indexed_iter_mut() {
            let mut best = (last, 0.0);
            for k in 0..last {
                let l = theta[[b, k * d + j]].f64();
                best = if l > best.1 { (k, l) } else { best };
            }
            *x = F::of(best.0 as f64);
        }
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let (d, last, mut rng) = (x.ncols(), (self.count as usize).saturating_sub(1), key.rng());
        for ((b, j), x) in x.indexed_iter_mut() {
            let log_odds = |k: usize| if k < last { theta[[b, k * d + j]].f64() } else { 0.0 };
            let most = (0..=last).map(log_odds).fold(0.0, f64::max);
            let odds = |k: usize| (log_odds(k) - most).exp();
            let mut left = rng.random::<f64>() * (0..=last).map(odds).sum::<f64>();
            let mut category = 0;
            while category < last && left >= odds(category) {
                left -= odds(category);
                category += 1;
            }
            *x = F::of(category as f64);
        }
    }

    /// Independent columns of categories per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        let density =
            |train: ivae_metrics::LevelRows<'_, F>, test: ivae_metrics::LevelRows<'_, F>, levels| {
                u_only_categorical(train, test, levels, self.count as usize)
            };
        u_only(density, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Categories
    }
}
