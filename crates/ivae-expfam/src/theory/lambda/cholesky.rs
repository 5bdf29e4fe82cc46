//! The Cholesky factor of a positive semi-definite matrix, and its forward substitution.

/// The lower triangle C of `a = C Cᵀ`, `a` `[k, k]` positive semi-definite as computed: a pivot of no more than `epsilon`
/// of its diagonal is rounding, and gives a zero column.
pub(super) fn cholesky(a: &[f64], k: usize, epsilon: f64) -> Vec<f64> {
    let mut c = vec![0.0; k * k];
    for j in 0..k {
        for i in j..k {
            let dot: f64 = (0..j).map(|l| c[i * k + l] * c[j * k + l]).sum();
            let rest = a[i * k + j] - dot;
            c[i * k + j] = match c[j * k + j] {
                _ if i == j && rest <= epsilon * a[i * k + i] => 0.0,
                _ if i == j => rest.sqrt(),
                pivot if pivot > 0.0 => rest / pivot,
                _ => 0.0,
            };
        }
    }
    c
}

/// Overwrites `b` `[k]` with the solution of C x = `b`, C the lower triangle `root` `[k, k]`; 0 where a pivot is.
pub(super) fn solve_lower(root: &[f64], b: &mut [f64]) {
    let k = b.len();
    for i in 0..k {
        let dot: f64 = (0..i).map(|l| root[i * k + l] * b[l]).sum();
        let pivot = root[i * k + i];
        b[i] = if pivot > 0.0 { (b[i] - dot) / pivot } else { 0.0 };
    }
}
