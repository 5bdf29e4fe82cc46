//! The section about a race of bijective decoders: which class won, and how sure that is.

use ivae_core::code::CodeReport;
use ivae_core::race::ClassResult;
use ivae_core::spec::CodeKind;
use ivae_core::{Family, Search};
use ivae_report::{Section, Stat, Table};

use super::number;

pub(super) fn section(search: &Search, code: Option<&CodeReport>) -> Section {
    let mut stats = vec![
        Stat { value: search.class.clone(), label: "class of the mixing".into() },
        Stat { value: search.family.name().into(), label: "distribution of a latent given u".into() },
        Stat {
            value: format!("{} of {}", search.reached, search.starts),
            label: "starts of that class in the best basin".into(),
        },
    ];
    stats.extend(
        search.agreement.map(|a| Stat { value: number(a, 3), label: "agreement of their latents".into() }),
    );
    stats.extend(
        search.gap.map(|g| Stat { value: number(g, 2), label: "nats per row to the next basin".into() }),
    );
    if let Some(code) = code {
        let lost = format!("{} %", number(100.0 * code.lost_variance, 2));
        stats.push(Stat { value: lost, label: "of the variance of x lost by the code".into() });
        stats.push(Stat {
            value: number(code.round_trip, 4),
            label: "squared error of the round trip".into(),
        });
    }
    let mut tables = vec![classes(search)];
    tables.extend(search.shapes.as_deref().map(shapes));
    Section { title: "How sure is it?".into(), lead: lead(search, code), stats, tables, ..Section::default() }
}

fn lead(search: &Search, code: Option<&CodeReport>) -> String {
    let mut lead = "The mixing was taken to be a **bijection without noise**, so that the likelihood is exact and can \
                    judge between classes of mixings as well as between starts. Starts whose latents correlate nearly \
                    perfectly, after matching, are in one **basin**."
        .to_owned();
    lead += match (search.reached, search.starts) {
        (_, 1) => " There was one start only, so nothing is known of others.",
        (0 | 1, _) => {
            " No other start reached the best basin, so a better one may exist: give more restarts before trusting \
             the latents."
        }
        _ => " Several starts, from independent random parameters, found the same latents.",
    };
    if let Some(code) = code {
        let kind = match code.kind {
            CodeKind::Auto | CodeKind::Autoencoder => "an autoencoder",
            CodeKind::Elbo => "a variational autoencoder",
        };
        lead += &format!(
            "\n\nThere are more observed variables than latents, so x was first reduced to a **code** of as many \
             numbers as there are latents, by {kind}, and the latents were separated from the code. What the code \
             loses cannot be recovered: noise, if all is well. The *round trip* goes from a white code to x and back; \
             an error near 0 says that no two codes stand for the same x."
        );
    }
    lead
}

fn classes(search: &Search) -> Table {
    let line = |c: &ClassResult| {
        let best = c.best.map_or_else(|| "–".into(), |b| number(b, 3));
        vec![c.class.clone(), c.starts.to_string(), best, number(c.seconds, 1)]
    };
    Table {
        head: ["class", "starts", "best objective", "seconds"].map(String::from).to_vec(),
        rows: search.classes.iter().map(line).collect(),
        caption: "Every class that raced, with its best start before polishing, on held-out rows in nats; starts end as \
                  soon as several agree."
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
            Family::GeneralisedNormal.name()
        ),
        emphasis: None,
    }
}
