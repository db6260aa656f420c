"""What an exported model says in Python: by onnxruntime, and in PyTorch through onnx2torch. Needs those, torch and numpy.

    python way-back.py MODEL.onnx EXAMPLE.f32

EXAMPLE.f32 holds float32 of one example, as the model's input is shaped. Prints JSON: probabilities by each.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from onnx2torch import convert

path, example = sys.argv[1:]
session = onnxruntime.InferenceSession(path)
(given,) = session.get_inputs()
rows = np.fromfile(example, np.float32).reshape([d if isinstance(d, int) else 1 for d in given.shape])
(by_onnxruntime,) = session.run(["probabilities"], {given.name: rows})

model = onnx.load(path)
names = [output.name for output in model.graph.output]
with torch.no_grad():
    outputs = convert(model).eval()(torch.from_numpy(rows))
# A module of one output gives it bare.
outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
by_pytorch = outputs[names.index("probabilities")].numpy()
print(json.dumps({"onnxruntime": by_onnxruntime[0].tolist(), "pytorch": by_pytorch[0].tolist()}))
