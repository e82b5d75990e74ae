"""Soft actor-critic on Pendulum in plain PyTorch: what a careful reader would write. Prints ms per step, all included.

  python tests/bench/peers/sac_pytorch.py [HIDDEN [BATCH [STEPS]]]       64 100 3000
"""
import math
import random
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

hidden, batch, steps = (int(x) for x in (sys.argv[1:] + ["64", "100", "3000"][len(sys.argv) - 1 :]))
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)


def mlp(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def act(actor, s):
    mean, log_sigma = actor(s).chunk(2, -1)
    u = mean + log_sigma.clamp(-20, 2).exp() * (noise := torch.randn_like(mean))
    log_prob = -0.5 * noise.square() - log_sigma.clamp(-20, 2) - 0.5 * math.log(2 * math.pi)
    log_prob = log_prob - 2 * (math.log(2) - u - F.softplus(-2 * u))
    return torch.tanh(u), log_prob.sum(-1, keepdim=True)


def reset():
    return random.uniform(-math.pi, math.pi), random.uniform(-1, 1)


def step(theta, omega, torque):
    wrapped = (theta + math.pi) % (2 * math.pi) - math.pi
    reward = -(wrapped**2 + 0.1 * omega**2 + 0.001 * torque**2)
    omega = min(max(omega + (15 * math.sin(theta) + 3 * torque) * 0.05, -8.0), 8.0)
    return theta + omega * 0.05, omega, reward


def observe(theta, omega):
    return math.cos(theta), math.sin(theta), omega


actor, q1, q2, t1, t2 = mlp(3, 2), mlp(4, 1), mlp(4, 1), mlp(4, 1), mlp(4, 1)
t1.load_state_dict(q1.state_dict())
t2.load_state_dict(q2.state_dict())
log_alpha = torch.zeros(1, requires_grad=True)
critics, targets = list(q1.parameters()) + list(q2.parameters()), list(t1.parameters()) + list(t2.parameters())
actor_adam = torch.optim.Adam(actor.parameters(), 1e-3, foreach=True)
critic_adam = torch.optim.Adam(critics, 1e-3, foreach=True)
alpha_adam = torch.optim.Adam([log_alpha], 1e-3)
buffer = torch.zeros(100000, 9)  # s, a, r, s', terminated
size, total, t = 0, 0.0, 0
theta, omega = reset()

for n in range(steps + 500):
    if n == 500:
        start = time.perf_counter()
    s = observe(theta, omega)
    if n < 100:
        a = random.uniform(-1, 1)
    else:
        with torch.no_grad():
            a = act(actor, torch.tensor([s]))[0].item()
    theta, omega, reward = step(theta, omega, 2 * a)
    buffer[size] = torch.tensor([*s, a, reward, *observe(theta, omega), 0.0])
    size, t, total = size + 1, t + 1, total + reward
    if t == 200:
        if n % 1000 > 800:
            print(f"step {n + 1}, return {total:.0f}", file=sys.stderr)
        theta, omega = reset()
        t, total = 0, 0.0
    if n < 100:
        continue

    rows = buffer[torch.randint(size, (batch,))]
    s, a, r, s_next, d = rows[:, :3], rows[:, 3:4], rows[:, 4:5], rows[:, 5:8], rows[:, 8:]
    alpha = log_alpha.detach().exp()
    with torch.no_grad():
        a_next, log_prob = act(actor, s_next)
        x = torch.cat([s_next, a_next], -1)
        y = r + 0.99 * (1 - d) * (torch.minimum(t1(x), t2(x)) - alpha * log_prob)
    x = torch.cat([s, a], -1)
    critic_adam.zero_grad()
    (0.5 * (F.mse_loss(q1(x), y) + F.mse_loss(q2(x), y))).backward()
    critic_adam.step()

    for p in critics:
        p.requires_grad_(False)
    a_now, log_prob = act(actor, s)
    x = torch.cat([s, a_now], -1)
    actor_adam.zero_grad()
    (alpha * log_prob - torch.minimum(q1(x), q2(x))).mean().backward()
    actor_adam.step()
    for p in critics:
        p.requires_grad_(True)

    alpha_adam.zero_grad()
    (-log_alpha * (log_prob.detach().mean() - 1)).backward()
    alpha_adam.step()
    with torch.no_grad():
        torch._foreach_lerp_(targets, critics, 0.005)

ms = 1e3 * (time.perf_counter() - start) / steps
print(f"PyTorch {torch.__version__}, 2x{hidden}, batch {batch}: {ms:.3f} ms per step")
