"""The square tanh estimator in JAX: exact likelihood of n = d, all restarts at once by vmap, an epoch one jitted scan.

Three layers h ← act⁻¹(h W + b), act(h) = tanh(h) + a h with a learned for each layer, then a last linear map; Gaussian
prior with a table of means and log-variances. Microseconds are of a step and restart; with `whole`, of compilation and
training altogether.

usage: jax_bijective.py DATA.npz RESTARTS EPOCHS [whole]
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import Clock, load, mcc, tell, whiten

path, (restarts, epochs) = sys.argv[1], map(int, sys.argv[2:4])
whole = "whole" in sys.argv[4:]
batch, layers = 256, 3
x, levels, s = load(path)
n, m = s.shape[1], levels.max() + 1
x, u = jnp.array(whiten(x, n)), jnp.array(levels)
rows = len(x)
steps = rows // batch


@jax.custom_jvp
def inverse(y, a):
    """Solves tanh(h) + a h = y by Newton's steps from a bound."""
    v = jnp.abs(y)
    h = jnp.maximum(v / (1 + a), (v - 1) / a)
    for _ in range(6):
        t = jnp.tanh(h)
        h = h - (t + a * h - v) / (1 - t * t + a)
    return jnp.sign(y) * h


@inverse.defjvp
def _(primal, tangent):
    (y, a), (dy, da) = primal, tangent
    h = inverse(y, a)
    return h, (dy - h * da) / (1 - jnp.tanh(h) ** 2 + a)


def encode(p, h):
    log_det = 0.0
    for i, (w, b) in enumerate(zip(p["w"], p["b"])):
        h = h @ w + b
        log_det = log_det + jnp.linalg.slogdet(w)[1]
        if i + 1 < layers:
            a = jnp.exp(p["log_a"][i])
            h = inverse(h, a)
            log_det = log_det - jnp.log(1 - jnp.tanh(h) ** 2 + a).sum(1)
    return h @ p["out"], log_det + jnp.linalg.slogdet(p["out"])[1]


def loss(p, x, u):
    z, log_det = encode(p, x)
    log_var, e = p["log_var"][u], z - p["mean"][u]
    return -(log_det - 0.5 * (np.log(2 * np.pi) + log_var + e * e * jnp.exp(-log_var)).sum(1)).mean()


def init(seed):
    random = np.random.default_rng(seed)
    rotation = lambda: jnp.array(0.6 * np.linalg.qr(random.standard_normal((n, n)))[0], jnp.float32)
    p = {
        "w": [rotation() for _ in range(layers)],
        "b": [jnp.zeros(n)] * layers,
        "log_a": jnp.full(layers - 1, np.log(0.3)),
        "out": jnp.eye(n),
    }
    z = np.array(encode(p, x)[0])
    std = np.array([z[levels == k].std(0) for k in range(m)])
    mean = np.array([z[levels == k].mean(0) for k in range(m)])
    return {**p, "log_var": jnp.array(2 * np.log(std + 1e-3)), "mean": jnp.array(mean)}


total = steps * epochs
schedule = optax.warmup_cosine_decay_schedule(0.0, 0.02, total // 20, total)
adam = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(schedule))


@jax.jit
def epoch(params, states, key):
    order = jax.random.permutation(key, rows)[: steps * batch].reshape(steps, batch)

    def one(params, state, x, u):
        value, grad = jax.value_and_grad(loss)(params, x, u)
        update, state = adam.update(grad, state)
        return optax.apply_updates(params, update), state, value

    def step(carry, index):
        params, states, values = jax.vmap(one, (0, 0, None, None))(*carry, x[index], u[index])
        return (params, states), values

    carry, values = jax.lax.scan(step, (params, states), order)
    return *carry, values.mean(0)


params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[init(seed) for seed in range(restarts)])
states = jax.vmap(adam.init)(params)
key = jax.random.PRNGKey(0)
altogether = Clock()
if not whole:
    jax.block_until_ready(epoch(params, states, key))  # compiles
clock = Clock()
for _ in range(epochs):
    key, now = jax.random.split(key)
    clock.start()
    params, states, values = jax.block_until_ready(epoch(params, states, now))
    clock.lap()
altogether.lap()
best = int(np.argmin(values))
z = encode(jax.tree.map(lambda leaf: leaf[best], params), x)[0]
spent = altogether.microseconds(1) if whole else clock.microseconds(steps * restarts)
tell(spent, loss=round(float(values[best]), 4), mcc=mcc(s, np.array(z)))
