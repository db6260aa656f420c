"""The same job in PyTorch: torchvision's transforms, two loader workers, the same frozen graph through onnx2torch,
a logistic head on standardised features. Imports and the graph's conversion are done before the clock starts.

    peer.py <base.onnx> <folder with train/ and val/> [channels_last]

Reads a line from standard input for each job and answers with one JSON line.
"""

import json
import sys
import time

import torch
from onnx2torch import convert
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

BASE, FOLDER = sys.argv[1:3]
CHANNELS_LAST = "channels_last" in sys.argv[3:]
BATCH, WORKERS = 32, 2

prepare = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
model = convert(BASE).eval().requires_grad_(False)
if CHANNELS_LAST:
    model = model.to(memory_format=torch.channels_last)


def photos(part):
    return ImageFolder(f"{FOLDER}/{part}", prepare, is_valid_file=lambda path: path.lower().endswith(".jpg"))


def features():
    train, val = photos("train"), photos("val")
    rows, labels = [], []
    with torch.inference_mode():
        for x, y in DataLoader(ConcatDataset([train, val]), batch_size=BATCH, num_workers=WORKERS):
            if CHANNELS_LAST:
                x = x.contiguous(memory_format=torch.channels_last)
            rows.append(model(x).flatten(1))
            labels.append(y)
    x, y = torch.cat(rows).clone(), torch.cat(labels)
    return x[: len(train)], y[: len(train)], x[len(train) :], y[len(train) :]


def head(x, y):
    mean, std = x.mean(0), x.std(0).clamp_min(1e-6)
    linear = nn.Linear(x.shape[1], int(y.max()) + 1)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=100, line_search_fn="strong_wolfe")
    scaled = (x - mean) / std

    def loss():
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(linear(scaled), y) + 0.05 * linear.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return lambda z: linear((z - mean) / std)


print(json.dumps({"ready": True, "torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    torch.manual_seed(1)
    x, y, vx, vy = features()
    middle = time.perf_counter()
    predict = head(x, y)
    with torch.inference_mode():
        accuracy = (predict(vx).argmax(1) == vy).float().mean().item()
    end = time.perf_counter()
    print(json.dumps({"seconds": end - start, "features": middle - start, "accuracy": accuracy}), flush=True)
