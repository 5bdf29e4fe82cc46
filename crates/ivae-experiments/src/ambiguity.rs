//! What no data without u can tell apart: other latents of the same law, for a Gaussian prior and for any other.

use std::f64::consts::FRAC_PI_4;
use std::time::Instant;

use ivae::expfam::family::custom::Polynomial;
use ivae::expfam::theory::ambiguity::{Centres, HyvarinenPajunen, Orthogonal, SameLaw, same_law};
use ivae::expfam::{Custom, ExpFam, ExponentialPower, Gaussian, GaussianForm, Marginal};
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{Correlation, mcc};
use ivae::report::figure::{ScatterOptions, ScatterPanel, scatter_panels};
use ivae::report::{Figure, Section, Stat, Table};
use ndarray::{Array2, ArrayView2};

use crate::context::{Context, Outcome, Result};
use crate::numbers::{number, over_seeds};

/// Directions of the two-sample test, besides the coordinates.
const PROJECTIONS: usize = 30;

/// Shades of the first latent.
pub(crate) const SHADES: usize = 20;

/// One map of the latents under one prior, and what was seen.
struct Case {
    prior: &'static str,
    map: Map,
    /// z, or what became of it `[N, 2]`.
    z: Array2<f64>,
    mcc: f64,
    law: SameLaw,
}

/// What was done to z.
#[derive(Clone, Copy)]
struct Map {
    name: &'static str,
    /// In the names of metrics; nothing for z itself, which is no map to be judged.
    key: Option<&'static str>,
    /// By theory.
    keeps_the_law: bool,
}

const TRUTH: Map = Map { name: "as it is", key: None, keeps_the_law: true };
const ROTATION: Map = Map { name: "rotation", key: Some("rotation_of_gaussian"), keeps_the_law: true };
const SWIRL: Map = Map { name: "swirl", key: Some("swirl_of_gaussian"), keeps_the_law: true };
const CONSTRUCTION: Map = Map { name: "g⁻¹ U g", key: Some("construction_of_other"), keeps_the_law: true };
const OTHER_ROTATION: Map = Map { name: "rotation", key: Some("rotation_of_other"), keeps_the_law: false };

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let began = Instant::now();
    let rows = if context.quick { 2000 } else { 10_000 };
    let seeds = context.seed..context.seed + context.seeds;
    let trials = seeds.map(|seed| trial(rows, seed)).collect::<Result<Vec<_>>>()?;
    let mut record =
        context.plain_record("maps", "latents that have the same law", began.elapsed().as_secs_f64());
    for (i, case) in trials[0].iter().enumerate() {
        let Some(name) = case.map.key else { continue };
        let mean = |of: fn(&Case) -> f64| trials.iter().map(|t| of(&t[i])).sum::<f64>() / trials.len() as f64;
        record.metric(format!("mcc_{name}"), mean(|case| case.mcc));
        record.metric(format!("gap_{name}"), mean(|case| case.law.gap));
        record.metric(format!("p_value_{name}"), smallest_p(&trials, i));
    }
    let section = section(context, &trials)?;
    Ok(Outcome { section, records: vec![record] })
}

fn trial(rows: usize, seed: u64) -> Result<Vec<Case>> {
    let normal = Gaussian { form: GaussianForm::Mean };
    let heavy = ExponentialPower { location: 0.0, shape: 1.0 };
    let twofold = Custom::new(Polynomial { degree: 4 })?;
    let turn = Orthogonal::turn(2, (0, 1), FRAC_PI_4);
    let mut cases = Vec::new();

    let z = draws(rows, seed, 0, [(&normal, &[0.0]), (&normal, &[0.0])]);
    let fresh = draws(rows, seed, 1, [(&normal, &[0.0]), (&normal, &[0.0])]);
    let group = Centres::new(Array2::zeros((1, 2)).view(), Array2::eye(2).view())?;
    let swirled = group.radial(z.view(), (0, 1), |_, radius| 1.2 * radius)?;
    let maps = [(TRUTH, z.clone()), (ROTATION, turn.apply(z.view())), (SWIRL, swirled)];
    judge(&mut cases, "Gaussian", &z, &fresh, maps, seed)?;

    let (laplace, modes): (&[f64], &[f64]) = (&[-1.8], &[0.0, 2.0, 0.0, -0.25]);
    let z = draws(rows, seed, 2, [(&heavy, laplace), (&twofold, modes)]);
    let fresh = draws(rows, seed, 3, [(&heavy, laplace), (&twofold, modes)]);
    let laws = vec![Marginal::of_family(&heavy, laplace)?, Marginal::of_family(&twofold, modes)?];
    let other = HyvarinenPajunen::new(laws, turn.clone())?.apply(z.view());
    let maps = [(TRUTH, z.clone()), (CONSTRUCTION, other), (OTHER_ROTATION, turn.apply(z.view()))];
    judge(&mut cases, "Laplace, two modes", &z, &fresh, maps, seed)?;
    Ok(cases)
}

/// Draws of two independent components, each a family and its λ.
fn draws(rows: usize, seed: u64, step: u64, components: [(&dyn ExpFam<f64>, &[f64]); 2]) -> Array2<f64> {
    let mut rng = StreamKey::new(seed, Purpose::Generate).step(step).rng();
    Array2::from_shape_fn((rows, 2), |(_, i)| components[i].0.draw(components[i].1, &mut rng))
}

fn judge(
    cases: &mut Vec<Case>,
    prior: &'static str,
    truth: &Array2<f64>,
    fresh: &Array2<f64>,
    maps: [(Map, Array2<f64>); 3],
    seed: u64,
) -> Result<()> {
    for (map, z) in maps {
        cases.push(Case {
            prior,
            map,
            mcc: mcc(truth.view(), z.view(), Correlation::Pearson)?.score,
            law: same_law(fresh.view(), z.view(), PROJECTIONS, seed)?,
            z,
        });
    }
    Ok(())
}

fn smallest_p(trials: &[Vec<Case>], i: usize) -> f64 {
    trials.iter().map(|trial| trial[i].law.p_value).fold(f64::INFINITY, f64::min)
}

/// A probability for people.
pub(crate) fn probability(p: f64) -> String {
    if p < 1e-3 { "< 0.001".into() } else { number(p, 3) }
}

/// Which of [`SHADES`] equal shares of the rows z₁ is in.
pub(crate) fn shades(z: ArrayView2<'_, f64>) -> Vec<u32> {
    let mut order: Vec<usize> = (0..z.nrows()).collect();
    order.sort_by(|&a, &b| z[[a, 0]].total_cmp(&z[[b, 0]]));
    let mut shades = vec![0; order.len()];
    for (rank, &row) in order.iter().enumerate() {
        shades[row] = (rank * SHADES / order.len()) as u32;
    }
    shades
}

fn section(context: &Context, trials: &[Vec<Case>]) -> Result<Section> {
    let cases = &trials[0];
    let picture = picture(cases);
    context.picture_of_docs("ambiguity.svg", &picture)?;
    let over = |i: usize, of: fn(&Case) -> f64| -> Vec<f64> { trials.iter().map(|t| of(&t[i])).collect() };
    let row = |(i, case): (usize, &Case)| {
        vec![
            case.prior.into(),
            case.map.name.into(),
            over_seeds(&over(i, |case| case.mcc), 3),
            over_seeds(&over(i, |case| case.law.gap), 3),
            probability(smallest_p(trials, i)),
            if case.map.keeps_the_law { "the same" } else { "another" }.into(),
        ]
    };
    let mapped = || cases.iter().enumerate().filter(|(_, case)| case.map.key.is_some());
    let kept = || mapped().filter(|(_, case)| case.map.keeps_the_law);
    let worst = kept().flat_map(|(i, _)| over(i, |case| case.mcc)).fold(f64::INFINITY, f64::min);
    let least = kept().map(|(i, _)| smallest_p(trials, i)).fold(f64::INFINITY, f64::min);
    Ok(Section {
        id: "ambiguity".into(),
        title: "Ambiguity: other latents of the same law".into(),
        lead: "Why a second variable is needed at all. If the prior of the latents does not depend on anything observed, \
               there are maps z → z′ that leave their law exactly as it is. A decoder that undoes the map first then \
               gives the same p(x), so no data and no better network can tell z from z′.\n\n\
               For a Gaussian prior, any rotation is such a map, and so is a swirl, which turns each point by an angle \
               that depends on its radius. For any other prior with independent components, Hyvärinen and Pajunen (1999) \
               make each component Gaussian by its distribution function (g), rotate (U), and go back (g⁻¹)."
            .into(),
        stats: vec![
            Stat { value: number(worst, 3), label: "lowest MCC of latents with the true law".into() },
            Stat { value: probability(least), label: "smallest p of a test that their law differs".into() },
            Stat { value: cases[0].z.nrows().to_string(), label: "rows".into() },
        ],
        figures: vec![Figure {
            svg: picture,
            caption: "Each point is one draw, coloured by its true first latent, so that one sees what the map did to it. \
                      Upper row: the law of the three clouds is one. Lower row: that of the first two is; a plain \
                      rotation of these latents is seen at once, since it changes their law."
                .into(),
            alt: "Six scatter plots: Gaussian latents, rotated, swirled; other latents, mapped, and rotated.".into(),
        }],
        tables: vec![Table {
            head: ["prior", "map", "MCC", "gap", "p", "law by theory"].map(String::from).to_vec(),
            rows: mapped().map(row).collect(),
            caption: format!(
                "MCC of the mapped latents with the true ones. *Gap*: the largest distance of two empirical distribution \
                 functions, those of the mapped latents and of fresh draws of the prior, along the coordinates and \
                 {PROJECTIONS} random directions. *p*: the probability of such a gap between two samples of one law, at \
                 most."
            ),
            emphasis: None,
        }],
        details: Some(context.plain_details()),
        ..Section::default()
    })
}

fn picture(cases: &[Case]) -> String {
    let shades = [shades(cases[0].z.view()), shades(cases[3].z.view())];
    let titles = [
        "Gaussian latents z",
        "Rotated: z′ = U z",
        "Swirled",
        "Laplace and two-mode latents z",
        "z′ = g⁻¹(U g(z))",
        "Rotated: z′ = U z",
    ];
    let panels: Vec<ScatterPanel<'_>> = cases
        .iter()
        .zip(titles)
        .enumerate()
        .map(|(i, (case, title))| ScatterPanel {
            title: title.into(),
            subtitle: match (case.map.key, case.map.keeps_the_law) {
                (None, _) => "the truth".into(),
                (_, true) => format!("same law, MCC {}", number(case.mcc, 2)),
                (_, false) => format!("another law (p {})", probability(case.law.p_value)),
            },
            points: case.z.view(),
            classes: Some(&shades[i / 3]),
        })
        .collect();
    scatter_panels(
        &panels,
        &ScatterOptions {
            columns: 3,
            side: 248.0,
            equal_aspect: true,
            most_points: 2000,
            class_label: "true z₁, in twentieths:".into(),
            ..ScatterOptions::default()
        },
    )
}
