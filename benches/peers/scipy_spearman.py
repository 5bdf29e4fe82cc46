"""The mean correlation coefficient by Spearman's rank correlation, with SciPy.

usage: scipy_spearman.py ROWS COLUMNS REPEATS
"""

import sys

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr

from common import Clock, tell

rows, columns, repeats = map(int, sys.argv[1:4])
random = np.random.default_rng(0)
s, z = random.standard_normal((rows, columns)), random.standard_normal((rows, columns))


def score():
    c = np.abs(spearmanr(s, z).statistic[:columns, columns:])
    matched = linear_sum_assignment(-c)
    return c[matched].mean()


score()
clock = Clock()
for _ in range(repeats):
    clock.start()
    value = score()
    clock.lap()
tell(clock.microseconds(1), mcc=round(float(value), 4))
