"""A BERT encoder, the shorter one that begins with its weights, and the heads that training needs."""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

HEADS = 12
WIDTH = 384
EPSILON = 1e-12


class Layer(nn.Module):
    """Self-attention and feed-forward, each with its shortcut and a norm after it (Devlin et al. 2019, arXiv:1810.04805)."""

    def __init__(self, inner):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, EPSILON)
        self.inner, self.outer = nn.Linear(WIDTH, inner), nn.Linear(inner, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)

    def forward(self, x, mask):
        """x [n, length, WIDTH], mask bool [n, 1, 1, length], true where a token stands."""
        heads = lambda y: y.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(heads(self.query(x)), heads(self.key(x)), heads(self.value(x)), mask)
        x = self.attention_norm(x + self.attended(mixed.transpose(1, 2).flatten(2)))
        return self.norm(x + self.outer(F.gelu(self.inner(x))))


class Encoder(nn.Module):
    """Token numbers to hidden states. `narrow`: width of the word table, widened by a matrix (None: the full width)."""

    def __init__(self, words, positions, layers, inner, narrow=None):
        super().__init__()
        self.words = nn.Embedding(words, narrow or WIDTH)
        self.widen = nn.Linear(narrow, WIDTH, bias=False) if narrow else nn.Identity()
        self.positions = nn.Embedding(positions, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, EPSILON)
        self.layers = nn.ModuleList(Layer(inner) for _ in range(layers))

    def forward(self, ids):
        """int64 ids [n, length], 0 is padding: hidden states [n, length, WIDTH] and their mean over the tokens [n, WIDTH]."""
        mask = ids != 0
        x = self.norm(self.widen(self.words(ids)) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask[:, None, None])
        weight = mask[..., None].to(x.dtype)
        return x, (x * weight).sum(1) / weight.sum(1)


class Taught(nn.Module):
    """The student and what only training needs: projections to the teacher's space, heads for label and rating."""

    def __init__(self, student):
        super().__init__()
        self.student = student
        self.pooled, self.hidden = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        for projection in (self.pooled, self.hidden):
            nn.init.eye_(projection.weight)
            nn.init.zeros_(projection.bias)
        self.verdict = nn.Linear(WIDTH, 2)  # positive?, rating

    def forward(self, ids):
        hidden, features = self.student(ids)
        return self.hidden(hidden), self.pooled(features), self.verdict(features)


def teacher_of(path):
    """The encoder in a MiniLM ONNX file, its token-type row 0 added to the positions."""
    graph = onnx.load(path).graph
    held = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    matrices = {n.name: held[n.input[1]] for n in graph.node if n.op_type == "MatMul" and n.input[1] in held}
    words = held["m.embeddings.word_embeddings.weight"]
    positions = held["m.embeddings.position_embeddings.weight"]
    count = sum(name.endswith("intermediate.dense.bias") for name in held)
    encoder = Encoder(len(words), len(positions), count, len(held["m.encoder.layer.0.intermediate.dense.bias"]))
    weights = {
        "words.weight": words,
        "positions.weight": positions + held["m.embeddings.token_type_embeddings.weight"][0],
        "norm.weight": held["m.embeddings.LayerNorm.weight"],
        "norm.bias": held["m.embeddings.LayerNorm.bias"],
    }
    linear = {
        "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value",
        "attended": "attention.output.dense", "inner": "intermediate.dense", "outer": "output.dense",
    }
    norms = {"attention_norm": "attention.output.LayerNorm", "norm": "output.LayerNorm"}
    for i in range(count):
        for ours, theirs in linear.items():
            weights[f"layers.{i}.{ours}.weight"] = matrices[f"/m/encoder/layer.{i}/{theirs.replace('.', '/')}/MatMul"].T
        for ours, theirs in {**linear, **norms}.items():
            weights[f"layers.{i}.{ours}.bias"] = held[f"m.encoder.layer.{i}.{theirs}.bias"]
        for ours, theirs in norms.items():
            weights[f"layers.{i}.{ours}.weight"] = held[f"m.encoder.layer.{i}.{theirs}.weight"]
    encoder.load_state_dict(weights)
    return encoder.eval()


def table_of(teacher, tokenizer, teacher_tokenizer):
    """[own tokens, WIDTH]: the teacher's row of each token, or the mean of the pieces that it splits the token into."""
    rows = np.empty((tokenizer.get_vocab_size(), WIDTH), np.float32)
    table = teacher.words.weight.detach().numpy()
    theirs = teacher_tokenizer.get_vocab()
    for token, at in tokenizer.get_vocab().items():
        if token in theirs:
            rows[at] = table[theirs[token]]
            continue
        pieces = teacher_tokenizer.encode(token.removeprefix("##"), add_special_tokens=False).tokens
        if token.startswith("##"):
            pieces = [f"##{piece}" if i == 0 and f"##{piece}" in theirs else piece for i, piece in enumerate(pieces)]
        rows[at] = table[[theirs[piece] for piece in pieces]].mean(0)
    return torch.from_numpy(rows)


@torch.no_grad()
def student_of(teacher, table, frequency, sample, chosen, inner, narrow, positions):
    """A student that begins with the teacher's layers `chosen`, the `inner` feed-forward units of each that do most on the
    id batches `sample`, and the closest word table of width `narrow` when tokens weigh as their `frequency`."""
    student = Encoder(len(table), positions, len(chosen), inner, narrow)
    weight = (frequency + 1).sqrt()[:, None]
    centre = (table * weight).sum(0) / weight.sum()
    _, _, right = torch.linalg.svd((table - centre) * weight.sqrt(), full_matrices=False)
    student.words.weight.copy_((table - centre) @ right[:narrow].T)
    student.widen.weight.copy_(right[:narrow].T)
    student.positions.weight.copy_(teacher.positions.weight[:positions] + centre)
    student.norm.load_state_dict(teacher.norm.state_dict())
    active = [torch.zeros(layer.inner.out_features) for layer in teacher.layers]
    hooks = [
        layer.outer.register_forward_pre_hook(lambda _, x, sums=sums: sums.add_(x[0].abs().sum((0, 1))))
        for layer, sums in zip(teacher.layers, active)
    ]
    for ids in sample:
        teacher(ids)
    for hook in hooks:
        hook.remove()
    for ours, number in zip(student.layers, chosen):
        theirs = teacher.layers[number]
        for name in ("query", "key", "value", "attended", "attention_norm", "norm"):
            getattr(ours, name).load_state_dict(getattr(theirs, name).state_dict())
        units = (active[number] * theirs.outer.weight.norm(dim=0)).topk(inner).indices.sort().values
        ours.inner.weight.copy_(theirs.inner.weight[units])
        ours.inner.bias.copy_(theirs.inner.bias[units])
        ours.outer.weight.copy_(theirs.outer.weight[:, units])
        ours.outer.bias.copy_(theirs.outer.bias)
    return student
