//! Counter-based random streams: the key says what the numbers are for, and the same key gives the same numbers
//! on any number of threads and after any resume.
//!
//! Normals come from the ziggurat of `rand_distr` in f64, whatever the scalar: a fit in `f32` sees the noise of the same
//! fit in `f64`, rounded, and no value depends on the vector instructions of the processor.

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

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    const KEY: StreamKey = StreamKey { seed: 42, restart: 1, purpose: Purpose::Noise, step: 7, block: 3 };

    fn normals(len: usize, cols: usize, key: StreamKey) -> Vec<f64> {
        let mut out = vec![f64::NAN; len];
        fill_normal(&mut out, cols, key);
        out
    }

    /// Mean of `values` in standard errors, for values of the given variance.
    fn deviation(values: impl ExactSizeIterator<Item = f64>, variance: f64) -> f64 {
        let n = values.len() as f64;
        values.sum::<f64>() / (n * variance).sqrt()
    }

    /// Every result that was ever published with a seed depends on these.
    #[test]
    fn numbers_never_change() {
        let mut rng = KEY.rng();
        let first: [u64; 3] = std::array::from_fn(|_| rng.random());
        assert_eq!(first, [3493460441603209579, 16066468516266868133, 16894927113330100835]);
        assert_eq!(
            normals(4, 2, KEY),
            [-1.5191920545566657, -0.4278772489379963, 0.5896412704592601, -0.4025310694779811]
        );
        let late = normals(2 * 64 + 2, 2, KEY);
        assert_eq!(late[128..], [-0.6651729457839226, 0.17706822033227546]);
    }

    #[test]
    fn the_same_key_gives_the_same_bits_and_any_other_key_others() {
        let others = [
            KEY,
            KEY.restart(2),
            KEY.purpose(Purpose::HeldOut),
            KEY.step(8),
            KEY.block(4),
            StreamKey { seed: 43, ..KEY },
            StreamKey { seed: 42 + (1 << 32), ..KEY },
            StreamKey::new(42, Purpose::Noise),
        ];
        let drawn = others.map(|key| key.rng().random::<u128>());
        for i in 0..others.len() {
            assert_eq!(others[i].rng().random::<u128>(), drawn[i]);
            (0..i).for_each(|j| assert_ne!(drawn[i], drawn[j], "{:?} and {:?}", others[i], others[j]));
        }
    }

    #[test]
    fn blocks_may_be_filled_apart() {
        let cols = 3;
        let whole = normals((2 * ROWS_PER_BLOCK + 5) * cols, cols, KEY);
        for (i, block) in whole.chunks(ROWS_PER_BLOCK * cols).enumerate() {
            use rand_distr::StandardNormal;
            let mut rng = KEY.block(i as u64).rng();
            assert!(block.iter().all(|&v| v == rng.sample::<f64, _>(StandardNormal)));
        }
        let short = normals(7 * cols, cols, KEY);
        assert_eq!(short, whole[..7 * cols]);
    }

    #[test]
    fn f32_is_the_f64_stream_rounded() {
        let mut single = [0f32; 50];
        fill_normal(&mut single, 5, KEY);
        assert!(single.iter().zip(normals(50, 5, KEY)).all(|(&s, d)| s == d as f32));
    }

    #[test]
    fn moments_are_those_of_a_standard_normal() {
        let x = normals(200_000, 10, KEY);
        let moment =
            |k: i32, mean: f64, variance: f64| deviation(x.iter().map(|v| v.powi(k) - mean), variance);
        // Variance of zᵏ is E z²ᵏ − (E zᵏ)².
        let found = [moment(1, 0.0, 1.0), moment(2, 1.0, 2.0), moment(3, 0.0, 15.0), moment(4, 3.0, 96.0)];
        assert!(found.iter().all(|z| z.abs() < 4.0), "in standard errors: {found:?}");
    }

    #[test]
    fn neighbouring_streams_are_uncorrelated() {
        let x = normals(64_000, 1, KEY);
        let next_step = normals(64_000, 1, KEY.step(8));
        let lag = |lag: usize| deviation(x[lag..].iter().zip(&x).map(|(a, b)| a * b), 1.0);
        let across = deviation(x.iter().zip(&next_step).map(|(a, b)| a * b), 1.0);
        let found = [lag(1), lag(2), lag(ROWS_PER_BLOCK), lag(7 * ROWS_PER_BLOCK), across];
        assert!(found.iter().all(|z| z.abs() < 4.0), "in standard errors: {found:?}");
    }

    #[test]
    fn nothing_to_fill_is_fine() {
        fill_normal::<f32>(&mut [], 0, KEY);
        fill_normal::<f32>(&mut [], 5, KEY);
    }
}
