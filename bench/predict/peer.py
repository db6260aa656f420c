"""The peer: what one would write in an afternoon with FastAPI, uvicorn, onnxruntime and Pillow, serving the same file.

python peer.py MODEL.onnx PREPROCESSING.json LABELS.json PORT
"""

import io
import json
import sys

import numpy
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image, ImageOps

model, preprocessing, labels, port = sys.argv[1:5]
p = json.load(open(preprocessing))
names = json.load(open(labels))
names = names["labels"] if isinstance(names, dict) else names
mean = numpy.array(p["mean"], numpy.float32)
std = numpy.array(p["std"], numpy.float32)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
outputs = [o.name for o in session.get_outputs()]
probabilities = outputs.index("probabilities") if "probabilities" in outputs else None


def predict(body: bytes):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    short = min(image.size)
    image = image.resize([p["resize"] * n // short for n in image.size], Image.Resampling.BILINEAR)
    left, top = [(n - p["crop"] + 1) // 2 for n in image.size]
    image = image.crop((left, top, left + p["crop"], top + p["crop"]))
    x = (numpy.asarray(image, numpy.float32) * numpy.float32(p["scale"]) - mean) / std
    x = numpy.ascontiguousarray(x.transpose(2, 0, 1)[None])
    answer = session.run(None, {name: x})
    if probabilities is not None:
        values = answer[probabilities][0]
    else:
        values = numpy.exp(answer[0][0] - answer[0][0].max())
        values /= values.sum()
    order = values.argsort()[::-1][:5]
    top = [{"label": names[i], "probability": float(values[i])} for i in order]
    return {"predictions": [{**top[0], "top": top}]}


app = FastAPI()


@app.post("/predict")
async def route(request: Request):
    body = await request.body()
    return await run_in_threadpool(predict, body)


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
