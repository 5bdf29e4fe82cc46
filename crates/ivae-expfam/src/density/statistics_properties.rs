//! [`StatisticsProperties`]: what the identifiability theorems ask of the statistics T.

/// Properties of the statistics T₁ … T_k of one component, as functions on the support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsProperties {
    /// Is every T′ⱼ ≠ 0 almost everywhere?
    pub nonzero_slope: bool,
    /// Are 1, T₁ … T_k linearly independent on every set of positive measure?
    pub independent: bool,
    /// Is every Tⱼ twice differentiable?
    pub smooth: bool,
    /// How often the only statistic of k = 1 turns from falling to rising or back: 0 if it is monotonic, 1 if it has a
    /// unique minimum (or maximum, which is the minimum of −T, with −λ). `None` for k ≥ 2.
    pub turning_points: Option<usize>,
}

impl StatisticsProperties {
    /// The properties of statistics that are analytic, independent and not constant: what holds for them anywhere holds
    /// everywhere. The only statistic of k = 1 has `turning_points` of them.
    pub(crate) fn analytic(k: usize, turning_points: usize) -> Self {
        Self {
            nonzero_slope: true,
            independent: true,
            smooth: true,
            turning_points: (k == 1).then_some(turning_points),
        }
    }
}
