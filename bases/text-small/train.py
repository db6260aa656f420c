"""Trains text-small, the text base that Graft carries, by distillation of MiniLM.

A three-layer encoder with its own vocabulary begins with weights of MiniLM and learns its features of sentences and its
hidden states of words, and beside them the label and rating of the review that a sentence comes from. Seeded, resumable:
run it again and it goes on from the last checkpoint. It runs beside teach.py or after it; export.py does the rest.

    python bases/text-small/train.py --data ../shared/data --work bench/out/text-small

The rate stays level until the steps end or a file named `cool` appears in --work, then falls to zero in --cool steps
(Hu et al. 2024, arXiv:2404.06395), so that a training can be ended well at any time. Distillation: Hinton et al. 2015
(arXiv:1503.02531), hidden states as in Jiao et al. 2020 (TinyBERT, arXiv:1909.10351).
"""

import argparse
import time

import numpy as np
import torch
from pathlib import Path
from torch import nn
from torch.nn import functional as F

from net import Taught, student_of, table_of, teacher_of
from probe import features_of, padded, quick, sst2
from teach import corpus_of, words_at

HELD = 512  # sentences at the beginning of the order that are never trained on
POSITIONS = 256
LAYERS, INNER, NARROW = (0, 2, 5), 1024, 160


class Lessons:
    """Batches of sentences of similar length, with the teacher's targets, standardised."""

    def __init__(self, sentences, encodings, store, batch, seed):
        self.sentences, self.encodings, self.store, self.batch, self.seed = sentences, encodings, store, batch, seed
        features = np.asarray(store.features[:HELD], np.float32)
        words = np.asarray(store.words[: store.starts[HELD]], np.float32)
        # The teacher has a dimension that never changes.
        as_pair = lambda x: (torch.from_numpy(x.mean(0)), torch.from_numpy(np.maximum(x.std(0), 0.1 * np.median(x.std(0)))))
        self.feature_scale, self.word_scale = as_pair(features), as_pair(words)

    def of(self, numbers):
        """ids, features, hidden states of the words and which token belongs to which of them, verdicts."""
        ids = padded([self.encodings[i].ids for i in numbers])
        store, length = self.store, ids.shape[1]
        standard = lambda x, scale: (torch.from_numpy(np.asarray(x, np.float32)) - scale[0]) / scale[1]
        tokens, owners, states, first = [], [], [], 0
        for row, i in enumerate(numbers):
            words = words_at(self.encodings[i])
            at = np.flatnonzero(words >= 0)
            tokens.append(row * length + at)
            owners.append(first + words[at])
            states.append(store.words[store.starts[i] : store.starts[i + 1]])
            first += len(states[-1])
        rows = [self.sentences[i] for i in numbers]
        verdicts = torch.tensor([[row[1], (row[2] - 5.5) / 3.5] for row in rows], dtype=torch.float32)
        states = standard(np.concatenate(states), self.word_scale)
        where = torch.from_numpy(np.concatenate(tokens)), torch.from_numpy(np.concatenate(owners))
        return ids, standard(store.features[numbers], self.feature_scale), states, where, verdicts

    def batches(self, step):
        """Endless batches from the given step on: rounds of 64 batches drawn of what is taught by then."""
        while True:
            rng = np.random.default_rng([self.seed, step // 64])
            drawn = HELD + rng.choice(self.store.refresh() - HELD, 64 * self.batch, replace=False)
            ordered = sorted(drawn, key=lambda i: (len(self.encodings[i].ids), i))
            parts = [ordered[i : i + self.batch] for i in range(0, len(ordered), self.batch)]
            for part in [parts[i] for i in rng.permutation(64)][step % 64 :]:
                yield self.of(sorted(part))
            step = (step // 64 + 1) * 64


def losses(net, ids, features, states, where, verdicts):
    """Distance to the teacher (of features, of words) and the loss of label and rating, each a scalar."""
    hidden, pooled, verdict = net(ids)
    tokens, owners = where
    count = torch.zeros(len(states)).index_add_(0, owners, torch.ones(len(owners)))
    words = torch.zeros_like(states).index_add_(0, owners, hidden.flatten(0, 1)[tokens]) / count[:, None]
    distance = lambda a, b: F.smooth_l1_loss(a, b) + 1 - F.cosine_similarity(a, b).mean()
    known = verdicts[:, 0] >= 0
    label = F.binary_cross_entropy_with_logits(verdict[known, 0], verdicts[known, 0])
    return distance(pooled, features), distance(words, states), label + 0.3 * F.mse_loss(verdict[known, 1], verdicts[known, 1])


def standardise(net, lessons):
    """Makes the projections, identities so far, begin in the standardised space of the targets."""
    with torch.no_grad():
        for projection, (mean, deviation) in ((net.pooled, lessons.feature_scale), (net.hidden, lessons.word_scale)):
            projection.weight.copy_(torch.diag(1 / deviation))
            projection.bias.copy_(-mean / deviation)


def begin(args, lessons, own, theirs):
    teacher = teacher_of(args.data / "models/minilm-l6-v2/onnx/model.onnx")
    frequency = torch.zeros(own.get_vocab_size())
    for encoding in lessons.encodings:
        frequency.index_add_(0, torch.tensor(encoding.ids), torch.ones(len(encoding.ids)))
    texts = [row[0] for row in lessons.sentences[:1024]]
    sample = [padded([e.ids for e in theirs.encode_batch(texts[i : i + 32])]) for i in range(0, 1024, 32)]
    net = Taught(student_of(teacher, table_of(teacher, own, theirs), frequency, sample, LAYERS, INNER, NARROW, POSITIONS))
    standardise(net, lessons)
    return net


def rate_at(step, args, cooling):
    """Warm-up, level, and from step `cooling` (None: not yet) a fall to zero as 1 - sqrt."""
    level = args.rate * min(1, (step + 1) / args.warm)
    return level if cooling is None else level * max(0, 1 - ((step - cooling) / args.cool) ** 0.5)


@torch.no_grad()
def measure(net, lessons, own, data):
    net.eval()
    parts = [losses(net, *lessons.of(list(range(i, i + 64)))) for i in range(0, HELD, 64)]
    values = [float(torch.stack(column).mean()) for column in zip(*parts)]
    (train, labels), (dev, wanted) = sst2(data, "train"), sst2(data, "dev")
    score = quick(features_of(net.student, own, train), labels, features_of(net.student, own, dev), wanted)
    net.train()
    return f"held out: features {values[0]:.4f} words {values[1]:.4f} verdict {values[2]:.4f}; SST-2 dev {score:.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000, help="steps before the rate falls")
    parser.add_argument("--cool", type=int, default=500, help="steps in which it falls")
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--verdict", type=float, default=0.5, help="weight of label and rating beside the distances")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    started = time.time()

    def log(line):
        text = f"{time.time() - started:8.1f}s {line}"
        print(text, flush=True)
        with open(args.work / "train.log", "a") as file:
            file.write(text + "\n")

    sentences, own, theirs, _, store = corpus_of(args, log)
    lessons = Lessons(sentences, own.encode_batch([row[0] for row in sentences]), store, args.batch, args.seed)
    train(args, lessons, own, begin(args, lessons, own, theirs), log)


def train(args, lessons, own, net, log):
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    checkpoint, step, cooling = args.work / "text-small.pt", 0, None
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=False)
        net.load_state_dict(kept["net"])
        optimizer.load_state_dict(kept["optimizer"])
        step, cooling = kept["step"], kept["cooling"]
        log(f"resumed after step {step}")
    else:
        log(f"{sum(p.numel() for p in net.student.parameters())} parameters")
    sums, since = np.zeros(3), step
    for batch in lessons.batches(step):
        if cooling is None and (step >= args.steps or (args.work / "cool").exists()):
            cooling = step
            log(f"step {step}: the rate begins to fall")
        if cooling is not None and step >= cooling + args.cool:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, args, cooling)
        features, words, verdict = losses(net, *batch)
        optimizer.zero_grad(set_to_none=True)
        (features + 0.5 * words + args.verdict * verdict).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        sums += [float(features.detach()), float(words.detach()), float(verdict.detach())]
        if step % 50 == 0:
            mean = sums / (step - since)
            log(f"step {step} features {mean[0]:.4f} words {mean[1]:.4f} verdict {mean[2]:.4f}, {lessons.store.done} taught")
            sums, since = np.zeros(3), step
        if step % 500 == 0:
            log(f"step {step} {measure(net, lessons, own, args.data)}")
        if step % 100 == 0:
            keep(checkpoint, net, optimizer, step, cooling)
    keep(checkpoint, net, optimizer, step, cooling)
    log(f"ended after step {step}: {measure(net, lessons, own, args.data)}")


def keep(checkpoint, net, optimizer, step, cooling):
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "cooling": cooling}
    torch.save(state, checkpoint.with_suffix(".new"))
    checkpoint.with_suffix(".new").rename(checkpoint)


if __name__ == "__main__":
    main()
