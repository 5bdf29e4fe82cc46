//! [`Optimiser`]: one step from a gradient, in one pass over flat slices.

use ivae_num::formula::run_formulas;
use ivae_num::{Aligned, FormulaLoop, Functions, Loop, Scalar, summed, wide};
use serde::{Deserialize, Serialize};

use crate::SpecError;
use crate::clip::{LANES, Squares, add_squares};
use crate::error::require;

/// Which rule turns gradients into steps, and its constants. The learning rate is given at each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimiserSpec {
    /// Adam: Kingma & Ba (2015), algorithm 1, with bias correction.
    Adam {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the corrected mean square.
        #[serde(default = "epsilon")]
        epsilon: f64,
    },
    /// Adam with decoupled weight decay: Loshchilov & Hutter (2019), algorithm 2, the decay being
    /// learning rate · `weight_decay` in each step.
    AdamW {
        /// Decay of the mean of gradients.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the mean of squared gradients.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the corrected mean square.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Pull of every parameter towards 0.
        weight_decay: f64,
    },
    /// Stochastic gradient descent with momentum (Sutskever et al. 2013, eq. 1–2, the learning rate outside the
    /// velocity): v ← momentum · v + g, p ← p − learning rate · v.
    Sgd {
        /// Decay of the velocity; 0 for plain descent.
        momentum: f64,
    },
}

fn beta1() -> f64 {
    0.9
}
fn beta2() -> f64 {
    0.999
}
fn epsilon() -> f64 {
    1e-8
}

impl Default for OptimiserSpec {
    /// Adam with the constants of its paper.
    fn default() -> Self {
        Self::Adam { beta1: beta1(), beta2: beta2(), epsilon: epsilon() }
    }
}

impl OptimiserSpec {
    /// Refuse constants outside their ranges.
    pub fn check(&self) -> Result<(), SpecError> {
        let decay = |name, b: f64| require((0.0..1.0).contains(&b), name, b, "at least 0 and below 1");
        match *self {
            Self::Adam { beta1, beta2, epsilon } | Self::AdamW { beta1, beta2, epsilon, .. } => {
                decay("beta1", beta1)?;
                decay("beta2", beta2)?;
                require((1e-30..=1e30).contains(&epsilon), "epsilon", epsilon, "from 1e-30 to 1e30")?;
            }
            Self::Sgd { momentum } => decay("momentum", momentum)?,
        }
        if let Self::AdamW { weight_decay: w, .. } = *self {
            require(w >= 0.0 && w.is_finite(), "weight_decay", w, "0 or positive")?;
        }
        Ok(())
    }
}

/// An optimiser with its moments: plain data, one scalar per parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimiser<F> {
    /// The rule.
    pub spec: OptimiserSpec,
    /// Adam: decaying sum of gradients, Σ β₁ᵏ g, which is their mean m times 1 / (1 − β₁). SGD: velocity.
    pub first: Aligned<F>,
    /// Adam: decaying sum of squared gradients, v / (1 − β₂). SGD: empty.
    pub second: Aligned<F>,
    /// Steps taken.
    pub steps: u64,
}

impl<F: Scalar> Optimiser<F> {
    /// An optimiser of `len` parameters that has taken no step.
    pub fn new(spec: OptimiserSpec, len: usize) -> Self {
        let second = if matches!(spec, OptimiserSpec::Sgd { .. }) { 0 } else { len };
        let zeros = |len| Aligned::filled(len, F::zero());
        Self { spec, first: zeros(len), second: zeros(second), steps: 0 }
    }

    /// Move `params` one step down `grad`, and return its Euclidean norm, to the bit that of
    /// [`clip_norm`](crate::clip_norm). Numbers that are not finite pass through; looking for them is the trainer's job.
    ///
    /// # Panics
    /// If `params` or `grad` has another length than this optimiser.
    pub fn step(&mut self, params: &mut [F], grad: &[F], learning_rate: f64) -> f64 {
        let len = self.first.len();
        assert_eq!(
            (params.len(), grad.len()),
            (len, len),
            "parameters and gradient of an optimiser of {len}"
        );
        self.steps += 1;
        let squares = match self.spec {
            OptimiserSpec::Adam { beta1, beta2, epsilon } => {
                self.adam(params, grad, learning_rate, [beta1, beta2], epsilon, 0.0)
            }
            OptimiserSpec::AdamW { beta1, beta2, epsilon, weight_decay } => {
                self.adam(params, grad, learning_rate, [beta1, beta2], epsilon, weight_decay)
            }
            OptimiserSpec::Sgd { momentum } => {
                let rule = Sgd { momentum: F::of(momentum), rate: F::of(learning_rate) };
                summed([params, &mut self.first], [grad], WORK, &|slices, [grad]| {
                    wide(OverSlices { rule, slices, grad })
                })
            }
        };
        squares.sqrt()
    }

    /// p ← (1 − η w) p − η m̂ / (√v̂ + ε), with all but the sums Σ βᵏ g moved out of the loop. Returns the sum of squares of
    /// the gradient.
    fn adam(
        &mut self,
        params: &mut [F],
        grad: &[F],
        rate: f64,
        beta: [f64; 2],
        epsilon: f64,
        decay: f64,
    ) -> f64 {
        // From sums to corrected means.
        let mean = beta.map(|b| (1.0 - b) / (1.0 - b.powf(self.steps as f64)));
        let rule = Adam {
            keep: F::of(1.0 - rate * decay),
            rate: F::of(rate * mean[0]),
            root: F::of(mean[1].sqrt()),
            epsilon: F::of(epsilon),
            beta: beta.map(F::of),
        };
        summed([params, &mut self.first, &mut self.second], [grad], WORK, &|slices, [grad]| {
            run_formulas(OverSlices { rule, slices, grad })
        })
    }
}

/// Work of one parameter in multiplications.
const WORK: usize = 64;

/// The constants of [`Optimiser::adam`].
#[derive(Clone, Copy)]
struct Adam<F> {
    /// 1 − η w.
    keep: F,
    /// η (1 − β₁) / (1 − β₁ᵗ).
    rate: F,
    /// √((1 − β₂) / (1 − β₂ᵗ)).
    root: F,
    epsilon: F,
    beta: [F; 2],
}

impl<F: Scalar> Adam<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [p, m, v]: [F; 3], g: F) -> [F; 3] {
        let Self { keep, rate, root, epsilon, beta: [b1, b2] } = *self;
        let (m, v) = (M::mul_add(b1, m, g), M::mul_add(b2, v, g * g));
        // The divider is busy with the root.
        let step = M::quotient(rate * m, M::mul_add(v.sqrt(), root, epsilon));
        [M::mul_add(keep, p, -step), m, v]
    }
}

/// The constants of SGD.
#[derive(Clone, Copy)]
struct Sgd<F> {
    momentum: F,
    rate: F,
}

/// A rule for parameters and their moments, in one pass with the sum of squares of the gradient.
struct OverSlices<'a, F, R, const N: usize> {
    rule: R,
    /// Parameters, then moments.
    slices: [&'a mut [F]; N],
    grad: &'a [F],
}

impl<F: Scalar> FormulaLoop<F> for OverSlices<'_, F, Adam<F>, 3> {
    type Output = f64;

    #[inline(always)]
    fn run<M: Functions<F>>(self) -> f64 {
        let (rule, [params, first, second], grad) = (self.rule, self.slices, self.grad);
        let mut sums = [0.0; LANES];
        let (grads, rest) = grad.as_chunks::<LANES>();
        let (params, last) = params.as_chunks_mut::<LANES>();
        let (first, last_first) = first.as_chunks_mut::<LANES>();
        let (second, last_second) = second.as_chunks_mut::<LANES>();
        for ((to_p, g), (to_m, to_v)) in params.iter_mut().zip(grads).zip(first.iter_mut().zip(second)) {
            // Copies, which the compiler knows to be apart.
            let (mut p, mut m, mut v, g) = (*to_p, *to_m, *to_v, *g);
            for k in 0..LANES {
                [p[k], m[k], v[k]] = rule.at::<M>([p[k], m[k], v[k]], g[k]);
            }
            for k in 0..LANES {
                sums[k] += g[k].f64() * g[k].f64();
            }
            (*to_p, *to_m, *to_v) = (p, m, v);
        }
        add_squares(&mut sums, rest);
        for ((p, g), (m, v)) in last.iter_mut().zip(rest).zip(last_first.iter_mut().zip(last_second)) {
            [*p, *m, *v] = rule.at::<M>([*p, *m, *v], *g);
        }
        sums.iter().sum()
    }
}

impl<F: Scalar> Loop for OverSlices<'_, F, Sgd<F>, 2> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let (Sgd { momentum, rate }, [params, first], grad) = (self.rule, self.slices, self.grad);
        for ((p, g), v) in params.iter_mut().zip(grad).zip(first) {
            *v = momentum * *v + *g;
            *p -= rate * *v;
        }
        Squares(grad).run()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 0.05;

    /// A gradient that depends on parameter, place and step, and starts at 0 in some places.
    fn gradient(p: &[f64], step: usize) -> Vec<f64> {
        p.iter()
            .enumerate()
            .map(|(i, p)| (2.0 * p - 1.0) * (1 + (i + step) % 5) as f64 - (i % 3) as f64)
            .collect()
    }

    fn start() -> Vec<f64> {
        (0..37).map(|i| 0.1 * f64::from(i % 11) - 0.5).collect()
    }

    fn run(spec: OptimiserSpec, steps: usize) -> Vec<f64> {
        let mut p = start();
        let mut optimiser = Optimiser::new(spec, p.len());
        for t in 0..steps {
            let g = gradient(&p, t);
            optimiser.step(&mut p, &g, RATE);
        }
        assert_eq!(optimiser.steps, steps as u64);
        p
    }

    fn assert_close(given: &[f64], truth: &[f64]) {
        for (i, (a, b)) in given.iter().zip(truth).enumerate() {
            assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "entry {i}: {a}, not {b}");
        }
    }

    /// Kingma & Ba (2015), algorithm 1, line by line; with `decay`, line 12 of Loshchilov & Hutter (2019).
    fn adam_by_the_book(beta1: f64, beta2: f64, epsilon: f64, decay: f64, steps: usize) -> Vec<f64> {
        let mut p = start();
        let (mut m, mut v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
        for t in 1..=steps {
            let g = gradient(&p, t - 1);
            for i in 0..p.len() {
                m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
                v[i] = beta2 * v[i] + (1.0 - beta2) * g[i].powi(2);
                let m_hat = m[i] / (1.0 - beta1.powi(t as i32));
                let v_hat = v[i] / (1.0 - beta2.powi(t as i32));
                p[i] -= RATE * (m_hat / (v_hat.sqrt() + epsilon) + decay * p[i]);
            }
        }
        p
    }

    #[test]
    fn adam_follows_its_paper() {
        assert_close(&run(OptimiserSpec::default(), 200), &adam_by_the_book(0.9, 0.999, 1e-8, 0.0, 200));
        let spec = OptimiserSpec::Adam { beta1: 0.5, beta2: 0.9, epsilon: 0.1 };
        assert_close(&run(spec, 200), &adam_by_the_book(0.5, 0.9, 0.1, 0.0, 200));
    }

    #[test]
    fn adamw_follows_its_paper() {
        let spec = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.3 };
        assert_close(&run(spec, 200), &adam_by_the_book(0.9, 0.99, 1e-8, 0.3, 200));
        assert!(run(spec, 200) != run(OptimiserSpec::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }, 200));
    }

    #[test]
    fn sgd_has_its_velocity() {
        for momentum in [0.0, 0.9] {
            let (mut p, mut v) = (start(), vec![0.0; start().len()]);
            for t in 0..20 {
                let g = gradient(&p, t);
                for i in 0..p.len() {
                    v[i] = momentum * v[i] + g[i];
                    p[i] -= RATE * v[i];
                }
            }
            assert_close(&run(OptimiserSpec::Sgd { momentum }, 20), &p);
        }
    }

    #[test]
    fn a_step_returns_the_norm_that_clipping_does_and_moves_every_parameter_alike() {
        let adam = OptimiserSpec::default();
        for spec in [adam, OptimiserSpec::Sgd { momentum: 0.9 }] {
            for len in [0, 1, 31, 32, 33, 100, 65_535, 65_537, 300_001] {
                let mut grad: Vec<f32> = (0..len).map(|i| (i % 97) as f32 * 0.1 - 3.0).collect();
                let (mut params, mut optimiser) = (vec![0.5; len], Optimiser::new(spec, len));
                let norm = optimiser.step(&mut params, &grad, 0.1);
                assert_eq!(norm, crate::clip_norm(&mut grad, f64::INFINITY), "{spec:?} of {len}");
                for (i, p) in params.iter().enumerate() {
                    let mut alone = [0.5];
                    Optimiser::new(spec, 1).step(&mut alone, &grad[i..=i], 0.1);
                    assert_eq!(*p, alone[0], "{spec:?}, {i} of {len}");
                }
            }
        }
    }

    #[test]
    fn the_first_adam_step_is_the_learning_rate() {
        for g in [1e-3, -1e4f64] {
            let mut p = [0.0f64];
            Optimiser::new(OptimiserSpec::default(), 1).step(&mut p, &[g], 0.01);
            assert!((p[0] + 0.01 * g.signum()).abs() < 1e-6, "step {} for gradient {g}", p[0]);
        }
    }

    #[test]
    fn every_rule_finds_the_bottom_of_a_bowl() {
        let adam_w = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        for spec in [OptimiserSpec::default(), adam_w, OptimiserSpec::Sgd { momentum: 0.5 }] {
            let (mut p, goal) = ([5.0f32, -3.0, 0.0], [1.0f32, 2.0, -4.0]);
            let mut optimiser = Optimiser::new(spec, 3);
            for t in 0..2000 {
                let g = [0, 1, 2].map(|i| p[i] - goal[i]);
                optimiser.step(&mut p, &g, 0.1 * (1.0 - f64::from(t) / 2000.0));
            }
            assert!(p.iter().zip(goal).all(|(p, goal)| (p - goal).abs() < 1e-3), "{spec:?} ended at {p:?}");
        }
    }

    #[test]
    #[should_panic(expected = "optimiser of 3")]
    fn another_length_is_refused() {
        Optimiser::new(OptimiserSpec::default(), 3).step(&mut [0.0; 3], &[0.0; 2], 0.1);
    }

    #[test]
    fn constants_outside_their_range_are_named() {
        let adam = |beta1, beta2, epsilon| OptimiserSpec::Adam { beta1, beta2, epsilon }.check();
        assert!(adam(0.0, 0.999, 1e-8).is_ok());
        assert_eq!(
            adam(1.0, 0.9, 1e-8).unwrap_err().to_string(),
            "beta1 is 1, but must be at least 0 and below 1"
        );
        assert!(adam(0.9, f64::NAN, 1e-8).is_err());
        assert!(adam(0.9, 0.9, 0.0).is_err() && adam(0.9, 0.9, f64::INFINITY).is_err());
        assert!(OptimiserSpec::Sgd { momentum: -0.1 }.check().is_err());
        let spec = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weight_decay: -1.0 };
        assert!(spec.check().is_err());
    }
}
