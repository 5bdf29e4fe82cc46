//! What several tests need: normal deviates, the settings of a model, its scores, and its networks.

use ivae_core::model::flow::FlowModelSpec;
use ivae_core::model::vae::{Vae, VaeSpec};
use ivae_core::{Estimator, FitSpec, Fitted, LikelihoodFamily, ModelSpec};
use ivae_data::Dataset;
use ivae_metrics::{Correlation, mcc};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2};

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

/// `x` changed into values that the likelihood takes: as they are, between 0 and 1, small whole numbers, or 0 and 1.
pub(crate) fn suit<F: Scalar>(x: &mut Array2<F>, likelihood: &LikelihoodFamily) {
    let forms: [fn(f64) -> f64; 4] = [
        |v| v,
        |v| 1.0 / (1.0 + (-v).exp()),
        |v| (1.5 * v.abs()).min(2.5).floor(),
        |v| f64::from(u8::from(v > 0.0)),
    ];
    let suited = forms.iter().map(|form| x.mapv(|v| F::of(form(v.f64()))));
    *x = suited.into_iter().find(|x| likelihood.part().check_x(x.view()).is_ok()).unwrap();
}
