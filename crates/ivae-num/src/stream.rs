//! Counter-based random streams: the key says what the numbers are for, and the same key gives the same numbers
//! on any number of threads and after any resume.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is used for; streams of different purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Starting values of parameters.
    Init = 0,
    /// Order of rows in an epoch.
    Shuffle = 1,
    /// Reparameterisation noise of a training step.
    Noise = 2,
    /// Noise of a held-out evaluation (the same in every epoch, so that epochs can be compared).
    HeldOut = 3,
    /// Held-out split.
    Split = 4,
    /// Generated data.
    Generate = 5,
    /// Samples drawn from a fitted model.
    Sample = 6,
    /// Controls and baselines (permutations, bootstrap).
    Control = 7,
}

/// Names one random stream: (run seed, restart, purpose, step, block of rows).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamKey {
    /// Seed of the run.
    pub seed: u64,
    /// Which restart.
    pub restart: u32,
    /// What the numbers are for.
    pub purpose: Purpose,
    /// Training step, epoch, or whatever counts.
    pub step: u64,
    /// Fixed block of rows within the step.
    pub block: u64,
}

impl StreamKey {
    /// The stream of `seed` for `purpose`; restart, step and block are 0.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self { seed, restart: 0, purpose, step: 0, block: 0 }
    }

    /// The same key for another restart.
    pub fn restart(self, restart: u32) -> Self {
        Self { restart, ..self }
    }

    /// The same key for another purpose.
    pub fn purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// The same key for another step.
    pub fn step(self, step: u64) -> Self {
        Self { step, ..self }
    }

    /// The same key for another block of rows.
    pub fn block(self, block: u64) -> Self {
        Self { block, ..self }
    }

    /// The generator of this stream: ChaCha with 8 rounds, keyed by the 256 bits of this key.
    pub fn rng(self) -> ChaCha8Rng {
        let mut key = [0u8; 32];
        key[0..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..12].copy_from_slice(&self.restart.to_le_bytes());
        key[12..16].copy_from_slice(&(self.purpose as u32).to_le_bytes());
        key[16..24].copy_from_slice(&self.step.to_le_bytes());
        key[24..32].copy_from_slice(&self.block.to_le_bytes());
        ChaCha8Rng::from_seed(key)
    }
}

/// Rows that share one noise stream in [`fill_normal`].
pub const ROWS_PER_BLOCK: usize = 64;

/// Fill `out` `[rows, cols]` (row-major, `cols` wide) with standard normals: block i of [`ROWS_PER_BLOCK`] rows
/// uses `key.block(i)`, so that blocks may be filled by any thread in any order.
pub fn fill_normal<F: crate::Scalar>(out: &mut [F], cols: usize, key: StreamKey) {
    use rand::Rng;
    use rand_distr::StandardNormal;
    for (i, block) in out.chunks_mut((ROWS_PER_BLOCK * cols).max(1)).enumerate() {
        let mut rng = key.block(i as u64).rng();
        for v in block {
            *v = F::of(rng.sample::<f64, _>(StandardNormal));
        }
    }
}
