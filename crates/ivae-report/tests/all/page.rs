//! A page is well-formed, fetches nothing, and shows data as data.

use ivae_report::figure::{Bar, BarsOptions, bars};
use ivae_report::{Details, Figure, Page, Section, Stat, Table};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};

/// A page that says `text` wherever it can say anything.
fn page(text: &str, sections: usize) -> Page {
    let says = || text.to_owned();
    let bar = Bar { label: says(), value: 0.5, ..Bar::default() };
    let section = |i: usize| Section {
        id: format!("part-{i}"),
        title: says(),
        lead: says(),
        stats: vec![Stat { value: says(), label: says() }],
        figures: vec![Figure {
            svg: bars(std::slice::from_ref(&bar), &BarsOptions::default()),
            caption: says(),
            alt: says(),
        }],
        tables: vec![Table {
            head: vec!["method".into(), "score".into(), says()],
            rows: vec![vec!["iVAE".into(), "0.93".into(), says()], vec!["VAE".into(), "–".into()]],
            caption: says(),
            emphasis: Some(0),
        }],
        notes: vec![says()],
        warnings: vec![says()],
        details: Some(Details { command: says(), seed: Some(u64::MAX), spec: says() }),
    };
    Page { title: says(), subtitle: says(), sections: (0..sections).map(section).collect() }
}

/// The page is written so that it is XML too: then a strict parser can check it.
fn parse(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).unwrap_or_else(|error| panic!("{error}\n{html}"))
}

fn named<'a>(document: &'a Document<'_>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |n| n.tag_name().name() == tag)
}

#[test]
fn data_is_never_markup() {
    let html = page("<script>alert(1)</script> & \"x\" 'y'", 1).render().unwrap();
    let document = parse(&html);
    assert_eq!(named(&document, "script").count(), 0);
    let heading = named(&document, "h1").next().unwrap();
    assert_eq!(heading.text(), Some("<script>alert(1)</script> & \"x\" 'y'"));
    let plot = document.descendants().find(|n| n.attribute("role") == Some("img")).unwrap();
    assert_eq!(plot.attribute("aria-label"), heading.text());
}

#[test]
fn nothing_is_fetched() {
    let html = page("see [the paper](https://arxiv.org/abs/1907.04809)", 3).render().unwrap();
    let document = parse(&html);
    for node in document.descendants().filter(|n| n.is_element()) {
        let tag = node.tag_name().name();
        assert!(
            !["link", "script", "img", "image", "iframe", "object", "embed", "use"].contains(&tag),
            "{tag}"
        );
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !["src", "srcset", "data", "poster", "action", "background"].contains(&name),
                "{attribute:?}"
            );
            assert!(name != "href" || tag == "a", "{tag}: {attribute:?}");
            assert!(name != "style" || !attribute.value().contains("url("), "{attribute:?}");
        }
    }
    for style in named(&document, "style").filter_map(|n| n.text()) {
        assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("//"), "{style}");
    }
}

#[test]
fn three_sections_get_contents_that_lead_to_them() {
    assert_eq!(named(&parse(&page("x", 2).render().unwrap()), "nav").count(), 0);
    let html = page("x", 3).render().unwrap();
    let document = parse(&html);
    let nav = named(&document, "nav").next().unwrap();
    let targets: Vec<&str> = nav.descendants().filter_map(|n| n.attribute("href")).collect();
    assert_eq!(targets, ["#part-0", "#part-1", "#part-2"]);
    for target in targets {
        assert_eq!(document.descendants().filter(|n| n.attribute("id") == Some(&target[1..])).count(), 1);
    }
}

#[test]
fn tables_set_numbers_flush_right() {
    let html = page("x", 1).render().unwrap();
    let document = parse(&html);
    let cell =
        |text: &str| document.descendants().find(|n| n.text() == Some(text)).unwrap().attribute("class");
    assert_eq!([cell("score"), cell("0.93"), cell("–")], [Some("number"); 3]);
    assert_eq!([cell("method"), cell("iVAE")], [None; 2]);
}

#[test]
fn an_empty_page_is_a_page_and_a_written_one_is_what_was_rendered() {
    parse(&Page::default().render().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let page = page("as it is", 2);
    page.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page.render().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn any_text_makes_a_well_formed_page(text in "[ -~\n*`\\[\\]()<>&#é漢]{0,40}") {
        parse(&page(&text, 1).render().unwrap());
    }
}
