"""Makes the polynomial coefficients of src/vecmath/kernels.rs (printed) and tests/golden/vecmath_f64.csv.

Needs mpmath. The CSV has lines `function,x,high,low`: bits of f64 in hex, with function(x) = high + low to 100 bits.
"""

import random
import struct
from pathlib import Path

from mpmath import atanh, chebyfit, cos, exp, expm1, floor, log, log1p, lu_solve, matrix, mp, mpf, pi, sqrt, tanh

mp.prec = 400


def bits(x):
    return struct.pack(">d", x).hex()


def from_bits(n):
    return struct.unpack(">d", n.to_bytes(8, "big"))[0]


def expm1_rest(r):
    """(e^r - 1 - r) / r^2"""
    return mpf(1) / 2 + r / 6 + r * r / 24 if abs(r) < mpf(2) ** -60 else (expm1(r) - r) / r**2


def tanh_rest(half):
    """t -> tanh(half r) / r, t = r^2"""
    return lambda t: half - half**3 * t / 3 if t < mpf(2) ** -120 else tanh(sqrt(t) * half) / sqrt(t)


def artanh_rest(t):
    """(2 artanh s - 2 s) / s^3, t = s^2"""
    return mpf(2) / 3 + 2 * t / 5 if t < mpf(2) ** -60 else (2 * atanh(sqrt(t)) - 2 * sqrt(t)) / (sqrt(t) * t)


def exact_at_zero(f, h, n):
    """n coefficients of a near-minimax fit on [0, h] whose error is 0 at 0, where a small argument needs all digits."""
    roots = [cos(pi * (2 * k + 1) / (2 * n)) for k in reversed(range(n))]
    at = [h * (x - roots[0]) / (1 - roots[0]) for x in roots]
    return list(lu_solve(matrix([[t**j for j in range(n)] for t in at]), matrix([f(t) for t in at])))


def coefficients():
    half = log(2) / 2 * mpf("1.0005")
    third = mpf(1) / 9 * mpf("1.001")
    root = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.001")
    for name, terms, tanh_terms, ln2_bits in ("single", (5, 5, 3), 3, 15), ("double", (10, 10, 7), 7, 41):
        print(name)
        fits = (
            ("EXPM1", expm1_rest, -half, half),
            ("LN_1P", artanh_rest, 0, third),
            ("LN", artanh_rest, 0, root),
        )
        for (label, f, a, b), n in zip(fits, terms):
            p, error = chebyfit(f, [a, b], n, error=True)
            print(f"  {label} error {float(error):.1e}:", [float(c) for c in reversed(p)])
        for label, base, most in ("TANH_2", log(2), mpf("0.50001")), ("TANH_E", mpf(1), half):
            print(f"  {label}:", [float(c) for c in exact_at_zero(tanh_rest(base / 2), most**2, tanh_terms)])
        high = floor(log(2) * 2**ln2_bits + mpf(1) / 2) / mpf(2) ** ln2_bits
        print("  LN2_HIGH", float(high), "LN2_LOW", float(log(2) - high))


FUNCTIONS = {
    "exp": exp,
    "ln": log,
    "tanh": tanh,
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "softplus": lambda x: log1p(exp(x)),
}


def points(name, rng):
    """Arguments over the whole range of the function, and close to where it is delicate."""
    near_zero = [s * rng.uniform(0.5, 1) * 2.0**-k for k in range(0, 1074, 29) for s in (1, -1)]
    if name == "ln":
        yield from (from_bits(rng.randrange(1, 0x7FF0000000000000)) for _ in range(100))
        yield from (from_bits(rng.randrange(1, 0x0010000000000000)) for _ in range(20))
        yield from (1 + s * rng.uniform(0.5, 1) * 2.0**-k for k in range(1, 53) for s in (1, -1))
        yield from (rng.uniform(0.5, 2) for _ in range(100))
        return
    yield from near_zero
    yield from (rng.uniform(-1, 1) for _ in range(100))
    yield from (rng.uniform(-25, 25) for _ in range(100))
    if name != "tanh":
        yield from (rng.uniform(-745, 709) for _ in range(60))
        yield from (rng.uniform(-745.1, -700) for _ in range(20))


def golden(path):
    lines = []
    for name, f in FUNCTIONS.items():
        rng = random.Random(name)
        for x in points(name, rng):
            y = f(mpf(x))
            lines.append(f"{name},{bits(x)},{bits(float(y))},{bits(float(y - mpf(float(y))))}\n")
    path.write_text("".join(lines))


if __name__ == "__main__":
    coefficients()
    golden(Path(__file__).with_name("vecmath_f64.csv"))
