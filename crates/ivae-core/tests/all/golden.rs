//! The VAE step against values from torch (float64 autograd): every term and every gradient.

use std::fs::File;

use ivae_core::likelihood::VarianceSpec;
use ivae_core::model::vae::{LikelihoodSpec, Vae, VaeSpec, WarmStart};
use ivae_core::objective::{LogDensities, ObjectiveSpec};
use ivae_core::posterior::PosteriorSpec;
use ivae_core::prior::PriorSpec;
use ivae_core::theta::ThetaSpec;
use ivae_core::{Batch, Estimator, Family, LikelihoodFamily};
use ivae_nn::{Activation, Group, Input, Inputs, MlpSpec};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;

const TOLERANCE: f64 = 1e-10;

/// Entry by entry to 1e-10.
fn assert_close<'a>(what: &str, got: impl IntoIterator<Item = &'a f64>, want: impl IntoIterator<Item = f64>) {
    let (got, want): (Vec<f64>, Vec<f64>) = (got.into_iter().copied().collect(), want.into_iter().collect());
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!((g - w).abs() <= TOLERANCE, "{what}, entry {i}: {g} where torch has {w}");
    }
}

struct Golden(NpzReader<File>);

impl Golden {
    fn open() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ivae.npz");
        Self(NpzReader::new(File::open(path).unwrap()).unwrap())
    }

    fn one(&mut self, key: &str) -> Array1<f64> {
        self.0.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    fn two(&mut self, key: &str) -> Array2<f64> {
        self.0.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
    }

    /// An array that torch stores for our parameter group, in our layout: weights transposed, the columns of the
    /// encoder's first weight that belong to u split off as the look-up table.
    fn group(&mut self, prefix: &str, group: &Group) -> Array2<f64> {
        const NETS: [(&str, &str); 4] = [
            ("encoder.mean.", "enc_mean."),
            ("encoder.log_var.", "enc_logvar."),
            ("decoder.", "dec."),
            ("prior.", "prior_logvar."),
        ];
        let (ours, theirs) = NETS.iter().find(|(ours, _)| group.name.starts_with(ours)).unwrap();
        let rest = &group.name[ours.len()..];
        let (layer, kind) = rest.split_once('.').unwrap();
        match kind {
            "bias" => self.one(&format!("{prefix}{theirs}{layer}.bias")).insert_axis(ndarray::Axis(0)),
            "weight" => {
                let w = self.two(&format!("{prefix}{theirs}{layer}.weight")).reversed_axes();
                w.slice_move(ndarray::s![..group.slot.rows, ..])
            }
            "levels" => {
                let w = self.two(&format!("{prefix}{theirs}{layer}.weight")).reversed_axes();
                let first = w.nrows() - group.slot.rows;
                w.slice_move(ndarray::s![first.., ..])
            }
            _ => panic!("unknown group {}", group.name),
        }
    }
}

fn model(objective: ObjectiveSpec) -> Vae {
    let net = MlpSpec { hidden: vec![8, 8], activation: Activation::Xtanh { slope: 0.1 }, skip: false };
    let spec = VaeSpec {
        prior: PriorSpec { family: Family::GaussianVar.into(), parameters: ThetaSpec::Net(net.clone()) },
        posterior: PosteriorSpec {
            net: net.clone(),
            shared_trunk: false,
            conditional_encoder: true,
            product_of_experts: false,
            full_covariance: false,
        },
        likelihood: LikelihoodSpec { net, family: LikelihoodFamily::Gaussian(VarianceSpec::Fixed(0.01)) },
        objective,
        start: WarmStart::Random,
        ..VaeSpec::ivae()
    };
    Vae::new(&spec, 2, 4, Inputs { dense: 0, levels: 3 }).unwrap()
}

fn check_step(objective: ObjectiveSpec, name: &str) {
    let mut golden = Golden::open();
    let vae = model(objective);
    let layout = Estimator::<f64>::layout(&vae);
    let mut params = vec![0.0; layout.len()];
    for g in &layout.groups {
        g.slot.view_mut(&mut params).assign(&golden.group("w.", g));
    }
    let (x, eps) = (golden.two("x"), golden.two("eps"));
    let one_hot = golden.two("u");
    let u: Vec<u32> =
        one_hot.rows().into_iter().map(|r| r.iter().position(|&v| v == 1.0).unwrap() as u32).collect();

    let mut ws = Estimator::<f64>::workspace(&vae, 6);
    ws.q.noise.assign(&eps);
    let mut grad = vec![0.0; params.len()];
    let batch = Batch { x: x.view(), u: Input::levels(&u) };
    let sums = vae.loss_and_grad(&mut grad, &params, batch, 0, &mut ws);

    assert_close("gauss.z", &ws.z, golden.two("gauss.z"));
    assert_close("gauss.prior_logvar", &ws.p.theta, golden.two("gauss.prior_logvar"));
    let LogDensities { x_given_z, z_given_u, z_given_xu } = &ws.densities;
    assert_close("gauss.logpx", x_given_z, golden.one("gauss.logpx"));
    if objective == ObjectiveSpec::Elbo {
        let kl: Vec<f64> = z_given_xu.iter().zip(z_given_u).map(|(q, p)| q - p).collect();
        assert_close("gauss.kl", &kl, golden.one("gauss.kl"));
    } else {
        assert_close("gauss.logpz", z_given_u, golden.one("gauss.logpz"));
        assert_close("gauss.logqz_x", z_given_xu, golden.one("gauss.logqz_x"));
    }
    let elbo = golden.one(&format!("gauss.{name}"));
    assert_close(name, &[sums.mean()], elbo.mean());
    for g in &layout.groups {
        let want = golden.group(&format!("gauss.{name}.grad."), g);
        let got = g.slot.view(&grad).to_owned();
        assert!(want.iter().any(|v| *v != 0.0), "{}: a gradient of zeros shows nothing", g.name);
        assert_close(&g.name, &got, want);
    }
}

#[test]
fn sampled_elbo_and_its_gradients() {
    check_step(ObjectiveSpec::SampledElbo, "elbo_sampled");
}

#[test]
fn closed_form_elbo_and_its_gradients() {
    check_step(ObjectiveSpec::Elbo, "elbo_closed");
}
