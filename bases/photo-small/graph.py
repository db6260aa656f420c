"""The file format of photo-small: folded weights by name, to an ONNX graph and back.

A 3x3 convolution `name` has `name.weight` [o,c,3,3] and `name.bias` [o]; one that was factored (factor.py) has
`name.vertical` [r,c,3,1] before `name.weight` [o,r,1,3]. The names: stem, block0.first, block0.second,
block0.shortcut (where the shape changes), …, last.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

CROP, RESIZE = 112, 128


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

    def plain(self, x, name, kernel, stride, bias=()):
        """Same-padded; a kernel of one row or column strides along its length only."""
        shape = list(kernel.shape[2:])
        weight = self.weight(f"{name}.weight", kernel)
        return self.node(
            "Conv", [x, weight, *bias], name, kernel_shape=shape,
            strides=[stride if length > 1 or shape == [1, 1] else 1 for length in shape],
            pads=[length // 2 for length in shape] * 2,
        )

    def convolution(self, x, weights, name, stride, relu):
        if f"{name}.vertical" in weights:
            x = self.plain(x, f"{name}.vertical", weights[f"{name}.vertical"], stride)
        bias = self.weight(f"{name}.bias", weights[f"{name}.bias"])
        out = self.plain(x, name, weights[f"{name}.weight"], stride, [bias])
        return self.node("Relu", [out], f"{name}.relu") if relu else out

    def block(self, x, weights, name, stride):
        inner = self.convolution(x, weights, f"{name}.first", stride, True)
        inner = self.convolution(inner, weights, f"{name}.second", 1, False)
        if stride == 2:
            x = self.node("AveragePool", [x], f"{name}.pool", kernel_shape=[2, 2], strides=[2, 2])
        if f"{name}.shortcut.weight" in weights:
            x = self.convolution(x, weights, f"{name}.shortcut", 1, False)
        return self.node("Relu", [self.node("Add", [inner, x], f"{name}.sum")], name)


def blocks_of(weights):
    """(name, stride) of every block: the map is halved where the channels change."""
    count = 0
    while f"block{count}.first.weight" in weights:
        yield f"block{count}", 2 if f"block{count}.shortcut.weight" in weights else 1
        count += 1


def graph_of(weights, notes):
    """[N,3,CROP,CROP] standardised RGB to features [N,512], opset 17.

    Pooled by the generalised mean of power 3 (Radenovic et al. 2018, arXiv:1711.02512) although trained with the plain
    one: what a small thing in the picture is counts for more (table in README.md).
    """
    writer = Writer()
    x = writer.convolution("pixels", weights, "stem", 2, True)
    for name, stride in blocks_of(weights):
        x = writer.block(x, weights, name, stride)
    x = writer.convolution(x, weights, "last", 1, True)
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


def weights_of(path):
    """The folded float32 weights of a file that graph_of made."""
    arrays = {kept.name.removesuffix(".float16"): numpy_helper.to_array(kept) for kept in onnx.load(path).graph.initializer}
    kept = {name.replace(".vertical.weight", ".vertical"): array for name, array in arrays.items() if array.ndim}
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in kept.items()}
