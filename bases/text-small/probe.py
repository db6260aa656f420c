"""How good the features are: logistic regression on SST-2, and a bag of words to compare with."""

import numpy as np
import torch

# How a penalty is chosen.
CHOICE = {"cv": 5, "scoring": "accuracy", "l1_ratios": (0,), "use_legacy_attributes": False}


def sst2(data, split):
    rows = [line.rsplit("\t", 1) for line in (data / f"datasets/sst2/data/SST2/{split}.tsv").read_text("utf-8").splitlines()]
    return [row[0] for row in rows], np.array([int(row[1]) for row in rows])


def batches_of(encodings, size, longest=64):
    """Batches of similar length: lists of sentence numbers with their padded ids [n, length]."""
    order = sorted(range(len(encodings)), key=lambda i: len(encodings[i].ids))
    for begin in range(0, len(order), size):
        part = order[begin : begin + size]
        yield part, padded([encodings[i].ids[:longest] for i in part])


def padded(rows):
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.int64)
    for row, filled in zip(rows, ids):
        filled[: len(row)] = torch.tensor(row)
    return ids


@torch.no_grad()
def features_of(encoder, tokenizer, texts):
    """Mean-pooled features [n, width] of a torch encoder."""
    out = [None] * len(texts)
    for part, ids in batches_of(tokenizer.encode_batch(texts), 64):
        for i, row in zip(part, encoder(ids)[1].numpy()):
            out[i] = row
    return np.stack(out)


def accuracy(train, labels, test, wanted):
    """Test accuracy of logistic regression on standardised features, its penalty chosen by cross-validation."""
    from sklearn.linear_model import LogisticRegressionCV

    mean, deviation = train.mean(0), train.std(0) + 1e-6
    head = LogisticRegressionCV(Cs=np.logspace(-4, 0, 5), max_iter=300, **CHOICE)
    head.fit((train - mean) / deviation, labels)
    return float(head.score((test - mean) / deviation, wanted))


def quick(train, labels, test, wanted):
    """The same with a fixed penalty, to watch a training by."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = train.mean(0), train.std(0) + 1e-6
    head = LogisticRegression(C=0.01, max_iter=200).fit((train - mean) / deviation, labels)
    return float(head.score((test - mean) / deviation, wanted))


def bag_of_words(train, labels, test, wanted):
    """Test accuracy of logistic regression on tf-idf of words and pairs of words, its penalty chosen likewise."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegressionCV

    bag = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+").fit(train)
    head = LogisticRegressionCV(Cs=np.logspace(-1, 2, 7), max_iter=1000, **CHOICE)
    return float(head.fit(bag.transform(train), labels).score(bag.transform(test), wanted))
