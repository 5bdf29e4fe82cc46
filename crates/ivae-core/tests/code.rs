//! Which code of x a race separates: an autoencoder's where there is little noise, an ELBO's where there is much.
#![allow(clippy::unwrap_used)]

use ivae_core::spec::{CodeKind, DecoderSpec};
use ivae_core::{DecoderKind, FitSpec, Fitted, ModelKind};
use ivae_data::{Aux, Dataset, Simulation};

fn fitted(noise: f64, kind: Option<CodeKind>) -> (Fitted<f64>, Dataset<f64>) {
    let simulation =
        Simulation { segments: 10, per_segment: 60, latents: 2, observed: 5, noise, ..Simulation::default() };
    let data = simulation.generate::<f64>().unwrap().data;
    let mut spec = FitSpec::for_data(ModelKind::Ivae, Some(DecoderKind::Square), 2, &data);
    let DecoderSpec::Bijective(b) = &mut spec.decoder else { panic!("not bijective") };
    assert_eq!(b.code.kind, CodeKind::Auto);
    b.code.kind = kind.unwrap_or(b.code.kind);
    b.classes.truncate(1);
    (b.classes[0].restarts, b.classes[0].epochs, b.finalists, b.polish_epochs) = (2, 10, 1, 10);
    b.code.epochs = 30;
    (spec.fit(&data).unwrap(), data)
}

#[test]
fn noise_decides_between_the_codes() {
    let (quiet, data) = fitted(0.05, None);
    assert_eq!(quiet.report.code.unwrap().kind, CodeKind::Autoencoder);
    let without_u = Dataset { u: Aux::None, ..data.clone() };
    assert_ne!(quiet.transform(&data).unwrap(), quiet.transform(&without_u).unwrap());
    assert_eq!(
        fitted(0.05, Some(CodeKind::Autoencoder)).0.transform(&data).unwrap(),
        quiet.transform(&data).unwrap()
    );

    let (noisy, data) = fitted(0.6, None);
    assert_eq!(noisy.report.code.unwrap().kind, CodeKind::Elbo);
    let z = noisy.transform(&data).unwrap();
    // The encoder's means are posterior means already: nothing is asked of u.
    assert_eq!(z, noisy.transform(&Dataset { u: Aux::None, ..data.clone() }).unwrap());
    assert_eq!(z, fitted(0.6, Some(CodeKind::Elbo)).0.transform(&data).unwrap());

    let folder = tempfile::tempdir().unwrap();
    noisy.save(folder.path()).unwrap();
    let loaded = Fitted::<f64>::load(folder.path()).unwrap();
    assert_eq!(loaded.transform(&data).unwrap(), z);
    assert_eq!(loaded.spec, noisy.spec);
}
