//! What a second variable takes away: the maps that leave one, two or three Gaussians unchanged, all at once.

use std::time::Instant;

use ivae::expfam::theory::ambiguity::{Centres, Orthogonal, same_law};
use ivae::num::stream::fill_normal;
use ivae::num::{Purpose, StreamKey};
use ivae::report::figure::{PlaneCurve, PlaneKind, PlaneOptions, PlanePanel, plane_panels};
use ivae::report::{Figure, Section, Stat, Table};
use ndarray::{Array2, ArrayView1, ArrayView2, array, concatenate};

use crate::ambiguity::probability;
use crate::context::{Context, Outcome, Result};

/// Kinds of curves in the figure: three densities, their centres, the line of centres, the shape and its images.
const CENTRE: usize = 3;
const SPAN: usize = 6;
const SHAPE: usize = 7;
const LINEAR: usize = 8;
const RADIAL: usize = 9;

/// Centres c_u `[M, n]` in words and numbers.
struct Case {
    name: &'static str,
    centres: Array2<f64>,
    group: Centres,
    /// Probability that a member of the group changes no p(z | u), by two-sample tests of all of them.
    p_value: f64,
    /// Largest change of log p(z | u) that a member makes.
    change: f64,
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let began = Instant::now();
    let rows = if context.quick { 1000 } else { 10_000 };
    let aligned = |t: f64| [0.87 * t, 0.5 * t];
    let [low, high, middle] = [-1.5, 1.5, 0.35].map(aligned);
    let plane = [
        ("one", array![[0.0, 0.0]]),
        ("two", array![low, high]),
        ("three on a line", array![low, high, middle]),
        ("three off a line", array![low, high, [0.5, -1.6]]),
    ];
    let raised = |centres: &Array2<f64>, z: f64| {
        concatenate![ndarray::Axis(1), *centres, Array2::from_elem((centres.nrows(), 1), z)]
    };
    let mut all: Vec<(&'static str, Array2<f64>)> = plane.to_vec();
    all.extend(plane.iter().map(|(name, centres)| (*name, raised(centres, 0.0))));
    let off = concatenate![ndarray::Axis(0), raised(&plane[3].1, 0.0), array![[0.3, 0.2, 1.5]]];
    all.push(("four off a plane", off));
    let cases = all
        .into_iter()
        .map(|(name, centres)| judge(name, centres, rows, context.seed))
        .collect::<Result<Vec<_>>>()?;
    let control = control(&cases[1].centres, rows, context.seed)?;

    let mut record =
        context.plain_record("members", "maps that leave Gaussians unchanged", began.elapsed().as_secs_f64());
    for case in &cases {
        let name = format!("{}_of_{}", case.name.replace(' ', "_"), case.centres.ncols());
        record.metric(format!("fixed_{name}"), case.group.fixed() as f64);
        record.metric(format!("free_{name}"), case.group.free() as f64);
        record.metric(format!("p_value_{name}"), case.p_value);
        record.metric(format!("log_density_change_{name}"), case.change);
    }
    record.metric("p_value_swirl_of_one_on_two", control);
    let section = section(context, &cases, control, rows)?;
    Ok(Outcome { section, records: vec![record] })
}

/// Rows of N(c, I).
fn around(centre: ArrayView1<'_, f64>, rows: usize, seed: u64, step: u64) -> Result<Array2<f64>> {
    let n = centre.len();
    let mut noise = vec![0.0; rows * n];
    fill_normal(&mut noise, n, StreamKey::new(seed, Purpose::Generate).step(step));
    Ok(Array2::from_shape_vec((rows, n), noise)? + centre)
}

/// Images of z under one linear member of the group, and under a radial one where there are any.
struct Images {
    linear: Array2<f64>,
    radial: Option<Array2<f64>>,
}

impl Images {
    fn of(z: ArrayView2<'_, f64>, group: &Centres) -> Result<Self> {
        let free = group.free();
        let turn = if free >= 2 {
            Orthogonal::turn(free, (0, 1), TURN)
        } else {
            Orthogonal::new(-Array2::<f64>::eye(free))?
        };
        let swirled = || group.radial(z, (0, 1), |rest, radius| swirl(radius) + rest.iter().sum::<f64>());
        Ok(Self { linear: group.linear(z, &turn)?, radial: if free >= 2 { Some(swirled()?) } else { None } })
    }

    fn iter(&self) -> impl Iterator<Item = &Array2<f64>> {
        std::iter::once(&self.linear).chain(&self.radial)
    }
}

/// The turn and the swirl that are shown.
const TURN: f64 = -1.75;

fn swirl(radius: f64) -> f64 {
    1.9 + 0.45 * radius
}

fn judge(name: &'static str, centres: Array2<f64>, rows: usize, seed: u64) -> Result<Case> {
    let n = centres.ncols();
    let group = Centres::new(centres.view(), Array2::eye(n).view())?;
    let (mut least, mut tests, mut change) = (f64::INFINITY, 0, 0.0f64);
    for (u, centre) in centres.rows().into_iter().enumerate() {
        let (z, fresh) =
            (around(centre, rows, seed, 2 * u as u64)?, around(centre, rows, seed, 2 * u as u64 + 1)?);
        for image in Images::of(z.view(), &group)?.iter() {
            least = least.min(same_law(fresh.view(), image.view(), 30, seed)?.p_value);
            tests += 1;
            for (z, image) in z.rows().into_iter().zip(image.rows()) {
                let log_density = |z: ArrayView1<'_, f64>| -0.5 * (&z - &centre).mapv(|d| d * d).sum();
                change = change.max((log_density(image) - log_density(z)).abs());
            }
        }
    }
    Ok(Case { name, centres, group, p_value: (least * f64::from(tests)).min(1.0), change })
}

/// A swirl about the centroid of two centres, which is no member: the test sees it.
fn control(centres: &Array2<f64>, rows: usize, seed: u64) -> Result<f64> {
    let middle = centres.mean_axis(ndarray::Axis(0)).ok_or("no centres")?;
    let one = Centres::new(middle.insert_axis(ndarray::Axis(0)).view(), Array2::eye(2).view())?;
    let (z, fresh) = (around(centres.row(0), rows, seed, 100)?, around(centres.row(0), rows, seed, 101)?);
    let swirled = one.radial(z.view(), (0, 1), |_, radius| swirl(radius))?;
    Ok(same_law(fresh.view(), swirled.view(), 30, seed)?.p_value)
}

/// The shape that the maps move: an F, which no turn makes its own mirror image. `[N, 2]`.
fn letter() -> Array2<f64> {
    let corners = [
        [0.0, 0.0],
        [0.35, 0.0],
        [0.35, 0.7],
        [0.85, 0.7],
        [0.85, 1.03],
        [0.35, 1.03],
        [0.35, 1.42],
        [1.1, 1.42],
        [1.1, 1.75],
        [0.0, 1.75],
        [0.0, 0.0],
    ];
    let steps = 14;
    let point = |at: usize, c: usize| {
        let (edge, part) = (at / steps, (at % steps) as f64 / steps as f64);
        let (from, to) = (corners[edge][c], corners[(edge + 1).min(corners.len() - 1)][c]);
        from + part * (to - from) + [-0.75, 0.95][c]
    };
    Array2::from_shape_fn((steps * (corners.len() - 1) + 1, 2), |(at, c)| point(at, c))
}

fn curve(points: ArrayView2<'_, f64>, kind: usize) -> PlaneCurve {
    PlaneCurve { points: points.rows().into_iter().map(|p| (p[0], p[1])).collect(), kind }
}

fn panel(title: &str, case: &Case) -> Result<PlanePanel> {
    let mut curves = Vec::new();
    let circle = |centre: ArrayView1<'_, f64>, radius: f64| {
        let angle = |i: usize| i as f64 / 72.0 * std::f64::consts::TAU;
        Array2::from_shape_fn((73, 2), |(i, c)| centre[c] + radius * [angle(i).cos(), angle(i).sin()][c])
    };
    if case.group.fixed() == 1 {
        let along = &case.centres.row(1) - &case.centres.row(0);
        let line = Array2::from_shape_fn((2, 2), |(i, c)| [-4.0, 4.0][i] * along[c]);
        curves.push(curve(line.view(), SPAN));
    }
    for (u, centre) in case.centres.rows().into_iter().enumerate() {
        for radius in [1.0, 2.0] {
            curves.push(curve(circle(centre, radius).view(), u));
        }
        curves.push(curve(centre.insert_axis(ndarray::Axis(0)), CENTRE + u));
    }
    let shape = letter();
    let images = Images::of(shape.view(), &case.group)?;
    curves.push(curve(shape.view(), SHAPE));
    curves.extend(images.iter().zip([LINEAR, RADIAL]).map(|(image, kind)| curve(image.view(), kind)));
    Ok(PlanePanel { title: title.into(), subtitle: survivors(case.group.free()).into(), curves })
}

fn survivors(free: usize) -> &'static str {
    match free {
        0 => "the identity alone",
        1 => "a mirror image",
        2 => "turns, mirror images, swirls",
        _ => "turns, mirror images, swirls of space",
    }
}

fn picture(cases: &[Case]) -> Result<String> {
    let titles = ["One Gaussian", "Two", "Three on a line", "Three off a line"];
    let panels =
        titles.into_iter().zip(cases).map(|(title, case)| panel(title, case)).collect::<Result<Vec<_>>>()?;
    let kind = |label: &str, colour: Option<usize>, width: f64, dashed: bool| PlaneKind {
        label: label.into(),
        colour,
        width,
        dashed,
    };
    let mut kinds: Vec<PlaneKind> =
        (0..3).map(|u| kind(&format!("p(z | u = {}) at 1 and 2 sd", u + 1), Some(u), 1.1, false)).collect();
    kinds.extend((0..3).map(|u| kind("", Some(u), 6.5, false)));
    kinds.push(kind("fixed line", None, 1.1, true));
    kinds.push(kind("a shape", None, 2.6, false));
    kinds.push(kind("moved by a linear map", Some(4), 2.0, false));
    kinds.push(kind("moved by a radial map", Some(3), 2.0, false));
    Ok(plane_panels(&panels, &PlaneOptions { reach: 3.7, kinds, ..PlaneOptions::default() }))
}

fn section(context: &Context, cases: &[Case], control: f64, rows: usize) -> Result<Section> {
    let picture = picture(cases)?;
    context.picture_of_docs("intersections.svg", &picture)?;
    let row = |case: &Case| {
        vec![
            case.name.into(),
            case.centres.ncols().to_string(),
            case.group.fixed().to_string(),
            case.group.free().to_string(),
            survivors(case.group.free()).into(),
            probability(case.p_value),
        ]
    };
    let least = cases.iter().map(|case| case.p_value).fold(f64::INFINITY, f64::min);
    Ok(Section {
        id: "intersections".into(),
        title: "Intersections: what survives several Gaussians".into(),
        lead: "What a second variable takes away. Let u shift the mean of Gaussian latents, p(z | u) = N(c_u, I). A map that \
               nobody can notice must leave *every* p(z | u) as it is, so it must be in the intersection of what each of \
               them allows. Along the line of two centres nothing may move; a third centre on that line adds nothing; \
               one off the line leaves no map but the identity."
            .into(),
        stats: vec![
            Stat { value: probability(least), label: "smallest p of a test that a member changes some p(z | u)".into() },
            Stat { value: probability(control), label: "p of the swirl of one Gaussian, tried on two".into() },
        ],
        figures: vec![Figure {
            svg: picture,
            caption: "Coloured circles: the densities, which the maps leave alone. An F (grey) and its images show what the \
                      maps do. Of the radial maps only one is shown: the angle may depend on the radius in any way."
                .into(),
            alt: "Four panels with one, two, three aligned and three unaligned Gaussians, and a letter F moved by the maps \
                  that leave them unchanged."
                .into(),
        }],
        tables: vec![Table {
            head: ["centres", "latents", "fixed", "free", "what survives", "p"].map(String::from).to_vec(),
            rows: cases.iter().map(row).collect(),
            caption: format!(
                "*Fixed* and *free*: directions of latent space that every surviving map leaves alone, and the others. *p*: \
                 two-sample tests of {rows} draws of each p(z | u), mapped by a linear and a radial member, against fresh \
                 draws: the smallest, times their number."
            ),
            emphasis: None,
        }],
        details: Some(context.plain_details()),
        ..Section::default()
    })
}
