//! log I₀ and the ratio I₁/I₀ of modified Bessel functions, by power series and asymptotic series.

/// From here on the asymptotic series is exact to rounding: its smallest term is about e^(−2κ).
const LARGE: f64 = 20.0;

/// What the von Mises law needs at a concentration κ ≥ 0; NaN gives NaN.
#[derive(Debug, Clone, Copy)]
pub struct BesselRatio {
    /// log I₀(κ).
    pub log_i0: f64,
    /// R = I₁/I₀, the derivative of log I₀.
    pub ratio: f64,
    /// R/κ, ½ at 0.
    pub over: f64,
    /// R′ = 1 − R/κ − R².
    pub slope: f64,
}

impl BesselRatio {
    /// All of it at one κ.
    pub fn at(kappa: f64) -> Self {
        if kappa < LARGE { Self::by_power_series(kappa) } else { Self::by_asymptotic_series(kappa) }
    }

    /// I₀ = Σ xᵐ / m!², I₁/κ = ½ Σ xᵐ / (m! (m + 1)!), x = κ²/4 (Abramowitz and Stegun 1964, equation 9.6.10).
    fn by_power_series(kappa: f64) -> Self {
        let x = 0.25 * kappa * kappa;
        let (mut term, mut i0, mut i1_over) = (1.0, 0.0, 0.0);
        let mut m = 0.0;
        while term > 1e-17 * i0 {
            i0 += term;
            i1_over += 0.5 * term / (m + 1.0);
            m += 1.0;
            term *= x / (m * m);
        }
        let over = i1_over / i0;
        let ratio = over * kappa;
        Self { log_i0: i0.ln(), ratio, over, slope: 1.0 - over - ratio * ratio }
    }

    /// I₀ = e^κ / √(2πκ) · S, S = Σ (1² 3² ⋯ (2m − 1)²) / (m! (8κ)ᵐ) (equation 9.7.1), and so
    /// R = 1 − 1/(2κ) + S′/S, R′ = 1/(2κ²) + S″/S − (S′/S)²: nothing cancels.
    fn by_asymptotic_series(kappa: f64) -> Self {
        let (mut term, mut s, mut ds, mut dds) = (1.0, 0.0, 0.0, 0.0);
        let mut m = 0.0;
        while term > 1e-18 && m < 2.0 * kappa {
            s += term;
            ds -= m * term / kappa;
            dds += m * (m + 1.0) * term / (kappa * kappa);
            m += 1.0;
            term *= (2.0 * m - 1.0).powi(2) / (8.0 * m * kappa);
        }
        let bend = ds / s;
        let ratio = 1.0 - 0.5 / kappa + bend;
        Self {
            log_i0: kappa - 0.5 * (std::f64::consts::TAU * kappa).ln() + s.ln(),
            ratio,
            over: ratio / kappa,
            slope: 0.5 / (kappa * kappa) + dds / s - bend * bend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values() {
        // I₀(1), I₁(1), I₀(5), I₁(5) (Abramowitz and Stegun 1964, table 9.8).
        for (kappa, i0, i1) in [
            (1.0, 1.266_065_877_752_008, 0.565_159_103_992_485),
            (5.0, 27.239_871_823_604_44, 24.335_642_142_450_53),
        ] {
            let found = BesselRatio::at(kappa);
            assert!((found.log_i0 - f64::ln(i0)).abs() < 1e-15 * f64::ln(i0).max(1.0));
            assert!((found.ratio - i1 / i0).abs() < 1e-14, "{found:?}");
        }
        assert_eq!(BesselRatio::at(0.0).over, 0.5);
        assert_eq!(BesselRatio::at(0.0).slope, 0.5);
    }

    #[test]
    fn both_series_agree_where_they_meet() {
        let (power, far) = (BesselRatio::by_power_series(LARGE), BesselRatio::by_asymptotic_series(LARGE));
        assert!((power.log_i0 - far.log_i0).abs() < 1e-14 * far.log_i0);
        assert!((power.ratio - far.ratio).abs() < 1e-15);
        assert!((power.slope - far.slope).abs() < 1e-12 * far.slope);
    }

    #[test]
    fn derivatives() {
        for kappa in [0.5, 3.0, 12.0, 30.0, 200.0] {
            let found = BesselRatio::at(kappa);
            ivae_num::gradcheck::check(&[kappa], &[found.ratio], |k| BesselRatio::at(k[0]).log_i0)
                .assert_below(1e-9);
            ivae_num::gradcheck::check(&[kappa], &[found.slope], |k| BesselRatio::at(k[0]).ratio)
                .assert_below(1e-9);
        }
        assert!(BesselRatio::at(f64::NAN).ratio.is_nan());
    }
}
