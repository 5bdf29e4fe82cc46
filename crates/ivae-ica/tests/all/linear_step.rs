//! The linear step of iVAE: the truth comes back from any invertible map, and from a rotation as a rotation.

use crate::common::{cross_talk, normals};
use ivae_ica::{IcaError, LinearStep};
use ivae_num::{Purpose, StreamKey, linalg};
use ndarray::{Array2, array};

/// Three sources of variance 1 given u, whose means are uniform over 200 levels of u with 50 rows each.
fn sources(seed: u64) -> Array2<f64> {
    let key = |part| StreamKey::new(seed, Purpose::Generate).step(part);
    let (g, noise) = (normals(200, 6, key(0)), normals(10_000, 3, key(1)));
    let mean = |u: usize, j: usize| g[[u, j]].atan2(g[[u, 3 + j]]) * 4.0 / std::f64::consts::PI;
    Array2::from_shape_fn(noise.dim(), |(i, j)| mean(i / 50, j) + noise[[i, j]])
}

#[test]
fn an_invertible_map_is_undone() {
    let s = sources(1);
    let a = array![[1.0, 0.8, -0.3], [0.2, 2.0, 0.9], [-0.7, 0.1, 0.5]];
    let statistics = s.dot(&a.t()) + 3.0;
    let found = LinearStep::default().fit(statistics.view()).unwrap();
    assert!(found.converged && cross_talk(&found.unmixing, &a) < 0.25, "{}", cross_talk(&found.unmixing, &a));
    let z = found.transform(statistics.view()).unwrap();
    assert!((found.inverse_transform(z.view()).unwrap() - &statistics).iter().all(|d| d.abs() < 1e-10));
    let single = LinearStep::default().fit(statistics.mapv(|v| v as f32).view()).unwrap();
    assert!(cross_talk(&single.unmixing.mapv(f64::from), &found.mixing) < 1e-3);
}

#[test]
fn a_rotation_is_undone_by_a_rotation() {
    let mut plain = 0.0;
    let mut constrained = 0.0;
    for seed in 2..6 {
        let svd = linalg::svd(normals(3, 3, StreamKey::new(seed, Purpose::Generate)).view()).unwrap();
        let a = svd.u.dot(&svd.vt);
        let statistics = sources(seed).dot(&a.t());
        let step = |rotation| LinearStep { rotation, seed }.fit(statistics.view()).unwrap();
        let found = step(true);
        assert!(
            (found.unmixing.dot(&found.unmixing.t()) - Array2::<f64>::eye(3)).iter().all(|d| d.abs() < 1e-12)
        );
        assert_eq!(found.mixing, found.unmixing.t());
        let z = found.transform(statistics.view()).unwrap();
        assert!((found.inverse_transform(z.view()).unwrap() - &statistics).iter().all(|d| d.abs() < 1e-10));
        plain += cross_talk(&step(false).unmixing, &a) / 4.0;
        constrained += cross_talk(&found.unmixing, &a) / 4.0;
    }
    // What is known helps.
    assert!(constrained < 0.15 && constrained < plain, "{constrained}, unconstrained {plain}");
}

#[test]
fn statistics_that_depend_on_each_other_are_refused() {
    let s = sources(7);
    let twice = ndarray::concatenate(ndarray::Axis(1), &[s.view(), s.view()]).unwrap();
    let error = LinearStep::default().fit(twice.view()).unwrap_err();
    assert_eq!(error, IcaError::Components { requested: 6, rank: 3, columns: 6 });
}
