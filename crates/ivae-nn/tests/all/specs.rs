//! Specifications as they stand in a configuration file.

use ivae_nn::{Activation, Init, MlpSpec, OptimiserSpec, Schedule, ScheduleSpec};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    net: MlpSpec,
    init: Init,
    optimiser: OptimiserSpec,
    schedule: ScheduleSpec,
}

const WRITTEN: &str = r#"
    init = "xavier"
    net = { hidden = [100, 100], activation = { xtanh = { slope = 0.1 } } }
    optimiser = { adam = { epsilon = 1e-6 } }
    schedule = { cosine = { warmup = 0.05 } }
"#;

#[test]
fn a_configuration_is_read_and_comes_back() {
    let read: Config = toml::from_str(WRITTEN).unwrap();
    let expected = Config {
        net: MlpSpec { hidden: vec![100, 100], activation: Activation::Xtanh { slope: 0.1 }, skip: false },
        init: Init::Xavier,
        optimiser: OptimiserSpec::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-6 },
        schedule: ScheduleSpec::Cosine { warmup: 0.05 },
    };
    assert_eq!(read, expected);
    assert_eq!(toml::from_str::<Config>(&toml::to_string(&read).unwrap()).unwrap(), read);
}

#[test]
fn names_are_in_snake_case() {
    let spec: MlpSpec = toml::from_str("hidden = []\nactivation = 'silu'\nskip = true").unwrap();
    assert_eq!(spec, MlpSpec { hidden: vec![], activation: Activation::Silu, skip: true });
    let spec: MlpSpec = toml::from_str("hidden = [3]\nactivation.leaky_relu.slope = 0.2").unwrap();
    assert_eq!(spec.activation, Activation::LeakyRelu { slope: 0.2 });
}

#[test]
fn a_field_that_does_not_exist_is_named() {
    for (wrong, written) in [
        ("width", "hidden = []\nactivation = 'tanh'\nwidth = 3"),
        ("slop", "hidden = []\nactivation.xtanh = { slop = 1 }"),
    ] {
        let error = toml::from_str::<MlpSpec>(written).unwrap_err().message().to_owned();
        assert!(error.contains(wrong), "{error}");
    }
    let error = toml::from_str::<Config>(&WRITTEN.replace("warmup", "warm_up")).unwrap_err().to_string();
    assert!(error.contains("warm_up"), "{error}");
}

#[test]
fn a_layer_without_units_is_refused() {
    let spec = |hidden| MlpSpec { hidden, activation: Activation::Tanh, skip: false };
    assert!(spec(vec![]).check().is_ok());
    assert!(spec(vec![3, 5]).check().is_ok());
    assert_eq!(spec(vec![3, 0]).check().unwrap_err().to_string(), "hidden is 0, but must be at least 1");
}

#[test]
fn the_state_of_a_schedule_is_kept() {
    let spec = ScheduleSpec::ReduceOnPlateau { factor: 0.1, patience: 4, threshold: 1e-4, min_factor: 0.0 };
    let mut schedule = Schedule::new(spec);
    for loss in [f64::NAN, 3.0, 3.0, 2.0, 2.5] {
        assert_eq!(toml::from_str::<Schedule>(&toml::to_string(&schedule).unwrap()).unwrap(), schedule);
        schedule.observe(loss);
    }
}
