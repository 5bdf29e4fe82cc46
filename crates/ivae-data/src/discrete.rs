//! Discrete columns: finding them, and adding noise to them.

use ivae_num::{Scalar, StreamKey};
use ndarray::{Array1, ArrayView2, ArrayViewMut2};
use rand::Rng;

/// A column with more distinct values than this counts as continuous.
const MOST_VALUES: usize = 100;
/// And so does one whose values stand for fewer rows than this on average.
const FEWEST_ROWS: usize = 5;
/// Values closer than this part of the column's range are one value, rounded in different ways.
const SAME: f64 = 1e-6;

/// A column that holds few distinct values, each many times.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscreteColumn {
    /// Which column.
    pub column: usize,
    /// Its name.
    pub name: String,
    /// How many values it has.
    pub values: usize,
    /// Smallest distance between two of them: the quantum, where they are equally spaced.
    pub gap: f64,
}

/// The columns of x `[N, d]` that hold at most 100 distinct values, each standing for 5 rows or more on average; no
/// constant ones.
///
/// The likelihood of a continuous density is unbounded on such values, so it cannot compare models: [`dequantise`] the
/// columns, or leave them out. `names` are those of the columns, `[d]`.
pub fn discrete_columns<F: Scalar>(x: ArrayView2<'_, F>, names: &[String]) -> Vec<DiscreteColumn> {
    let most = MOST_VALUES.min(x.nrows() / FEWEST_ROWS);
    let found = x.columns().into_iter().zip(names).enumerate().filter_map(|(column, (values, name))| {
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v.f64()), high.max(v.f64())));
        let mut distinct: Vec<f64> = Vec::new();
        for v in values.iter().map(|v| v.f64()) {
            let at = distinct.partition_point(|&d| d < v);
            let near = |d: Option<&f64>| d.is_some_and(|d| (d - v).abs() <= SAME * (high - low));
            if near(distinct.get(at)) || near(distinct[..at].last()) {
                continue;
            }
            if distinct.len() == most {
                return None;
            }
            distinct.insert(at, v);
        }
        let gap = distinct.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        (distinct.len() > 1).then(|| DiscreteColumn {
            column,
            name: name.clone(),
            values: distinct.len(),
            gap,
        })
    });
    found.collect()
}

/// Adds to every value of the columns in x `[N, d]` a number uniform on ± half of the column's gap.
///
/// The log-likelihood of a density for the result is a lower bound on that of the discrete values (Uria et al. 2013;
/// Theis et al. 2016), so it is bounded. Rounding gives the values back. The noise of a column depends on the key and the
/// column alone.
///
/// # Panics
/// If x has no such column.
pub fn dequantise<F: Scalar>(mut x: ArrayViewMut2<'_, F>, columns: &[DiscreteColumn], key: StreamKey) {
    for found in columns {
        let mut rng = key.block(found.column as u64).rng();
        let mut column = x.column_mut(found.column);
        let noise =
            Array1::from_shape_simple_fn(column.len(), || F::of(found.gap * rng.random_range(-0.5..0.5)));
        column += &noise;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::Purpose;
    use ndarray::Array2;
    use rand_distr::StandardNormal;

    const KEY: StreamKey = StreamKey { seed: 3, restart: 0, purpose: Purpose::Noise, step: 0, block: 0 };

    /// Normal, counts of 0.5, constant, binary, rounded to 0.001, and thirds reached in two ways.
    fn data() -> (Array2<f64>, Vec<String>) {
        let mut rng = KEY.rng();
        let x = Array2::from_shape_fn((600, 6), |(i, j)| match j {
            0 => rng.sample(StandardNormal),
            1 => 0.5 * f64::from(rng.random_range(-3..=6)),
            2 => 7.0,
            3 => f64::from(u8::from(rng.random::<bool>())),
            4 => (1e3 * rng.sample::<f64, _>(StandardNormal)).round() / 1e3,
            _ if i % 2 == 0 => (i % 3) as f64 / 3.0,
            _ => (i % 3) as f64 * (1.0 / 3.0) + 1e-15,
        });
        (x, (0..6).map(|j| format!("x{j}")).collect())
    }

    #[test]
    fn discrete_columns_are_found_among_continuous_ones() {
        let (x, names) = data();
        let found = discrete_columns(x.view(), &names);
        let summary: Vec<_> = found.iter().map(|c| (c.column, c.name.as_str(), c.values)).collect();
        assert_eq!(summary, [(1, "x1", 10), (3, "x3", 2), (5, "x5", 3)]);
        for (found, gap) in found.iter().zip([0.5, 1.0, 1.0 / 3.0]) {
            assert!((found.gap - gap).abs() < 1e-12);
        }
        let single = discrete_columns(x.mapv(|v| v as f32).view(), &names);
        assert_eq!(
            single.iter().map(|c| (c.column, c.values)).collect::<Vec<_>>(),
            [(1, 10), (3, 2), (5, 3)]
        );
        // Ten values are not few among twenty rows.
        let few = x.view().split_at(ndarray::Axis(0), 20).0;
        assert!(discrete_columns(few, &names).iter().all(|c| c.column != 1));
        assert!(discrete_columns(Array2::<f64>::zeros((0, 6)).view(), &names).is_empty());
    }

    #[test]
    fn noise_of_one_quantum_can_be_rounded_away() {
        let (x, names) = data();
        let found = discrete_columns(x.view(), &names);
        let mut spread = x.clone();
        dequantise(spread.view_mut(), &found, KEY);
        assert!(discrete_columns(spread.view(), &names).is_empty());
        for j in [0, 2, 4] {
            assert_eq!(spread.column(j), x.column(j));
        }
        for c in &found {
            let (before, after) = (x.column(c.column), spread.column(c.column));
            let noise = (&after - &before) / c.gap;
            assert!(noise.iter().all(|e| (-0.5..0.5).contains(e)));
            assert!(noise.mean().unwrap().abs() < 0.05);
            assert!((noise.var(0.0) - 1.0 / 12.0).abs() < 0.01);
        }
        // The noise of a column does not depend on the other columns.
        let mut alone = x.clone();
        dequantise(alone.view_mut(), &found[1..2], KEY);
        assert_eq!(alone.column(3), spread.column(3));
    }
}
