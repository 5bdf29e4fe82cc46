//! The distinct levels of a batch, so that what depends on u alone is computed once for each.

/// Finds the distinct levels among the rows of a batch, in order of first appearance, without allocating.
#[derive(Debug, Clone)]
pub(crate) struct DistinctLevels {
    slot_of_level: Vec<u32>, // [M]; ABSENT where the level is not in the batch
    distinct: Vec<u32>,
    position: Vec<u32>, // [B]
}

const ABSENT: u32 = u32::MAX;

impl DistinctLevels {
    /// For `levels` levels and batches of up to `batch` rows.
    pub(crate) fn new(levels: usize, batch: usize) -> Self {
        Self {
            slot_of_level: vec![ABSENT; levels],
            distinct: Vec::with_capacity(levels.min(batch)),
            position: Vec::with_capacity(batch),
        }
    }

    /// Find them; returns how many there are.
    pub(crate) fn find(&mut self, rows: &[u32]) -> usize {
        for &level in &self.distinct {
            self.slot_of_level[level as usize] = ABSENT;
        }
        self.distinct.clear();
        self.position.clear();
        for &level in rows {
            let slot = &mut self.slot_of_level[level as usize];
            if *slot == ABSENT {
                *slot = self.distinct.len() as u32;
                self.distinct.push(level);
            }
            self.position.push(*slot);
        }
        self.distinct.len()
    }

    /// The levels found last, in order of first appearance.
    pub(crate) fn levels(&self) -> &[u32] {
        &self.distinct
    }

    /// For each row of the batch, the position of its level in [`levels`](Self::levels).
    pub(crate) fn position(&self) -> &[u32] {
        &self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_levels_in_order_of_appearance_and_forgets_the_last_batch() {
        let mut d = DistinctLevels::new(5, 4);
        assert_eq!(d.find(&[3, 1, 3, 0]), 3);
        assert_eq!(d.levels(), [3, 1, 0]);
        assert_eq!(d.position(), [0, 1, 0, 2]);
        assert_eq!(d.find(&[0, 0]), 1);
        assert_eq!((d.levels(), d.position()), (&[0][..], &[0, 0][..]));
        assert_eq!(d.find(&[]), 0);
    }
}
