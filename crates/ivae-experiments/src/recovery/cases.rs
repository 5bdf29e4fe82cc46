//! The data of the experiment: what is simulated, how it is fitted, and what is asked for.

use ivae::core::DecoderKind;
use ivae::data::{Mixing, Simulation, SourcePrior};

use crate::context::{Context, Result};

/// One row of the table.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// In words.
    pub(super) title: String,
    /// In file names.
    pub(super) name: String,
    pub(super) group: Group,
    /// The data, but for their seed.
    pub(super) simulation: Simulation,
    /// The class of the decoder, where it is not found by the fit.
    pub(super) decoder: Option<DecoderKind>,
    pub(super) target: Option<Target>,
    when: When,
}

/// Rows that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Mixed by a random network, as in the papers.
    Network,
    /// Mixed in other ways.
    Other,
    /// The network's data, and a perceptron with noise for decoder.
    Perceptron,
}

/// The least runs that a row is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum When {
    Quick,
    Usual,
    /// With several seeds.
    Wide,
}

/// What is asked of the fits of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Target {
    /// Least mean MCC.
    pub(super) mean: f64,
    /// Least MCC of any seed.
    pub(super) worst: Option<f64>,
    /// Most seconds, in the mean.
    pub(super) seconds: f64,
}

/// The rows of this run.
pub(super) fn cases(context: &Context) -> Result<Vec<Case>> {
    let largest = match context {
        Context { quick: true, .. } => When::Quick,
        Context { seeds: 2.., .. } => When::Wide,
        _ => When::Usual,
    };
    let mut cases = all();
    if let Some(row) = context.rows.iter().find(|row| cases.iter().all(|c| c.name != **row)) {
        let names: Vec<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        return Err(format!("no row {row:?}; there are {}", names.join(", ")).into());
    }
    cases
        .retain(|c| if context.rows.is_empty() { c.when <= largest } else { context.rows.contains(&c.name) });
    if context.quick {
        for case in &mut cases {
            (case.simulation.segments, case.simulation.per_segment) = (20, 200);
        }
    }
    Ok(cases)
}

pub(super) fn all() -> Vec<Case> {
    use When::{Quick, Usual, Wide};
    let target = |mean, worst, seconds| Some(Target { mean, worst, seconds });
    let five = |observed| Simulation { latents: 5, observed, ..Simulation::default() };
    let noisy = |noise| Simulation { noise, ..five(25) };
    let two = |observed| Simulation { latents: 2, observed, centred: false, ..Simulation::default() };
    let laplace = |simulation| Simulation { prior: SourcePrior::Laplace, ..simulation };
    // Linear log-odds, as the target supposes; through three layers hardly any of the sources is left in the bits.
    let binary =
        |layers| Simulation { latents: 10, observed: 100, discrete: true, layers, ..Simulation::default() };
    let network = |name: &str, what: &str, simulation, target, when| {
        case(name, what, Group::Network, simulation, target, when)
    };
    let mut cases = vec![
        network("gauss-5-5", "Gaussian", five(5), target(0.995, Some(0.99), 20.0), Quick),
        network("gauss-5-25", "Gaussian", five(25), target(0.99, Some(0.985), 60.0), Quick),
        network("noise-0.03", "noise sd 0.03", noisy(0.03), None, Wide),
        network("noise-0.1", "noise sd 0.1", noisy(0.1), target(0.972, None, 40.0), Usual),
        network("noise-0.3", "noise sd 0.3", noisy(0.3), None, Wide),
        network("laplace-5-5", "Laplace", laplace(five(5)), target(0.995, None, 30.0), Usual),
        network("means-2-2", "means vary", two(2), target(0.995, None, 20.0), Usual),
        network("means-2-4", "means vary", two(4), target(0.995, None, 20.0), Wide),
        network("binary-10-100", "binary", binary(1), target(0.91, None, 20.0), Wide),
        network("binary-10-100-deep", "binary, three layers", binary(3), None, Wide),
    ];

    let mut other = |mixing: Mixing, latents, observed, prior, when| {
        let simulation = Simulation { latents, observed, prior, mixing, ..Simulation::default() };
        let what = match prior {
            SourcePrior::Gauss => mixing.name().to_owned(),
            SourcePrior::Laplace => format!("{mixing}, Laplace"),
            other => format!("{mixing}, {other}"),
        };
        let name = format!("{}-{latents}-{observed}", what.replace(", ", "-").to_lowercase());
        cases.push(case(&name, &what, Group::Other, simulation, target(0.985, Some(0.97), 60.0), when));
    };
    let (gauss, laplace) = (SourcePrior::Gauss, SourcePrior::Laplace);
    for mixing in Mixing::ALL.into_iter().filter(|&m| m != Mixing::Network) {
        other(mixing, 5, 5, gauss, if mixing == Mixing::Residual { Usual } else { Wide });
    }
    other(Mixing::PostNonlinear, 3, 3, laplace, Wide);
    other(Mixing::Swirl, 4, 10, gauss, Wide);
    other(Mixing::Sines, 4, 10, gauss, Wide);
    other(Mixing::LeakyRelu, 10, 10, gauss, Wide);
    other(Mixing::Residual, 5, 20, gauss, Wide);
    other(Mixing::Spline, 5, 20, laplace, Wide);

    for (observed, mean) in [(5, 0.90), (25, 0.97)] {
        let when = if observed == 5 { Usual } else { Wide };
        let name = format!("mlp-5-{observed}");
        let target = target(mean, None, 40.0);
        let case = case(&name, "perceptron", Group::Perceptron, five(observed), target, when);
        cases.push(Case { decoder: Some(DecoderKind::Mlp), ..case });
    }
    cases
}

fn case(
    name: &str,
    what: &str,
    group: Group,
    simulation: Simulation,
    target: Option<Target>,
    when: When,
) -> Case {
    let title = format!("{} → {}, {what}", simulation.latents, simulation.observed);
    Case { title, name: name.into(), group, simulation, decoder: None, target, when }
}

impl Target {
    /// `≥ 0.995, worst ≥ 0.990, ≤ 20 s`.
    pub(super) fn words(&self) -> String {
        let worst = self.worst.map_or_else(String::new, |w| format!(", worst ≥ {w:.3}"));
        format!("≥ {:.3}{worst}, ≤ {:.0} s", self.mean, self.seconds)
    }

    /// `met`, or what is missed.
    pub(super) fn verdict(&self, mean: f64, worst: f64, seconds: f64) -> String {
        let missed: Vec<&str> = [
            (mean >= self.mean, "mean"),
            (self.worst.is_none_or(|w| worst >= w), "worst"),
            (seconds <= self.seconds, "seconds"),
        ]
        .into_iter()
        .filter_map(|(met, what)| (!met).then_some(what))
        .collect();
        match missed.is_empty() {
            true => "met".into(),
            false => format!("missed: {}", missed.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use ivae::core::ModelKind;
    use ivae::core::fit::check_fit;
    use ivae::prelude::FitSpec;

    use super::*;

    #[test]
    fn names_are_unique_and_every_mixing_is_there() {
        let cases = all();
        let names: BTreeSet<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        for mixing in Mixing::ALL {
            assert!(cases.iter().any(|c| c.simulation.mixing == mixing), "{mixing}");
        }
    }

    #[test]
    fn every_row_can_be_simulated_and_fitted() {
        for case in all() {
            let small = Simulation { segments: 22, per_segment: 20, seed: 1, ..case.simulation.clone() };
            let data = small.generate::<f32>().unwrap().data;
            let spec = FitSpec::for_data(&ModelKind::Ivae, case.decoder, small.latents, &data);
            check_fit(&data, &spec).unwrap_or_else(|e| panic!("{}: {e}", case.title));
        }
    }

    #[test]
    fn a_target_says_what_is_missed() {
        let target = Target { mean: 0.99, worst: Some(0.98), seconds: 20.0 };
        assert_eq!(target.words(), "≥ 0.990, worst ≥ 0.980, ≤ 20 s");
        assert_eq!(target.verdict(0.99, 0.98, 20.0), "met");
        assert_eq!(target.verdict(0.989, 0.97, 21.0), "missed: mean, worst, seconds");
        assert_eq!(target.verdict(f64::NAN, 0.99, 1.0), "missed: mean");
    }
}
