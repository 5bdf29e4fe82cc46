//! [`Split`]: which rows train and which are held out.

use std::collections::BTreeMap;

use ivae_num::StreamKey;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Rows for training and rows held out; both ascending, together all rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Rows to train on; never empty.
    pub train: Vec<usize>,
    /// Rows held out; empty where nothing can be spared.
    pub held_out: Vec<usize>,
}

impl Split {
    /// Hold out `fraction` of `rows` independent rows at random, the same share of every level where `levels` `[N]`
    /// are given; every level keeps at least one row to train on.
    ///
    /// # Errors
    /// `fraction` outside [0, 1), no rows, or `levels` of another length.
    pub fn by_rows(
        rows: usize,
        fraction: f64,
        levels: Option<&[u32]>,
        key: StreamKey,
    ) -> Result<Self, DataError> {
        checked(rows, fraction)?;
        Self::of_units(rows, |row| [row], rows, fraction, levels, key)
    }

    /// Hold out `fraction` of the groups at random: rows of one group (an utterance, a session; `groups` `[N]`) stay
    /// together. A group counts for the level of its first row; every level keeps at least one group to train on.
    ///
    /// # Errors
    /// As [`by_rows`](Self::by_rows).
    pub fn by_groups(
        groups: &[u32],
        fraction: f64,
        levels: Option<&[u32]>,
        key: StreamKey,
    ) -> Result<Self, DataError> {
        checked(groups.len(), fraction)?;
        let mut units: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, &group) in groups.iter().enumerate() {
            units.entry(group).or_default().push(row);
        }
        let units: Vec<Vec<usize>> = units.into_values().collect();
        let rows_of = |unit: usize| units[unit].iter().copied();
        Self::of_units(units.len(), rows_of, groups.len(), fraction, levels, key)
    }

    /// Hold out `fraction` of the contiguous blocks of `block` rows, evenly spread over a time series; nothing is
    /// random. A single block is all for training.
    ///
    /// # Errors
    /// `fraction` outside [0, 1), no rows, or `block` of 0.
    pub fn by_blocks(rows: usize, fraction: f64, block: usize) -> Result<Self, DataError> {
        checked(rows, fraction)?;
        if block == 0 {
            return Err(option("the length of a block", "0".into(), "1 or more"));
        }
        let before = |blocks: usize| (fraction * blocks as f64 + 0.5).floor() as usize;
        let out = |row: &usize| before(row / block + 1) > before(row / block);
        let (held_out, train): (Vec<_>, Vec<_>) = (0..rows).partition(out);
        Ok(if train.is_empty() {
            Self { train: held_out, held_out: train }
        } else {
            Self { train, held_out }
        })
    }

    /// All of `rows` rows but the ascending `held_out` train.
    pub fn holding_out(rows: usize, held_out: Vec<usize>) -> Self {
        let mut out = held_out.iter().peekable();
        let mut train = Vec::with_capacity(rows.saturating_sub(held_out.len()));
        train.extend((0..rows).filter(|row| out.next_if_eq(&row).is_none()));
        Self { train, held_out }
    }

    /// Hold out units, each of some rows `rows_of` (its number), at random.
    fn of_units<R: IntoIterator<Item = usize>>(
        units: usize,
        rows_of: impl Fn(usize) -> R,
        rows: usize,
        fraction: f64,
        levels: Option<&[u32]>,
        key: StreamKey,
    ) -> Result<Self, DataError> {
        if let Some(levels) = levels.filter(|l| l.len() != rows) {
            return Err(DataError::Length { what: "u", found: levels.len(), against: "x", expected: rows });
        }
        let mut strata: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for unit in 0..units {
            let first = rows_of(unit).into_iter().next();
            let level = levels.zip(first).map_or(0, |(levels, row)| levels[row]);
            strata.entry(level).or_default().push(unit as u32);
        }
        let mut rng = key.rng();
        let mut held_out = Vec::new();
        // Rounding the running total, not each level, keeps the overall share right when levels are small.
        let (mut seen, mut taken) = (0, 0);
        for stratum in strata.values_mut() {
            stratum.shuffle(&mut rng);
            seen += stratum.len();
            let wanted = (fraction * seen as f64 + 0.5).floor() as usize;
            let count = wanted.saturating_sub(taken).min(stratum.len() - 1);
            taken += count;
            held_out.extend(stratum[..count].iter().flat_map(|&unit| rows_of(unit as usize)));
        }
        drop(strata);
        held_out.sort_unstable();
        Ok(Self::holding_out(rows, held_out))
    }
}

fn checked(rows: usize, fraction: f64) -> Result<(), DataError> {
    if rows == 0 {
        return Err(DataError::NoRows);
    }
    if !(0.0..1.0).contains(&fraction) {
        return Err(option("the held-out fraction", fraction.to_string(), "at least 0 and below 1"));
    }
    Ok(())
}

fn option(option: &'static str, value: String, expected: &'static str) -> DataError {
    DataError::Option { option, value, expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::Purpose;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn key(seed: u64) -> StreamKey {
        StreamKey::new(seed, Purpose::Split)
    }

    fn assert_partition(split: &Split, rows: usize) {
        let mut all: Vec<usize> = split.train.iter().chain(&split.held_out).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..rows).collect::<Vec<_>>());
        assert!(!split.train.is_empty() && split.train.is_sorted() && split.held_out.is_sorted());
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(64) })]
        #[test]
        fn every_level_keeps_a_training_row(
            levels in proptest::collection::vec(0u32..6, 1..80), fraction in 0.0..0.999f64, seed in 0u64..9,
        ) {
            let rows = levels.len();
            let split = Split::by_rows(rows, fraction, Some(&levels), key(seed)).unwrap();
            assert_partition(&split, rows);
            for &level in &levels {
                prop_assert!(split.train.iter().any(|&i| levels[i] == level));
            }
            prop_assert_eq!(&split, &Split::by_rows(rows, fraction, Some(&levels), key(seed)).unwrap());
            assert_partition(&Split::by_blocks(rows, fraction, 1 + seed as usize).unwrap(), rows);
            let grouped = Split::by_groups(&levels, fraction, None, key(seed)).unwrap();
            assert_partition(&grouped, rows);
            prop_assert!(grouped.held_out.iter().all(|&i| grouped.train.iter().all(|&j| levels[i] != levels[j])));
        }
    }

    #[test]
    fn the_share_is_right_and_stratified() {
        let levels: Vec<u32> = (0..1000).map(|i| i % 4).collect();
        let split = Split::by_rows(1000, 0.1, Some(&levels), key(0)).unwrap();
        for level in 0..4 {
            assert_eq!(split.held_out.iter().filter(|&&i| levels[i] == level).count(), 25);
        }
        assert_ne!(split, Split::by_rows(1000, 0.1, Some(&levels), key(1)).unwrap());
        // 100 levels of 3 rows: a tenth of each would round to nothing.
        let levels: Vec<u32> = (0..300).map(|i| i / 3).collect();
        assert_eq!(Split::by_rows(300, 0.1, Some(&levels), key(0)).unwrap().held_out.len(), 30);
        assert!(Split::by_rows(300, 0.0, None, key(0)).unwrap().held_out.is_empty());
    }

    #[test]
    fn blocks_are_whole_and_spread() {
        let split = Split::by_blocks(1000, 0.2, 20).unwrap();
        assert_eq!(split.held_out.len(), 200);
        for start in split.held_out.iter().step_by(20) {
            assert_eq!(start % 20, 0);
        }
        assert!(split.held_out.iter().any(|&i| i < 500) && split.held_out.iter().any(|&i| i >= 500));
        assert_eq!(Split::by_blocks(7, 0.9, 100).unwrap().train.len(), 7);
    }

    #[test]
    fn bad_requests_are_refused() {
        for fraction in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(Split::by_rows(5, fraction, None, key(0)), Err(DataError::Option { .. })));
        }
        assert!(matches!(Split::by_rows(0, 0.1, None, key(0)), Err(DataError::NoRows)));
        assert!(matches!(Split::by_blocks(5, 0.1, 0), Err(DataError::Option { .. })));
        let short = Split::by_rows(5, 0.1, Some(&[0, 1]), key(0));
        assert!(matches!(short, Err(DataError::Length { found: 2, expected: 5, .. })));
    }
}
