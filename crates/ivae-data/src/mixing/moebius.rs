//! [`Moebius`]: all of space bent into a ball, then a Möbius map of the ball onto itself.

use ndarray::{Array1, ArrayView1, ArrayViewMut1};

/// y = z/√(R² + |z|²) lies in the unit ball, which the Möbius addition a ⊕ y (Ungar 2008) maps onto
/// itself: an inversion composed with reflections, so that it keeps angles, and is one to one. Returns R (a ⊕ y).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moebius {
    /// R > 0.
    pub(super) radius: f64,
    /// a, |a| < 1, `[n]`.
    pub(super) centre: Array1<f64>,
}

impl Moebius {
    /// Overwrites z by its image.
    pub(super) fn forward(&self, mut z: ArrayViewMut1<'_, f64>) {
        let norm = (self.radius * self.radius + z.dot(&z)).sqrt();
        let y = z.mapv(|v| v / norm);
        z.assign(&(add(self.centre.view(), y.view()) * self.radius));
    }

    /// Overwrites the image by z.
    pub(super) fn inverse(&self, mut x: ArrayViewMut1<'_, f64>) {
        let image = x.mapv(|v| v / self.radius);
        let y = add((-&self.centre).view(), image.view());
        let norm = (1.0 - y.dot(&y)).sqrt();
        x.assign(&y.mapv(|v| v * self.radius / norm));
    }
}

/// a ⊕ y = ((1 + 2 a·y + |y|²) a + (1 − |a|²) y) / (1 + 2 a·y + |a|² |y|²).
fn add(a: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>) -> Array1<f64> {
    let (ay, aa, yy) = (a.dot(&y), a.dot(&a), y.dot(&y));
    (&a * (1.0 + 2.0 * ay + yy) + &y * (1.0 - aa)) / (1.0 + 2.0 * ay + aa * yy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_ball_is_mapped_onto_itself() {
        let a = array![0.3, -0.4, 0.2];
        let on_sphere = array![2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0];
        let image = add(a.view(), on_sphere.view());
        assert!((image.dot(&image) - 1.0).abs() < 1e-14);
        assert_eq!(add(a.view(), Array1::zeros(3).view()), a);
    }

    #[test]
    fn angles_are_kept() {
        let (a, y) = (array![0.3, -0.4, 0.2], array![0.1, 0.5, -0.3]);
        let mut jacobian = Array2::zeros((3, 3));
        let step = 1e-5;
        for i in 0..3 {
            let moved = |by: f64| {
                let mut y = y.clone();
                y[i] += by;
                add(a.view(), y.view())
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            jacobian.row_mut(i).assign(&slope);
        }
        let product: Array2<f64> = jacobian.dot(&jacobian.t());
        let conformal = Array2::<f64>::eye(3) * product[[0, 0]];
        assert!((product - conformal).iter().all(|e| e.abs() < 1e-8));
    }
}
