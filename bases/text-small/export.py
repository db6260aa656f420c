"""Writes text-small.onnx and the files beside it from a checkpoint of train.py, and measures it on SST-2.

Weights are stored as float16 and expanded by Cast nodes, which runtimes fold at load. The graph is written node by node,
so no exporter's version shows in it.

    python bases/text-small/export.py --data ../shared/data --work bench/out/text-small
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

from net import EPSILON, HEADS, WIDTH, Encoder, Taught
from probe import accuracy, bag_of_words, batches_of, sst2
from train import INNER, LAYERS, NARROW, POSITIONS

HERE = Path(__file__).parent
FLOAT = TensorProto.FLOAT


class Writer:
    """Collects nodes and initializers; every method returns the name of the tensor it makes."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(array.detach().numpy().astype(np.float16), f"{name}.float16"))
        return self.node("Cast", [f"{name}.float16"], name, to=FLOAT)

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def node(self, operator, inputs, name, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def linear(self, x, layer, name):
        product = self.node("MatMul", [x, self.weight(f"{name}.weight", layer.weight.T)], f"{name}.product")
        return self.node("Add", [product, self.weight(f"{name}.bias", layer.bias)], name)

    def norm(self, x, layer, name):
        weights = [self.weight(f"{name}.{part}", getattr(layer, part)) for part in ("weight", "bias")]
        return self.node("LayerNormalization", [x, *weights], name, axis=-1, epsilon=EPSILON)

    def embeddings(self, encoder):
        length = self.node("Shape", ["input_ids"], "length", start=1, end=2)
        spans = [self.constant("first", np.array([0])), length, self.constant("axis", np.array([0]))]
        places = self.node("Slice", [self.weight("positions", encoder.positions.weight), *spans], "places")
        narrow = self.node("Gather", [self.weight("words", encoder.words.weight), "input_ids"], "narrow")
        wide = self.node("MatMul", [narrow, self.weight("widen", encoder.widen.weight.T)], "wide")
        return self.norm(self.node("Add", [wide, places], "placed"), encoder.norm, "embedded")

    def far(self):
        """float32 [N, 1, 1, L]: 0 at tokens, far below at padding."""
        axes = self.constant("axes", np.array([1, 2]))
        mask = self.node("Cast", [self.node("Unsqueeze", ["attention_mask", axes], "mask")], "mask.float", to=FLOAT)
        hidden = self.node("Sub", [self.constant("one", np.float32(1)), mask], "hidden")
        return self.node("Mul", [hidden, self.constant("lowest", np.float32(-1e9))], "far")

    def heads(self, x, layer, name, order):
        apart = self.node("Reshape", [self.linear(x, layer, name), "split"], f"{name}.heads")
        return self.node("Transpose", [apart], f"{name}.apart", perm=order)

    def attention(self, x, far, layer, name):
        query = self.heads(x, layer.query, f"{name}.query", [0, 2, 1, 3])
        key = self.heads(x, layer.key, f"{name}.key", [0, 2, 3, 1])
        value = self.heads(x, layer.value, f"{name}.value", [0, 2, 1, 3])
        scores = self.node("Div", [self.node("MatMul", [query, key], f"{name}.products"), "root"], f"{name}.scores")
        shares = self.node("Softmax", [self.node("Add", [scores, far], f"{name}.masked")], f"{name}.shares", axis=-1)
        mixed = self.node("Transpose", [self.node("MatMul", [shares, value], f"{name}.mixed")], f"{name}.back", perm=[0, 2, 1, 3])
        out = self.linear(self.node("Reshape", [mixed, "join"], f"{name}.joined"), layer.attended, f"{name}.attended")
        return self.norm(self.node("Add", [out, x], f"{name}.sum"), layer.attention_norm, f"{name}.attention")

    def gelu(self, x):
        scaled = self.node("Erf", [self.node("Div", [x, "root2"], f"{x}.scaled")], f"{x}.erf")
        return self.node("Mul", [self.node("Mul", [x, self.node("Add", [scaled, "one"], f"{x}.above")], f"{x}.double"), "half"], f"{x}.gelu")

    def layer(self, x, far, layer, name, out):
        x = self.attention(x, far, layer, name)
        inner = self.gelu(self.linear(x, layer.inner, f"{name}.inner"))
        total = self.node("Add", [self.linear(inner, layer.outer, f"{name}.outer"), x], f"{name}.total")
        return self.norm(total, layer.norm, out)


def graph_of(encoder, notes):
    """int64 input_ids and attention_mask [N,L], L up to POSITIONS, to last_hidden_state float32 [N,L,WIDTH], opset 17."""
    writer = Writer()
    x, far = writer.embeddings(encoder), writer.far()
    writer.constant("split", np.array([0, 0, HEADS, WIDTH // HEADS]))
    writer.constant("join", np.array([0, 0, WIDTH]))
    writer.constant("root", np.float32((WIDTH // HEADS) ** 0.5))
    writer.constant("root2", np.float32(2**0.5))
    writer.constant("half", np.float32(0.5))
    for i, layer in enumerate(encoder.layers):
        last = i == len(encoder.layers) - 1
        x = writer.layer(x, far, layer, f"layer{i}", "last_hidden_state" if last else f"layer{i}")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "L"]) for name in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", FLOAT, ["N", "L", WIDTH])]
    graph = helper.make_graph(writer.nodes, "text-small", inputs, outputs, writer.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="graft")
    helper.set_model_props(model, notes)
    onnx.checker.check_model(model, full_check=True)
    return model


def write_settings(tokenizer, out):
    """The files of a model hub's folder that readers of the base look for."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    (out / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    names = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "vocab_size": len(vocabulary), "hidden_size": WIDTH,
        "num_hidden_layers": len(LAYERS), "num_attention_heads": HEADS, "intermediate_size": INNER, "hidden_act": "gelu",
        "max_position_embeddings": POSITIONS, "type_vocab_size": 1, "layer_norm_eps": EPSILON, "pad_token_id": 0,
    }
    settings = {
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS, **names},
        "config.json": config,
        "1_Pooling/config.json": {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True},
    }
    for name, content in settings.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(json.dumps(content, indent=2) + "\n")


def runtime_features(session, tokenizer, texts):
    """Mean-pooled features [n, WIDTH] of an ONNX encoder."""
    out = np.empty((len(texts), WIDTH), np.float32)
    names = [value.name for value in session.get_inputs()]
    for part, ids in batches_of(tokenizer.encode_batch(texts), 32, POSITIONS):
        mask = (ids != 0).numpy().astype(np.int64)
        given = {"input_ids": ids.numpy(), "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        hidden = session.run(None, {name: given[name] for name in names})[0]
        out[part] = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    net = Taught(Encoder(tokenizer.get_vocab_size(), POSITIONS, len(LAYERS), INNER, NARROW))
    kept = torch.load(args.work / "text-small.pt", weights_only=False)
    net.load_state_dict(kept["net"])
    student = net.student.eval()
    path = args.out / "text-small.onnx"
    onnx.save(graph_of(student, json.loads((HERE / "metadata.json").read_text())), path)
    write_settings(tokenizer, args.out)
    session = ort.InferenceSession(path)
    ids = torch.randint(5, 500, (3, 20))
    with torch.no_grad():
        wanted = student(ids)[0].numpy()
    got = session.run(None, {"input_ids": ids.numpy(), "attention_mask": np.ones((3, 20), np.int64)})[0]
    print(f"step {kept['step']}, {path.stat().st_size} bytes; largest difference to float32: {np.abs(wanted - got).max():.4f}", flush=True)
    (train, labels), (test, wanted) = sst2(args.data, "train"), sst2(args.data, "test")
    score = accuracy(runtime_features(session, tokenizer, train), labels, runtime_features(session, tokenizer, test), wanted)
    print(f"SST-2 test, {len(test)} sentences: {score:.4f}; bag of words {bag_of_words(train, labels, test, wanted):.4f}")


if __name__ == "__main__":
    main()
