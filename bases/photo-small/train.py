"""Trains photo-small, the image base that Graft carries, by distillation.

A small residual network learns to reproduce the pooled features of an ImageNet MobileNetV2 (the teacher) on crops of
the pictures, plus their labels where there are any. Seeded, resumable: run it again and it goes on from the last
checkpoint. Stages: pack the pictures, compute the teacher's features of fixed crops, train. export.py and factor.py do the rest.

    python bases/photo-small/train.py --data ../shared/data --work bench/out/photo-small --crops 4

Distillation: Hinton et al. 2015 (arXiv:1503.02531); the same crop is shown to teacher and student, as in Beyer et al.
2022 (arXiv:2106.05237). On CPUs preload tcmalloc.
"""

import argparse
import csv
import io
import math
import multiprocessing
import random
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from PIL import Image
from torch import distributed, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from net import Distilled

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
CROPS = 4  # drawn of each picture; --crops says how many of them are taught
SIDE = 80  # pictures are packed at this short side, tiles of 64 pixels are enlarged once
TEACHER_SIDE = 160


def square(image):
    """Short side to SIDE, centre crop: every packed picture has one shape."""
    image = image.convert("RGB")
    scale = SIDE / min(image.size)
    width, height = max(SIDE, round(image.width * scale)), max(SIDE, round(image.height * scale))
    image = image.resize((width, height), Image.BICUBIC)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))


def pack(data, work):
    """All pictures as one uint8 array [n, SIDE, SIDE, 3] with class numbers (-1: none) and the held-out flag."""
    target = work / "pictures.npz"
    if target.exists():
        kept = np.load(target)
        return kept["pictures"], kept["labels"], kept["held"]
    pictures, labels, held, classes = [], [], [], {}
    with open(data / "base-images/sheets.csv", newline="") as file:
        sheets = {(row["tar"], row["file"]): row for row in csv.DictReader(file)}
    for name in ("sheets-00.tar", "sheets-01.tar"):
        with tarfile.open(data / "base-images" / name) as tar:
            for member in tar:
                row = sheets.get((name, member.name))
                if row is None:
                    continue
                sheet = Image.open(io.BytesIO(tar.extractfile(member).read())).convert("RGB")
                tile, columns = int(row["tile"]), int(row["columns"])
                label = classes.setdefault(row["class"], len(classes))
                for i in range(int(row["images"])):
                    x, y = i % columns * tile, i // columns * tile
                    pictures.append(square(sheet.crop((x, y, x + tile, y + tile))))
                    labels.append(label)
                    held.append(row["split"] != "train")
    with tarfile.open(data / "base-images/others.tar") as tar:
        for member in tar:
            if member.isfile():
                pictures.append(square(Image.open(io.BytesIO(tar.extractfile(member).read()))))
                labels.append(-1)
                held.append(False)
    arrays = np.stack(pictures), np.array(labels), np.array(held)
    np.savez(target, pictures=arrays[0], labels=arrays[1], held=arrays[2])
    return arrays


def crops_of(count, per_picture, seed):
    """Fixed random-resized crops: [count, per_picture, 4] of left, top, side, flip, in packed pixels."""
    rng = np.random.default_rng(seed)
    area = rng.uniform(0.25, 1.0, (count, per_picture))
    side = np.clip(np.round(SIDE * np.sqrt(area)), 36, SIDE).astype(np.int64)
    left = (rng.uniform(size=side.shape) * (SIDE - side + 1)).astype(np.int64)
    top = (rng.uniform(size=side.shape) * (SIDE - side + 1)).astype(np.int64)
    return np.stack([left, top, side, rng.integers(0, 2, side.shape)], -1)


def batch_of(pictures, crops, side, coarse=None):
    """uint8 pictures and their crops to a standardised float tensor [n,3,side,side].

    Where `coarse` [n] is not 0, the crop is first reduced to so many pixels, as if a small picture had been enlarged.
    """
    out = np.empty((len(crops), side, side, 3), np.uint8)
    for i, (picture, (left, top, size, flip)) in enumerate(zip(pictures, crops)):
        box = (int(left), int(top), int(left + size), int(top + size))
        image = Image.fromarray(picture)
        if coarse is not None and coarse[i]:
            image, box = image.resize((int(coarse[i]),) * 2, Image.BILINEAR, box), None
        kernel = Image.BILINEAR if box else Image.BICUBIC
        piece = np.asarray(image.resize((side, side), kernel, box))
        out[i] = piece[:, ::-1] if flip else piece
    batch = torch.from_numpy(out).permute(0, 3, 1, 2).float()
    return (batch / 255 - torch.from_numpy(MEAN)[:, None, None]) / torch.from_numpy(STD)[:, None, None]


def teach(args, pictures, crops, log):
    """The teacher's features of every crop, float16 [n, crops, 1280]; goes on where it was interrupted."""
    target = args.work / "teacher.npy"
    mark = args.work / "teacher.done"
    options = ort.SessionOptions()
    options.intra_op_num_threads = args.threads
    teacher = onnx.load(args.data / "models/mobilenetv2-1.0-imagenet-backbone.onnx")
    for axis in (2, 3):  # fully convolutional: any side will do
        teacher.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "HW"[axis - 2]
    session = ort.InferenceSession(teacher.SerializeToString(), options)
    shape = (len(pictures), crops.shape[1], 1280)
    done = int(mark.read_text()) if mark.exists() else 0
    store = np.lib.format.open_memmap(target, "r+" if done else "w+", np.float16, shape)
    name = session.get_inputs()[0].name
    started = time.time()
    for at in range(done, len(pictures), 32):
        chunk = crops[at : at + 32]
        flat = chunk.reshape(-1, 4)
        repeated = np.repeat(pictures[at : at + 32], crops.shape[1], 0)
        features = session.run(None, {name: batch_of(repeated, flat, TEACHER_SIDE).numpy()})[0]
        store[at : at + 32] = features.reshape(len(chunk), -1, 1280)
        if at // 32 % 100 == 99:
            store.flush()
            mark.write_text(str(at + 32))
            log(f"teacher {at + 32}/{len(pictures)} {time.time() - started:.0f}s")
    store.flush()
    mark.write_text(str(len(pictures)))
    return store


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--candidate", choices=("residual", "depthwise"), default="residual")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--final", type=int, default=12, help="epochs at the sizes that the service will show")
    parser.add_argument("--final-rate", type=float, default=8e-4)
    parser.add_argument("--steps", type=int, help="steps of an epoch; left out: every picture once")
    parser.add_argument("--decay", type=float, default=0.998, help="of the weights' moving average, which is what counts")
    parser.add_argument("--crops", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="processes that share each batch, where others use the CPU too")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    (args.work / "meeting").unlink(missing_ok=True)
    fork = multiprocessing.get_context("fork")
    for rank in range(1, args.workers):
        fork.Process(target=train, args=(args, rank), daemon=True).start()
    train(args, 0)


def train(args, rank):
    """Trains as process `rank` of args.workers; 0 prepares, measures, logs and keeps."""
    torch.set_num_threads(args.threads)
    if args.workers > 1:
        distributed.init_process_group("gloo", f"file://{args.work.resolve()}/meeting", rank=rank, world_size=args.workers)
    started = time.time()

    def log(line):
        if rank > 0:
            return
        text = f"{time.time() - started:8.1f}s {line}"
        print(text, flush=True)
        with open(args.work / f"{args.candidate}.log", "a") as file:
            file.write(text + "\n")

    if rank > 0:
        distributed.barrier()
    pictures, labels, held = pack(args.data, args.work)
    log(f"{len(pictures)} pictures, {int(held.sum())} held out, {labels.max() + 1} classes")
    crops = crops_of(len(pictures), CROPS, args.seed)[:, : args.crops]
    features = teach(args, pictures, crops, log)
    if rank == 0 and args.workers > 1:
        distributed.barrier()
    sample = np.random.default_rng(0).choice(len(pictures), 8192, replace=False)
    flat = np.asarray(features[np.sort(sample)], np.float32).reshape(-1, 1280)
    mean, deviation = torch.from_numpy(flat.mean(0)), torch.from_numpy(flat.std(0) + 1e-3)

    torch.manual_seed(args.seed)
    model = Distilled(int(labels.max()) + 1, args.candidate).to(memory_format=torch.channels_last)
    average = Distilled(int(labels.max()) + 1, args.candidate)
    average.load_state_dict(model.state_dict())
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}])
    taught = np.flatnonzero(~held)
    steps = args.steps or len(taught) // args.batch
    epoch = 0
    checkpoint = args.work / f"{args.candidate}.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=False)
        model.load_state_dict(kept["model"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        epoch = kept["epoch"]
        log(f"resumed after epoch {epoch}")

    shared = DistributedDataParallel(model) if args.workers > 1 else model  # begins with process 0's weights
    # Convolutions of all channels are faster in bfloat16 on CPUs that have it, depthwise ones slower.
    half = args.candidate != "depthwise"

    def prepare(at, which, side, coarse=None):
        x = batch_of(pictures[at], crops[at, which], side, coarse).contiguous(memory_format=torch.channels_last)
        wanted = (torch.from_numpy(np.asarray(features[at, which], np.float32)) - mean) / deviation
        return x, wanted, torch.from_numpy(labels[at])

    def losses(net, x, wanted, label):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            got, logits = net(x)
        distance = F.smooth_l1_loss(got.float(), wanted) + 1 - F.cosine_similarity(got.float(), wanted).mean()
        others = 0.1 * F.cross_entropy(logits.float(), label, ignore_index=-1, label_smoothing=0.1)
        return distance, others

    def batches(epoch):
        """The epoch's batches, the next one prepared while one is trained on."""
        # Most epochs see small pictures, near the packed resolution, so that the filters learn sharp edges and not
        # those of enlarged pictures; the last quarter sees the largest crops at the packed size. The final epochs see
        # enlarged pictures too, a third of them coarse, since users' pictures may be smaller than the input.
        final = epoch >= args.epochs
        late = not final and epoch >= args.epochs * 0.75
        rng = np.random.default_rng(args.seed * 1000 + epoch)
        order = rng.permutation(taught)
        with ThreadPoolExecutor(1) as pool:
            ahead = None
            for step in range(steps + 1):
                following = None
                if step < steps:
                    at = np.sort(order[step * args.batch : (step + 1) * args.batch])
                    which = crops[at, :, 2].argmax(1) if late else rng.integers(0, args.crops, len(at))
                    side = SIDE if late else int(rng.choice((64, 96, 96, 112) if final else (48, 64)))
                    coarse = rng.integers(24, 49, len(at)) * (rng.uniform(size=len(at)) < 0.35) if final else None
                    mine = slice(rank, None, args.workers)
                    following = pool.submit(prepare, at[mine], which[mine], side, None if coarse is None else coarse[mine])
                if ahead is not None:
                    yield ahead.result()
                ahead = following

    for epoch in range(epoch, args.epochs + args.final):
        model.train()
        total, apart, began = 0.0, 0.0, time.time()
        for step, batch in enumerate(batches(epoch)):
            first, length, top = (0, args.epochs, args.rate) if epoch < args.epochs else (args.epochs, args.final, args.final_rate)
            place = ((epoch - first) * steps + step) / (length * steps)
            rate = top * min(1, place * 40) * 0.5 * (1 + math.cos(math.pi * place)) + 1e-5
            for group in optimizer.param_groups:
                group["lr"] = rate
            distance, others = losses(shared, *batch)
            loss = distance + others
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += float(distance.detach())
            apart += float(others.detach())
            if rank > 0:
                continue
            with torch.no_grad():
                decay = min(args.decay, (1 + epoch * steps + step) / (10 + epoch * steps + step))
                for kept, new in zip(average.state_dict().values(), model.state_dict().values()):
                    if kept.dtype.is_floating_point:
                        kept.lerp_(new, 1 - decay)
                    else:
                        kept.copy_(new)
            if step % 50 == 49:
                log(f"  step {step + 1}/{steps} train {total / (step + 1):.4f}, other losses {apart / (step + 1):.4f}")
        if rank > 0:
            continue
        average.eval()
        with torch.no_grad():
            chosen = np.flatnonzero(held)[:1024]
            first = np.zeros(128, np.int64)
            check = lambda side: [losses(average, *prepare(chosen[i : i + 128], first, side))[0] for i in range(0, 1024, 128)]
            heldout = " and ".join(f"{float(torch.stack(check(side)).mean()):.4f}" for side in (64, 112))
        log(f"epoch {epoch + 1}/{args.epochs + args.final} train {total / steps:.4f} held-out at 64 and 112 {heldout} {time.time() - began:.0f}s")
        state = {"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").rename(checkpoint)


if __name__ == "__main__":
    random.seed(0)
    main()
