//! [`family_laws!`](crate::family_laws): one test per law for a family.

/// One test per law for a family, at the unconstrained parameters η of each case: `family_laws!(name, family, etas)`
/// makes a module `name` of tests.
///
/// ```
/// use ivae_expfam::{Gamma, family_laws};
///
/// family_laws!(gamma, Gamma, [[0.0, 0.0], [1.5, -2.0], [-0.7, 1.0]]);
/// ```
#[macro_export]
macro_rules! family_laws {
    ($name:ident, $family:expr, $etas:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $crate::family_laws!(@tests $family, $etas, density_is_that_of_the_natural_parameters normalises
                score_is_the_derivative statistics_have_their_derivatives partition_has_its_derivatives
                quadrature_gives_the_mean_statistics samples_have_the_mean_statistics
                samples_have_the_covariance_of_the_statistics partition_is_convex entropy_and_kl_by_quadrature
                domain_map_is_smooth_and_inside domain_map_is_onto draws_follow_the_density);
        }
    };
    (@tests $family:expr, $etas:expr, $($law:ident)*) => {
        $(#[test] fn $law() {
            let etas: Vec<Vec<f64>> = $etas.iter().map(|eta| eta.to_vec()).collect();
            $crate::testing::laws::$law(&$family, &etas);
        })*
    };
}
