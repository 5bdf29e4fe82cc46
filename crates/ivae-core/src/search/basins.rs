//! Which start a search keeps, how many are in its basin, and how far the next basin is.

use ivae_metrics::{Correlation, Rows as ScoredRows, mcc, weak_mcc};
use ivae_num::Scalar;

use super::candidates::{Agreement, Class, Start};
use super::report::{ClassReport, SearchReport};
use crate::prior::Families;
use crate::train::best;

/// Latents of one basin correlate at least so, in the mean; see [`agree`].
const SAME_BASIN: f64 = 0.97;

/// Mean correlation of the latents of two starts.
fn agree<F: Scalar, N>(a: &Start<F, N>, b: &Start<F, N>, agreement: Agreement) -> f64 {
    let (a, b) = (a.probe.z.view(), b.probe.z.view());
    let found = match agreement {
        Agreement::Affine => weak_mcc(a, b, ScoredRows::All, Correlation::Pearson),
        Agreement::Matched => mcc(a, b, Correlation::Pearson),
    };
    found.map_or(0.0, |m| m.score)
}

/// What the search says of every class.
pub(crate) fn class_reports<F: Scalar, N>(starts: &[Start<F, N>], classes: &[Class<N>]) -> Vec<ClassReport> {
    let class_report = |(class, candidate): (usize, &Class<N>)| {
        let of_class = || starts.iter().filter(move |s| s.class == class);
        let best = of_class()
            .filter(|s| s.restart.usable())
            .map(|s| s.restart.objective)
            .fold(f64::NEG_INFINITY, f64::max);
        ClassReport {
            class: candidate.name.into(),
            starts: of_class().count(),
            best: Some(best).filter(|b| b.is_finite()),
            seconds: of_class().filter_map(|s| s.restart.history.last()).map(|e| e.seconds).sum(),
        }
    };
    classes.iter().enumerate().map(class_report).collect()
}

/// The position of the start that is kept among `starts` and then `refined`, and what the others say about it; `family`
/// gives the family of its latents and their shapes.
pub(crate) fn conclude<F: Scalar, N>(
    starts: &[Start<F, N>],
    refined: &[Start<F, N>],
    classes: &[Class<N>],
    agreement: Agreement,
    family: impl Fn(&N, &[F]) -> (Families, Option<Vec<f64>>),
) -> (usize, SearchReport) {
    let all: Vec<&Start<F, N>> = starts.iter().chain(refined).collect();
    let chosen = best(all.iter().map(|s| &s.restart)).map_or(0, |best| simplest(&all, best));
    let kept = all[chosen];
    let (mut in_basin, mut agreements, mut inside, mut outside) = (0, Vec::new(), f64::NEG_INFINITY, None);
    for start in starts.iter().filter(|s| s.class == kept.class && s.restart.usable()) {
        let agrees = agree(start, kept, agreement);
        let objective = start.restart.objective;
        if agrees >= SAME_BASIN {
            in_basin += 1;
            inside = objective.max(inside);
            // That a start agrees with its own refinement says nothing.
            agreements.extend(Some(agrees).filter(|_| start.origin != kept.origin));
        } else {
            outside = Some(objective.max(outside.unwrap_or(f64::NEG_INFINITY)));
        }
    }
    let (family, shapes) = family(&kept.net, &kept.restart.params);
    let report = SearchReport {
        class: classes[kept.class].name.into(),
        family,
        shapes,
        classes: class_reports(starts, classes),
        starts: starts.iter().filter(|s| s.class == kept.class).count(),
        starts_in_basin: in_basin,
        agreement: (!agreements.is_empty()).then(|| agreements.iter().sum::<f64>() / agreements.len() as f64),
        likelihood_margin: outside.map(|o| inside - o).filter(|g| g.is_finite()),
    };
    (chosen, report)
}

/// Whether `other` is no more than one standard error of the paired difference below `best`, on the compared rows.
pub(crate) fn tie<F: Scalar, N>(best: &Start<F, N>, other: &Start<F, N>) -> bool {
    let pairs = best.probe.log_p.iter().zip(&other.probe.log_p);
    let difference: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
    let rows = difference.len().max(1) as f64;
    let mean = difference.iter().sum::<f64>() / rows;
    let variance = difference.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / rows;
    best.restart.objective - other.restart.objective <= (variance / rows).sqrt()
}

/// The best of the first class (they stand from the simplest on) that is no more than one standard error of the paired
/// difference below the start at `best_of_all` (the rule of Breiman et al. 1984, section 3.4.3).
fn simplest<F: Scalar, N>(starts: &[&Start<F, N>], best_of_all: usize) -> usize {
    let leader = starts[best_of_all];
    (0..leader.class)
        .find_map(|class| {
            let of_class: Vec<usize> = (0..starts.len()).filter(|&i| starts[i].class == class).collect();
            let best = best(of_class.iter().map(|&i| &starts[i].restart))?;
            Some(of_class[best]).filter(|&i| tie(leader, starts[i]))
        })
        .unwrap_or(best_of_all)
}

/// Those whose latents agree with the latents of the start at `centre`.
pub(super) fn basin<F: Scalar, N>(
    starts: &[&Start<F, N>],
    centre: usize,
    agreement: Agreement,
) -> Vec<usize> {
    let agrees =
        |i: &usize| starts[*i].restart.usable() && agree(starts[*i], starts[centre], agreement) >= SAME_BASIN;
    (0..starts.len()).filter(agrees).collect()
}

#[cfg(test)]
mod tests {
    use ivae_nn::{OptimiserSpec, ScheduleSpec};
    use ivae_num::{Purpose, StreamKey, stream};
    use ndarray::Array2;

    use super::super::candidates::Probe;
    use super::super::explore::next_wave;
    use super::*;
    use crate::train::{Ending, Restart, Stage, StepSpec, TrainSpec};

    /// Two latents of 200 rows; other seeds, other latents.
    fn latents(seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; 400];
        stream::fill_normal(&mut flat, 2, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_vec((200, 2), flat).unwrap_or_default()
    }

    /// Three classes of networks that are nothing, of 8, 4 and 2 starts.
    fn classes() -> Vec<Class<()>> {
        let step = StepSpec {
            batch: 1,
            epoch_rows: None,
            optimiser: OptimiserSpec::default(),
            schedule: ScheduleSpec::Constant,
            clip_norm: None,
            patience: None,
            time_budget: None,
        };
        let training = TrainSpec { epochs: 1, learning_rate: 1.0, step };
        let class = |(name, restarts)| Class { name, restarts, training: training.clone(), net: () };
        [("first", 8), ("second", 4), ("third", 2)].map(class).into()
    }

    /// Number `restart` of class `class`, whose rows all have log-density `objective`, a little noise apart.
    fn start(class: usize, restart: u32, objective: f64, z: Array2<f64>) -> Start<f64, ()> {
        let ending = if objective.is_finite() { Ending::Converged } else { Ending::NotFinite };
        let restart = Restart {
            stage: Stage::Search,
            restart,
            params: Vec::new(),
            best_epoch: 1,
            objective,
            ending,
            steps: 1,
            history: Vec::new(),
        };
        let log_p = (0..200).map(|row| objective + 0.1 * f64::from(row % 2 * 2 - 1) * objective).collect();
        Start { class, origin: restart.restart, net: (), restart, probe: Probe { z, log_p } }
    }

    /// A refinement of `start`.
    fn refined(from: &Start<f64, ()>, restart: u32, objective: f64) -> Start<f64, ()> {
        Start { origin: from.origin, ..start(from.class, restart, objective, from.probe.z.clone()) }
    }

    fn concluded(starts: Vec<Start<f64, ()>>, refined: Vec<Start<f64, ()>>) -> (usize, SearchReport) {
        conclude(&starts, &refined, &classes(), Agreement::Matched, |(), _| {
            (crate::prior::Family::Gaussian.into(), None)
        })
    }

    #[test]
    fn starts_of_one_basin_are_counted_and_the_margin_is_to_the_next() {
        let (a, b) = (latents(1), latents(2));
        // The same up to order, sign, size and place.
        let again = Array2::from_shape_fn((200, 2), |(i, j)| 3.0 - 2.0 * a[[i, 1 - j]]);
        let starts = vec![
            start(0, 0, -2.0, a.clone()),
            start(0, 1, -2.7, b),
            start(0, 2, -2.1, again),
            start(1, 3, -9.0, a),
        ];
        let (chosen, search) = concluded(starts, Vec::new());
        assert_eq!((chosen, search.starts, search.starts_in_basin), (0, 3, 2));
        assert!(
            (search.likelihood_margin.unwrap_or(0.0) - 0.7).abs() < 1e-12,
            "{:?}",
            search.likelihood_margin
        );
        assert!(search.agreement.is_some_and(|r| (r - 1.0).abs() < 1e-12), "{:?}", search.agreement);
        let of_class: Vec<(usize, Option<f64>)> = search.classes.iter().map(|c| (c.starts, c.best)).collect();
        assert_eq!(of_class, [(3, Some(-2.0)), (1, Some(-9.0)), (0, None)]);
    }

    #[test]
    fn a_start_is_no_witness_for_its_own_refinement() {
        let starts = vec![start(0, 0, -2.0, latents(1)), start(0, 1, -2.5, latents(2))];
        let refinement = refined(&starts[0], 2, -1.9);
        let (chosen, search) = concluded(starts, vec![refinement]);
        assert_eq!((chosen, search.starts, search.starts_in_basin), (2, 2, 1));
        assert_eq!(search.agreement, None);
        assert!((search.likelihood_margin.unwrap_or(0.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn non_finite_starts_are_neither_kept_nor_counted() {
        let (a, nan) = (latents(1), Array2::from_elem((200, 2), f64::NAN));
        let starts =
            vec![start(0, 0, f64::NAN, nan), start(0, 1, -3.0, a.clone()), start(0, 2, f64::NEG_INFINITY, a)];
        let (chosen, search) = concluded(starts, Vec::new());
        assert_eq!((chosen, search.starts, search.starts_in_basin), (1, 3, 1));
        assert_eq!((search.likelihood_margin, search.agreement), (None, None));
        assert_eq!(search.classes[0].best, Some(-3.0));
    }

    #[test]
    fn the_simplest_of_tied_classes_is_kept() {
        let pair = |simple: f64| {
            concluded(vec![start(0, 0, simple, latents(1)), start(1, 1, -2.0, latents(1))], vec![])
        };
        // The rows' differences have a standard deviation of a tenth of the objectives' difference.
        assert_eq!(pair(-2.0).0, 0);
        assert_eq!(pair(-2.3).0, 1);
        assert_eq!(pair(-1.9).0, 0);
    }

    #[test]
    fn a_class_gets_no_more_starts_once_three_agree() {
        let classes = classes();
        let wave = |starts: &[Start<f64, ()>]| next_wave(starts, &classes, Agreement::Matched);
        assert_eq!(wave(&[]), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
        let agreeing = |class, count: u32, other: u32| -> Vec<Start<f64, ()>> {
            let z = |i| if i < count { latents(1) } else { latents(9 + u64::from(i)) };
            (0..count + other).map(|i| start(class, i, -2.0 - f64::from(i), z(i))).collect()
        };
        // Three of the first class agree; the other classes have all the starts they may have.
        let rest = || agreeing(1, 4, 0).into_iter().chain(agreeing(2, 2, 0));
        let with = |first: Vec<Start<f64, ()>>| first.into_iter().chain(rest()).collect::<Vec<_>>();
        assert!(wave(&with(agreeing(0, 3, 1))).is_empty());
        assert_eq!(wave(&with(agreeing(0, 2, 2))), [0, 0, 0, 0]);
        assert!(wave(&with(agreeing(0, 2, 6))).is_empty());
    }
}
