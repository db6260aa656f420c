"""A classifier of texts is trained over HTTP, and its downloaded folder read as Python's libraries read one from the hub.

    python texts.py URL FOLDER [--base NAME] [--card] [--optimum]

On text-small, or the base of another name. With --card the Python of the model card is run as it stands (needs `tokenizers`).
With --optimum also by `optimum-onnx` (0.1.0, which needs `transformers` below 5, and torch). Needs `transformers` (its AutoTokenizer; no torch) and `onnxruntime`, and nothing of Graft. FOLDER, which is empty, keeps the files.
"""

import argparse
import json
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import numpy as np
import onnxruntime
from transformers import AutoConfig, AutoTokenizer

THINGS = {"kitchen": ["soup", "cake", "bread", "tea"], "garage": ["engine", "wheel", "brake", "gear"]}
ENDS = ["was on the table", "is what they talked about, again and again, for a whole evening", "came late", "costs too much"]
TEXTS = [(f"The {thing} {end}.", label) for label, things in THINGS.items() for thing in things for end in ENDS]


def call(url, body=None, kind="application/json"):
    request = urllib.request.Request(url, data=body, headers={"content-type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def post(url, body):
    return json.loads(call(url, json.dumps(body).encode()))


CHECKED = ("ready", "invalid")
ENDED = ("succeeded", "failed", "cancelled")


def wait(url, states):
    end = time.monotonic() + 300
    while time.monotonic() < end:
        seen = json.loads(call(url))
        if seen["state"] in states:
            return seen
        time.sleep(0.2)
    raise SystemExit(f"{url} did not come to its end in five minutes")


def upload(url, fields, name, content):
    border = uuid.uuid4().hex
    parts = [f'--{border}\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    head = f'--{border}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\ncontent-type: text/csv\r\n\r\n'
    body = ("".join(parts) + head + content + f"\r\n--{border}--\r\n").encode()
    return json.loads(call(url, body, f"multipart/form-data; boundary={border}"))


def trained(url, base):
    checked = wait(f"{url}/v1/bases/{base}", CHECKED)
    assert checked["state"] == "ready", checked
    table = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in TEXTS)
    dataset = upload(f"{url}/v1/datasets", {"name": "rooms", "task": "text-classification"}, "rooms.csv", table)
    wait(f"{url}/v1/datasets/{dataset['id']}", CHECKED)
    job = post(f"{url}/v1/jobs", {"task": "text-classification", "dataset": dataset["id"], "base": base})
    job = wait(f"{url}/v1/jobs/{job['id']}", ENDED)
    assert job["state"] == "succeeded", job
    return f"{url}/v1/models/{job['model']}"


def by_optimum(folder, texts, padding):
    from optimum.onnxruntime import ORTModelForSequenceClassification

    model = ORTModelForSequenceClassification.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)(texts, **padding, return_tensors="pt")
    return model(**tokens).logits.softmax(-1).numpy()


def by_card(folder, text):
    """What the first Python of the model card prints first: the likeliest label and its probability."""
    (folder / "use.py").write_text(re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)[1])
    printed = subprocess.run([sys.executable, "use.py", text], cwd=folder, check=True, capture_output=True, text=True)
    label, probability = printed.stdout.splitlines()[0].split("\t")
    return label, float(probability)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="text-small")
    parser.add_argument("--card", action="store_true")
    parser.add_argument("--optimum", action="store_true")
    given = parser.parse_args()
    url, folder = given.url, given.folder
    model = trained(url, given.base)
    for file in json.loads(call(f"{model}/files"))["data"]:
        (folder / file["name"]).write_bytes(call(f"{model}/files/{file['name']}"))

    texts = [text for text, _ in TEXTS]
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    labels = AutoConfig.from_pretrained(folder, local_files_only=True).id2label
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    wanted = [taken.name for taken in session.get_inputs()]
    length = session.get_inputs()[0].shape[1]
    fixed = {"padding": "max_length", "max_length": length} if isinstance(length, int) else {"padding": True}
    padding = {**fixed, "truncation": True}
    tokens = tokenizer(texts, **padding, return_tensors="np")
    (logits,) = session.run(["logits"], {name: tokens[name].astype(np.int64) for name in wanted})
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponents / exponents.sum(axis=1, keepdims=True)

    if given.card:
        for text, row in zip(texts[:3], probabilities, strict=False):
            label, probability = by_card(folder, text)
            assert label == labels[int(row.argmax())] and abs(probability - row.max()) < 2e-4, (text, label, probability)
        print("texts: the card's Python says the same")
    if given.optimum:
        assert np.abs(by_optimum(folder, texts, padding) - probabilities).max() < 1e-4
        print("texts: optimum loads the folder as it is, and says the same")

    served = post(f"{model}/predict", {"inputs": [{"text": text} for text in texts]})["predictions"]
    most = 0.0
    for row, prediction in zip(probabilities, served, strict=True):
        assert prediction["label"] == labels[int(row.argmax())], (row, prediction)
        of = {entry["label"]: entry["probability"] for entry in prediction["top"]}
        most = max(most, *(abs(p - of[labels[i]]) for i, p in enumerate(row)))
    assert most < 1e-4, most
    print(f"texts: {len(texts)} predictions of the folder in Python are the service's, to {most:.1e}")


if __name__ == "__main__":
    main()
