//! Limited-memory BFGS directions on matrices, with a preconditioner.

use std::collections::VecDeque;

use ndarray::Array2;

/// The last steps and what they did to the gradient.
pub(crate) struct Memory {
    /// (s, y, 1 / ⟨s, y⟩), the oldest first.
    pairs: VecDeque<(Array2<f64>, Array2<f64>, f64)>,
    size: usize,
}

impl Memory {
    pub(crate) fn new(size: usize) -> Self {
        Self { pairs: VecDeque::with_capacity(size), size }
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Remember that the step s changed the gradient by y; not where the curvature along it is not positive.
    pub(crate) fn push(&mut self, s: Array2<f64>, y: Array2<f64>) {
        let curvature = dot(&s, &y);
        if self.size == 0 || curvature.is_nan() || curvature <= 1e-14 * dot(&y, &y) {
            return;
        }
        if self.pairs.len() == self.size {
            self.pairs.pop_front();
        }
        self.pairs.push_back((s, y, 1.0 / curvature));
    }

    /// −H g, where the inverse Hessian H is `precondition` corrected by the pairs (Nocedal & Wright 2006, algorithm 7.4).
    pub(crate) fn direction(
        &self,
        g: &Array2<f64>,
        precondition: impl Fn(&Array2<f64>) -> Array2<f64>,
    ) -> Array2<f64> {
        let mut q = g.clone();
        let mut weights = Vec::with_capacity(self.pairs.len());
        for (s, y, r) in self.pairs.iter().rev() {
            let a = r * dot(s, &q);
            q.scaled_add(-a, y);
            weights.push(a);
        }
        let mut z = precondition(&q);
        for ((s, y, r), a) in self.pairs.iter().zip(weights.into_iter().rev()) {
            let b = r * dot(y, &z);
            z.scaled_add(a - b, s);
        }
        -z
    }
}

/// ⟨a, b⟩ = Σ a_ij b_ij.
pub(crate) fn dot(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_quadratic_is_solved_once_all_its_directions_are_known() {
        // Exact line searches on ½ Σ h x²: conjugate directions, so that the fifth point is the minimum.
        let h = array![[1.0, 20.0], [300.0, 4.0]];
        let mut x = array![[1.0, -1.0], [0.5, 2.0]];
        let mut memory = Memory::new(5);
        for _ in 0..4 {
            let g = &x * &h;
            let d = memory.direction(&g, |q| q / 10.0);
            let step = -dot(&d, &g) / dot(&d, &(&d * &h));
            let s = d * step;
            x += &s;
            memory.push(s, &x * &h - g);
        }
        assert!(x.iter().all(|v| v.abs() < 1e-12), "{x}");
        let len = memory.pairs.len();
        memory.push(array![[1.0, 0.0], [0.0, 0.0]], array![[-1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(memory.pairs.len(), len);
    }
}
