//! The work of `benches/peers`, done by ivae: one JSON line with the same keys as the peers' scripts print.
//!
//! ```text
//! ours data FILE                          write the data of the standard simulation
//! ours vae FILE HIDDEN BATCH EPOCHS       beside jax_ivae.py and torch_ivae.py
//! ours bijective FILE RESTARTS EPOCHS     beside jax_bijective.py
//! ours recovery FILE                      beside jax_bijective.py, compilation and all
//! ours flow FILE BLOCKS EPOCHS            beside jax_flow.py
//! ours fastica ROWS COLUMNS REPEATS       beside sklearn_fastica.py
//! ours picard ROWS COLUMNS REPEATS        beside python_picard.py
//! ours spearman ROWS COLUMNS REPEATS      beside scipy_spearman.py
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;

use ivae_benches::{Clock, Spent, laplace_mixtures, median, normals};
use ivae_core::model::flow::{FlowClasses, FlowModel, FlowModelSpec};
use ivae_core::model::vae::{Vae, VaeSpec};
use ivae_core::train::{StepSpec, TrainSpec, train_alone};
use ivae_core::{Batch, EpochRecord, Estimator, Family, FitSpec, ModelSpec, Observer};
use ivae_data::{Dataset, ReadOptions, Simulation, read, write};
use ivae_data::{Scaler, Scaling};
use ivae_ica::{FastIca, Picard};
use ivae_metrics::{Correlation, mcc};
use ivae_nn::{Activation, CouplingSpec, FlowSpec, Inputs, ScheduleSpec, SquareSpec, UnitSpec};
use ivae_num::{Purpose, StreamKey};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let line = match words[..] {
        ["data", file] => data(file),
        ["vae", file, hidden, batch, epochs] => vae(file, [hidden, batch, epochs]),
        ["bijective", file, restarts, epochs] => bijective(file, [restarts, epochs]),
        ["recovery", file] => recovery(file),
        ["flow", file, blocks, epochs] => flow(file, [blocks, epochs]),
        ["fastica", rows, columns, repeats] => fastica([rows, columns, repeats]),
        ["picard", rows, columns, repeats] => picard([rows, columns, repeats]),
        ["spearman", rows, columns, repeats] => spearman([rows, columns, repeats]),
        _ => Err("see the head of this program's source for its arguments".into()),
    };
    match line {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn numbers<const N: usize>(words: [&str; N]) -> Result<[usize; N]> {
    let mut out = [0; N];
    for (number, word) in out.iter_mut().zip(words) {
        *number = word.parse().map_err(|e| format!("`{word}`: {e}"))?;
    }
    Ok(out)
}

fn data(file: &str) -> Result<String> {
    write(file, &Simulation { observed: 5, seed: 1, ..Simulation::default() }.generate::<f32>()?.data)?;
    Ok(format!("{{\"written\": \"{file}\"}}"))
}

/// Notes when each epoch ends.
struct Epochs {
    clock: Clock,
    ends: Mutex<Vec<Spent>>,
}

impl Observer for Epochs {
    fn epoch(&self, _: &EpochRecord) {
        if let Ok(mut ends) = self.ends.lock() {
            ends.push(self.clock.elapsed());
        }
    }
}

/// Wall and processor microseconds of a step, by the epochs after the first; and the loss of the last epoch.
fn step<E: Estimator<f32>>(net: &E, rows: Batch<'_, f32>, spec: &TrainSpec, seed: u64) -> (Spent, f64) {
    // The peers spend the first epoch on compiling.
    let spec = TrainSpec { epochs: spec.epochs + 1, ..spec.clone() };
    let epochs = Epochs { clock: Clock::start(), ends: Mutex::default() };
    let fit = train_alone(net, rows, None, &spec, StreamKey::new(seed, Purpose::Init), &epochs);
    let ends = epochs.ends.into_inner().unwrap_or_default();
    let steps = (rows.rows() / spec.step.batch) as f64;
    let each = |of: fn(&Spent) -> f64| 1e6 * median(ends.windows(2).map(|w| of(&w[1]) - of(&w[0]))) / steps;
    let spent = Spent { wall: each(|s| s.wall), processor: each(|s| s.processor) };
    (spent, fit.history.last().map_or(f64::NAN, |epoch| -epoch.train))
}

fn json(spent: Spent, rest: &str) -> String {
    format!("{{\"us\": {:.3}, \"cpu_us\": {:.3}, {rest}}}", spent.wall, spent.processor)
}

/// The data, its x scaled, and the shape of its u.
fn load(file: &str, scaling: Scaling) -> Result<(Dataset<f32>, Inputs)> {
    let mut data: Dataset<f32> = read(file, &ReadOptions::default())?;
    data.x = Scaler::fit(scaling, data.x.view())?.apply(data.x.view());
    let levels = data.u.levels.as_ref().ok_or("u must be categorical")?.names.len();
    Ok((data, Inputs { dense: 0, levels }))
}

fn vae(file: &str, sizes: [&str; 3]) -> Result<String> {
    let [hidden, batch, epochs] = numbers(sizes)?;
    let (data, u) = load(file, Scaling::None)?;
    let mut spec = VaeSpec::reference(hidden, batch);
    spec.training.epochs = epochs;
    let net = Vae::new(&spec, 5, data.observed(), u)?;
    let (spent, loss) = step(&net, ivae_core::all_rows(&data), &spec.training, 0);
    Ok(json(spent, &format!("\"loss\": {loss:.4}")))
}

/// The training of the exact-likelihood peers.
fn exact_training(epochs: usize, learning_rate: f64) -> TrainSpec {
    let schedule = ScheduleSpec::Cosine { warmup: 0.05 };
    let step = StepSpec { batch: 256, schedule, clip_norm: Some(10.0), ..StepSpec::default() };
    TrainSpec { epochs, learning_rate, step }
}

/// Step time of `restarts` fits one after the other, and the smallest of their losses.
fn exact(file: &str, flow: FlowSpec, restarts: usize, training: &TrainSpec) -> Result<String> {
    let (data, u) = load(file, Scaling::Whiten)?;
    let columns = data.x.ncols();
    let parameters = FlowModelSpec::new(columns, columns, FlowClasses::Square).prior_parameters;
    let net = FlowModel::new(&flow, &Family::Gaussian.into(), &parameters, columns, u)?;
    let runs: Vec<(Spent, f64)> =
        (0..restarts as u64).map(|seed| step(&net, ivae_core::all_rows(&data), training, seed)).collect();
    let each = |of: fn(&Spent) -> f64| median(runs.iter().map(|(spent, _)| of(spent)));
    let spent = Spent { wall: each(|s| s.wall), processor: each(|s| s.processor) };
    let loss = runs.iter().map(|&(_, loss)| loss).fold(f64::INFINITY, f64::min);
    Ok(json(spent, &format!("\"loss\": {loss:.4}")))
}

fn bijective(file: &str, sizes: [&str; 2]) -> Result<String> {
    let [restarts, epochs] = numbers(sizes)?;
    let square = SquareSpec { layers: 3, units: UnitSpec::Tanh { slope: 0.3 }, scale: 0.6 };
    exact(file, FlowSpec::Square(square), restarts, &exact_training(epochs, 0.02))
}

/// An MCC below this is no recovery.
const RECOVERED: f64 = 0.995;

/// Four starts of the first class of the search, not refined: microseconds from the data to latents, in which the sources
/// must be found.
fn recovery(file: &str) -> Result<String> {
    let data: Dataset<f32> = read(file, &ReadOptions::default())?;
    let s = data.s.as_ref().ok_or("no sources")?;
    let mut spec = FitSpec { seed: 1, ..FitSpec::auto(s.ncols(), &data) };
    let ModelSpec::Flow(search) = &mut spec.model else {
        return Err("the model is not a flow".into());
    };
    search.classes.truncate(1);
    search.classes.iter_mut().for_each(|class| class.restarts = 4);
    search.survivors = 0;
    let clock = Clock::start();
    let z = spec.fit(&data)?.transform(&data)?;
    let Spent { wall, processor } = clock.elapsed();
    let score = mcc(s.view(), z.view(), Correlation::Pearson)?.score;
    if score < RECOVERED {
        return Err(format!("the sources were not found: MCC {score:.4}").into());
    }
    let spent = Spent { wall: 1e6 * wall, processor: 1e6 * processor };
    Ok(json(spent, &format!("\"mcc\": {score:.4}")))
}

fn flow(file: &str, sizes: [&str; 2]) -> Result<String> {
    let [blocks, epochs] = numbers(sizes)?;
    let coupling = CouplingSpec {
        blocks,
        hidden: vec![64, 64],
        activation: Activation::Silu,
        ..CouplingSpec::default()
    };
    exact(file, FlowSpec::Coupling(coupling), 1, &exact_training(epochs, 3e-3))
}

/// Median microseconds of `repeats` runs after one that is not counted.
fn repeated<T>(repeats: usize, mut work: impl FnMut() -> Result<T>) -> Result<(Spent, T)> {
    let mut last = work()?;
    let mut spent = Vec::new();
    for _ in 0..repeats {
        let clock = Clock::start();
        last = work()?;
        spent.push(clock.elapsed());
    }
    let each = |of: fn(&Spent) -> f64| 1e6 * median(spent.iter().map(of));
    Ok((Spent { wall: each(|s| s.wall), processor: each(|s| s.processor) }, last))
}

fn fastica(sizes: [&str; 3]) -> Result<String> {
    let [rows, columns, repeats] = numbers(sizes)?;
    let (x, s) = laplace_mixtures(rows, columns);
    let (spent, z) = repeated(repeats, || Ok(FastIca::default().fit(x.view())?.transform(x.view())?))?;
    let score = mcc(s.view(), z.view(), Correlation::Pearson)?.score;
    Ok(json(spent, &format!("\"mcc\": {score:.4}")))
}

fn picard(sizes: [&str; 3]) -> Result<String> {
    let [rows, columns, repeats] = numbers(sizes)?;
    let (x, s) = laplace_mixtures(rows, columns);
    let (spent, z) = repeated(repeats, || Ok(Picard::default().fit(x.view())?.transform(x.view())?))?;
    let score = mcc(s.view(), z.view(), Correlation::Pearson)?.score;
    Ok(json(spent, &format!("\"mcc\": {score:.4}")))
}

fn spearman(sizes: [&str; 3]) -> Result<String> {
    let [rows, columns, repeats] = numbers(sizes)?;
    let (s, z) = (normals(rows, columns, 1), normals(rows, columns, 2));
    let (spent, score) = repeated(repeats, || Ok(mcc(s.view(), z.view(), Correlation::Spearman)?.score))?;
    Ok(json(spent, &format!("\"mcc\": {score:.4}")))
}
