"""Begins the factored network with what the residual one learnt.

Each 3x3 convolution becomes a 3x1 and a 1x3 one (Jaderberg et al. 2014, arXiv:1405.3866). Their weights are the
closest in the outputs on sample pictures, not in the weights: a singular value decomposition, whitened by the inputs'
covariance (Zhang et al. 2015, arXiv:1411.4229, has the idea).

    python bases/photo-small/factor.py --start bases/photo-small/photo-small.onnx --work bench/out/photo-small

prints the RANKS of net.py: greedily, the 16 channels that save most error for their work, until the budget is spent.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

PATCHES = 40_000  # sampled positions a convolution
STEP = 16  # onnxruntime computes in blocks of 16 channels


def weights_of(path):
    """The folded float32 weights of an exported photo-small, by name without `.float16`."""
    model = onnx.load(path)
    arrays = {kept.name.removesuffix(".float16"): numpy_helper.to_array(kept) for kept in model.graph.initializer}
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items() if array.ndim}


def convolve(weights, name, x, stride=1):
    kernel = weights[f"{name}.weight"]
    return F.conv2d(x, kernel, weights[f"{name}.bias"], stride, kernel.shape[-1] // 2)


def last_map(weights, x, seen=lambda name, x, stride: None):
    """The residual network's last map [N,512,h,w] of pictures x [N,3,H,W]; `seen` is shown every 3x3's input."""
    x = F.relu(convolve(weights, "stem", x, 2))
    block = 0
    while f"block{block}.first.weight" in weights:
        stride = 2 if block and f"block{block}.shortcut.weight" in weights else 1
        seen(f"block{block}.first", x, stride)
        inner = F.relu(convolve(weights, f"block{block}.first", x, stride))
        seen(f"block{block}.second", inner, 1)
        inner = convolve(weights, f"block{block}.second", inner)
        x = F.avg_pool2d(x, 2) if stride == 2 else x
        x = convolve(weights, f"block{block}.shortcut", x) if f"block{block}.shortcut.weight" in weights else x
        x, block = F.relu(inner + x), block + 1
    return F.relu(convolve(weights, "last", x))


def covariances(weights, x):
    """Of each 3x3 convolution's input patches on pictures x [N,3,H,W]: {name: (mean [9c], covariance [9c,9c])}."""
    found = {}

    def seen(name, x, stride):
        patches = F.unfold(x, 3, padding=1, stride=stride).transpose(1, 2).flatten(0, 1)
        patches = patches[torch.randperm(len(patches))[:PATCHES]]
        mean = patches.mean(0)
        found[name] = mean.double(), ((patches - mean).T @ (patches - mean) / len(patches)).double()

    last_map(weights, x, seen)
    return found


def decompose(kernel, covariance):
    """Singular values and the two factors at full rank of kernel [o,c,3,3]: [r], [r,c,3,1], [o,r,1,3]."""
    out, inside = kernel.shape[:2]
    columns = covariance.reshape(inside, 3, 3, inside, 3, 3)  # channel, row, column of a patch, twice
    columns = sum(columns[:, :, i, :, :, i] for i in range(3)).reshape(inside * 3, inside * 3) / 3
    columns += 1e-6 * columns.diagonal().mean() * torch.eye(inside * 3, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(columns)
    whiten, restore = vectors * values.sqrt(), (vectors / values.sqrt()).T
    flat = kernel.double().permute(0, 3, 1, 2).reshape(out * 3, inside * 3)
    left, singular, right = torch.linalg.svd(flat @ whiten, full_matrices=False)
    half = singular.sqrt()
    vertical = (half[:, None] * right @ restore).reshape(-1, inside, 3, 1)
    horizontal = (left * half).reshape(out, 3, -1).permute(0, 2, 1).reshape(out, -1, 1, 3)
    return singular, vertical.float(), horizontal.float()


def factorise(path, student, x):
    """Fills a factored Student so that it computes, on pictures like x [N,3,H,W], nearly what the file at path does."""
    weights = weights_of(path)
    found = covariances(weights, x)
    targets = []  # convolution before its norm, the norm, its folded bias

    def place(name, *layers):
        *convolutions, norm = layers
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        if len(convolutions) == 1:
            convolutions[0].weight.data.copy_(kernel)
        else:
            mean, covariance = found[name]
            _, vertical, horizontal = decompose(kernel, covariance)
            rank = convolutions[0].out_channels
            convolutions[0].weight.data.copy_(vertical[:rank])
            convolutions[1].weight.data.copy_(horizontal[:, :rank])
            made = torch.einsum("orj,rci->ocij", horizontal[:, :rank, 0], vertical[:rank, :, :, 0])
            bias = bias - (made - kernel).flatten(1) @ mean.float()
        norm.running_mean.zero_()
        norm.running_var.fill_(1)
        norm.weight.data.fill_((1 + norm.eps) ** 0.5)
        norm.bias.data.copy_(bias)
        targets.append(norm)

    trunk = list(student.trunk)
    place("stem", trunk[0], trunk[1])
    for i, block in enumerate(trunk[3:-3]):
        layers = list(block.layers)
        place(f"block{i}.first", *layers[:3])
        place(f"block{i}.second", *layers[4:])
        if any(isinstance(layer, nn.Conv2d) for layer in block.shortcut):
            place(f"block{i}.shortcut", *list(block.shortcut)[-2:])
    place("last", trunk[-3], trunk[-2])
    calibrate(student, targets, x)


def calibrate(student, norms, x):
    """Gives the norms the statistics of x, and scales and shifts that leave what the network computes as it was."""
    seen = {}
    keep = lambda norm, inputs: seen.__setitem__(norm, torch.var_mean(inputs[0], (0, 2, 3)))
    hooks = [norm.register_forward_pre_hook(keep) for norm in norms]
    student.eval()(x)
    for hook in hooks:
        hook.remove()
    for norm, (variance, mean) in seen.items():
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.data.copy_((variance + norm.eps).sqrt())
        norm.bias.data.add_(mean)


def ranks_within(weights, found, share):
    """Channels between the factors, [(first, second), ...] of the blocks, for `share` of the whole kernels' work."""
    choices, whole, side = {}, 0, 56
    for name in found:
        out, inside = weights[f"{name}.weight"].shape[:2]
        stride = 2 if out != inside else 1
        side //= stride
        mean, covariance = found[name]
        flat = weights[f"{name}.weight"].double().flatten(1)
        power = torch.trace(flat @ covariance @ flat.T)
        singular = decompose(weights[f"{name}.weight"], covariance)[0] ** 2
        choices[name] = [singular / power, 3 * (inside * stride + out) * side * side, STEP]
        whole += 9 * inside * out * side * side
    spent = sum(work * rank for _, work, rank in choices.values())
    gain = lambda choice: float(choice[0][choice[2] : choice[2] + STEP].sum() / choice[1])
    while spent < share * whole:
        best = max(choices.values(), key=gain)
        best[2] += STEP
        spent += STEP * best[1]
    names = list(choices)
    return tuple((choices[a][2], choices[b][2]) for a, b in zip(names[::2], names[1::2]))


def main():
    from train import batch_of, crops_of  # train.py needs this module

    parser = argparse.ArgumentParser()
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.38)
    args = parser.parse_args()
    torch.manual_seed(0)
    kept = np.load(args.work / "pictures.npz")
    pictures = kept["pictures"][np.flatnonzero(~kept["held"])[::300]]
    weights = weights_of(args.start)
    with torch.no_grad():
        found = covariances(weights, batch_of(pictures, crops_of(len(pictures), 1, 0)[:, 0], 112))
    print(ranks_within(weights, found, args.share))


if __name__ == "__main__":
    main()
