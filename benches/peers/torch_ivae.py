"""The original architecture in PyTorch: a lean eager loop, with fused Adam.

usage: torch_ivae.py DATA.npz HIDDEN BATCH EPOCHS
"""

import math
import sys

import torch
from torch import nn

from common import Clock, load, mcc, tell

torch.set_num_threads(1)
torch.manual_seed(0)
path, (hidden, batch, epochs) = sys.argv[1], map(int, sys.argv[2:5])
x, levels, s = load(path)
rows, d, n = *x.shape, s.shape[1]
x, u = torch.from_numpy(x), nn.functional.one_hot(torch.from_numpy(levels).long()).float()
m, steps = u.shape[1], rows // batch


class Xtanh(nn.Module):
    def forward(self, h):
        return torch.tanh(h) + 0.1 * h


def net(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, hidden), Xtanh(), nn.Linear(hidden, hidden), Xtanh(), nn.Linear(hidden, outputs)
    )


def log_normal(v, mean, log_var):
    return -0.5 * (math.log(2 * math.pi) + log_var + (v - mean) ** 2 * torch.exp(-log_var)).sum(1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.prior, self.decoder = net(m, n), net(n, d)
        self.mean, self.log_var = net(d + m, n), net(d + m, n)
        self.noise, self.zero = torch.full((), math.log(0.01)), torch.zeros(())

    def forward(self, x, u):
        xu = torch.cat([x, u], 1)
        mean, log_var = self.mean(xu), self.log_var(xu)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        log_px = log_normal(x, self.decoder(z), self.noise)
        log_pz = log_normal(z, self.zero, self.prior(u))
        return -(log_px + log_pz - log_normal(z, mean, log_var)).mean()


model = Model()
adam = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)


def epoch():
    order, total = torch.randperm(rows), 0.0
    for i in range(steps):
        index = order[i * batch : (i + 1) * batch]
        adam.zero_grad(set_to_none=True)
        loss = model(x[index], u[index])
        loss.backward()
        adam.step()
        total += loss.detach()
    return float(total) / steps


epoch()
clock = Clock()
for _ in range(epochs):
    clock.start()
    value = epoch()
    clock.lap()
with torch.no_grad():
    z = model.mean(torch.cat([x, u], 1)).numpy()
tell(clock.microseconds(steps), loss=round(value, 4), mcc=mcc(s, z))
