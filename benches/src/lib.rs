//! What the benchmarks of ivae share: data, and a clock that knows of busy machines.

use std::time::Instant;

use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::Array2;

/// Standard normals, `[rows, columns]`.
pub fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = vec![0.0; rows * columns];
    fill_normal(&mut x, columns, StreamKey::new(seed, Purpose::Generate));
    Array2::from_shape_fn((rows, columns), |(i, j)| x[i * columns + j])
}

/// Mixtures of Laplace sources, and the sources, `[rows, columns]` each.
pub fn laplace_mixtures(rows: usize, columns: usize) -> (Array2<f64>, Array2<f64>) {
    let g = [1, 2, 3, 4].map(|seed| normals(rows, columns, seed));
    let sources = &g[0] * &g[3] - &g[1] * &g[2];
    (sources.dot(&normals(columns, columns, 5)), sources)
}

/// The middle one of some numbers; NaN of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]),
    }
}

/// Time from a start on.
#[derive(Debug)]
pub struct Clock {
    wall: Instant,
    processor: f64,
}

/// Time that went by.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// On the clock on the wall.
    pub wall: f64,
    /// Of processors, used by this process: on a machine that does other things as well, less than on the wall.
    pub processor: f64,
}

impl Clock {
    /// From now on.
    pub fn start() -> Self {
        Self { wall: Instant::now(), processor: processor_seconds() }
    }

    /// Seconds since the start.
    pub fn elapsed(&self) -> Spent {
        Spent { wall: self.wall.elapsed().as_secs_f64(), processor: processor_seconds() - self.processor }
    }
}

/// Processor time of this process so far; NaN where the system does not tell.
fn processor_seconds() -> f64 {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
    }
    #[cfg(not(unix))]
    f64::NAN
}
