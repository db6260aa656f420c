"""Writes the residual network, which factor.py begins with, from a checkpoint of train.py; a linear probe of it.

BatchNorm is folded into the convolutions; weights are stored as float16 and expanded by Cast nodes, which runtimes fold
at load (graph.py).

    python bases/photo-small/export.py --data ../shared/data --work bench/out/photo-small --out residual.onnx
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from PIL import Image

from graph import CROP, RESIZE, graph_of
from net import Distilled
from train import MEAN, STD


def folded(student):
    """The student's weights by name (graph.py), its norms folded into the convolutions."""
    found = {}

    def fold(name, conv, norm):
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        found[f"{name}.weight"] = conv.weight * scale[:, None, None, None]
        found[f"{name}.bias"] = norm.bias - norm.running_mean * scale

    trunk = list(student.trunk)
    fold("stem", trunk[0], trunk[1])
    for i, block in enumerate(trunk[3:-3]):
        layers, rest = list(block.layers), list(block.shortcut)
        fold(f"block{i}.first", layers[0], layers[1])
        fold(f"block{i}.second", layers[3], layers[4])
        if rest:
            fold(f"block{i}.shortcut", *rest[-2:])
    fold("last", trunk[-3], trunk[-2])
    return found


def pixels_of(path, resize, crop):
    image = Image.open(path).convert("RGB")
    scale = resize / min(image.size)
    image = image.resize((max(crop, round(image.width * scale)), max(crop, round(image.height * scale))), Image.BILINEAR)
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float32) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


def folder(root, resize, crop):
    paths = sorted(p for p in root.glob("*/*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return np.stack([pixels_of(p, resize, crop) for p in paths]), np.array([p.parent.name for p in paths])


def probe(session, root, resize, crop):
    """Validation accuracy of logistic regression on standardised features, its penalty chosen on the training split."""
    from sklearn.linear_model import LogisticRegressionCV

    name = session.get_inputs()[0].name
    features = lambda x: np.concatenate([session.run(None, {name: x[i : i + 8]})[0] for i in range(0, len(x), 8)])
    (x, y), (xv, yv) = folder(root / "train", resize, crop), folder(root / "val", resize, crop)
    f, fv = features(x), features(xv)
    mean, deviation = f.mean(0), f.std(0) + 1e-3
    head = LogisticRegressionCV(Cs=np.logspace(-4, 0, 9), cv=5, max_iter=1000).fit((f - mean) / deviation, y)
    return float(head.score((fv - mean) / deviation, yv))


def speed(sessions, rounds=7):
    """Median pictures a second of each (session, side), interleaved, batch 8."""
    times = [[] for _ in sessions]
    for _ in range(rounds):
        for kept, (session, side) in zip(times, sessions):
            x = np.zeros((8, 3, side, side), np.float32)
            started = time.perf_counter()
            for _ in range(10):
                session.run(None, {session.get_inputs()[0].name: x})
            kept.append(80 / (time.perf_counter() - started))
    return [float(np.median(kept[1:])) for kept in times]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    kept = torch.load(args.work / "residual.pt", weights_only=False)["average"]
    net = Distilled(kept["classify.weight"].shape[0])
    net.load_state_dict(kept)
    student = net.student.eval()
    notes = json.loads((Path(__file__).parent / "metadata.json").read_text())
    onnx.save(graph_of(folded(student), notes), args.out)
    session, teacher = ort.InferenceSession(args.out), ort.InferenceSession(args.data / "models/mobilenetv2-1.0-imagenet-backbone.onnx")
    x = torch.randn(4, 3, CROP, CROP)
    with torch.no_grad():
        wanted = (student.trunk(x) ** 3).mean((2, 3)) ** (1 / 3)
        difference = np.abs(wanted.numpy() - session.run(None, {"pixels": x.numpy()})[0]).max()
    print(f"{args.out.stat().st_size} bytes; largest difference to float32: {difference:.4f}", flush=True)
    ours, theirs = speed([(session, CROP), (teacher, 224)])
    print(f"{ours:.0f} pictures/s, MobileNetV2 at 224 {theirs:.0f}: {ours / theirs:.2f}x", flush=True)
    for name in ("hymenoptera", "cifar10-subset"):
        root = args.data / "datasets" / name
        print(f"{name}: linear probe {probe(session, root, RESIZE, CROP):.3f}", flush=True)


if __name__ == "__main__":
    main()
