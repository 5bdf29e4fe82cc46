//! The section about a search over flows: which class was chosen, and how sure that is.

use ivae_core::Family;
use ivae_core::objective::ObjectiveSpec;
use ivae_core::report::BottleneckReport;
use ivae_core::search::{ClassReport, SearchReport};
use ivae_report::{Section, Stat, Table};

use super::number;

pub(super) fn section(search: &SearchReport, bottleneck: Option<&BottleneckReport>) -> Section {
    let mut stats = vec![
        Stat { value: search.class.clone(), label: "class of the mixing".into() },
        Stat { value: search.family.words(), label: "distribution of a latent given u".into() },
        Stat {
            value: format!("{} of {}", search.starts_in_basin, search.starts),
            label: "starts of that class in the best basin".into(),
        },
    ];
    stats.extend(
        search.agreement.map(|a| Stat { value: number(a, 3), label: "agreement of their latents".into() }),
    );
    stats.extend(
        search
            .likelihood_margin
            .map(|g| Stat { value: number(g, 2), label: "nats per row to the next basin".into() }),
    );
    if let Some(bottleneck) = bottleneck {
        let lost = format!("{} %", number(100.0 * bottleneck.lost_variance, 2));
        stats.push(Stat { value: lost, label: "of the variance of x lost by the bottleneck".into() });
        stats.push(Stat {
            value: number(bottleneck.round_trip, 4),
            label: "squared error of the round trip".into(),
        });
    }
    let mut tables = vec![classes(search)];
    tables.extend(search.shapes.as_deref().map(shapes));
    Section {
        title: "How sure is it?".into(),
        lead: lead(search, bottleneck),
        stats,
        tables,
        ..Section::default()
    }
}

fn lead(search: &SearchReport, bottleneck: Option<&BottleneckReport>) -> String {
    let mut lead = "The mixing was taken to be a **bijection without noise**, so that the likelihood is exact and can \
                    compare classes of mixings as well as starts. Starts whose latents correlate nearly perfectly, \
                    after matching, are in one **basin**."
        .to_owned();
    lead += match (search.starts_in_basin, search.starts) {
        (_, 1) => " There was one start only, so nothing is known of others.",
        (0 | 1, _) => {
            " No other start reached the best basin, so the latents are not shown to be reproducible: raise the number \
             of restarts or epochs before trusting them."
        }
        _ => " Several starts, from independent random parameters, found the same latents.",
    };
    if let Some(bottleneck) = bottleneck {
        let objective = match bottleneck.objective {
            ObjectiveSpec::Reconstruction => "an autoencoder",
            _ => "a variational autoencoder",
        };
        lead += &format!(
            "\n\nThere are more observed variables than latents, so {objective} first reduced x to a **bottleneck** of as \
             many numbers as there are latents, and the latents were separated from it. What the bottleneck loses \
             cannot be recovered: noise, if all is well. The *round trip* goes from a white bottleneck to x and back; \
             an error near 0 says that no two points of the bottleneck stand for the same x."
        );
    }
    lead
}

fn classes(search: &SearchReport) -> Table {
    let line = |c: &ClassReport| {
        let best = c.best.map_or_else(|| "–".into(), |b| number(b, 3));
        vec![c.class.clone(), c.starts.to_string(), best, number(c.seconds, 1)]
    };
    Table {
        head: ["class", "starts", "best objective", "seconds"].map(String::from).to_vec(),
        rows: search.classes.iter().map(line).collect(),
        caption: "Every class that was searched, with its best start before refinement, on held-out rows in nats; starts \
                  end as soon as several agree."
            .into(),
        emphasis: search.classes.iter().position(|c| c.class == search.class),
    }
}

fn shapes(shapes: &[f64]) -> Table {
    Table {
        head: ["latent", "shape β"].map(String::from).to_vec(),
        rows: shapes.iter().enumerate().map(|(i, s)| vec![format!("z{}", i + 1), number(*s, 2)]).collect(),
        caption: format!(
            "Learned shape of each latent's {} distribution: 2 is Gaussian, 1 Laplace, larger has lighter tails.",
            Family::GeneralisedNormal.words()
        ),
        emphasis: None,
    }
}
