"""FastICA of scikit-learn on mixtures of Laplace sources.

usage: sklearn_fastica.py ROWS COLUMNS REPEATS
"""

import sys

import numpy as np
from sklearn.decomposition import FastICA

from common import Clock, mcc, tell

rows, columns, repeats = map(int, sys.argv[1:4])
random = np.random.default_rng(0)
s = random.laplace(size=(rows, columns))
x = s @ random.standard_normal((columns, columns))


def fit():
    return FastICA(whiten="unit-variance", random_state=0).fit_transform(x)


fit()
clock = Clock()
for _ in range(repeats):
    clock.start()
    z = fit()
    clock.lap()
tell(clock.microseconds(1), mcc=mcc(s, z))
