"""The original architecture in JAX, an epoch being one jitted lax.scan.

usage: jax_ivae.py DATA.npz HIDDEN BATCH EPOCHS
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common import Clock, load, mcc, tell

path, (hidden, batch, epochs) = sys.argv[1], map(int, sys.argv[2:5])
x, levels, s = load(path)
rows, d, n = *x.shape, s.shape[1]
x, u = jnp.array(x), jax.nn.one_hot(levels, levels.max() + 1)
steps = rows // batch


def init(key, inputs, outputs):
    sizes = [inputs, hidden, hidden, outputs]

    def layer(key, i, o):
        return jax.random.uniform(key, (i, o), minval=-1, maxval=1) * np.sqrt(6 / (i + o)), jnp.zeros(o)

    return [layer(*of) for of in zip(jax.random.split(key, 3), sizes, sizes[1:])]


def net(layers, h):
    for w, b in layers[:-1]:
        h = h @ w + b
        h = jnp.tanh(h) + 0.1 * h
    w, b = layers[-1]
    return h @ w + b


def log_normal(v, mean, log_var):
    return -0.5 * (np.log(2 * np.pi) + log_var + (v - mean) ** 2 * jnp.exp(-log_var)).sum(1)


def loss(p, x, u, key):
    xu = jnp.concatenate([x, u], 1)
    mean, log_var = net(p["mean"], xu), net(p["log_var"], xu)
    z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape)
    log_px = log_normal(x, net(p["decoder"], z), np.log(0.01))
    log_pz = log_normal(z, 0.0, net(p["prior"], u))
    return -(log_px + log_pz - log_normal(z, mean, log_var)).mean()


keys = jax.random.split(jax.random.PRNGKey(0), 5)
m = u.shape[1]
params = {
    "prior": init(keys[0], m, n),
    "decoder": init(keys[1], n, d),
    "mean": init(keys[2], d + m, n),
    "log_var": init(keys[3], d + m, n),
}
adam = optax.adam(1e-2)
state = adam.init(params)


@jax.jit
def epoch(params, state, key):
    of_order, of_noise = jax.random.split(key)
    order = jax.random.permutation(of_order, rows)[: steps * batch].reshape(steps, batch)

    def step(carry, of_step):
        params, state = carry
        index, key = of_step
        value, grad = jax.value_and_grad(loss)(params, x[index], u[index], key)
        update, state = adam.update(grad, state)
        return (optax.apply_updates(params, update), state), value

    carry, values = jax.lax.scan(step, (params, state), (order, jax.random.split(of_noise, steps)))
    return *carry, values.mean()


key = keys[4]
jax.block_until_ready(epoch(params, state, key))  # compiles
clock = Clock()
for _ in range(epochs):
    key, now = jax.random.split(key)
    clock.start()
    params, state, value = jax.block_until_ready(epoch(params, state, now))
    clock.lap()
z = net(params["mean"], jnp.concatenate([x, u], 1))
tell(clock.microseconds(steps), loss=round(float(value), 4), mcc=mcc(s, np.array(z)))
