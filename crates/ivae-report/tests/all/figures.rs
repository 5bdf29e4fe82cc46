//! Whatever the numbers are, a figure is well-formed, finite, escaped and the same each time.

use ivae_report::figure::{
    Bar, BarsOptions, Curve, CurvesOptions, HeatmapOptions, LinesOptions, Pair, PairsOptions, PlaneCurve,
    PlaneKind, PlaneOptions, PlanePanel, ScatterOptions, ScatterPanel, Series, Strip, StripDot, StripOptions,
    bars, curves, heatmap, lines, pairs, plane_panels, scatter_panels, spectrum, strips,
};
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use roxmltree::Document;

/// Well-formed, every number in it finite and of a size to draw.
fn assert_sound(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    assert_eq!(document.root_element().tag_name().name(), "svg");
    for node in document.descendants().filter(|n| n.is_element()) {
        for attribute in node.attributes().filter(|a| NUMERIC.contains(&a.name())) {
            for number in attribute.value().split(|c: char| !"0123456789.-eNnaif".contains(c)) {
                if !number.is_empty() {
                    let parsed: f64 =
                        number.parse().unwrap_or_else(|_| panic!("{} in {attribute:?}", number));
                    assert!(parsed.abs() <= 1e6, "{attribute:?}");
                }
            }
        }
        for size in ["width", "height", "r"].iter().filter_map(|name| node.attribute(*name)) {
            assert!(size.parse::<f64>().expect("a number") >= 0.0, "negative size {size}");
        }
    }
}

const NUMERIC: [&str; 11] =
    ["x", "y", "cx", "cy", "r", "d", "width", "height", "viewBox", "stroke-width", "rx"];

/// The text that a reader sees.
fn words(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("well-formed");
    let texts = document.descendants().filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    texts.filter_map(|n| n.text()).map(str::to_owned).collect()
}

/// Numbers as they come: ordinary, huge, tiny, constant, not finite.
fn number() -> impl Strategy<Value = f64> {
    let special = [
        0.0,
        -0.0,
        1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        5e-324,
        1e-300,
        1e15,
    ];
    prop_oneof![4 => -3.0..3.0f64, 1 => any::<f64>(), 2 => proptest::sample::select(special.to_vec())]
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(number(), 0..12)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just("<b>&\"'>".to_owned()), Just("]]>\u{0}\u{1b}é漢".to_owned()), ".{0,60}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn scatter_panels_are_sound(
        values in numbers(), columns in 0..5usize, grid in 0..4usize, side in number(), label in text(),
        classes in proptest::collection::vec(prop_oneof![0..12u32, Just(u32::MAX)], 0..6), equal_aspect: bool,
    ) {
        let rows = values.len().checked_div(columns).unwrap_or(3);
        let points = Array2::from_shape_vec((rows, columns), values[..rows * columns].to_vec()).unwrap();
        let panel = ScatterPanel {
            title: label.clone(), subtitle: label.clone(), points: points.view(), classes: Some(&classes),
        };
        let options = ScatterOptions {
            columns: grid, side, equal_aspect, most_points: 3, class_names: vec![label.clone()], class_label: label,
        };
        for panels in [vec![], vec![panel.clone()], vec![panel; 5]] {
            let svg = scatter_panels(&panels, &options);
            assert_sound(&svg);
            prop_assert_eq!(svg, scatter_panels(&panels, &options));
        }
    }

    #[test]
    fn plane_panels_are_sound(
        x in numbers(), y in numbers(), kind in 0..3usize, colour in proptest::option::of(any::<usize>()),
        side in number(), reach in number(), width in number(), label in text(), dashed: bool,
    ) {
        let points = x.into_iter().zip(y).collect();
        let panel = PlanePanel {
            title: label.clone(), subtitle: label.clone(), curves: vec![PlaneCurve { points, kind }],
        };
        let kind = PlaneKind { label, colour, width, dashed };
        let options = PlaneOptions { side, reach, kinds: vec![kind.clone(), kind] };
        for panels in [vec![], vec![panel.clone()], vec![panel; 5]] {
            let svg = plane_panels(&panels, &options);
            assert_sound(&svg);
            prop_assert_eq!(svg, plane_panels(&panels, &options));
        }
    }

    #[test]
    fn pairs_are_sound(
        source in numbers(), latent in numbers(), correlation in number(), first in 0..14usize, window in 0..9usize,
        width in number(), label in text(),
    ) {
        let (source, latent) = (Array1::from(source), Array1::from(latent));
        let pair = Pair { label: label.clone(), source: source.view(), latent: latent.view(), correlation };
        let options = PairsOptions {
            first, window, width, panel_height: width, source_label: label.clone(), x_label: label,
            ..PairsOptions::default()
        };
        assert_sound(&pairs(&[pair.clone(), pair], &options));
        assert_sound(&pairs(&[], &options));
    }

    #[test]
    fn curves_are_sound(train in numbers(), held_out in numbers(), kept in 0..14usize, chosen: bool, label in text()) {
        let curve = Curve { train, held_out, chosen, kept_epoch: Some(kept) };
        let options = CurvesOptions { title: label.clone(), y_label: label, ..CurvesOptions::default() };
        assert_sound(&curves(&[curve, Curve::default()], &options));
    }

    #[test]
    fn bars_are_sound(values in numbers(), error in number(), low in number(), high in number(), label in text()) {
        let bar = |value: &f64| Bar { label: label.clone(), value: *value, error: Some(error), emphasis: true };
        let drawn: Vec<Bar> = values.iter().map(bar).collect();
        let options = BarsOptions { title: label.clone(), x_label: label.clone(), ..BarsOptions::default() };
        assert_sound(&bars(&drawn, &options));
        assert_sound(&bars(&drawn, &BarsOptions { range: Some((low, high)), ..options }));
    }

    #[test]
    fn strips_are_sound(values in numbers(), low in number(), high in number(), emphasis: bool, label in text()) {
        let dots = values.iter().map(|&value| StripDot { value, emphasis }).collect();
        let rows = [Strip { label: label.clone(), dots, note: label.clone() }, Strip::default()];
        let options = StripOptions {
            x_label: label.clone(), emphasised: label.clone(), note_label: label, ..StripOptions::default()
        };
        assert_sound(&strips(&rows, &options));
        assert_sound(&strips(&rows, &StripOptions { range: Some((low, high)), ..options }));
        assert_sound(&strips(&[], &StripOptions::default()));
    }

    #[test]
    fn heatmaps_are_sound(values in numbers(), columns in 0..5usize, low in number(), high in number(), label in text()) {
        let rows = values.len().checked_div(columns).unwrap_or(2);
        let matrix = Array2::from_shape_vec((rows, columns), values[..rows * columns].to_vec()).unwrap();
        let options = HeatmapOptions {
            title: label.clone(), row_names: vec![label.clone()], column_label: label, range: (low, high),
            marked: vec![(0, 0), (9, 9)], ..HeatmapOptions::default()
        };
        assert_sound(&heatmap(matrix.view(), &options));
    }

    #[test]
    fn lines_are_sound(x in numbers(), y in numbers(), error in numbers(), x_log: bool, y_log: bool, label in text()) {
        let series = Series { label: label.clone(), x, y: y.clone(), error, dashed: y_log };
        let options = LinesOptions { title: label.clone(), y_label: label.clone(), x_log, y_log, ..LinesOptions::default() };
        assert_sound(&lines(&[series, Series::default()], &options));
        assert_sound(&lines(&[], &options));
        assert_sound(&spectrum(&[(label, y)], &options));
    }
}

#[test]
fn points_are_thinned_and_all_classes_stay() {
    let points = Array2::from_shape_fn((20_000, 2), |(i, j)| ((i * (j + 3)) as f64).sin());
    let classes: Vec<u32> = (0..20_000).map(|i| i % 5).collect();
    let panel = ScatterPanel {
        title: "dense".into(),
        subtitle: String::new(),
        points: points.view(),
        classes: Some(&classes),
    };
    let svg = scatter_panels(&[panel], &ScatterOptions::default());
    let document = Document::parse(&svg).unwrap();
    let mut colours = std::collections::BTreeSet::new();
    let mut dots = 0;
    for path in document.descendants().filter(|n| n.attribute("stroke-linecap").is_some()) {
        colours.insert(path.attribute("stroke").unwrap());
        dots += path.attribute("d").unwrap().matches('M').count();
    }
    assert_eq!((colours.len(), dots), (5, 1500));
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
}

#[test]
fn values_are_printed_and_what_is_left_out_is_said() {
    let score = |label: &str, value, error| Bar { label: label.into(), value, error, emphasis: false };
    let shown = words(&bars(
        &[score("iVAE", 0.934, Some(0.02)), score("VAE", f64::NAN, None)],
        &BarsOptions::default(),
    ));
    for expected in ["iVAE", "0.93 ± 0.02", "VAE", "–"] {
        assert!(shown.iter().any(|w| w == expected), "{expected} in {shown:?}");
    }
    let left_out = words(&spectrum(&[("L".into(), vec![2.0, 0.0, f64::NAN])], &LinesOptions::default()));
    assert!(left_out.iter().any(|w| w == "2 not positive and finite, not drawn"), "{left_out:?}");
    let nothing = words(&curves(&[], &CurvesOptions::default()));
    assert!(nothing.iter().any(|w| w == "no data"), "{nothing:?}");
}

#[test]
fn lines_pass_through_their_points() {
    // The unit square's corners, on axes that end there but for a margin of 3 and 6 percent.
    let series = Series { x: vec![0.0, 1.0], y: vec![0.0, 1.0], ..Series::default() };
    let svg = lines(&[series], &LinesOptions { markers: false, ..LinesOptions::default() });
    let document = Document::parse(&svg).unwrap();
    let inner = document
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "svg")))
        .nth(1)
        .unwrap();
    let size = |name: &str| inner.attribute(name).unwrap().parse::<f64>().unwrap() - 10.0;
    let d = inner
        .descendants()
        .find_map(|n| n.attribute("d"))
        .unwrap()
        .replace(['M', 'L'], " ")
        .replace("h0", "");
    let drawn: Vec<f64> = d.split_whitespace().map(|v| v.parse().unwrap()).collect();
    let at = |share: f64, length: f64| share * length;
    let expected = [
        at(0.03 / 1.06, size("width")),
        at(1.06 / 1.12, size("height")),
        at(1.03 / 1.06, size("width")),
        at(0.06 / 1.12, size("height")),
    ];
    for (a, b) in drawn.iter().zip(expected) {
        assert!((a - b).abs() < 0.02, "{drawn:?} {expected:?}");
    }
}
