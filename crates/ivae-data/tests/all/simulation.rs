//! The standard simulation: what it promises, checked on what it makes.

use approx::assert_abs_diff_eq;
use ivae_data::{DataError, Simulated, Simulation, SourcePrior, check, check_conditional, write};
use ndarray::{Array1, Array2, Axis, array};

use crate::common::assert_close;

fn small() -> Simulation {
    Simulation { segments: 6, per_segment: 500, latents: 3, observed: 3, ..Simulation::default() }
}

fn generate(simulation: &Simulation) -> Simulated<f64> {
    simulation.generate().unwrap()
}

fn sources(made: &Simulated<f64>) -> &Array2<f64> {
    made.data.s.as_ref().unwrap()
}

#[test]
fn the_default_is_the_standard_setting() {
    let made = Simulation::default().generate::<f32>().unwrap();
    assert_eq!(made.data.x.dim(), (40_000, 25));
    assert_eq!(made.data.s.as_ref().unwrap().dim(), (40_000, 5));
    assert_eq!(made.data.u.levels.as_ref().unwrap().counts(), [1000; 40]);
    check(&made.data).unwrap();
    check_conditional(&made.data).unwrap();
}

#[test]
fn the_standard_data_stay_what_they_are() {
    let simulation = Simulation {
        segments: 3,
        per_segment: 2,
        latents: 2,
        observed: 3,
        noise: 0.1,
        seed: 7,
        ..Simulation::default()
    };
    let x = array![
        [1.1629586521122863, 0.30542477734610257, -1.0304957896377076],
        [1.0264574426316921, -0.4660124117320924, -1.209506393271657],
        [0.6520900628564505, -0.8198256628576932, -0.8705476696744631],
        [-0.7924859880642381, 0.586408923391065, 1.1547137611878147],
        [-0.07326219832047781, 1.1294043768376656, -0.050452482497196555],
        [0.31409276787749374, -0.9555429940900816, -0.32194563170868823],
    ];
    let s = array![
        [-0.13529228019141679, -2.627821926150691],
        [0.8057396183334627, -3.2415639609327935],
        [2.297864149488566, -1.2730103448324892],
        [-2.4093891119091855, 2.3396552300511213],
        [-1.834713616955526, -0.3373046065458064],
        [1.0646969571730422, -0.16847274916827323],
    ];
    let made = generate(&simulation);
    assert_close(&made.data.x, &x, 1e-12); // to rounding: tanh and products differ between machines
    assert_close(sources(&made), &s, 1e-12);
}

#[test]
fn segments_have_their_means_and_deviations() {
    for (prior, kurtosis) in [(SourcePrior::Gauss, 3.0), (SourcePrior::Laplace, 6.0)] {
        let made = generate(&Simulation { prior, centred: false, per_segment: 20_000, ..small() });
        assert!(made.stds.iter().all(|s| (0.5..3.0).contains(s)));
        assert!(made.means.iter().all(|m| (-5.0..5.0).contains(m)));
        assert!(made.means.iter().any(|m| *m > 1.0) && made.means.iter().any(|m| *m < -1.0));
        for (u, segment) in sources(&made).axis_chunks_iter(Axis(0), 20_000).enumerate() {
            let standard: Array2<f64> = (&segment - &made.means.row(u)) / made.stds.row(u);
            let moment = |p: i32| -> Array1<f64> { standard.mapv(|v| v.powi(p)).mean_axis(Axis(0)).unwrap() };
            assert_close(&moment(1), &Array1::zeros(3), 0.03);
            assert_close(&moment(2), &Array1::ones(3), 0.06);
            assert_close(&moment(4), &Array1::from_elem(3, kurtosis), 0.2 * kurtosis);
        }
    }
    assert!(generate(&small()).means.iter().all(|&m| m == 0.0));
}

#[test]
fn the_seed_decides_everything() {
    let made = generate(&small());
    assert_eq!(made, generate(&small()));
    let single = small().generate::<f32>().unwrap();
    assert_eq!(single.data.x, made.data.x.mapv(|v| v as f32));
    let other = generate(&Simulation { seed: 1, ..small() });
    assert_ne!(other.data.x, made.data.x);
    assert_ne!(other.mixing, made.mixing);
    assert_ne!(other.stds, made.stds);
}

#[test]
fn parts_draw_from_separate_streams() {
    let made = generate(&small());
    let wide = generate(&Simulation { observed: 4, layers: 2, noise: 0.1, ..small() });
    assert_eq!(sources(&wide), sources(&made));
    let noisy = generate(&Simulation { noise: 0.5, ..small() });
    assert_eq!(noisy.mixing.apply(sources(&noisy).view()), made.data.x);
    let noise = &noisy.data.x - &made.data.x;
    assert_abs_diff_eq!(noise.std(0.0), 0.5, epsilon = 0.02);
}

#[test]
fn discrete_data_are_bernoulli() {
    let logits = generate(&small()).data.x;
    let made = generate(&Simulation { discrete: true, ..small() });
    assert!(made.data.x.iter().all(|&v| v == 0.0 || v == 1.0));
    let expected = logits.mapv(|v| 1.0 / (1.0 + (-v).exp())).mean().unwrap();
    assert_abs_diff_eq!(made.data.x.mean().unwrap(), expected, epsilon = 0.02);
    let agree = logits.iter().zip(&made.data.x).filter(|&(&l, &x)| (l > 0.0) == (x == 1.0)).count();
    assert!(agree * 2 > logits.len());
}

#[test]
fn impossible_options_are_refused() {
    for bad in [
        Simulation { segments: 0, ..small() },
        Simulation { per_segment: 0, ..small() },
        Simulation { latents: 0, ..small() },
        Simulation { layers: 0, ..small() },
        Simulation { noise: -1.0, ..small() },
        Simulation { noise: f64::NAN, ..small() },
        Simulation { segments: usize::MAX, ..small() },
    ] {
        assert!(matches!(bad.generate::<f64>(), Err(DataError::Option { .. })), "{bad:?}");
    }
    let wide = Simulation { latents: 4, ..small() };
    assert!(matches!(wide.generate::<f64>(), Err(DataError::Latents { latents: 4, observed: 3 })));
    let json = serde_json::to_string(&small()).unwrap();
    assert_eq!(serde_json::from_str::<Simulation>(&json).unwrap(), small());
    assert_eq!(serde_json::from_str::<Simulation>("{}").unwrap(), Simulation::default());
}

/// The rows of a segment are drawn in blocks: as many as one block, fewer, and more.
#[test]
fn what_is_written_while_drawing_is_what_was_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (per_segment, discrete) in [(3, false), (1024, true), (1500, false)] {
        let simulation =
            Simulation { segments: 4, per_segment, noise: 0.1, discrete, seed: 3, ..Simulation::default() };
        write(path("a.npz"), &simulation.generate::<f32>().unwrap().data).unwrap();
        simulation.write::<f32>(path("b.npz")).unwrap();
        assert!(std::fs::read(path("a.npz")).unwrap() == std::fs::read(path("b.npz")).unwrap());
    }
    assert!(matches!(
        Simulation::default().write::<f32>(path("c.npy")),
        Err(DataError::Unwritable { what: "u", .. })
    ));
}
