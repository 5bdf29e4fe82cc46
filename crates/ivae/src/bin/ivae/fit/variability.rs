//! What can be said before any work: identifiability needs enough distinct u.

use ivae::prelude::{Aux, Family, FitSpec, ModelSpec};

/// A warning where u has fewer distinct values than Theorem 1 needs.
pub(super) fn too_few_u(spec: &FitSpec, u: &Aux<f32>) -> Option<String> {
    let families = match &spec.model {
        ModelSpec::Vae(vae) if vae.prior.is_conditional() => vae.prior.family.clone(),
        // The one with most statistics among the families that are chosen from.
        ModelSpec::Flow(flow) => flow.prior.clone().unwrap_or(Family::Gaussian.into()),
        _ => return None,
    };
    let (n, k) = (spec.latents, families.single()?.part::<f64>().statistics());
    let needed = n * k + 1;
    let distinct = distinct_u(u, needed)?;
    if distinct >= needed {
        return None;
    }
    // Means that turn out not to vary are no statistics, and leave k = 1.
    let consequence = if k > 1 && distinct > n {
        let needed = n + 1;
        format!(
            "the latents can be identifiable only if their means do not depend on u (k = 1, which needs {needed})"
        )
    } else {
        "the latents will not be identifiable".to_owned()
    };
    let fewer_statistics = if k > 1 { ", or --prior gauss-var" } else { "" };
    Some(format!(
        "{n} latents with k = {k} statistics each need {needed} distinct u (nk + 1, Theorem 1), but there are \
         {distinct}: {consequence}; give more segments, fewer --latents{fewer_statistics}"
    ))
}

/// Distinct rows of u, counted up to `most` where u has continuous columns; `None` without u.
fn distinct_u(u: &Aux<f32>, most: usize) -> Option<usize> {
    let Some(part) = &u.values else {
        return u.levels.as_ref().map(ivae::prelude::Levels::present);
    };
    Some(u.distinct_rows(0..part.values.nrows(), most).len())
}
