//! How sure a race is: which start is kept, how many reached its basin, and how far the next basin is.

use ivae_expfam::GaussianForm;
use ivae_metrics::{Correlation, Rows as ScoredRows, mcc, weak_mcc};
use ivae_num::Scalar;

use super::{ClassResult, Found, Search, Start};
use crate::spec::BijectiveSpec;
use crate::trainer::best;

/// Latents of one basin correlate at least so, in the mean; see [`Start::agrees_with`].
const SAME_BASIN: f64 = 0.97;
impl<F: Scalar> Start<F> {
    /// Mean correlation of the latents: after matching, or, where the means alone depend on u, after the affine map that
    /// theorem 1 then leaves free whatever the data are.
    fn agrees_with(&self, other: &Self) -> f64 {
        let (ours, theirs) = (self.z.view(), other.z.view());
        let found = match self.net.prior_form {
            GaussianForm::Mean => weak_mcc(ours, theirs, ScoredRows::All, Correlation::Pearson),
            GaussianForm::MeanVar | GaussianForm::Var => mcc(ours, theirs, Correlation::Pearson),
        };
        found.map_or(0.0, |m| m.score)
    }
}

/// The kept restart, and what the others say about it.
pub(super) fn conclude<F: Scalar>(
    starts: Vec<Start<F>>,
    polished: Vec<Start<F>>,
    bijective: &BijectiveSpec,
) -> Found<F> {
    let classes = bijective.classes.iter().enumerate().map(|(class, candidate)| {
        let own = || starts.iter().filter(move |s| s.class == class);
        let best = own()
            .filter(|s| s.restart.usable())
            .map(|s| s.restart.objective)
            .fold(f64::NEG_INFINITY, f64::max);
        ClassResult {
            class: candidate.flow.name().into(),
            starts: own().count(),
            best: Some(best).filter(|b| b.is_finite()),
            seconds: own().filter_map(|s| s.restart.history.last()).map(|e| e.seconds).sum(),
        }
    });
    let classes = classes.collect();
    let raced = starts.len();
    let all: Vec<Start<F>> = starts.into_iter().chain(polished).collect();
    let chosen = best(all.iter().map(|s| &s.restart)).map_or(0, |best| simplest(&all, best));
    let kept = &all[chosen];
    let own: Vec<&Start<F>> =
        all[..raced].iter().filter(|s| s.class == kept.class && s.restart.usable()).collect();
    let (mut reached, mut agreement, mut inside, mut outside) = (0, Vec::new(), f64::NEG_INFINITY, None);
    for start in &own {
        let agrees = start.agrees_with(kept);
        let objective = start.restart.objective;
        if agrees >= SAME_BASIN {
            reached += 1;
            inside = objective.max(inside);
            // That a start agrees with what became of it says nothing.
            agreement.extend(Some(agrees).filter(|_| start.origin != kept.origin));
        } else {
            outside = Some(objective.max(outside.unwrap_or(f64::NEG_INFINITY)));
        }
    }
    let search = Search {
        class: bijective.classes[kept.class].flow.name().into(),
        family: kept.net.family,
        shapes: kept.net.shapes(&kept.restart.params),
        classes,
        starts: all[..raced].iter().filter(|s| s.class == kept.class).count(),
        reached,
        agreement: (!agreement.is_empty()).then(|| agreement.iter().sum::<f64>() / agreement.len() as f64),
        gap: outside.map(|o| inside - o).filter(|g| g.is_finite()),
    };
    Found {
        net: kept.net.clone(),
        classes: all.iter().map(|s| bijective.classes[s.class].flow.name()).collect(),
        chosen,
        search,
        restarts: all.into_iter().map(|s| s.restart).collect(),
    }
}

/// The best of the first class (they stand from the simplest on) that is no more than one standard error of the paired
/// difference below start `of` (the rule of Breiman et al. 1984, section 3.4.3).
fn simplest<F: Scalar>(starts: &[Start<F>], of: usize) -> usize {
    let ties = |i: usize| {
        let pairs = starts[of].log_p.iter().zip(&starts[i].log_p);
        let difference: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let rows = difference.len().max(1) as f64;
        let mean = difference.iter().sum::<f64>() / rows;
        let variance = difference.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / rows;
        starts[of].restart.objective - starts[i].restart.objective <= (variance / rows).sqrt()
    };
    (0..starts[of].class)
        .find_map(|class| {
            let own: Vec<usize> = (0..starts.len()).filter(|&i| starts[i].class == class).collect();
            let best = best(own.iter().map(|&i| &starts[i].restart))?;
            Some(own[best]).filter(|&i| ties(i))
        })
        .unwrap_or(of)
}

/// Those whose latents agree with the latents of start `of`.
pub(super) fn basin<F: Scalar>(starts: &[&Start<F>], of: usize) -> Vec<usize> {
    let agrees = |i: &usize| starts[*i].restart.usable() && starts[*i].agrees_with(starts[of]) >= SAME_BASIN;
    (0..starts.len()).filter(agrees).collect()
}

#[cfg(test)]
mod tests {
    use ivae_nn::{FlowSpec, SquareSpec};
    use ivae_num::{Purpose, StreamKey, stream};
    use ndarray::Array2;

    use super::*;
    use crate::defaults::DecoderKind;
    use crate::exact::Exact;
    use crate::family::Family;
    use crate::spec::{DecoderSpec, FitSpec};
    use crate::trainer::{Ending, Restart, Stage};
    use crate::vae::AuxShape;

    /// Two latents of 200 rows; other seeds, other latents.
    fn latents(seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; 400];
        stream::fill_normal(&mut flat, 2, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_vec((200, 2), flat).unwrap_or_default()
    }

    fn spec() -> (FitSpec, BijectiveSpec) {
        let spec = FitSpec::bijective(2, 2, DecoderKind::Bijective);
        match &spec.decoder {
            DecoderSpec::Bijective(race) => (spec.clone(), race.clone()),
            DecoderSpec::Mlp => panic!("not bijective"),
        }
    }

    /// Number `restart` of class `class`, whose rows all have log-density `objective`, a little noise apart.
    fn start(class: usize, restart: u32, objective: f64, z: Array2<f64>) -> Start<f64> {
        let flow = FlowSpec::Square(SquareSpec { layers: 1, ..SquareSpec::default() });
        let prior = spec().0.vae.prior;
        let net = Exact::new(&flow, &prior, Family::Gaussian, 2, AuxShape::Levels(3)).expect("a right spec");
        let ending = if objective.is_finite() { Ending::Converged } else { Ending::NotFinite };
        let restart = Restart {
            stage: Stage::Search,
            restart,
            params: vec![0.0; 100],
            best_epoch: 1,
            objective,
            ending,
            steps: 1,
            history: Vec::new(),
        };
        let log_p = (0..200).map(|row| objective + 0.1 * f64::from(row % 2 * 2 - 1) * objective).collect();
        Start { class, origin: restart.restart, net, restart, z, log_p }
    }

    /// What became of `of`.
    fn polished(of: &Start<f64>, restart: u32, objective: f64) -> Start<f64> {
        Start { origin: of.origin, ..start(of.class, restart, objective, of.z.clone()) }
    }

    fn concluded(starts: Vec<Start<f64>>, polished: Vec<Start<f64>>) -> (usize, Search) {
        let found = conclude(starts, polished, &spec().1);
        (found.chosen, found.search)
    }

    #[test]
    fn starts_of_one_basin_are_counted_and_the_gap_is_to_the_next() {
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
        assert_eq!((chosen, search.starts, search.reached), (0, 3, 2));
        assert!((search.gap.unwrap_or(0.0) - 0.7).abs() < 1e-12, "{:?}", search.gap);
        assert!(search.agreement.is_some_and(|r| (r - 1.0).abs() < 1e-12), "{:?}", search.agreement);
        let of_class: Vec<(usize, Option<f64>)> = search.classes.iter().map(|c| (c.starts, c.best)).collect();
        assert_eq!(of_class, [(3, Some(-2.0)), (1, Some(-9.0)), (0, None)]);
    }

    #[test]
    fn a_start_does_not_agree_with_what_became_of_itself() {
        let starts = vec![start(0, 0, -2.0, latents(1)), start(0, 1, -2.5, latents(2))];
        let polish = polished(&starts[0], 2, -1.9);
        let (chosen, search) = concluded(starts, vec![polish]);
        assert_eq!((chosen, search.starts, search.reached), (2, 2, 1));
        assert_eq!(search.agreement, None);
        assert!((search.gap.unwrap_or(0.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_finite_is_neither_kept_nor_counted() {
        let (a, nan) = (latents(1), Array2::from_elem((200, 2), f64::NAN));
        let starts =
            vec![start(0, 0, f64::NAN, nan), start(0, 1, -3.0, a.clone()), start(0, 2, f64::NEG_INFINITY, a)];
        let (chosen, search) = concluded(starts, Vec::new());
        assert_eq!((chosen, search.starts, search.reached), (1, 3, 1));
        assert_eq!((search.gap, search.agreement), (None, None));
        assert_eq!(search.classes[0].best, Some(-3.0));
    }

    #[test]
    fn of_classes_that_rows_cannot_tell_apart_the_simplest_is_kept() {
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
        use super::super::next_wave;
        let (_, race) = spec();
        let none: Vec<Start<f64>> = Vec::new();
        assert_eq!(next_wave(&none, &race), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
        let agreeing = |class, count: u32, other: u32| -> Vec<Start<f64>> {
            let z = |i| if i < count { latents(1) } else { latents(9 + u64::from(i)) };
            (0..count + other).map(|i| start(class, i, -2.0 - f64::from(i), z(i))).collect()
        };
        // Of the first class three agree; of the others there are all that may be.
        let rest = || agreeing(1, 4, 0).into_iter().chain(agreeing(2, 2, 0));
        let with = |first: Vec<Start<f64>>| first.into_iter().chain(rest()).collect::<Vec<_>>();
        assert!(next_wave(&with(agreeing(0, 3, 1)), &race).is_empty());
        assert_eq!(next_wave(&with(agreeing(0, 2, 2)), &race), [0, 0, 0, 0]);
        assert!(next_wave(&with(agreeing(0, 2, 6)), &race).is_empty());
    }
}
