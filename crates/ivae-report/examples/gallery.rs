//! Every figure of the crate on one page, made from synthetic numbers: `cargo run -p ivae-report --example gallery -- out.html`.

use ivae_report::figure::{
    Bar, BarsOptions, Curve, CurvesOptions, HeatmapOptions, LinesOptions, Pair, PairsOptions, ScatterOptions,
    ScatterPanel, Series, bars, curves, heatmap, lines, pairs, scatter_panels, spectrum,
};
use ivae_report::{Details, Figure, Page, Section, Stat, Table};
use ndarray::{Array1, Array2, array};

/// A small generator of reproducible numbers (SplitMix64, Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box & Muller (1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Sources of `segments` segments of Gaussians with their own means and variances, and the segment of each row.
fn sources(
    random: &mut Random,
    segments: u32,
    per_segment: usize,
    latents: usize,
) -> (Array2<f64>, Vec<u32>) {
    let mut classes = Vec::new();
    let mut rows = Vec::new();
    for segment in 0..segments {
        let means: Vec<f64> = (0..latents).map(|_| 6.0 * random.uniform() - 3.0).collect();
        let stds: Vec<f64> = (0..latents).map(|_| 0.25 + 1.1 * random.uniform()).collect();
        for _ in 0..per_segment {
            classes.push(segment);
            rows.extend(means.iter().zip(&stds).map(|(mean, std)| mean + std * random.normal()));
        }
    }
    let shape = (classes.len(), latents);
    (Array2::from_shape_vec(shape, rows).expect("one row of latents per class"), classes)
}

fn mixed(s: &Array2<f64>) -> Array2<f64> {
    let first = s.dot(&array![[0.8, -0.6], [0.5, 0.9]]).mapv(|v| v + 0.9 * v.tanh());
    first.dot(&array![[1.0, 0.7], [-0.6, 0.8]]).mapv(|v| if v > 0.0 { v } else { 0.2 * v })
}

fn noisy(s: &Array2<f64>, noise: f64, random: &mut Random) -> Array2<f64> {
    s.mapv(|v| v + noise * random.normal())
}

fn panel<'a>(title: &str, subtitle: &str, points: &'a Array2<f64>, classes: &'a [u32]) -> ScatterPanel<'a> {
    ScatterPanel {
        title: title.into(),
        subtitle: subtitle.into(),
        points: points.view(),
        classes: Some(classes),
    }
}

fn figure(svg: String, caption: &str, alt: &str) -> Figure {
    Figure { svg, caption: caption.into(), alt: alt.into() }
}

fn recovery(random: &mut Random) -> Section {
    let (s, classes) = sources(random, 5, 800, 2);
    let x = mixed(&s);
    let ivae = noisy(&s, 0.25, random);
    let vae = x.dot(&array![[0.5, -0.4], [0.4, 0.6]]).mapv(|v| v.tanh() + 0.1 * random.normal());
    let panels = [
        panel("True sources", "z ∈ ℝ²", &s, &classes),
        panel("Observations", "x = f(z)", &x, &classes),
        panel("iVAE", "MCC 0.98", &ivae, &classes),
        panel("VAE", "MCC 0.61", &vae, &classes),
    ];
    let options = ScatterOptions { class_label: "segment".into(), ..ScatterOptions::default() };
    let caption = "Two latents in five segments, mixed by a random network. **iVAE** finds them again up to order, \
                   scale and sign; VAE, which does not see the segment, finds a rotation of its own.";
    let alt = "Four scatter plots coloured by segment. The iVAE panel looks like the true sources.";
    Section {
        id: "recovery".into(),
        title: "Recovery of latents".into(),
        lead: "The sources change their mean and variance from segment to segment. That is what makes them \
               identifiable ([Khemakhem et al. 2020](https://arxiv.org/abs/1907.04809)): `u` is the segment."
            .into(),
        stats: vec![
            Stat { value: "0.98".into(), label: "MCC of iVAE".into() },
            Stat { value: "0.61".into(), label: "MCC of VAE".into() },
            Stat { value: "0.43".into(), label: "MCC from u alone".into() },
            Stat { value: "9 of 10".into(), label: "restarts agree".into() },
        ],
        figures: vec![figure(scatter_panels(&panels, &options), caption, alt)],
        notes: vec!["MCC is measured on **held-out** rows.".into()],
        details: Some(Details {
            command: "cargo xtask experiments example-1 --seed 1".into(),
            seed: Some(1),
            spec: "[model]\nlatents = 2\nhidden = [50, 50]\n\n[training]\nepochs = 100\nrestarts = 10".into(),
        }),
        ..Section::default()
    }
}

fn many(random: &mut Random) -> Section {
    let (s, classes) = sources(random, 40, 100, 2);
    let x = mixed(&s);
    let (nine, speakers) = sources(random, 9, 30, 2);
    let options =
        ScatterOptions { class_label: "segment".into(), equal_aspect: true, ..ScatterOptions::default() };
    let forty = [panel("True sources", "40 segments", &s, &classes), panel("Observations", "", &x, &classes)];
    let named = ScatterOptions {
        class_names: (1..=9).map(|i| format!("speaker {i}")).collect(),
        side: 380.0,
        ..ScatterOptions::default()
    };
    let one = [panel("Latents 1 and 2", "270 utterances", &nine, &speakers)];
    Section {
        title: "Many classes".into(),
        lead: "More than ten classes follow one ordered scale.".into(),
        figures: vec![
            figure(scatter_panels(&forty, &options), "Forty segments, equal scales.", "Two scatter plots."),
            figure(scatter_panels(&one, &named), "Nine named classes.", "One scatter plot."),
        ],
        ..Section::default()
    }
}

fn matched(random: &mut Random) -> Section {
    let mut series = |correlation: f64| -> (Array1<f64>, Array1<f64>) {
        let mut level = 0.0;
        let source: Array1<f64> = (0..400)
            .map(|i| {
                if i % 40 == 0 {
                    level = 2.0 * random.normal();
                }
                level + (0.3 + level.abs() / 3.0) * random.normal()
            })
            .collect();
        let spread = source.std(0.0);
        let other = (1.0 / (correlation * correlation) - 1.0f64).sqrt() * spread;
        let latent = source.mapv(|v| v + other * random.normal());
        (&source / spread, &latent / latent.std(0.0))
    };
    let data: Vec<_> = [0.995, 0.98, 0.96, 0.93, 0.88].iter().map(|r| (*r, series(*r))).collect();
    let drawn: Vec<Pair<'_>> = data
        .iter()
        .enumerate()
        .map(|(i, (r, (source, latent)))| Pair {
            label: format!("z{}", ["₁", "₂", "₃", "₄", "₅"][i]),
            source: source.view(),
            latent: latent.view(),
            correlation: *r,
        })
        .collect();
    Section {
        title: "Matched pairs".into(),
        lead: "Each latent lies over the source it was matched to.".into(),
        figures: vec![figure(
            pairs(&drawn, &PairsOptions { first: 100, ..PairsOptions::default() }),
            "Samples 100 to 300 of five sources, standardised.",
            "Five panels of two lines that nearly coincide.",
        )],
        warnings: vec!["Restart 4 stopped before it converged (`epochs = 100`).".into()],
        ..Section::default()
    }
}

fn comparison(random: &mut Random) -> Section {
    let rows = [
        ("iVAE", 0.95, 0.012),
        ("VAE", 0.58, 0.06),
        ("FastICA", 0.52, 0.03),
        ("PCA", 0.41, 0.02),
        ("u only", 0.43, 0.01),
        ("chance", 0.04, 0.01),
    ];
    let scores: Vec<Bar> = rows
        .iter()
        .map(|(label, value, error)| Bar {
            label: (*label).into(),
            value: *value,
            error: Some(*error),
            emphasis: *label == "iVAE",
        })
        .collect();
    let matrix = Array2::from_shape_fn((5, 5), |(i, j)| {
        if (i + 2) % 5 == j { 0.99 - 0.03 * i as f64 } else { 0.35 * random.uniform() }
    });
    let heat = HeatmapOptions {
        title: "|correlation| of sources and latents".into(),
        row_label: "true source".into(),
        column_label: "latent".into(),
        marked: (0..5).map(|i| (i, (i + 2) % 5)).collect(),
        ..HeatmapOptions::default()
    };
    let range = Some((0.0, 1.0));
    let title = "Mean correlation, five seeds".to_owned();
    let bar_options = BarsOptions { title, x_label: "MCC".into(), range, ..BarsOptions::default() };
    let table = Table {
        head: ["method", "MCC", "± sd", "seconds"].map(String::from).to_vec(),
        rows: rows
            .iter()
            .map(|(m, v, e)| vec![(*m).into(), v.to_string(), e.to_string(), "12".into()])
            .collect(),
        caption: "The same numbers.".into(),
        emphasis: Some(0),
    };
    Section {
        title: "Comparison".into(),
        lead: "What the auxiliary variable buys, against methods that do not use it & floors < 0.5.".into(),
        figures: vec![
            figure(bars(&scores, &bar_options), "Bars are means, whiskers standard deviations.", "Bars."),
            figure(heatmap(matrix.view(), &heat), "Outlined: the matching of highest sum.", "A matrix."),
        ],
        tables: vec![table],
        ..Section::default()
    }
}

fn training(random: &mut Random) -> Section {
    let restarts: Vec<Curve> = (0..8)
        .map(|k| {
            let top = if k == 3 { -28.0 } else { -30.0 - 6.0 * random.uniform() };
            let rate = 9.0 + 8.0 * random.uniform();
            let train: Vec<f64> = (0..120)
                .map(|e| top - 4000.0 * (-(e as f64) / 1.6).exp() - 40.0 * (-(e as f64) / rate).exp())
                .map(|v| v + 0.15 * random.normal())
                .collect();
            let gap = |(e, v): (usize, &f64)| v - 0.8 - 0.012 * (e as f64 - 60.0).max(0.0);
            let held_out = train.iter().enumerate().map(gap).collect();
            Curve { train, held_out, chosen: k == 3, kept_epoch: (k == 3).then_some(72) }
        })
        .collect();
    let values = |decay: f64| (0..10).map(|i| 30.0 * (-(i as f64) * decay).exp()).collect::<Vec<f64>>();
    let named = [("λ true".to_owned(), values(0.35)), ("λ fitted".to_owned(), values(0.55))];
    let spectrum_options = LinesOptions {
        title: "Singular values of L".into(),
        x_label: "index".into(),
        y_label: "singular value".into(),
        ..LinesOptions::default()
    };
    let sizes = [500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 40_000.0];
    let score = |label: &str, ys: [f64; 6], dashed| Series {
        label: label.into(),
        x: sizes.to_vec(),
        y: ys.to_vec(),
        error: vec![0.02; 6],
        dashed,
    };
    let against = [
        score("iVAE", [0.62, 0.71, 0.83, 0.91, 0.95, 0.98], false),
        score("VAE", [0.5, 0.55, 0.57, 0.56, 0.58, 0.6], false),
        score("u only", [0.43; 6], true),
    ];
    let against_options = LinesOptions {
        title: "Rows of data".into(),
        x_label: "rows".into(),
        y_label: "MCC".into(),
        x_log: true,
        y_range: Some((0.0, 1.0)),
        ..LinesOptions::default()
    };
    let agreement = Array2::from_shape_fn((8, 8), |(i, j)| {
        if i == j {
            1.0
        } else if i.min(j) == 2 || i.max(j) == 2 {
            0.6
        } else {
            0.97 - 0.01 * (i + j) as f64
        }
    });
    let agreement_options = HeatmapOptions {
        title: "Agreement of restarts (MCC)".into(),
        range: (0.5, 1.0),
        ..HeatmapOptions::default()
    };
    let large = Array2::from_shape_fn((30, 30), |(i, j)| (-((i as f64 - j as f64) / 4.0).powi(2)).exp());
    let title = "Eight restarts".to_owned();
    Section {
        title: "Training and spectrum".into(),
        figures: vec![
            figure(
                curves(&restarts, &CurvesOptions { title, ..CurvesOptions::default() }),
                "The dot marks the kept epoch.",
                "Training curves.",
            ),
            figure(spectrum(&named, &spectrum_options), "Full rank.", "Two falling lines."),
            figure(lines(&against, &against_options), "More data help iVAE alone.", "Three lines."),
            figure(heatmap(agreement.view(), &agreement_options), "Restart 3 stands apart.", "A matrix."),
            figure(heatmap(large.view(), &HeatmapOptions::default()), "A large matrix.", "A matrix."),
        ],
        ..Section::default()
    }
}

fn awkward() -> Section {
    let points = array![[f64::NAN, 1.0], [1.0, 1.0]];
    let one = [
        panel("One point & <tags>", "the other is not finite", &points, &[0, 1]),
        panel("A title that is far too long for its panel", "", &points, &[]),
    ];
    let bad = [
        Bar { label: "a rather long label of a method & more".into(), value: f64::NAN, ..Bar::default() },
        Bar { label: "negative".into(), value: -0.3, error: Some(0.1), emphasis: true },
        Bar { label: "positive".into(), value: 0.7, ..Bar::default() },
    ];
    let matrix = array![[0.2, f64::NAN], [f64::INFINITY, 1.0]];
    let names = HeatmapOptions {
        column_names: vec!["first speaker".into(), "second speaker".into()],
        row_names: vec!["first speaker".into(), "second speaker".into()],
        ..HeatmapOptions::default()
    };
    let rank = [(String::from("rank 3 of 5"), vec![5.0, 2.0, 1e-3, 0.0, f64::NAN])];
    let nothing = Array2::zeros((0, 2));
    let empty = [ScatterPanel {
        title: "Empty".into(),
        subtitle: String::new(),
        points: nothing.view(),
        classes: None,
    }];
    Section {
        title: "Awkward data".into(),
        lead: "Nothing fails, and what is left out is said.".into(),
        figures: vec![
            figure(scatter_panels(&one, &ScatterOptions::default()), "", "Two panels."),
            figure(scatter_panels(&empty, &ScatterOptions::default()), "", "An empty panel."),
            figure(bars(&bad, &BarsOptions::default()), "", "Bars."),
            figure(heatmap(matrix.view(), &names), "", "A matrix."),
            figure(spectrum(&rank, &LinesOptions::default()), "", "A line."),
            figure(curves(&[], &CurvesOptions::default()), "", "No data."),
        ],
        ..Section::default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args_os().nth(1) else {
        return Err("say where to write the page: gallery out.html".into());
    };
    let random = &mut Random(1);
    let page = Page {
        title: "Gallery of figures".into(),
        subtitle: "Everything that ivae-report draws, from synthetic numbers.".into(),
        sections: vec![
            recovery(random),
            matched(random),
            comparison(random),
            training(random),
            many(random),
            awkward(),
        ],
    };
    page.write(&path)?;
    println!("wrote {}", path.display());
    Ok(())
}
