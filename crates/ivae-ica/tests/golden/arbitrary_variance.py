"""Golden values of scikit-learn's FastICA with whiten="arbitrary-variance" on small data.

python3 -m venv env && env/bin/pip install numpy==2.4.6 scikit-learn==1.9.1
env/bin/python arbitrary_variance.py    # writes arbitrary_variance.npz beside itself
"""

from pathlib import Path

import numpy as np
from sklearn.decomposition import FastICA

rng = np.random.default_rng(16)
rows, columns, n = 200, 4, 3
x = rng.laplace(size=(rows, columns)) @ rng.normal(size=(columns, columns)).T + rng.normal(size=columns)
w_init = rng.normal(size=(n, n))
out = {"x": x, "w_init": w_init}
for algorithm in ["parallel", "deflation"]:
    ica = FastICA(n, algorithm=algorithm, whiten="arbitrary-variance", w_init=w_init, tol=1e-9, max_iter=1000)
    out[f"{algorithm}_sources"] = ica.fit_transform(x)
    out[f"{algorithm}_components"], out[f"{algorithm}_mixing"] = ica.components_, ica.mixing_
    out[f"{algorithm}_whitening"] = ica.whitening_
np.savez_compressed(Path(__file__).with_suffix(".npz"), **out)
