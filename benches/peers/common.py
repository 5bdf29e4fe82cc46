"""What the peers' scripts share: data, a clock, the score, and the line they print."""

import json
import time

import numpy as np
from scipy.optimize import linear_sum_assignment


def load(path):
    """x [N, d], the level of u [N], s [N, n]."""
    data = np.load(path)
    u = data["u"]
    levels = u.argmax(1) if u.ndim == 2 else np.unique(u, return_inverse=True)[1]
    return data["x"].astype(np.float32), levels.reshape(-1).astype(np.int32), data["s"].astype(np.float32)


def whiten(x, n):
    """The first n principal components of x, of unit variance."""
    centred = x.astype(np.float64) - x.mean(0)
    variance, axes = np.linalg.eigh(np.cov(centred.T))
    return (centred @ axes[:, ::-1][:, :n] / np.sqrt(variance[::-1][:n])).astype(np.float32)


class Clock:
    """Wall and processor seconds of each lap; the processor's of all threads of this process."""

    def __init__(self):
        self.laps = []
        self.start()

    def start(self):
        self.began = time.perf_counter(), time.process_time()

    def lap(self):
        self.laps.append((time.perf_counter() - self.began[0], time.process_time() - self.began[1]))
        self.start()

    def microseconds(self, per):
        """Median microseconds of a lap, divided by `per`."""
        wall, processor = 1e6 * np.median(np.array(self.laps), axis=0) / per
        return {"us": round(float(wall), 3), "cpu_us": round(float(processor), 3)}


def mcc(s, z):
    """Mean correlation of the best one-to-one matching of the columns of s and z."""
    n = s.shape[1]
    c = np.abs(np.corrcoef(s, z, rowvar=False)[:n, n:])
    rows, columns = linear_sum_assignment(-c)
    return round(float(c[rows, columns].mean()), 4)


def tell(spent, **rest):
    print(json.dumps({**spent, **rest}), flush=True)
