"""The sentences that text-small learns from, and its WordPiece vocabulary.

Spans of film reviews (with the review's label and rating), English sentences of Tatoeba and captions of Multi30k's
training split. Every span that shares eight words in a row with a sentence of SST-2 (any split; the base is measured
on it) or of rt-polarity, or is such a sentence, is dropped.
"""

import gzip
import json
import lzma
import random
import re

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 9000
LONGEST = 64  # tokens of a span, of the teacher's tokenizer
SHARED = 8  # words in a row that make a span too like an evaluation sentence


def words_of(text):
    """Lower-cased runs of letters and digits; clitics joined, since treebank text splits them ("do n't")."""
    return re.findall(r"[a-z0-9]+", text.lower().replace(" n't", "nt").replace(" '", "").replace("'", ""))


def read_xz(path):
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        next(file)
        for line in file:
            yield line.rstrip("\n").split("\t")


class Excluded:
    """Knows every sentence of the evaluation sets: as a whole, and by its runs of SHARED words."""

    def __init__(self, data):
        self.whole, self.runs = set(), set()
        for path in sorted((data / "datasets/sst2/data/SST2").glob("*.tsv")):
            for line in path.read_text(encoding="utf-8").splitlines():
                self.add(line.split("\t")[0])
        for path in sorted((data / "datasets/rt-polarity/data/rt-polaritydata").glob("rt-polarity.*")):
            for line in path.read_bytes().decode("latin-1").splitlines():
                self.add(line)

    def add(self, text):
        words = words_of(text)
        self.whole.add(" ".join(words))
        self.runs.update(tuple(words[i : i + SHARED]) for i in range(len(words) - SHARED + 1))

    def __contains__(self, text):
        words = words_of(text)
        runs = (tuple(words[i : i + SHARED]) for i in range(len(words) - SHARED + 1))
        return " ".join(words) in self.whole or any(run in self.runs for run in runs)


def spans_of(review, rng):
    """Up to four spans of one to three sentences: the first, the last and two drawn ones (verdicts stand at the ends)."""
    text = re.sub(r"\s+", " ", re.sub(r"<br\s*/?>", " ", review)).strip()
    sentences = [s for s in re.split(r"(?<=[.!?])[\"')]*\s+", text) if 3 <= len(s.split()) <= 45]
    if not sentences:
        return []
    spans = set()
    for start in [0, len(sentences) - 1, rng.randrange(len(sentences)), rng.randrange(len(sentences))]:
        wanted = rng.choice((1, 1, 1, 2, 3))
        taken = sentences[start : start + wanted] if start < len(sentences) - 1 else sentences[-wanted:]
        while len(" ".join(taken).split()) > 45:
            taken = taken[:-1] if start < len(sentences) - 1 else taken[1:]
        spans.add(" ".join(taken))
    return sorted(spans)


def sentences_of(data, seed):
    """List of (text, positive 1 | negative 0 | unknown -1, rating 1..10 or 0, review's number or -1)."""
    rng = random.Random(seed)
    found, seen = [], set()

    def keep(text, label, rating, review):
        if text.lower() not in seen:
            seen.add(text.lower())
            found.append((text, label, rating, review))

    for number, (label, rating, text) in enumerate(read_xz(data / "base-text/aclimdb-train.tsv.xz")):
        for span in spans_of(text, rng):
            keep(span, int(label == "pos"), int(rating), number)
    others = [pair[0] for name in ("fr", "de") for pair in read_xz(data / f"base-text/tatoeba-en-{name}.tsv.xz")]
    others = sorted({text for text in others if len(text.split()) >= 4})
    captions = gzip.open(data / "datasets/multi30k/train.en.gz", "rt", encoding="utf-8").read().splitlines()
    for text in rng.sample(others, 12000) + rng.sample(sorted(set(captions)), 6000):
        keep(text, -1, 0, -1)
    return found


def train_vocabulary(data):
    """A lower-casing WordPiece tokenizer, as BERT's, trained on all the texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")

    def texts():
        for _, _, text in read_xz(data / "base-text/aclimdb-train.tsv.xz"):
            yield re.sub(r"<br\s*/?>", " ", text)
        for name in ("fr", "de"):
            yield from (pair[0] for pair in read_xz(data / f"base-text/tatoeba-en-{name}.tsv.xz"))
        yield from gzip.open(data / "datasets/multi30k/train.en.gz", "rt", encoding="utf-8").read().splitlines()

    ascii_letters = [chr(i) for i in range(33, 127) if not chr(i).isupper()]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, limit_alphabet=150, initial_alphabet=ascii_letters, min_frequency=2,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return tokenizer


def prepare(data, work, teacher_tokenizer, seed, log):
    """The kept sentences and the vocabulary, made once: returns (sentences, own tokenizer)."""
    kept, vocabulary = work / "sentences.json", work / "tokenizer.json"
    if not vocabulary.exists():
        train_vocabulary(data).save(str(vocabulary))
    if not kept.exists():
        excluded = Excluded(data)
        every = sentences_of(data, seed)
        clean = [row for row in every if row[0] not in excluded]
        lengths = [len(encoding.ids) for encoding in teacher_tokenizer.encode_batch([row[0] for row in clean])]
        fitting = [row for row, length in zip(clean, lengths) if length <= LONGEST]
        log(f"{len(every)} spans, {len(every) - len(clean)} too like SST-2 or rt-polarity, {len(clean) - len(fitting)} too long")
        kept.write_text(json.dumps(fitting))
    return json.loads(kept.read_text()), Tokenizer.from_file(str(vocabulary))
