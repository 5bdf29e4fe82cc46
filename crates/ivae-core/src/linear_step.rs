//! The linear step: linear ICA of the latents, where the theorems leave a linear map of them free, and nowhere else.

use ivae_data::Dataset;
use ivae_expfam::{Class, GaussianForm};
use ivae_ica::LinearStep;
use ivae_metrics::{Correlation, mcc};
use ivae_num::Scalar;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::family::Family;
use crate::fitted::{Fitted, Model};
use crate::spec::ModelKind;

/// Steps of the two halves of u that agree less than this are an accident of the values that u has.
const AGREE: f64 = 0.95;

/// The linear step, and why it was taken or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearStepReport {
    /// Whether latents go through it.
    pub applied: bool,
    /// Why, or why not.
    pub reason: String,
    /// Whether its iteration converged; `None` if not applied.
    pub converged: Option<bool>,
    /// How many iterations it took; `None` if not applied.
    pub iterations: Option<usize>,
    /// MCC of the latents after steps found from either half of the values of u (of the rows, where u is continuous): how
    /// well the data determine it. `None` if not applied.
    pub agreement: Option<f64>,
}

impl LinearStepReport {
    fn not_applied(reason: impl Into<String>) -> Self {
        Self { applied: false, reason: reason.into(), converged: None, iterations: None, agreement: None }
    }
}

/// Takes the step where the verdict leaves it free, from the training rows, whose x is scaled; of a model that makes no claim of
/// identifiability there is nothing to say.
pub(crate) fn take_linear_step<F: Scalar>(fitted: &mut Fitted<F>, rows: &Dataset<F>) {
    if fitted.spec.model != ModelKind::Ivae {
        return;
    }
    let reason = match leaves_map_free(fitted) {
        Ok(reason) => reason,
        Err(reason) => {
            fitted.report.linear_step = Some(LinearStepReport::not_applied(reason));
            return;
        }
    };
    // T(z) = z.
    let step = LinearStep { rotation: true, seed: fitted.spec.seed };
    let found = fitted
        .encode(rows.x.view(), rows)
        .map_err(|e| e.to_string())
        .and_then(|z| Ok((step.fit(z.view()).map_err(|e| e.to_string())?, z)));
    let (found, z) = match found {
        Ok(found) => found,
        Err(error) => {
            let reason = format!("a linear map is free, but linear ICA of the latents failed: {error}");
            fitted.report.warnings.push(reason.clone());
            fitted.report.linear_step = Some(LinearStepReport::not_applied(reason));
            return;
        }
    };
    let agreement = agreement(step, &z, rows);
    let (converged, iterations) = (found.converged, found.iterations);
    if !converged {
        fitted.report.warnings.push(format!(
            "the linear step on the latents did not converge in {iterations} iterations: they are known up to a rotation"
        ));
    } else if agreement.is_none_or(|a| a < AGREE) {
        let found = agreement.map_or("cannot be compared".into(), |a| format!("agree to {a:.2} (MCC)"));
        fitted.report.warnings.push(format!(
            "the latents are known up to a rotation, and the linear step that finds it is uncertain: steps from either \
             half of u {found}; over all u together the latents may be nearly Gaussian, or u has too few values"
        ));
    }
    fitted.report.linear_step = Some(LinearStepReport {
        applied: true,
        reason,
        converged: Some(converged),
        iterations: Some(iterations),
        agreement,
    });
    fitted.step = Some(found.into());
}

/// Whether the theorems leave a linear map of the latents free, of a T that is monotonic; either with the reason.
fn leaves_map_free<F>(fitted: &Fitted<F>) -> Result<String, String> {
    let check = fitted.report.identifiability.as_ref().and_then(|id| id.check.as_ref());
    let Some(check) = check else { return Err("there is no verdict".into()) };
    let (family, form) = match &fitted.model {
        Model::Exact { net, .. } => (net.family, net.prior_form),
        Model::Vae { net, .. } => (Family::Gaussian, net.prior_form),
        Model::Linear(_) => return Err("the model is linear".into()),
    };
    decision(check.at_best, (family, form))
}

/// What the best class that the theorems allow leaves of the latents of such a prior.
fn decision(at_best: Class, prior: (Family, GaussianForm)) -> Result<String, String> {
    match at_best {
        Class::None => Err("not identifiable by these theorems, so that there is no one map to undo".into()),
        Class::Affine if prior == (Family::Gaussian, GaussianForm::Mean) => Ok(
            "identifiable up to an invertible linear map of T(z) = z at best; variance 1 given u makes it a rotation".into(),
        ),
        Class::Affine => {
            Err("identifiable up to a linear map of T(z) at best, but T is not monotonic: z cannot be read from it".into())
        }
        class @ (Class::ComponentWise | Class::ScaledPermutation) => {
            Err(format!("identifiable {} at best: a linear step could only undo that", class.words()))
        }
    }
}

/// MCC of z `[N, n]` after the steps of either half of u.
fn agreement<F: Scalar>(step: LinearStep, z: &Array2<F>, rows: &Dataset<F>) -> Option<f64> {
    let even = |i: &usize| match rows.u.levels() {
        Some(levels) => levels.index[*i].is_multiple_of(2),
        None => i.is_multiple_of(2),
    };
    let (first, second): (Vec<usize>, Vec<usize>) = (0..z.nrows()).partition(even);
    let after = |half: &[usize]| {
        let step = step.fit(z.select(Axis(0), half).view()).ok()?;
        step.transform(z.view()).ok()
    };
    let (first, second) = (after(&first)?, after(&second)?);
    Some(mcc(first.view(), second.view(), Correlation::Pearson).ok()?.score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_map_is_removed_where_it_is_free_and_z_can_be_read_from_t() {
        let gaussian = |form| (Family::Gaussian, form);
        let said = |class, prior| decision(class, prior).unwrap_or_else(|reason| format!("no: {reason}"));
        assert!(said(Class::Affine, gaussian(GaussianForm::Mean)).contains("variance 1 given u"));
        // T = z² or (z, z²) is not monotonic, nor is the T of a Laplace law.
        for prior in [
            gaussian(GaussianForm::Var),
            gaussian(GaussianForm::MeanVar),
            (Family::Laplace, GaussianForm::MeanVar),
            (Family::GeneralisedNormal, GaussianForm::MeanVar),
        ] {
            assert!(
                said(Class::Affine, prior).starts_with("no: identifiable up to a linear map"),
                "{prior:?}"
            );
        }
        for form in [GaussianForm::Mean, GaussianForm::Var, GaussianForm::MeanVar] {
            assert!(said(Class::None, gaussian(form)).starts_with("no: not identifiable"));
            for class in [Class::ComponentWise, Class::ScaledPermutation] {
                let reason = said(class, gaussian(form));
                assert!(reason.starts_with("no: ") && reason.contains(class.words()), "{reason}");
            }
        }
    }
}
