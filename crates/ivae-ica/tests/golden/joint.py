"""Golden values of pyRiemann's joint diagonalisations on small data.

python3 -m venv env && env/bin/pip install numpy==2.4.6 pyriemann==0.12
env/bin/python joint.py    # writes joint.npz beside itself
"""

from pathlib import Path

import numpy as np
from pyriemann.geometry.ajd import ajd_pham, rjd

rng = np.random.default_rng(6)
out = {}


def unit_variance(unmixing, x):
    return unmixing / (x @ unmixing.T).std(0)[:, None]


# Segments of 20 to 60 rows, and the covariances of ivae_ica::Ajd: about the segments' means, with n + 1 rows of the pooled one.
n, sizes = 4, [20, 60, 35, 45, 30, 50]
segments = np.repeat(np.arange(6), sizes)
scale = np.exp(0.8 * rng.normal(size=(6, n)))
mixing = rng.normal(size=(n, n))
x = (rng.normal(size=(len(segments), n)) * scale[segments]) @ mixing.T + rng.normal(size=(6, n))[segments] + 5
scatter = []
for u, size in enumerate(sizes):
    centred = x[segments == u] - x[segments == u].mean(0)
    scatter.append(centred.T @ centred)
pooled = sum(scatter) / sum(sizes)
covariances = np.stack([(c + (n + 1) * pooled) / (size + n + 1) for c, size in zip(scatter, sizes)])
found, _ = ajd_pham(covariances, eps=1e-26, n_iter_max=500, sample_weight=np.array(sizes, dtype=float))
out["segments_x"], out["segments"] = x, segments
out["segments_unmixing"] = unit_variance(found, x)

# Autoregressive series, lags 1 to 10 of whitened rows.
n, rows = 3, 500
s = rng.normal(size=(rows, n))
for t in range(1, rows):
    s[t] += np.array([0.9, 0.4, -0.6]) * s[t - 1]
x = s @ rng.normal(size=(n, n)).T - 2
centred = x - x.mean(0)
values, vectors = np.linalg.eigh(centred.T @ centred / rows)
whitening = (vectors / np.sqrt(values)).T
z = centred @ whitening.T
lagged = np.stack([z[:-lag].T @ z[lag:] / (rows - lag) for lag in range(1, 11)])
found, _ = rjd((lagged + lagged.transpose(0, 2, 1)) / 2, eps=1e-15, n_iter_max=500)
out["lags_x"] = x
out["lags_unmixing"] = unit_variance(found.T @ whitening, x)

np.savez_compressed(Path(__file__).with_suffix(".npz"), **out)
