//! The standard mixing: a random network of well-conditioned linear maps.

use ivae_num::{LinalgError, StreamKey, linalg};
use ndarray::Array2;
use rand::Rng;

use super::monotone::Monotone;
use super::step::Step;

/// The activation, tanh(h) + 0.1 h.
const ACTIVATION: Monotone = Monotone::Tanh { gain: 1.0, slope: 0.1 };
/// Random matrices whose condition numbers set the bar for the mixing, up to [`FULL_SIZE`] rows.
const CONDITION_DRAWS: usize = 10_000;
/// Above this size the draws fall as 1/n³, so that setting the bar takes no longer.
const FULL_SIZE: usize = 25;
/// But never below this many.
const FEWEST_DRAWS: usize = 200;
/// Share of those matrices that clears the bar.
const CONDITION_QUANTILE: f64 = 0.25;

/// `layers` linear maps, the first `[n, d]`, the others `[d, d]` and all the same (the first too if n = d), with the
/// activation between them.
pub(super) fn draw(n: usize, d: usize, layers: usize, key: StreamKey) -> Result<Vec<Step>, LinalgError> {
    let first = well_conditioned(n, d, key.block(0))?;
    let square = match layers {
        1 => None,
        _ if n == d => Some(first.clone()),
        _ => Some(well_conditioned(d, d, key.block(1))?),
    };
    let mut steps = vec![Step::Linear(first)];
    for w in square.iter().cycle().take(layers - 1) {
        steps.push(Step::Coordinates(vec![ACTIVATION; d]));
        steps.push(Step::Linear(w.clone()));
    }
    Ok(steps)
}

/// A random matrix `[rows, cols]` with columns of unit norm and a condition number that only a quarter of such
/// matrices reach.
fn well_conditioned(rows: usize, cols: usize, key: StreamKey) -> Result<Array2<f64>, LinalgError> {
    let mut rng = key.rng();
    let mut draw = || unit_columns(rows, cols, &mut rng);
    let share = (FULL_SIZE as f64 / rows as f64).powi(3).min(1.0);
    let draws = FEWEST_DRAWS.max((share * CONDITION_DRAWS as f64) as usize);
    let mut conditions = (0..draws).map(|_| condition(&draw())).collect::<Result<Vec<f64>, _>>()?;
    conditions.sort_unstable_by(f64::total_cmp);
    let bar = conditions[(CONDITION_QUANTILE * (draws - 1) as f64) as usize];
    loop {
        let a = draw();
        if condition(&a)? <= bar {
            return Ok(a);
        }
    }
}

/// A matrix of uniform numbers, its columns scaled to norm 1.
fn unit_columns(rows: usize, cols: usize, rng: &mut impl Rng) -> Array2<f64> {
    let mut a = Array2::from_shape_simple_fn((rows, cols), || rng.random_range(-1.0..1.0));
    for mut column in a.columns_mut() {
        let norm: f64 = column.dot(&column);
        column /= norm.sqrt();
    }
    a
}

/// Condition number of a `[n, d]` with n ≤ d, from the eigenvalues of a aᵀ; infinite where those lose it.
fn condition(a: &Array2<f64>) -> Result<f64, LinalgError> {
    let squares = linalg::eigh(a.dot(&a.t()).view())?.values;
    Ok((squares[squares.len() - 1] / squares[0].max(0.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ivae_num::Purpose;

    fn matrices(n: usize, d: usize, layers: usize, seed: u64) -> Vec<Array2<f64>> {
        let steps = draw(n, d, layers, StreamKey::new(seed, Purpose::Generate)).unwrap();
        let linear = steps.into_iter().filter_map(|step| match step {
            Step::Linear(w) => Some(w),
            _ => None,
        });
        linear.collect()
    }

    #[test]
    fn all_square_layers_share_a_matrix() {
        let wide = matrices(3, 5, 3, 0);
        assert_eq!(wide.iter().map(Array2::dim).collect::<Vec<_>>(), [(3, 5), (5, 5), (5, 5)]);
        assert_eq!(wide[1], wide[2]);
        let square = matrices(4, 4, 3, 0);
        assert!(square.len() == 3 && square.iter().all(|w| w == square[0]));
        assert_eq!(matrices(3, 5, 1, 0).len(), 1);
    }

    #[test]
    fn columns_have_unit_norm_and_conditions_are_in_the_best_quarter() {
        for w in matrices(3, 3, 2, 0).iter().chain(&matrices(2, 6, 2, 0)) {
            for column in w.columns() {
                assert_abs_diff_eq!(column.dot(&column), 1.0, epsilon = 1e-12);
            }
        }
        // Over many seeds, all conditions are below a bar that only a quarter of unconditioned draws reach.
        let worst = (0..8).map(|seed| condition(&matrices(3, 3, 1, seed)[0]).unwrap()).fold(0.0, f64::max);
        let mut rng = StreamKey::new(99, Purpose::Control).rng();
        let draws = 3000;
        let better = (0..draws).filter(|_| condition(&unit_columns(3, 3, &mut rng)).unwrap() < worst).count();
        let share = better as f64 / f64::from(draws);
        assert!((0.1..0.28).contains(&share), "{share}");
    }
}
