// Steps of one fine-tuning graph in a process of its own: node step.mjs <base.onnx> <cut> <width> <batch> <steps> <layers> <live|frozen>
// Prints one JSON line: milliseconds of every step (wall clock and processor time), of building and compiling, and the peak of
// resident memory.
import { readFileSync } from 'node:fs';
import { decodeModel } from '../../dist/src/onnx/index.js';
import { fedPixels, imageTrunk } from '../../dist/src/tasks/image-classification/compose.js';
import { trainedLayers } from '../../dist/workers/training/fine-tune/trained.js';
import { engine } from './engine.mjs';
import { timed } from './timed.mjs';

const [file, cut, width, size, steps, layers, statistics] = process.argv.slice(2);
const preprocessing = {
  resize: 256,
  crop: 224,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const own = imageTrunk(decodeModel(readFileSync(file)), cut);
const trained = trainedLayers(own, layers === 'all' ? 'all' : Number(layers));
await timed(
  await engine(),
  {
    trunk: fedPixels(own, preprocessing),
    width: Number(width),
    parameters: trained.parameters,
    batch: Number(size),
    liveStatistics: statistics === 'live',
    keepFrozen: layers !== 'all',
  },
  Number(steps),
);
