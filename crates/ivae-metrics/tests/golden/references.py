"""Golden values of scikit-learn's estimators, and of published formulas written out in NumPy.

python3 -m venv env && env/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 dcor==0.7
env/bin/python references.py    # writes references.npz beside itself
"""

from pathlib import Path

import dcor
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Lasso, LinearRegression
from sklearn.metrics import mutual_info_score, r2_score

out = {}
rng = np.random.default_rng(6)


def standard(x, like):
    return (x - like.mean(0)) / like.std(0)


def correlations(x, y):
    return np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :]


def matched(fit, score):
    """MCC with the assignment of one pair of matrices, scored on another: its |correlations|, by source."""
    rows, columns = linear_sum_assignment(-np.abs(correlations(*fit)))
    return np.abs(correlations(*score))[rows, columns]


# Kernel ridge regression: the mean squared error plus ridge |f|^2 is least, so alpha = ridge N.
n, fit, ridge = 100, 60, 1e-2
z = rng.normal(size=(n, 3))
s = np.stack([np.sin(2 * z[:, 0]) + z[:, 1] * z[:, 2], np.tanh(z[:, 1])], 1) + 0.1 * rng.normal(size=(n, 2))
z = z * [1.0, 30.0, 0.2] + [5.0, 0.0, -1.0]
out["kernel_s"], out["kernel_z"] = s, z
for width in [None, 0.8]:
    gamma = 1 / z.shape[1] if width is None else 1 / (2 * width**2)  # w = sqrt(b / 2) by default
    name = "kernel_default" if width is None else "kernel_narrow"
    for part, rows in [("all", n), ("holdout", fit)]:
        zs, ss = standard(z, z[:rows]), standard(s, s[:rows])
        model = KernelRidge(kernel="rbf", gamma=gamma, alpha=ridge * rows).fit(zs[:rows], ss[:rows])
        scored = slice(rows, n) if rows < n else slice(0, n)
        r2 = r2_score(ss[scored], model.predict(zs[scored]), multioutput="raw_values")
        out[f"{name}_{part}"] = r2

# Lasso from standardised latents to standardised sources, coefficients [b, a].
z = rng.normal(size=(200, 5))
z[:, 4] = z[:, 0] + 0.3 * z[:, 4]
s = np.stack([z[:, 0] - 0.5 * z[:, 1], 0.2 * z[:, 2] + z[:, 4]], 1) + 0.5 * rng.normal(size=(200, 2))
out["lasso_s"], out["lasso_z"] = s, z
for i, penalty in enumerate([0.001, 0.02, 0.3]):
    lasso = Lasso(alpha=penalty, fit_intercept=False, tol=1e-15, max_iter=1_000_000)
    out[f"lasso{i}_penalty"] = np.array([penalty])
    out[f"lasso{i}_coef"] = lasso.fit(standard(z, z), standard(s, s)).coef_.T

# Mutual information of binned columns, and what Ridgeway & Mozer (2018), section 3, and Chen et al. (2018), eq. 6, make of it.
s = rng.normal(size=(400, 3))
z = np.stack([s[:, 0] + 0.3 * s[:, 1], s[:, 2] ** 2, s[:, 1], rng.normal(size=400)], 1)
out["info_s"], out["info_z"] = s, z


def binned(x, bins):
    edges = [np.linspace(c.min(), c.max(), bins + 1)[1:-1] for c in x.T]
    return np.stack([np.digitize(c, e) for c, e in zip(x.T, edges)], 1)


bs, bz = binned(s, 8), binned(z, 12)
out["info_s_bins"], out["info_z_bins"] = bs, bz
mi = np.array([[mutual_info_score(bz[:, i], bs[:, j]) for j in range(3)] for i in range(4)])
out["info_mi"] = mi
entropy = np.array([mutual_info_score(bs[:, j], bs[:, j]) for j in range(3)])
ordered = np.sort(mi, 0)
out["info_mig"] = (ordered[-1] - ordered[-2]) / entropy
modularity = []
for row in mi:
    best = row.argmax()
    template = np.where(np.arange(3) == best, row[best], 0.0)
    modularity.append(1 - ((row - template) ** 2).sum() / (row[best] ** 2 * 2))
out["info_modularity"] = np.array(modularity)

# Unsupervised disentanglement ranking, Duan et al. (2020), eqs. 2 and 3, all latents informative.
s = rng.normal(size=(150, 3))
fits = [
    s @ rng.normal(size=(3, 3)),
    s[:, [2, 0, 1]] ** 3 + 0.5 * rng.normal(size=(150, 3)),
    np.concatenate([s, rng.normal(size=(150, 1))], 1),
    rng.normal(size=(150, 2)),
]
pairs = np.eye(4)
for i in range(4):
    for j in range(4):
        if i != j:
            a, b = fits[i], fits[j]
            r = np.abs(spearmanr(a, b).statistic[: a.shape[1], a.shape[1] :])
            total = 0.0
            for p in range(r.shape[0]):
                total += r[p].max() ** 2 / r[p].sum()
            for q in range(r.shape[1]):
                total += r[:, q].max() ** 2 / r[:, q].sum()
            pairs[i, j] = total / (r.shape[0] + r.shape[1])
for i, z in enumerate(fits):
    out[f"udr{i}"] = z
out["udr_pairs"] = pairs
out["udr_per_run"] = np.array([np.median([pairs[i, j] for j in range(4) if j != i]) for i in range(4)])

# Scores after linear maps and within u, the first 200 rows fitted, the other 100 scored.
u = rng.integers(0, 4, size=300)
s = rng.normal(size=(300, 3)) + rng.normal(size=(4, 3))[u] * 2
z = s @ rng.normal(size=(3, 4)) + 0.7 * rng.normal(size=(300, 4)) + 3
out["maps_u"], out["maps_s"], out["maps_z"] = u, s, z
f, h = slice(0, 200), slice(200, 300)
model = LinearRegression().fit(z[f], s[f])
out["maps_weak"] = matched((s[f], model.predict(z[f])), (s[h], model.predict(z[h])))


def whitening(x):
    """Maps centred x to orthonormal columns."""
    _, d, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
    return vt.T / d


ws, wz = whitening(s[f]), whitening(z[f])
left, canonical, right = np.linalg.svd(((s[f] - s[f].mean(0)) @ ws).T @ ((z[f] - z[f].mean(0)) @ wz), full_matrices=False)
out["maps_cca"] = canonical
a, b = ws @ left, wz @ right.T
out["maps_cca_mcc"] = matched((s[f] @ a, z[f] @ b), (s[h] @ a, z[h] @ b))


def within(x, u):
    return np.stack([x[i] - x[u == u[i]].mean(0) for i in range(len(x))])


out["maps_within"] = matched((within(s[f], u[f]), within(z[f], u[f])), (within(s[h], u[h]), within(z[h], u[h])))
means = np.stack([s[f][u[f] == level].mean(0) for level in range(4)])
out["maps_u_only"] = np.diag(correlations(s[h], means[u[h]]))


def leading(x, part):
    left, d, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    kept = np.searchsorted(np.cumsum(d**2) / (d**2).sum(), part) + 1
    return left[:, :kept]


for part in [0.6, 0.9]:
    out[f"maps_svcca_{part}"] = np.linalg.svd(leading(s, part).T @ leading(z, part), compute_uv=False)

# Distance correlation of the dcor package.
out["maps_distance"] = np.array(
    [[dcor.distance_correlation(s[:, i], z[:, j] ** 2) for j in range(4)] for i in range(3)]
)

np.savez_compressed(Path(__file__).with_suffix(".npz"), **out)
