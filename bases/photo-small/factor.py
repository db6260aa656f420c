"""Makes photo-small.onnx of the residual network that train.py and export.py made: about half the work, no training.

Each 3x3 convolution becomes a 3x1 and a 1x3 one with fewer channels between them (Jaderberg et al. 2014,
arXiv:1405.3866). Layer after layer, the closest to what the whole network computes on sample pictures, given what the
layers before (already factored) make of them, so that errors do not add up (Zhang et al. 2015, arXiv:1411.4229): a
regression of the wanted outputs on the given inputs, its kernel cut by a singular value decomposition that is whitened
by the inputs' covariance, and the 1x3 kernel regressed once more on what the 3x1 one keeps. A block's second
convolution also makes up for what its shortcut misses.

    python bases/photo-small/factor.py --data ../shared/data --work bench/out/photo-small --start residual.onnx

`--share 0.5` prints ranks instead: greedily, the channels that save most error for their work, within that share of
the whole kernels' work.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn import functional as F

from graph import blocks_of, graph_of, weights_of
from train import batch_of, crops_of, pack

# Channels between the two factors, two convolutions a block; what --share 0.5 answered.
RANKS = ((16, 32), (32, 48), (48, 64), (64, 96), (80, 112), (80, 80), (128, 192), (144, 176))
STEP = 16  # onnxruntime computes in blocks of 16 channels
POSITIONS = {3: 160, 1: 400}  # of each picture and batch that a kernel of so many rows is regressed on
BATCH = 40


def batched(function, x):
    return torch.cat([function(part) for part in x.split(BATCH)])


def convolve(weights, name, x, stride=1):
    """The convolution `name`, whole or factored, before its rectifier."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    if f"{name}.vertical" not in weights:
        return batched(lambda part: F.conv2d(part, kernel, bias, stride, kernel.shape[-1] // 2), x)
    vertical = lambda part: F.conv2d(part, weights[f"{name}.vertical"], None, (stride, 1), (1, 0))
    return batched(lambda part: F.conv2d(vertical(part), kernel, bias, (1, stride), (0, 1)), x)


def moments(x, wanted, kernel, stride):
    """Mean products of the patches of x [n,c,h,w] with a constant, float64 [d+1,d+1], and with `wanted`, [d+1,o]."""
    square, cross, count = 0, 0, 0
    for part, aim in zip(x.split(BATCH), wanted.split(BATCH)):
        padding = tuple(length // 2 for length in kernel)
        patches = F.unfold(part, kernel, padding=padding, stride=stride).transpose(1, 2)
        some = torch.randperm(patches.shape[1])[: POSITIONS[kernel[0]]]
        patches = patches[:, some].flatten(0, 1)
        patches = torch.cat([patches, torch.ones(len(patches), 1)], 1)
        aim = aim.flatten(2).transpose(1, 2)[:, some].flatten(0, 1)
        square, cross = square + (patches.T @ patches).double(), cross + (patches.T @ aim).double()
        count += len(patches)
    return square / count, cross / count


def ridge(square, cross, prior, strength):
    """Least squares, float64 [d+1,o], drawn towards `prior` by `strength` (of the mean square); the constant is free."""
    penalty = torch.full((len(square),), float(square.diagonal().mean()) * strength, dtype=torch.float64)
    penalty[-1] = 1e-9
    return torch.linalg.solve(square + penalty.diag(), cross + penalty[:, None] * prior)


def decompose(kernel, covariance):
    """Singular values [r] and the 3x1 factor [r,c,3,1] at full rank of kernel [o,c,3,3], whitened by its patches."""
    out, inside = kernel.shape[:2]
    columns = covariance.reshape(inside, 3, 3, inside, 3, 3)  # channel, row, column of a patch, twice
    columns = sum(columns[:, :, i, :, :, i] for i in range(3)).reshape(inside * 3, inside * 3) / 3
    columns += 1e-6 * columns.diagonal().mean() * torch.eye(inside * 3, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(columns)
    whiten, restore = vectors * values.sqrt(), (vectors / values.sqrt()).T
    flat = kernel.double().permute(0, 3, 1, 2).reshape(out * 3, inside * 3)
    _, singular, right = torch.linalg.svd(flat @ whiten, full_matrices=False)
    return singular, (singular.sqrt()[:, None] * right @ restore).reshape(-1, inside, 3, 1).float()


def covariance_of(square):
    mean = square[-1, :-1]
    return square[:-1, :-1] - mean[:, None] * mean


def factored(weights, name, x, wanted, stride, rank):
    """The two factors and the bias, so that they make of x as nearly as they can `wanted` (before the rectifier)."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    prior = torch.cat([kernel.flatten(1).T, bias[None]]).double()
    square, cross = moments(x, wanted, (3, 3), stride)
    whole = ridge(square, cross, prior, 1e-3)[:-1].T.reshape(kernel.shape)
    vertical = decompose(whole, covariance_of(square))[1][:rank]
    apply = lambda part: F.conv2d(part, vertical, None, (stride, 1), (1, 0))
    vertical = vertical / batched(apply, x).std((0, 2, 3)).clamp_min(1e-3)[:, None, None, None]  # float16 holds it well
    square, cross = moments(batched(apply, x), wanted, (1, 3), (1, stride))
    horizontal = ridge(square, cross, torch.zeros_like(cross), 1e-5).float()
    last = horizontal[:-1].T.reshape(len(kernel), rank, 1, 3)
    return {f"{name}.vertical": vertical, f"{name}.weight": last, f"{name}.bias": horizontal[-1]}


def shortcut(weights, name, x, stride):
    x = F.avg_pool2d(x, 2) if stride == 2 else x
    return convolve(weights, f"{name}.shortcut", x) if f"{name}.shortcut.weight" in weights else x


def factorise(weights, x):
    """The factored network's weights, which computes nearly what `weights` do on pictures like x [N,3,H,W]."""
    made = {name: kept for name, kept in weights.items() if name.startswith(("stem", "last")) or ".shortcut." in name}
    whole = F.relu(convolve(weights, "stem", x, 2))
    ours = whole
    for (name, stride), (first, second) in zip(blocks_of(weights), RANKS, strict=True):
        wanted = convolve(weights, f"{name}.first", whole, stride)
        made |= factored(weights, f"{name}.first", ours, wanted, stride, first)
        inner = F.relu(convolve(made, f"{name}.first", ours, stride))
        wanted = convolve(weights, f"{name}.second", F.relu(wanted)) + shortcut(weights, name, whole, stride)
        beside = shortcut(made, name, ours, stride)
        made |= factored(weights, f"{name}.second", inner, wanted - beside, 1, second)
        whole, ours = F.relu(wanted), F.relu(convolve(made, f"{name}.second", inner) + beside)
        print(f"{name}: {float((ours - whole).square().mean() / whole.var()):.4f} of the variance missed", flush=True)
    wanted = convolve(weights, "last", whole)
    prior = torch.cat([weights["last.weight"].flatten(1).T, weights["last.bias"][None]]).double()
    found = ridge(*moments(ours, wanted, (1, 1), 1), prior, 1e-3).float()
    made |= {"last.weight": found[:-1].T.reshape(weights["last.weight"].shape), "last.bias": found[-1]}
    one, other = (F.relu(last).pow(3).mean((2, 3)).pow(1 / 3) for last in (wanted, convolve(made, "last", ours)))
    print(f"cosine of the centred features: {float(F.cosine_similarity(one - one.mean(0), other - one.mean(0)).mean()):.4f}")
    return made


def ranks_within(weights, x, share):
    """Channels between the factors, [(first, second), ...] of the blocks, for `share` of the whole kernels' work."""
    choices, whole, x = [], 0, F.relu(convolve(weights, "stem", x, 2))
    for name, stride in blocks_of(weights):
        wanted = convolve(weights, f"{name}.first", x, stride)
        for layer, given, step in ((f"{name}.first", x, stride), (f"{name}.second", F.relu(wanted), 1)):
            kernel = weights[f"{layer}.weight"]
            out, inside = kernel.shape[:2]
            covariance = covariance_of(moments(given, convolve(weights, layer, given, step), (3, 3), step)[0])
            flat, side = kernel.double().flatten(1), wanted.shape[-1]
            gains = decompose(kernel, covariance)[0] ** 2 / torch.trace(flat @ covariance @ flat.T)
            choices.append([gains, 3 * (inside * step + out) * side * side, STEP])
            whole += 9 * inside * out * side * side
        x = F.relu(convolve(weights, f"{name}.second", F.relu(wanted)) + shortcut(weights, name, x, stride))
    gain = lambda choice: float(choice[0][choice[2] : choice[2] + STEP].sum() / choice[1])
    while sum(work * rank for _, work, rank in choices) < share * whole:
        max(choices, key=gain)[2] += STEP
    return tuple((one[2], other[2]) for one, other in zip(choices[::2], choices[1::2]))


def sample(data, work, count):
    """Half of the packed tiles and half of the larger photos, at 112 pixels; a third coarse, as small ones are."""
    pictures, labels, held = pack(data, work)
    rng = np.random.default_rng(5)
    kinds = (np.flatnonzero(~held), np.flatnonzero(labels < 0))
    at = np.concatenate([rng.choice(kind, count // 2, replace=False) for kind in kinds])
    crops = crops_of(len(pictures), 4, 0)[:, 0]
    coarse = rng.integers(24, 49, len(at)) * (rng.uniform(size=len(at)) < 0.3)
    return batch_of(pictures[at], crops[at], 112, coarse)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="what export.py wrote")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "photo-small.onnx")
    parser.add_argument("--pictures", type=int, default=280)
    parser.add_argument("--share", type=float)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    weights, x = weights_of(args.start), sample(args.data, args.work, args.pictures)
    with torch.no_grad():
        if args.share:
            print(ranks_within(weights, x, args.share))
            return
        notes = json.loads((Path(__file__).parent / "metadata.json").read_text())
        onnx.save(graph_of(factorise(weights, x), notes), args.out)
    print(f"{args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
