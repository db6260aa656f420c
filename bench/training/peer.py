"""One training step in PyTorch eager of the same graph through onnx2torch: AdamW, gradients clipped, cross-entropy.

    peer.py <base.onnx> <batch> <steps> [channels_last]

Prints one JSON line: milliseconds of every step and the peak of resident memory.
"""

import json
import resource
import sys
import time

import torch
from onnx2torch import convert
from torch import nn

BASE, BATCH, STEPS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LAST = "channels_last" in sys.argv[4:]
CLASSES = 10
torch.set_num_threads(2)
trunk = convert(BASE)
for p in trunk.parameters():
    p.requires_grad_(True)
trunk.train()
x = torch.rand(BATCH, 3, 224, 224)
with torch.no_grad():
    width = trunk(x[:2]).flatten(1).shape[1]
head = nn.Linear(width, CLASSES)
if LAST:
    trunk = trunk.to(memory_format=torch.channels_last)
    x = x.contiguous(memory_format=torch.channels_last)
parameters = [*trunk.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, 1e-4)
y = torch.arange(BATCH) % CLASSES
times = []
for _ in range(STEPS):
    start = time.perf_counter()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(head(trunk(x).flatten(1)), y)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"times": times, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "torch": torch.__version__}))
