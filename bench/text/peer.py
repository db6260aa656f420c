"""The jobs of bench:text in transformers and PyTorch eager, two threads, with the weights of the ONNX file that Graft reads.
Imports and the model are done before the clock starts.

    peer.py <folder of the base> <table.json: {"texts": [...], "labels": [0 or 1, ...], "validation": {the same}}>

Reads a line from standard input for each job and answers with one JSON line: `features <texts> <given|sorted>`, mean of the tokens
and a logistic regression on the first texts, batches in the order given or of about one length;
`epoch <texts> <batch> <frozen|trained>`, AdamW over all layers, the word table in it or not.
"""

import json
import re
import sys
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from sklearn.linear_model import LogisticRegression
from torch import nn
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

FOLDER, TABLE = sys.argv[1:3]
torch.set_num_threads(2)
torch.manual_seed(0)
LONGEST = 256
FEATURE_BATCH = 32
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{FOLDER}/tokenizer.json", pad_token="[PAD]")


def weights():
    """The file's tensors under transformers' names: the exporter names biases, and turns the matrices before them."""
    graph = onnx.load(f"{FOLDER}/onnx/model.onnx").graph
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    state = {name: t for name, t in tensors.items() if "::" not in name}
    made = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        bias = next((n for n in node.input if n.endswith(".bias") and n in tensors), None)
        for name in node.input:
            product = made.get(name)
            if node.op_type == "Add" and bias and product and product.op_type == "MatMul" and product.input[1] in tensors:
                state[bias.replace(".bias", ".weight")] = tensors[product.input[1]].T.contiguous()
    return {re.sub(r"^.*?(?=(embeddings|encoder)\.)", "", name): t for name, t in state.items()}


def bert():
    model = BertModel(BertConfig(**json.load(open(f"{FOLDER}/config.json"))), add_pooling_layer=False)
    missing = model.load_state_dict(weights(), strict=False).missing_keys
    if missing:
        raise SystemExit(f"The file lacks {missing[:5]}.")
    return model


table = json.load(open(TABLE))
frozen_model = bert().eval()


def tokens(texts):
    return tokenizer(texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")


def pooled(model, batch):
    mask = batch["attention_mask"].unsqueeze(-1).float()
    hidden = model(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    return (hidden * mask).sum(1) / mask.sum(1)


def rows(texts, order):
    """In the order given, as a loop over batches has it, or sorted by length, as sentence-transformers does."""
    order = range(len(texts)) if order == "given" else sorted(range(len(texts)), key=lambda i: len(texts[i]))
    out = np.empty((len(texts), frozen_model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for at in range(0, len(order), FEATURE_BATCH):
            chosen = order[at : at + FEATURE_BATCH]
            out[chosen] = pooled(frozen_model, tokens([texts[i] for i in chosen])).numpy()
    return out


def features(count, order):
    held = table["validation"]
    head = LogisticRegression(max_iter=1000).fit(rows(table["texts"][:count], order), table["labels"][:count])
    return {"accuracy": head.score(rows(held["texts"], order), held["labels"])}


def epoch(count, batch, embeddings):
    model = bert().train()
    head = nn.Linear(model.config.hidden_size, 2)
    model.embeddings.word_embeddings.weight.requires_grad_(embeddings == "trained")
    trained = [p for p in [*model.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 5e-5)
    labels = torch.tensor(table["labels"])
    start = time.perf_counter()
    for chosen in torch.randperm(count).split(batch):
        optimizer.zero_grad()
        x = pooled(model, tokens([table["texts"][i] for i in chosen]))
        nn.functional.cross_entropy(head(x), labels[chosen]).backward()
        nn.utils.clip_grad_norm_(trained, 1)
        optimizer.step()
    return {"seconds": time.perf_counter() - start}


print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    what, *args = line.split()
    start = time.perf_counter()
    result = features(int(args[0]), args[1]) if what == "features" else epoch(int(args[0]), int(args[1]), args[2])
    print(json.dumps({"seconds": time.perf_counter() - start, **result}), flush=True)
