//! What several tests need: normal deviates, the settings of a model, its scores, and its networks.

use ivae_core::likelihood::{Mixed, Part};
use ivae_core::model::flow::FlowModelSpec;
use ivae_core::model::vae::{Vae, VaeSpec};
use ivae_core::{Estimator, FitSpec, Fitted, LikelihoodFamily, ModelSpec};
use ivae_data::Dataset;
use ivae_expfam::Categorical;
use ivae_metrics::{Correlation, mcc};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2, Axis};

/// Standard normal deviates, `[rows, columns]`.
pub(crate) fn normals(rows: usize, columns: usize, key: StreamKey) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns.max(1), key.purpose(Purpose::Generate));
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

/// The variational model of `spec`.
pub(crate) fn vae_mut(spec: &mut FitSpec) -> &mut VaeSpec {
    spec.model.as_vae_mut().unwrap()
}

/// The flow of `spec`.
pub(crate) fn flow_mut(spec: &mut FitSpec) -> &mut FlowModelSpec {
    spec.model.as_flow_mut().unwrap()
}

/// MCC with the true sources of `data`.
pub(crate) fn score(data: &Dataset<f64>, z: ArrayView2<'_, f64>) -> f64 {
    mcc(data.s.as_ref().unwrap().view(), z, Correlation::Pearson).unwrap().score
}

/// The networks of a fitted variational model, and their parameters.
pub(crate) fn networks(fitted: &Fitted<f64>) -> (Vae, Vec<f64>) {
    let ModelSpec::Vae(spec) = &fitted.spec.model else { panic!("not a variational model") };
    let (n, d) = (fitted.spec.latents, fitted.model.scaled_columns());
    let net = Vae::new(spec, n, d, fitted.schema.inputs()).unwrap();
    let layout = Estimator::<f64>::layout(&net);
    let mut params = vec![0.0; layout.len()];
    let arrays = fitted.model.arrays();
    for group in &layout.groups {
        let name = format!("params.{}", group.name);
        let array = arrays.iter().find(|array| array.name == name).unwrap();
        params[group.slot.range()].copy_from_slice(&array.values);
    }
    (net, params)
}

/// Every likelihood, with its name, for x of `observed` columns: three categories, and seven; and all kinds side by side.
pub(crate) fn likelihoods(observed: usize) -> Vec<(LikelihoodFamily, &'static str)> {
    let categories = |count| LikelihoodFamily::Categorical(Categorical { count });
    let given = LikelihoodFamily::ALL.into_iter().map(|(family, name, _)| match family {
        LikelihoodFamily::Categorical(_) => (categories(3), name),
        family => (family, name),
    });
    let mut all: Vec<_> = given.collect();
    // One Gaussian of learned variance is enough.
    let kinds: Vec<_> = all.iter().skip(3).chain(&all[..1]).map(|(family, _)| family.clone()).collect();
    let columns = |i: usize| (0..observed).filter(|j| j % kinds.len() == i).collect::<Vec<_>>();
    let parts = kinds.iter().enumerate().map(|(i, f)| Part { likelihood: f.clone(), columns: columns(i) });
    let parts = parts.filter(|part| !part.columns.is_empty()).collect();
    all.push((categories(7), "seven categories"));
    all.push((LikelihoodFamily::Mixed(Mixed { parts }), "mixed"));
    all
}

/// `x` changed into values that the likelihood takes: as they are, between 0 and 1, small whole numbers, or 0 and 1.
pub(crate) fn suit<F: Scalar>(x: &mut Array2<F>, likelihood: &LikelihoodFamily) {
    if let LikelihoodFamily::Mixed(mixed) = likelihood {
        for part in &mixed.parts {
            let mut own = x.select(Axis(1), &part.columns);
            suit(&mut own, &part.likelihood);
            for (from, &j) in own.columns().into_iter().zip(&part.columns) {
                x.column_mut(j).assign(&from);
            }
        }
        return;
    }
    let forms: [fn(f64) -> f64; 4] = [
        |v| v,
        |v| 1.0 / (1.0 + (-v).exp()),
        |v| (1.5 * v.abs()).min(2.5).floor(),
        |v| f64::from(u8::from(v > 0.0)),
    ];
    let suited = forms.iter().map(|form| x.mapv(|v| F::of(form(v.f64()))));
    *x = suited.into_iter().find(|x| likelihood.part().check_x(x.view()).is_ok()).unwrap();
}
