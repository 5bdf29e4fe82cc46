//! Gaussian priors: u moves mean and variance, the variance alone, or the mean alone.

use crate::Assumption;
use crate::{Answer, Gaussian, GaussianForm, LambdaError, natural_table};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};
use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

use super::family::{Conditional, LOCATION_FIXED, PriorFamily, location_spread};

impl<F: Scalar> PriorFamily<F> for Gaussian {
    fn conditional_parameters(&self) -> usize {
        self.form.k()
    }

    fn statistics(&self) -> usize {
        self.form.k()
    }

    fn from_moments(&self, mean: f64, variance: f64) -> Vec<f64> {
        match self.form {
            GaussianForm::MeanVar => vec![mean, variance.ln()],
            GaussianForm::Var => vec![variance.ln()],
            GaussianForm::Mean => vec![mean],
        }
    }

    fn moments(&self, theta: &[f64]) -> (f64, f64) {
        match self.form {
            GaussianForm::MeanVar => (theta[0], theta[1].exp()),
            GaussianForm::Var => (0.0, theta[0].exp()),
            GaussianForm::Mean => (theta[0], 1.0),
        }
    }

    fn draw(&self, theta: &[f64], rng: &mut dyn RngCore) -> f64 {
        let (mean, log_var) = match self.form {
            GaussianForm::MeanVar => (theta[0], theta[1]),
            GaussianForm::Var => (0.0, theta[0]),
            GaussianForm::Mean => (theta[0], 0.0),
        };
        mean + (0.5 * log_var).exp() * Distribution::<f64>::sample(&StandardNormal, rng)
    }

    fn gaussian_form(&self) -> Option<GaussianForm> {
        Some(self.form)
    }

    fn absorbs_affine(&self) -> bool {
        self.form == GaussianForm::MeanVar
    }

    fn leaves_rotation(&self) -> bool {
        self.form == GaussianForm::Mean
    }

    fn transformed(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        let square = z.mapv(|v| v * v);
        match self.form {
            GaussianForm::Var => square,
            GaussianForm::MeanVar => ndarray::concatenate![Axis(1), z, square],
            GaussianForm::Mean => z.to_owned(),
        }
    }

    fn conditional(&self, theta: ArrayView2<'_, f64>, _: usize) -> Result<Conditional, LambdaError> {
        let lambda = natural_table(self, theta)?;
        let assumption = Assumption::new(Answer::Holds, "Gaussian, its components independent given u");
        Ok(Conditional { family: Box::new(*self), lambda, is_shared: true, assumption })
    }

    /// Means that do not vary are no statistics: what is left is the family of T = (z − μ)².
    fn without_location(
        &self,
        theta: ArrayView2<'_, f64>,
        n: usize,
    ) -> Result<Option<Conditional>, LambdaError> {
        if self.form != GaussianForm::MeanVar || theta.nrows() == 0 {
            return Ok(None);
        }
        let spread = location_spread(theta, n, |log_var| (0.5 * log_var).exp());
        if spread >= LOCATION_FIXED {
            return Ok(None);
        }
        let reason = format!("Gaussian of one mean, which varies over u by {spread:.2} scales at most");
        let assumption = Assumption::new(Answer::Holds, reason).with_number(spread);
        let variance_alone = Self { form: GaussianForm::Var };
        let log_vars = theta.split_at(Axis(1), n).1;
        let found = PriorFamily::<f64>::conditional(&variance_alone, log_vars, n)?;
        Ok(Some(Conditional { assumption, ..found }))
    }
}
