"""Training steps in PyTorch eager: AdamW, gradients clipped, cross-entropy of ten classes, two threads.

    peer.py image <base.onnx> <batch> <steps> all|cached:<convolutions>|recomputed:<convolutions> [channels_last]
    peer.py text <base.onnx> <batch> <steps> <length>

`image` runs the graph through onnx2torch at 224x224; with `cached` or `recomputed` only its last convolutions are trained, on kept
features of what lies below them or from the picture. `text` runs the BERT of the file's size in transformers, mean of the tokens.
Prints one JSON line: milliseconds of wall clock and of processor time of every step, and the peak of resident memory.
"""

import json
import os
import resource
import sys
import time

import torch
from torch import nn

KIND, BASE, BATCH, STEPS, WHAT = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
LAST = "channels_last" in sys.argv[6:]
CLASSES = 10
torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))


def image():
    import onnx
    from onnx2torch import convert

    model = onnx.load(BASE)
    mode, _, count = WHAT.partition(":")
    frozen, x = None, torch.rand(BATCH, 3, 224, 224)
    if mode == "all":
        trunk = convert(model)
    else:
        convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
        border = convolutions[-int(count)].input[0]
        extract = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model
        frozen = convert(extract([model.graph.input[0].name], [border])).eval()
        trunk = convert(extract([border], [model.graph.output[0].name]))
        if mode == "cached":
            with torch.no_grad():
                x, frozen = frozen(x).detach(), None
    for p in trunk.parameters():
        p.requires_grad_(True)
    trunk.train()
    if LAST:
        trunk = trunk.to(memory_format=torch.channels_last)
        frozen = frozen and frozen.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)

    def features():
        if frozen is None:
            return trunk(x).flatten(1)
        with torch.no_grad():
            below = frozen(x)
        return trunk(below).flatten(1)

    with torch.no_grad():
        width = features().shape[1]
    return trunk, width, features


def text():
    import onnx
    from transformers import BertConfig, BertModel

    tensors = {t.name: list(t.dims) for t in onnx.load(BASE).graph.initializer}
    size = next(d for n, d in tensors.items() if n.endswith("word_embeddings.weight"))
    layers = 1 + max(int(n.split("layer.")[1].split(".")[0]) for n in tensors if "layer." in n)
    config = BertConfig(
        vocab_size=size[0], hidden_size=size[1], intermediate_size=4 * size[1], num_hidden_layers=layers, num_attention_heads=12
    )
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0
    trunk = BertModel(config, add_pooling_layer=False).train()
    ids = torch.arange(BATCH * int(WHAT)).reshape(BATCH, -1) * 7919 % size[0]
    mask = torch.ones_like(ids)
    return trunk, size[1], lambda: trunk(ids, attention_mask=mask).last_hidden_state.mean(1)


trunk, width, features = image() if KIND == "image" else text()
head = nn.Linear(width, CLASSES)
parameters = [*trunk.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, 1e-4)
y = torch.arange(BATCH) % CLASSES
times, cpu = [], []
for _ in range(STEPS):
    start, used = time.perf_counter(), time.process_time()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(head(features()), y)
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()
    times.append((time.perf_counter() - start) * 1000)
    cpu.append((time.process_time() - used) * 1000)
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"times": times, "cpu": cpu, "mib": mib, "torch": torch.__version__}))
