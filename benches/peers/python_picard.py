"""Picard of python-picard on mixtures of Laplace sources, orthogonal and extended, to a gradient of 1e-7.

usage: python_picard.py ROWS COLUMNS REPEATS
"""

import sys

import numpy as np
from picard import picard

from common import Clock, mcc, tell

rows, columns, repeats = map(int, sys.argv[1:4])
random = np.random.default_rng(0)
s = random.laplace(size=(rows, columns))
x = np.ascontiguousarray((s @ random.standard_normal((columns, columns))).T)


def fit():
    return picard(x, ortho=True, extended=True, tol=1e-7, max_iter=500, random_state=0)[2].T


fit()
clock = Clock()
for _ in range(repeats):
    clock.start()
    z = fit()
    clock.lap()
tell(clock.microseconds(1), mcc=mcc(s, z))
