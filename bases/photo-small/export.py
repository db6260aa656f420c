"""Writes photo-small.onnx from a checkpoint of train.py and measures it by a linear probe.

BatchNorm is folded into the convolutions; weights are stored as float16 and expanded by Cast nodes, which runtimes fold
at load. The graph is written node by node, so no exporter's version shows in it.

    python bases/photo-small/export.py --data ../shared/data --work bench/out/photo-small
    python bases/photo-small/export.py … --candidate factored --out bench/out/factored.onnx
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

from net import Distilled, Residual
from train import MEAN, STD

CROP, RESIZE = 112, 126


class Writer:
    """Collects nodes and float16 initializers; every method returns the name of the tensor it makes."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(array.detach().numpy().astype(np.float16), f"{name}.float16"))
        self.nodes.append(helper.make_node("Cast", [f"{name}.float16"], [name], name=name, to=TensorProto.FLOAT))
        return name

    def node(self, operator, inputs, name, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def plain(self, x, conv, name, weight, *bias):
        return self.node(
            "Conv", [x, self.weight(f"{name}.weight", weight), *bias], name, kernel_shape=list(conv.kernel_size),
            strides=list(conv.stride), pads=list(conv.padding) * 2, group=conv.groups,
        )

    def convolution(self, x, layers, name, relu):
        """A convolution, or the two factors of one, and its norm."""
        *factors, conv, norm = layers
        for factor in factors:
            x = self.plain(x, factor, f"{name}.vertical", factor.weight)
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        bias = self.weight(f"{name}.bias", norm.bias - norm.running_mean * scale)
        out = self.plain(x, conv, name, conv.weight * scale[:, None, None, None], bias)
        return self.node("Relu", [out], f"{name}.relu") if relu else out

    def residual(self, x, block, name):
        layers = list(block.layers)
        half = len(layers) // 2
        inner = self.convolution(x, layers[:half], f"{name}.first", True)
        inner = self.convolution(inner, layers[half + 1 :], f"{name}.second", False)
        rest = list(block.shortcut)
        if rest and isinstance(rest[0], nn.AvgPool2d):
            x = self.node("AveragePool", [x], f"{name}.pool", kernel_shape=[2, 2], strides=[2, 2])
            rest = rest[1:]
        if rest:
            x = self.convolution(x, rest, f"{name}.shortcut", False)
        return self.node("Relu", [self.node("Add", [inner, x], f"{name}.sum")], name)


def graph_of(student, notes):
    """[N,3,CROP,CROP] standardised RGB to features [N,512], opset 17.

    Pooled by the generalised mean of power 3 (Radenovic et al. 2018, arXiv:1711.02512) although trained with the plain
    one: what a small thing in the picture is counts for more (table in README.md).
    """
    writer = Writer()
    x, trunk, at, block = "pixels", list(student.trunk), 0, 0
    while at < len(trunk):
        if isinstance(trunk[at], Residual):
            x = writer.residual(x, trunk[at], f"block{block}")
            at, block = at + 1, block + 1
        else:
            x = writer.convolution(x, trunk[at : at + 2], "stem" if at == 0 else "last", True)
            at += 3
    cube = writer.node("Mul", [writer.node("Mul", [x, x], "square"), x], "cube")
    mean = writer.node("GlobalAveragePool", [cube], "mean")
    # Above zero, where the root has a derivative.
    writer.weights.append(numpy_helper.from_array(np.float32(1e-9), "least"))
    writer.weights.append(numpy_helper.from_array(np.float32(1 / 3), "third"))
    pooled = writer.node("Pow", [writer.node("Add", [mean, "least"], "positive"), "third"], "pooled")
    writer.node("Flatten", [pooled], "features", axis=1)
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, CROP, CROP])]
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 512])]
    graph = helper.make_graph(writer.nodes, "photo-small", inputs, outputs, writer.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="graft")
    helper.set_model_props(model, notes)
    onnx.checker.check_model(model, full_check=True)
    return model


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
    parser.add_argument("--candidate", choices=("residual", "factored"), default="residual")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "photo-small.onnx")
    args = parser.parse_args()
    kept = torch.load(args.work / f"{args.candidate}.pt", weights_only=False)["average"]
    net = Distilled(kept["classify.weight"].shape[0], args.candidate)
    net.load_state_dict(kept)
    student = net.student.eval()
    notes = json.loads((Path(__file__).parent / "metadata.json").read_text())
    onnx.save(graph_of(student, notes), args.out)
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
