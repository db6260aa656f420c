"""Computes what text-small is taught: MiniLM's features of each sentence and its hidden state of each word.

Goes on where it was stopped; train.py may run beside it and takes what is done. First of the three steps:

    python bases/text-small/teach.py --data ../shared/data --work bench/out/text-small
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from corpus import prepare

PART = 512  # sentences between two marks of progress
WIDTH = 384


class Store:
    """Teacher's targets on disk: features float16 [n, WIDTH]; words float16 [all words, WIDTH], sentence i's at starts[i]."""

    def __init__(self, work, counts):
        self.mark = work / "taught"
        self.done = int(self.mark.read_text()) if self.mark.exists() else 0
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        mode = "r+" if self.mark.exists() else "w+"
        open_map = lambda name, rows: np.lib.format.open_memmap(work / name, mode, np.float16, (rows, WIDTH))
        self.features, self.words = open_map("features.npy", len(counts)), open_map("words.npy", int(self.starts[-1]))

    def finish(self, done):
        self.features.flush()
        self.words.flush()
        self.done = done
        self.mark.write_text(str(done))

    def refresh(self):
        self.done = int(self.mark.read_text())
        return self.done


def plain(path):
    """A tokenizer without the padding and truncation that its file asks for."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def words_at(encoding):
    """For each token the number of its word, -1 at [CLS] and [SEP]."""
    return np.array([-1 if word is None else word for word in encoding.word_ids])


def order_of(count, seed):
    """Sentences in the order that they are taught in: any beginning of it is a fair sample."""
    return np.random.default_rng(seed).permutation(count)


def corpus_of(args, log):
    """Sentences in the order of teaching, both tokenizers, the teacher's encodings, and the store."""
    folder = args.data / "models/minilm-l6-v2"
    theirs = plain(folder / "tokenizer.json")
    sentences, own = prepare(args.data, args.work, theirs, args.seed, log)
    sentences = [sentences[i] for i in order_of(len(sentences), args.seed)]
    encodings = theirs.encode_batch([row[0] for row in sentences])
    counts = [int(words_at(encoding).max()) + 1 for encoding in encodings]
    return sentences, own, theirs, encodings, Store(args.work, counts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--count", type=int, default=70000, help="sentences to teach")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    started = time.time()
    log = lambda line: print(f"{time.time() - started:8.1f}s {line}", flush=True)
    sentences, own, _, encodings, store = corpus_of(args, log)
    log(f"{len(sentences)} sentences, {own.get_vocab_size()} tokens, {store.starts[-1]} words; {store.done} taught before")
    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = ort.InferenceSession(args.data / "models/minilm-l6-v2/onnx/model.onnx", options)
    count = min(args.count, len(sentences))
    for begin in range(store.done, count, PART):
        part = sorted(range(begin, min(begin + PART, count)), key=lambda i: len(encodings[i].ids))
        for at in range(0, len(part), 32):
            teach(session, part[at : at + 32], encodings, store)
        store.finish(min(begin + PART, count))
        if begin // PART % 10 == 9:
            log(f"taught {store.done}/{count}")


def teach(session, batch, encodings, store):
    ids = np.zeros((len(batch), max(len(encodings[i].ids) for i in batch)), np.int64)
    for row, i in enumerate(batch):
        ids[row, : len(encodings[i].ids)] = encodings[i].ids
    mask = (ids != 0).astype(np.int64)
    hidden = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
    for row, i in enumerate(batch):
        words = words_at(encodings[i])
        states = hidden[row, : len(words)]
        store.features[i] = states.mean(0)
        sums, counts = np.zeros((words.max() + 1, WIDTH), np.float32), np.bincount(words[words >= 0])
        np.add.at(sums, words[words >= 0], states[words >= 0])
        store.words[store.starts[i] : store.starts[i + 1]] = sums / counts[:, None]


if __name__ == "__main__":
    main()
