//! One spline: its shape, its derivatives, its extremes.

use ivae_num::gradcheck::check;
use ivae_num::{Purpose, StreamKey, stream};

use super::*;

const BOUND: f64 = 2.0;

/// The numbers of one spline and its knots.
struct Spline<F> {
    bins: usize,
    raw: Vec<F>,
    knots: Vec<F>,
}

impl<F: Scalar> Spline<F> {
    fn new(bins: usize, raw: Vec<F>) -> Self {
        let mut knots = vec![F::zero(); knots_len(bins)];
        fill_knots(&mut knots, &raw, bins, F::of(BOUND));
        Self { bins, raw, knots }
    }

    fn piece(&self, k: usize) -> Piece<F> {
        Piece::between(&self.knots, self.bins, k)
    }

    fn value(&self, x: F) -> (F, F) {
        self.piece(find(&self.knots[..=self.bins], x)).value(x, F::of(BOUND))
    }

    fn inverse(&self, y: F) -> F {
        let heights = &self.knots[self.bins + 1..=2 * self.bins + 1];
        self.piece(find(heights, y)).inverse(y, F::of(BOUND))
    }

    /// Gradient of c y + e ln y′ at `x`: of the raw numbers, then of x.
    fn gradient(&self, x: F, c: F, e: F) -> Vec<F> {
        let k = find(&self.knots[..=self.bins], x);
        let (dx, sums) = self.piece(k).backward(x, F::of(BOUND), c, e);
        let (mut d_knots, mut grad) = (vec![F::zero(); self.knots.len()], vec![F::zero(); self.raw.len()]);
        self.piece(k).add_to_knots(&mut d_knots, self.bins, k, sums);
        fill_knots_backward(&mut grad, &mut d_knots, &self.raw, &self.knots, self.bins, F::of(BOUND));
        grad.push(dx);
        grad
    }
}

fn random(bins: usize, scale: f64, seed: u64) -> Spline<f64> {
    let mut raw = vec![0.0; raw_len(bins)];
    stream::fill_normal(&mut raw, 1, StreamKey::new(seed, Purpose::Init));
    raw.iter_mut().for_each(|r| *r *= scale);
    Spline::new(bins, raw)
}

/// From well below the spline to well above.
fn grid() -> impl Iterator<Item = f64> {
    (-400..=400).map(|i| f64::from(i) * 0.01 + 0.003)
}

#[test]
fn zeros_are_the_identity() {
    for bins in [1, 2, 8, 100] {
        let spline = Spline::new(bins, vec![0.0; raw_len(bins)]);
        for x in grid() {
            let (y, slope) = spline.value(x);
            assert!((y - x).abs() < 1e-13 && (slope - 1.0).abs() < 1e-12, "{bins}: {x} {y} {slope}");
        }
    }
}

#[test]
fn rises_everywhere_and_is_undone_by_its_inverse() {
    for (seed, bins) in [1, 3, 8, 20].into_iter().enumerate() {
        let spline = random(bins, 1.5, seed as u64);
        let values: Vec<f64> = grid().map(|x| spline.value(x).0).collect();
        assert!(values.windows(2).all(|v| v[0] < v[1]));
        for (x, &y) in grid().zip(&values) {
            // In units of x, the last digit of y is worth 1 / y′ of it.
            let unit = 1.0 + spline.value(x).1.recip();
            assert!((spline.inverse(y) - x).abs() < 1e-12 * unit, "{bins}: {x} {}", spline.inverse(y));
        }
    }
}

#[test]
fn pieces_meet_with_one_value_and_one_slope() {
    let spline = random(8, 2.0, 1);
    for k in 1..8 {
        let knot = spline.knots[k];
        let (below, above) = (spline.piece(k - 1).value(knot, BOUND), spline.piece(k).value(knot, BOUND));
        assert!((below.0 - above.0).abs() < 1e-12, "{below:?} {above:?}");
        assert!((below.0 - spline.knots[9 + k]).abs() < 1e-12);
        assert!((below.1 / above.1 - 1.0).abs() < 1e-10, "{below:?} {above:?}");
        assert!((below.1 / spline.knots[18 + k] - 1.0).abs() < 1e-10);
    }
}

#[test]
fn tails_are_lines_with_the_slope_of_the_last_knots() {
    let spline = random(5, 1.0, 2);
    let (first, last) = (spline.knots[12], spline.knots[17]);
    for beyond in [0.0, 0.5, 1e6] {
        let (low, high) = (spline.value(-BOUND - beyond), spline.value(BOUND + beyond));
        assert!((low.0 + BOUND + first * beyond).abs() < 1e-13 * (1.0 + beyond));
        assert!((high.0 - BOUND - last * beyond).abs() < 1e-13 * (1.0 + beyond));
        assert!((low.1 - first).abs() < 1e-13 && (high.1 - last).abs() < 1e-13);
    }
    assert_eq!(spline.value(f64::INFINITY).0, f64::INFINITY);
    assert_eq!(spline.inverse(f64::NEG_INFINITY), f64::NEG_INFINITY);
}

#[test]
fn backward_is_the_derivative_of_value() {
    let (c, e) = (0.7, -1.3);
    for seed in 0..6 {
        // Wide pieces, for which the differences' own error (16 times less with half the step) is below 1e-8.
        let bins = 1 + seed as usize % 3;
        let spline = random(bins, 0.5, seed);
        for x in grid().step_by(37) {
            let mut all = spline.raw.clone();
            all.push(x);
            let f = |all: &[f64]| {
                let (y, slope) = Spline::new(bins, all[..all.len() - 1].to_vec()).value(all[all.len() - 1]);
                c * y + e * slope.ln()
            };
            check(&all, &spline.gradient(x, c, e), f).assert_below(1e-8);
            // y′ itself.
            check(&[x], &[spline.value(x).1], |x| spline.value(x[0]).0).assert_below(1e-8);
        }
    }
}

fn extremes_stay_finite<F: Scalar>() {
    let pattern = |seed: usize| {
        let sign = move |i: usize| if (i * i * (seed + 3) + i * seed) % 7 < 3 { 30.0 } else { -30.0 };
        Spline::new(8, (0..raw_len(8)).map(|i| F::of(sign(i))).collect())
    };
    for spline in (0..20).map(pattern) {
        for x in grid().map(F::of) {
            let (y, slope) = spline.value(x);
            assert!(y.is_finite() && slope.is_finite() && slope > F::zero(), "{x}: {y} {slope}");
            assert!(spline.gradient(x, F::one(), F::one()).iter().all(|g| g.is_finite()), "{x}");
            assert!(spline.inverse(x).is_finite(), "{x}");
        }
    }
}

#[test]
fn extreme_numbers_stay_finite() {
    extremes_stay_finite::<f32>();
    extremes_stay_finite::<f64>();
}

#[test]
fn nan_is_never_hidden() {
    let spline = random(4, 1.0, 3);
    let (y, slope) = spline.value(f64::NAN);
    assert!(y.is_nan() && slope.is_nan() && spline.inverse(f64::NAN).is_nan());
    assert!(spline.gradient(f64::NAN, 1.0, 1.0)[raw_len(4)].is_nan());
    for i in 0..8 {
        // A width or height: it has a share in all others.
        let mut raw = spline.raw.clone();
        raw[i] = f64::NAN;
        let broken = Spline::new(4, raw);
        assert!(grid().filter(|x| x.abs() < BOUND).all(|x| broken.value(x).0.is_nan()), "{i}");
    }
}
