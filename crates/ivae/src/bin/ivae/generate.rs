//! `ivae generate`.

use ivae::data::{DataError, Mixing, Simulation};
use serde::Serialize;

use crate::args::GenerateArgs;
use crate::exit::{Exit, print, print_json};
use crate::input::refuse_array;

#[derive(Serialize)]
struct Generated<'a> {
    out: &'a std::path::Path,
    rows: usize,
    simulation: &'a Simulation,
}

pub(crate) fn run(args: &GenerateArgs) -> Result<(), Exit> {
    refuse_array(&args.out, args.force)?;
    if let (Some(layers), true) = (args.layers, args.mixing != Mixing::Network) {
        return Err(Exit::input(DataError::Option {
            option: "--layers",
            value: format!("{layers} with --mixing {}", args.mixing),
            expected: "left out unless the mixing is network, which alone has layers",
        }));
    }
    let simulation = Simulation {
        segments: args.segments,
        per_segment: args.per_segment,
        latents: args.latents,
        observed: args.observed,
        mixing: args.mixing,
        layers: args.layers.unwrap_or(Simulation::default().layers),
        prior: args.prior,
        noise: args.noise,
        centred: !args.uncentred,
        discrete: args.discrete,
        likelihood: args.likelihood,
        seed: args.seed,
    };
    simulation.write::<f32>(&args.out).map_err(|e| match e {
        DataError::Write { .. } => Exit::failed(e),
        _ => Exit::input(e),
    })?;
    let rows = simulation.segments * simulation.per_segment;
    if args.json {
        return print_json(&Generated { out: &args.out, rows, simulation: &simulation });
    }
    print(&format!(
        "{}: {rows} rows, {} sources in {} columns, {} segments",
        args.out.display(),
        simulation.latents,
        simulation.observed,
        simulation.segments
    ))
}
