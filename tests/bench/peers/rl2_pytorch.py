"""The work of an iteration of RL² in plain PyTorch, on one thread: 64 trials of 100 steps, acting step by step through
nn.LSTM and two linear layers, then backpropagation through all steps of A2C's loss, and a step of Adam. The observations
are fixed random numbers: there is no environment at all. The backward passes of SLICES equal parts of the
trials run one after the other, and their gradients add up.

   python rl2_pytorch.py CELLS [SLICES] [REPEATS]
"""
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)
cells = int(sys.argv[1])
slices = int(sys.argv[2]) if len(sys.argv) > 2 else 1
repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 7
trials, steps, inputs, actions, gamma, lam = 64, 100, 5, 2, 0.95, 0.95


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(inputs, cells)
        self.policy = nn.Linear(cells, actions)
        self.value = nn.Linear(cells, 1)

    def forward(self, x, state=None):
        h, state = self.lstm(x, state)
        return self.policy(h), self.value(h).squeeze(-1), state


agent = Agent()
adam = torch.optim.Adam(agent.parameters(), lr=5e-3)
observations = torch.rand(steps, trials, inputs)
rewards = torch.rand(steps, trials)


def iteration():
    # Acting, one step after the other.
    drawn, values, state = [], [], None
    with torch.inference_mode():
        for t in range(steps):
            logits, value, state = agent(observations[t : t + 1], state)
            drawn.append(torch.multinomial(logits[0].softmax(-1), 1).squeeze(-1))
            values.append(value[0])
        # Generalised advantages.
        advantages, running = [None] * steps, torch.zeros(trials)
        for t in reversed(range(steps)):
            after = values[t + 1] if t + 1 < steps else torch.zeros(trials)
            running = rewards[t] + gamma * after - values[t] + gamma * lam * running
            advantages[t] = running
    chosen = torch.stack(drawn).clone()
    advantage = torch.stack(advantages).clone()
    target = advantage + torch.stack(values).clone()

    # Back through the whole trial, slice by slice.
    adam.zero_grad()
    parts = (all.chunk(slices, 1) for all in (observations, chosen, advantage, target))
    for x, a, advantage_of, target_of in zip(*parts):
        logits, value, _ = agent(x)
        log_pi = logits.log_softmax(-1)
        of_chosen = log_pi.gather(-1, a.unsqueeze(-1)).squeeze(-1)
        entropy = -(log_pi.exp() * log_pi).sum(-1)
        loss = (-of_chosen * advantage_of + 0.05 * (value - target_of) ** 2 - 0.02 * entropy).mean() / slices
        loss.backward()
    nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
    adam.step()


for _ in range(2):
    iteration()
times = []
for _ in range(repeats):
    start = time.perf_counter()
    iteration()
    times.append((time.perf_counter() - start) * 1e3)
ms = sorted(times)[len(times) // 2]
print(f"LSTM-{cells} {trials} trials of {steps} steps in {slices} slices: {ms:.2f} ms an iteration, {1e3 * trials * steps / ms:.0f} steps a second")
