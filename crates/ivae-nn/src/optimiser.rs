//! [`Optimiser`]: one step from a gradient, in one pass over flat slices.

#[cfg(test)]
mod tests;

use ivae_num::formula::run_formulas;
use ivae_num::{Aligned, FormulaLoop, Functions, Loop, Scalar, divides_fast, summed, wide};
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
            divide: divides_fast(),
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
    /// Whether the quotient is the divider's, which mostly has enough to do with the root.
    divide: bool,
}

impl<F: Scalar> Adam<F> {
    #[inline(always)]
    fn at<M: Functions<F>, const DIVIDE: bool>(&self, [p, m, v]: [F; 3], g: F) -> [F; 3] {
        let Self { keep, rate, root, epsilon, beta: [b1, b2], .. } = *self;
        let (m, v) = (M::mul_add(b1, m, g), M::mul_add(b2, v, g * g));
        let (step, root) = (rate * m, M::mul_add(v.sqrt(), root, epsilon));
        let step = if DIVIDE { step / root } else { M::quotient(step, root) };
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
        if self.rule.divide { self.pass::<M, true>() } else { self.pass::<M, false>() }
    }
}

impl<F: Scalar> OverSlices<'_, F, Adam<F>, 3> {
    #[inline(always)]
    fn pass<M: Functions<F>, const DIVIDE: bool>(self) -> f64 {
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
                [p[k], m[k], v[k]] = rule.at::<M, DIVIDE>([p[k], m[k], v[k]], g[k]);
            }
            for k in 0..LANES {
                sums[k] += g[k].f64() * g[k].f64();
            }
            (*to_p, *to_m, *to_v) = (p, m, v);
        }
        add_squares(&mut sums, rest);
        for ((p, g), (m, v)) in last.iter_mut().zip(rest).zip(last_first.iter_mut().zip(last_second)) {
            [*p, *m, *v] = rule.at::<M, DIVIDE>([*p, *m, *v], *g);
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
