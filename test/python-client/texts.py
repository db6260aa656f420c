"""A classifier of texts is trained over HTTP, and its downloaded folder read as Python's libraries read one from the hub.

    python texts.py URL FOLDER [--optimum]

With --optimum also by `optimum-onnx` (0.1.0, which needs `transformers` below 5, and torch). Needs `transformers` (its AutoTokenizer; no torch) and `onnxruntime`, and nothing of Graft. FOLDER, which is empty, keeps the files.
"""

import json
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


def trained(url):
    wait(f"{url}/v1/bases/text-small", CHECKED)
    table = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in TEXTS)
    dataset = upload(f"{url}/v1/datasets", {"name": "rooms", "task": "text-classification"}, "rooms.csv", table)
    wait(f"{url}/v1/datasets/{dataset['id']}", CHECKED)
    job = post(f"{url}/v1/jobs", {"task": "text-classification", "dataset": dataset["id"], "base": "text-small"})
    job = wait(f"{url}/v1/jobs/{job['id']}", ENDED)
    assert job["state"] == "succeeded", job
    return f"{url}/v1/models/{job['model']}"


def by_optimum(folder, texts):
    from optimum.onnxruntime import ORTModelForSequenceClassification

    model = ORTModelForSequenceClassification.from_pretrained(folder)
    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, truncation=True, return_tensors="pt")
    return model(**tokens).logits.softmax(-1).numpy()


def main():
    url, folder = sys.argv[1], Path(sys.argv[2])
    model = trained(url)
    for file in json.loads(call(f"{model}/files"))["data"]:
        (folder / file["name"]).write_bytes(call(f"{model}/files/{file['name']}"))

    texts = [text for text, _ in TEXTS]
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    labels = AutoConfig.from_pretrained(folder, local_files_only=True).id2label
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    wanted = [given.name for given in session.get_inputs()]
    tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
    (logits,) = session.run(["logits"], {name: tokens[name].astype(np.int64) for name in wanted})
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponents / exponents.sum(axis=1, keepdims=True)

    if "--optimum" in sys.argv:
        assert np.abs(by_optimum(folder, texts) - probabilities).max() < 1e-4
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
