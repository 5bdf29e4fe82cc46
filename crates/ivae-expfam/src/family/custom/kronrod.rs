//! The 21-point Gauss–Kronrod rule with its 10-point Gauss rule (Piessens et al. 1983, QUADPACK, routine QK21).

/// Positive nodes on \[−1, 1\], then 0; every second one, from the second, is a node of the Gauss rule.
const NODES: [f64; 11] = [
    0.995_657_163_025_808_1,
    0.973_906_528_517_171_7,
    0.930_157_491_355_708_2,
    0.865_063_366_688_984_5,
    0.780_817_726_586_416_9,
    0.679_409_568_299_024_4,
    0.562_757_134_668_604_7,
    0.433_395_394_129_247_2,
    0.294_392_862_701_460_2,
    0.148_874_338_981_631_22,
    0.0,
];

const KRONROD: [f64; 11] = [
    0.011_694_638_867_371_874,
    0.032_558_162_307_964_725,
    0.054_755_896_574_351_995,
    0.075_039_674_810_919_96,
    0.093_125_454_583_697_6,
    0.109_387_158_802_297_64,
    0.123_491_976_262_065_84,
    0.134_709_217_311_473_34,
    0.142_775_938_577_060_09,
    0.147_739_104_901_338_49,
    0.149_445_554_002_916_9,
];

const GAUSS: [f64; 5] = [
    0.066_671_344_308_688_14,
    0.149_451_349_150_580_6,
    0.219_086_362_515_982_04,
    0.269_266_719_309_996_35,
    0.295_524_224_714_752_87,
];

/// Number of nodes.
pub(super) const LEN: usize = 21;

/// The nodes on \[low, high\] with their Kronrod and Gauss weights (0 where the Gauss rule has no node).
pub(super) fn rule(low: f64, high: f64) -> impl Iterator<Item = (f64, f64, f64)> {
    let (centre, half) = (0.5 * (low + high), 0.5 * (high - low));
    (0..LEN).map(move |i| {
        let (j, sign) = if i <= 10 { (i, -1.0) } else { (20 - i, 1.0) };
        let gauss = if j % 2 == 1 { GAUSS[j / 2] } else { 0.0 };
        (centre + sign * half * NODES[j], half * KRONROD[j], half * gauss)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_for_the_polynomials_it_should_be() {
        for degree in 0..=31 {
            let exact = 2.0f64.powi(degree + 1) / f64::from(degree + 1);
            let sums = rule(0.0, 2.0).fold((0.0, 0.0), |(kronrod, gauss), (x, k, g)| {
                (kronrod + k * x.powi(degree), gauss + g * x.powi(degree))
            });
            assert!((sums.0 / exact - 1.0).abs() < 2e-15, "Kronrod, degree {degree}: {}", sums.0 / exact);
            if degree < 20 {
                assert!((sums.1 / exact - 1.0).abs() < 2e-15, "Gauss, degree {degree}: {}", sums.1 / exact);
            }
        }
    }
}
