//! [`Noise`]: the distribution of ε, by its characteristic function.

use std::f64::consts::PI;

use super::custom_noise::CustomNoise;

/// The range of t, in inverse scales, over which the number of condition (i) is the smallest modulus of a named law.
pub(super) const REACH: f64 = 5.0;

/// The distribution of the noise ε on x = f(z) + ε, independent in every column, of any scale.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Noise {
    /// None: x = f(z), the limit of noise whose variance goes to 0.
    None,
    /// Normal.
    Gaussian,
    /// Laplace.
    Laplace,
    /// Logistic.
    Logistic,
    /// Uniform on an interval.
    Uniform,
    /// Binary x, Bernoulli with log-odds f(z): the limit, as T → 0, of x = σ((f(z) + ε) / T) with logistic ε
    /// (Maddison et al. 2016).
    Bernoulli,
    /// Student t, of any degrees of freedom: its characteristic function is positive everywhere.
    StudentT,
    /// Counts with log rates f(z), Poisson or negative binomial of a known dispersion: their law determines that of the
    /// rates, because its generating function is the Laplace transform of the law of rates (Teicher 1961).
    Counts,
    /// Categories with log-odds f(z).
    Categories,
    /// Any other distribution, given by its characteristic function.
    Custom(CustomNoise),
    /// Anything else.
    Other,
}

impl Noise {
    /// Its characteristic function E[exp(i t ε)], real and imaginary part, in the standard scale (variance 1 for a normal,
    /// scale 1 for Laplace and logistic, the interval (−1, 1)). `None` where it is not known. That of
    /// [`Bernoulli`](Noise::Bernoulli) is of its logistic noise.
    pub fn characteristic(&self, t: f64) -> Option<[f64; 2]> {
        let real = match self {
            Self::Custom(noise) => return Some(noise.characteristic(t)),
            Self::None => 1.0,
            Self::Gaussian => (-0.5 * t * t).exp(),
            Self::Laplace => 1.0 / (1.0 + t * t),
            Self::Logistic | Self::Bernoulli if t == 0.0 => 1.0,
            Self::Logistic | Self::Bernoulli => PI * t / (PI * t).sinh(),
            Self::Uniform if t == 0.0 => 1.0,
            Self::Uniform => t.sin() / t,
            Self::StudentT | Self::Counts | Self::Categories | Self::Other => return None,
        };
        // The named ones are symmetric.
        Some([real, 0.0])
    }

    /// The smallest modulus of the characteristic function for |t| ≤ [`REACH`], or in the range of a [`CustomNoise`]; 0
    /// where it has zeros there. `None` where it is not known, or in a limit that has none.
    pub(super) fn smallest(&self) -> Option<f64> {
        match self {
            Self::Custom(noise) => Some(noise.smallest()),
            Self::Uniform => Some(0.0),
            Self::Bernoulli | Self::StudentT | Self::Counts | Self::Categories | Self::Other => None,
            // These fall as |t| grows.
            Self::None | Self::Gaussian | Self::Laplace | Self::Logistic => {
                self.characteristic(REACH).map(|[real, _]| real)
            }
        }
    }

    /// Name, for messages.
    pub fn name(&self) -> &str {
        match self {
            Self::None => "no noise",
            Self::Gaussian => "Gaussian noise",
            Self::Laplace => "Laplace noise",
            Self::Logistic => "logistic noise",
            Self::Uniform => "uniform noise",
            Self::Bernoulli => "Bernoulli likelihood",
            Self::StudentT => "Student t noise",
            Self::Counts => "likelihood of counts",
            Self::Categories => "categorical likelihood",
            Self::Custom(noise) => noise.name(),
            Self::Other => "noise of unknown law",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characteristic_functions_are_fourier_transforms_of_the_densities() {
        type Density = fn(f64) -> f64;
        let densities: [(Noise, Density); 4] = [
            (Noise::Gaussian, |e| (-0.5 * e * e).exp() / (2.0 * PI).sqrt()),
            (Noise::Laplace, |e| 0.5 * (-e.abs()).exp()),
            (Noise::Logistic, |e| 0.25 / (0.5 * e).cosh().powi(2)),
            (Noise::Uniform, |e| if e.abs() < 1.0 { 0.5 } else { 0.0 }),
        ];
        for (noise, density) in densities {
            for t in [0.0, 0.3, 1.0, 2.5] {
                let (steps, end) = (400_000, 40.0);
                let width = 2.0 * end / steps as f64;
                let sum: f64 = (0..steps)
                    .map(|i| -end + (i as f64 + 0.5) * width)
                    .map(|e| density(e) * (t * e).cos() * width)
                    .sum();
                let found = noise.characteristic(t).map_or(f64::NAN, |[real, _]| real);
                assert!((found - sum).abs() < 1e-7, "{noise:?} at {t}: {found}, by quadrature {sum}");
            }
        }
        assert_eq!(Noise::Other.characteristic(1.0), None);
    }

    #[test]
    fn the_smallest_modulus_is_that_of_a_grid() {
        for noise in [Noise::None, Noise::Gaussian, Noise::Laplace, Noise::Logistic, Noise::Uniform] {
            let modulus = |t: f64| noise.characteristic(t).map_or(f64::NAN, |[re, im]| re.hypot(im));
            let on_grid =
                (0..=1000).map(|g| modulus(REACH * f64::from(g) / 1000.0)).fold(f64::INFINITY, f64::min);
            let found = noise.smallest().unwrap_or(f64::NAN);
            // The grid misses the zero of the uniform law by up to half a step.
            assert!(
                (found - on_grid).abs() <= if found == 0.0 { 1e-3 } else { 0.0 },
                "{noise:?}: {found}, {on_grid}"
            );
        }
        assert_eq!((Noise::Bernoulli.smallest(), Noise::Other.smallest()), (None, None));
    }
}
