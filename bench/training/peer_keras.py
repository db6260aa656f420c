"""Training steps of Keras' `fit` on TensorFlow: MobileNetV2 at 224x224, AdamW, gradients clipped, cross-entropy of ten classes.

    peer_keras.py <batch> <steps>

BatchNormalization keeps its statistics and is not trained, as in fine-tuning small data and as the folded file has it. Prints one
JSON line as peer.py does.
"""

import json
import os
import resource
import sys
import time

THREADS = os.environ.get("BENCH_THREADS", "2")
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_NUM_INTRAOP_THREADS=THREADS, TF_NUM_INTEROP_THREADS="1")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

BATCH, STEPS = int(sys.argv[1]), int(sys.argv[2])
CLASSES = 10


class Clock(keras.callbacks.Callback):
    times, cpu = [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.begun = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        wall, used = self.begun
        self.times.append((time.perf_counter() - wall) * 1000)
        self.cpu.append((time.process_time() - used) * 1000)


trunk = keras.applications.MobileNetV2((224, 224, 3), include_top=False, weights=None, pooling="avg")
for layer in trunk.layers:
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
model = keras.Sequential([trunk, keras.layers.Dense(CLASSES)])
model.compile(keras.optimizers.AdamW(1e-4, global_clipnorm=1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
x = np.random.default_rng(0).random((BATCH, 224, 224, 3), np.float32)
rows = tf.data.Dataset.from_tensors((x, np.arange(BATCH) % CLASSES)).repeat(STEPS)
model.fit(rows, epochs=1, steps_per_epoch=STEPS, verbose=0, callbacks=[Clock()])
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"times": Clock.times, "cpu": Clock.cpu, "mib": mib, "keras": keras.__version__}))
