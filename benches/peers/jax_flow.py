"""A coupling flow in JAX with exact likelihood and a Gaussian prior per segment; an epoch is one jitted lax.scan.

usage: jax_flow.py DATA.npz BLOCKS EPOCHS
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import Clock, load, mcc, tell, whiten

path, (blocks, epochs) = sys.argv[1], map(int, sys.argv[2:4])
batch, hidden = 256, 64
x, levels, s = load(path)
n, m = s.shape[1], levels.max() + 1
x, u = jnp.array(whiten(x, n)), jnp.array(levels)
rows, kept = len(x), n // 2
changed, steps = n - kept, rows // batch


def linear(key, i, o, scale=1.0):
    return scale * jax.random.normal(key, (i, o)) / np.sqrt(i), jnp.zeros(o)


def block(key, seed):
    keys = jax.random.split(key, 3)
    rotation = np.linalg.qr(np.random.RandomState(seed).randn(n, n))[0].astype(np.float32)
    return {
        "map": jnp.array(rotation),
        "net": [
            linear(keys[0], kept, hidden),
            linear(keys[1], hidden, hidden),
            linear(keys[2], hidden, 2 * changed, 0.01),
        ],
    }


keys = jax.random.split(jax.random.PRNGKey(0), blocks + 2)
params = {
    "blocks": [block(keys[i], i) for i in range(blocks)],
    "last": jnp.eye(n),
    "log_var": 0.1 * jax.random.normal(keys[blocks], (m, n)),
    "mean": jnp.zeros((m, n)),
}


def encode(p, h):
    log_det = jnp.linalg.slogdet(p["last"])[1]
    for block in p["blocks"]:
        h = h @ block["map"]
        r = h[:, :kept]
        for w, b in block["net"][:-1]:
            r = jax.nn.silu(r @ w + b)
        w, b = block["net"][-1]
        r = r @ w + b
        scale = 2 * jnp.tanh(r[:, :changed] / 2)
        log_det = log_det + jnp.linalg.slogdet(block["map"])[1] + scale.sum(1)
        h = jnp.concatenate([h[:, :kept], h[:, kept:] * jnp.exp(scale) + r[:, changed:]], 1)
    return h @ p["last"], log_det


def loss(p, x, u):
    z, log_det = encode(p, x)
    log_var, e = p["log_var"][u], z - p["mean"][u]
    return -(log_det - 0.5 * (np.log(2 * np.pi) + log_var + e * e * jnp.exp(-log_var)).sum(1)).mean()


total = steps * epochs
schedule = optax.warmup_cosine_decay_schedule(0.0, 3e-3, total // 20, total)
adam = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(schedule))
state = adam.init(params)


@jax.jit
def epoch(params, state, key):
    order = jax.random.permutation(key, rows)[: steps * batch].reshape(steps, batch)

    def step(carry, index):
        params, state = carry
        value, grad = jax.value_and_grad(loss)(params, x[index], u[index])
        update, state = adam.update(grad, state)
        return (optax.apply_updates(params, update), state), value

    carry, values = jax.lax.scan(step, (params, state), order)
    return *carry, values.mean()


key = keys[blocks + 1]
jax.block_until_ready(epoch(params, state, key))  # compiles
clock = Clock()
for _ in range(epochs):
    key, now = jax.random.split(key)
    clock.start()
    params, state, value = jax.block_until_ready(epoch(params, state, now))
    clock.lap()
z = encode(params, x)[0]
tell(clock.microseconds(steps), loss=round(float(value), 4), mcc=mcc(s, np.array(z)))
