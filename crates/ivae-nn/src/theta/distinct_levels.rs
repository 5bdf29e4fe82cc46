//! The distinct levels of a batch, so that what depends on u alone is computed once for each.

/// Finds the distinct levels among the rows of a batch, in order of first appearance, without allocating.
#[derive(Debug, Clone)]
pub(crate) struct DistinctLevels {
    slot_of_level: Vec<u32>, // [M]; ABSENT where the level is not in the batch
    distinct: Vec<u32>,      // [min(M, B) + 1], of which the first `found` count
    found: usize,
    position: Vec<u32>, // [B], of which the first `rows` count
    rows: usize,
}

const ABSENT: u32 = u32::MAX;

impl DistinctLevels {
    /// For `levels` levels and batches of up to `batch` rows.
    pub(crate) fn new(levels: usize, batch: usize) -> Self {
        Self {
            slot_of_level: vec![ABSENT; levels],
            distinct: vec![0; levels.min(batch) + 1],
            found: 0,
            position: vec![0; batch],
            rows: 0,
        }
    }

    /// Find them; returns how many there are.
    ///
    /// # Panics
    /// If there are more rows than the batches it was made for have, or a level is not below M.
    pub(crate) fn find(&mut self, rows: &[u32]) -> usize {
        for &level in &self.distinct[..self.found] {
            self.slot_of_level[level as usize] = ABSENT;
        }
        let mut found = 0;
        // Without a branch: the branch is unpredictable, so every level is written down and counts if it is new.
        for (position, &level) in self.position[..rows.len()].iter_mut().zip(rows) {
            let slot = &mut self.slot_of_level[level as usize];
            let new = *slot == ABSENT;
            self.distinct[found] = level;
            *slot = if new { found as u32 } else { *slot };
            found += usize::from(new);
            *position = *slot;
        }
        (self.found, self.rows) = (found, rows.len());
        found
    }

    /// The levels found last, in order of first appearance.
    pub(crate) fn levels(&self) -> &[u32] {
        &self.distinct[..self.found]
    }

    /// For each row of the batch, the position of its level in [`levels`](Self::levels).
    pub(crate) fn position(&self) -> &[u32] {
        &self.position[..self.rows]
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
        assert_eq!((d.find(&[4, 1, 2, 3]), d.levels()), (4, &[4, 1, 2, 3][..]));
    }
}
