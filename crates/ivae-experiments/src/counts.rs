//! Counts of 100 neurons from two latents that move along a circle: the simulation of the field, beside published scores.

use std::f64::consts::TAU;

use ivae::metrics::{Rows, linear_r2};
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{Aux, Dataset, FitSpec, Fitted};
use ivae::report::figure::{ScatterOptions, ScatterPanel, scatter_panels};
use ivae::report::{Figure, Section, Stat, Table};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

use crate::context::{Context, Outcome, Result, one_thread_each};
use crate::numbers::{mean_std, number};

const SETS: u64 = 4;
const ROWS: usize = 15_000;
const NEURONS: usize = 100;
/// Coupling blocks of the mixing, each of two layers.
const BLOCKS: usize = 4;
/// Parts of the circle that are told apart by colour.
const SHADES: usize = 8;
/// R² of a linear map on this simulation, as published: Schneider, Lee and Mathis 2023 (CEBRA, figure 1), for both methods.
const PUBLISHED: [(&str, f64); 2] = [("CEBRA, published", 0.920), ("pi-VAE, published", 0.841)];

/// One set with its fit, and the scores of everything on it.
struct Set {
    data: Dataset<f32>,
    fitted: Fitted<f32>,
    with_u: Array2<f32>,
    without_u: Array2<f32>,
    scores: [f64; 5],
}

const METHODS: [(&str, &str); 5] = [
    ("ivae, with u", "with_u"),
    ("ivae, from the counts alone", "without_u"),
    ("u alone", "u_alone"),
    ("regression on the counts", "regression"),
    ("regression on the counts and u", "regression_with_u"),
];

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let (sets, rows) = if context.quick { (2, 4000) } else { (SETS, ROWS) };
    let seeds: Vec<u64> = (context.seed..context.seed + sets).collect();
    let sets: Vec<Set> =
        one_thread_each(&seeds, |&seed| set(context, rows, seed))?.into_iter().collect::<Result<_>>()?;
    let fitted: Vec<&Fitted<f32>> = sets.iter().map(|set| &set.fitted).collect();
    let mut record =
        context.record("poisson", "Counts of 100 neurons: R² of a linear map to the latents", &fitted)?;
    for (at, (_, key)) in METHODS.iter().enumerate() {
        record.metric(format!("{key}_r2"), mean(&sets, at));
        for (set, seed) in sets.iter().zip(&seeds) {
            record.metric(format!("{key}_r2_set_{seed}"), set.scores[at]);
        }
    }
    Ok(Outcome { section: section(context, &sets)?, records: vec![record] })
}

fn mean(sets: &[Set], at: usize) -> f64 {
    mean_std(&sets.iter().map(|set| set.scores[at]).collect::<Vec<_>>()).0
}

fn set(context: &Context, rows: usize, seed: u64) -> Result<Set> {
    let data = simulate(rows, seed)?;
    let mut spec = FitSpec { seed, ..FitSpec::auto(2, &data) };
    context.hasten(&mut spec);
    let fitted = context.fit(&data, None, &spec)?;
    let with_u = fitted.transform(&data)?;
    let without_u = fitted.transform(&Dataset { u: Aux::none(), ..data.clone() })?;
    let angle = data.u.values.as_ref().ok_or("u is continuous")?.values.clone();
    // The latents given u have the means u and 2 sin u: what u alone says.
    let of_u = concatenate(Axis(1), &[angle.view(), angle.mapv(f32::sin).view()])?;
    let both = concatenate(Axis(1), &[data.x.view(), of_u.view()])?;
    let truth = data.s.clone().ok_or("simulated data have sources")?;
    let score = |z: ArrayView2<'_, f32>| Result::Ok(linear_r2(truth.view(), z, Rows::All)?.mean);
    let scores = [
        score(with_u.view())?,
        score(without_u.view())?,
        score(of_u.view())?,
        score(data.x.view())?,
        score(both.view())?,
    ];
    Ok(Set { data, fitted, with_u, without_u, scores })
}

/// u ~ U(0, 2π), z₁ ~ N(u, .6 − .3 |sin u|), z₂ ~ N(2 sin u, .3 |sin u|), rates exp(2.2 tanh f(z)) with f of four random
/// coupling blocks on (z, 0, …, 0) (Zhou and Wei 2020, section 4.1, and their code).
fn simulate(rows: usize, seed: u64) -> Result<Dataset<f32>> {
    let key = StreamKey::new(seed, Purpose::Generate);
    let mut rng = key.step(0).rng();
    let (mut u, mut z) = (Array2::<f64>::zeros((rows, 1)), Array2::<f64>::zeros((rows, 2)));
    for (mut z, u) in z.rows_mut().into_iter().zip(&mut u) {
        *u = rng.random_range(0.0..TAU);
        let spread = u.sin().abs();
        let mut normal = || rng.sample::<f64, _>(StandardNormal);
        z[0] = *u + (0.6 - 0.3 * spread).sqrt() * normal();
        z[1] = 2.0 * u.sin() + (0.3 * spread).sqrt() * normal();
    }
    let mut rng = key.step(1).rng();
    let mut h = Array2::zeros((rows, NEURONS));
    h.slice_axis_mut(Axis(1), (0..2).into()).assign(&z);
    for block in 0..BLOCKS {
        if block > 0 {
            let mut order: Vec<usize> = (0..NEURONS).collect();
            (1..NEURONS).rev().for_each(|i| order.swap(i, rng.random_range(0..=i)));
            h = h.select(Axis(1), &order);
        }
        h = couple(couple(h, &mut rng)?, &mut rng)?;
    }
    let mut rng = key.step(2).rng();
    let mut draw = |h: f64| Result::Ok(Poisson::new((2.2 * h.tanh()).exp())?.sample(&mut rng) as f32);
    let x = h.into_iter().map(&mut draw).collect::<Result<Vec<f32>>>()?;
    let x = Array2::from_shape_vec((rows, NEURONS), x)?;
    Ok(Dataset::new(x).with_covariates(u.mapv(|v| v as f32))?.with_sources(z.mapv(|v| v as f32))?)
}

/// An affine coupling layer: the second half of the columns is scaled and shifted by networks of the first, and the halves
/// change places.
fn couple(h: Array2<f64>, rng: &mut impl Rng) -> Result<Array2<f64>> {
    let half = NEURONS / 2;
    let mut uniform = |from: usize, to: usize| {
        let most = (6.0 / (from + to) as f64).sqrt(); // Glorot and Bengio 2010
        Array2::from_shape_simple_fn((from, to), || rng.random_range(-most..most))
    };
    let (kept, moved) = h.view().split_at(Axis(1), half);
    let layer = |x: ArrayView2<'_, f64>, weight: Array2<f64>| x.dot(&weight).mapv_into(|v| v.max(0.0));
    let hidden = layer(kept, uniform(half, half / 2));
    let hidden = layer(hidden.view(), uniform(half / 2, half / 2));
    let out = hidden.dot(&uniform(half / 2, NEURONS));
    let (scale, shift) = out.view().split_at(Axis(1), half);
    let moved = &moved * &scale.mapv(|s| (0.1 * s.tanh()).exp()) + shift;
    Ok(concatenate(Axis(1), &[moved.view(), kept])?)
}

fn section(context: &Context, sets: &[Set]) -> Result<Section> {
    let mut rows: Vec<Vec<String>> = METHODS
        .iter()
        .enumerate()
        .map(|(at, (name, _))| {
            let each = sets.iter().map(|set| number(set.scores[at], 3));
            [(*name).into(), number(mean(sets, at), 3)].into_iter().chain(each).collect()
        })
        .collect();
    rows.extend(PUBLISHED.map(|(name, r2)| {
        let unknown = sets.iter().map(|_| "–".to_owned());
        [name.into(), number(r2, 3)].into_iter().chain(unknown).collect()
    }));
    let head = ["".into(), "mean".into()].into_iter().chain((1..=sets.len()).map(|i| format!("set {i}")));
    let table = Table {
        head: head.collect(),
        rows,
        caption: "R² of a linear map from the latents (or what stands in the row) to the true ones, mean of both. *u alone*: a \
                  map from u and sin u. The published scores are of other draws of the same simulation."
            .into(),
        emphasis: None,
    };
    let svg = picture(&sets[0]);
    Ok(Section {
        id: "counts".into(),
        title: "Counts: two latents behind 100 neurons".into(),
        lead: format!(
            "The simulation of [Zhou and Wei (2020)](https://arxiv.org/abs/2011.04798): u goes round a circle, z₁ has the mean \
             u and z₂ the mean 2 sin u, four coupling blocks give the rates of 100 Poisson neurons, {} rows. u says most \
             of the latents, so *u alone* stands beside every score. The fit is the default one: a Poisson likelihood, \
             because x is of counts, and a prior by a network of u.",
            sets[0].data.rows()
        ),
        stats: vec![
            Stat { value: number(mean(sets, 0), 3), label: "R² with u".into() },
            Stat { value: number(mean(sets, 1), 3), label: "R² from the counts alone".into() },
            Stat { value: number(mean(sets, 2), 3), label: "R² of u alone".into() },
        ],
        figures: vec![Figure {
            svg,
            caption: "The first set. Each point is one row, coloured by u. Latents are found up to what a linear map would \
                      change."
                .into(),
            alt: "Three scatter plots: the true latents on a wave, those found with u, and those found from the counts alone.".into(),
        }],
        tables: vec![table],
        details: context.details(&sets[0].fitted.spec)?,
        ..Section::default()
    })
}

fn picture(set: &Set) -> String {
    let angle = set.data.u.values.iter().flat_map(|u| u.values.iter());
    let shade = |u: &f32| ((f64::from(*u) / TAU * SHADES as f64) as u32).min(SHADES as u32 - 1);
    let shades: Vec<u32> = angle.map(shade).collect();
    let truth = set.data.s.as_ref().map_or_else(|| Array2::zeros((0, 2)), |s| s.mapv(f64::from));
    let (with_u, without_u) = (set.with_u.mapv(f64::from), set.without_u.mapv(f64::from));
    let panels = [
        ("True latents", String::new(), &truth),
        ("Found with u", format!("R² {}", number(set.scores[0], 3)), &with_u),
        ("Found from the counts alone", format!("R² {}", number(set.scores[1], 3)), &without_u),
    ]
    .map(|(title, subtitle, points)| ScatterPanel {
        title: title.into(),
        subtitle,
        points: points.view(),
        classes: Some(&shades),
    });
    scatter_panels(
        &panels,
        &ScatterOptions {
            columns: 3,
            side: 248.0,
            most_points: 2000,
            class_label: format!("u, in {SHADES} equal parts:"),
            ..ScatterOptions::default()
        },
    )
}
