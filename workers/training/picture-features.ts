import { type FileHandle, open } from 'node:fs/promises';
import type { Preprocessing } from '../../src/domain/types.js';
import { createGate } from '../../src/gate.js';
import { pixelTrunk } from '../../src/tasks/image-classification/compose.js';
import { channelsOf, PIXELS } from '../../src/tasks/image-classification/pixel-input.js';
import { readPicture } from '../data/augment/pack-pictures.js';
import type { Executor, Lanes } from '../executors/executor.js';
import { baseReader } from './base-file.js';
import type { FeatureSource, FeaturesSpec } from './feature-source.js';
import type { RunExample } from './messages.js';

/** Images of one forward pass: enough for full speed, few enough for little memory on each of several threads. */
const BATCH = 4;
/** Images being decoded or waiting: libuv's threads must have work left where the engine blocks this one. */
const IN_FLIGHT = 64;
/** Changes whenever the same picture would give other features: the decoder or the trunk's making changed. */
const RECIPE = '5';

/** Decoded pictures, in order, a bounded number of them ahead. */
export async function* decodeAhead(
  examples: readonly RunExample[],
  read: (example: RunExample) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const waiting: Promise<Uint8Array>[] = [];
  let next = 0;
  const fill = () => {
    while (waiting.length < IN_FLIGHT && next < examples.length) {
      const picture = read(examples[next++]!);
      // The first failure is thrown when its turn comes; those behind it must not end the process.
      picture.catch(() => {});
      waiting.push(picture);
    }
  };
  for (fill(); waiting.length > 0; fill()) yield await waiting.shift()!;
}

/** Reads and decodes examples of a pack; the decoder is only loaded when something is decoded. */
export function packReader(pack: FileHandle, p: Preprocessing): (example: RunExample) => Promise<Uint8Array> {
  const decoder = import('../data/decode.js');
  return (example) => readPicture(pack, example, async (bytes) => (await decoder).decodeImage(bytes, p));
}

interface Trunk {
  readonly lanes: Lanes;
  /** What the file is fixed to, or null where any number goes. */
  readonly batch: number | null;
  readonly image: readonly [number, number, number];
}

/** Features of pictures, decoded on libuv's threads while the engine runs those before. */
export function pictureFeatures(executor: Executor, spec: FeaturesSpec, preprocessing: Preprocessing): FeatureSource {
  let made: Promise<Trunk> | null = null;
  const trunk = () => {
    made ??= compiled(executor, spec, preprocessing);
    return made;
  };
  return {
    meaning: [RECIPE, JSON.stringify(preprocessing)],
    width: async () => measuredWidth(await trunk()),
    forward: async (examples, onBatch) => {
      const { packPath } = spec;
      const pack = await open(packPath, 'r');
      try {
        await forward(await trunk(), packReader(pack, preprocessing), examples, onBatch);
      } finally {
        await pack.close();
      }
    },
    dispose: async () => made?.then((t) => t.lanes.dispose()),
  };
}

async function compiled(executor: Executor, spec: FeaturesSpec, preprocessing: Preprocessing): Promise<Trunk> {
  const read = spec.readBase ?? baseReader(spec.base);
  const model = spec.trunk?.() ?? pixelTrunk((await read()).model, spec.cut, preprocessing);
  const first = model.graph.inputs[0]?.shape?.[0];
  return {
    lanes: await executor.compileLanes(model),
    batch: typeof first === 'number' ? first : null,
    image: [preprocessing.crop, preprocessing.crop, channelsOf(preprocessing)],
  };
}

async function runTrunk({ lanes, image }: Trunk, pixels: Uint8Array, count: number): Promise<Float32Array> {
  const output = lanes.outputs[0]!;
  const results = await lanes.run({ [PIXELS]: { dataType: 'uint8', dims: [count, ...image], data: pixels } }, [output]);
  return results[output]!.data as Float32Array;
}

async function measuredWidth(trunk: Trunk): Promise<number> {
  const count = trunk.batch ?? 1;
  const size = trunk.image.reduce((a, b) => a * b, count);
  return (await runTrunk(trunk, new Uint8Array(size), count)).length / count;
}

/**
 * Decodes ahead while the engine runs what is ready, as many pictures at a time as there are threads that run: more would only take
 * turns on the same cores. Which examples run together does not depend on how fast that goes.
 */
async function forward(
  trunk: Trunk,
  read: (example: RunExample) => Promise<Uint8Array>,
  examples: readonly RunExample[],
  onBatch: Parameters<FeatureSource['forward']>[1],
): Promise<void> {
  const { lanes } = trunk;
  const size = trunk.batch ?? BATCH;
  const bytes = trunk.image.reduce((a, b) => a * b, 1);
  const gate = createGate(lanes.threads === null ? IN_FLIGHT : lanes.count * lanes.threads);
  /** Those that failed stay, for who waits next. */
  const going = new Set<Promise<void>>();
  const begin = async (batch: readonly RunExample[], pixels: Uint8Array): Promise<void> => {
    while (going.size >= lanes.count) await Promise.race(going);
    const count = trunk.batch ?? batch.length;
    const run = runTrunk(trunk, pixels.subarray(0, count * bytes), count).then((features) => {
      onBatch(batch, features.subarray(0, (features.length / count) * batch.length));
      going.delete(run);
    });
    run.catch(() => {});
    going.add(run);
  };
  try {
    let pixels = new Uint8Array(size * bytes);
    let [start, filled] = [0, 0];
    for await (const picture of decodeAhead(examples, (example) => gate(() => read(example)))) {
      pixels.set(picture, filled * bytes);
      filled++;
      if (filled < size && start + filled < examples.length) continue;
      await begin(examples.slice(start, start + filled), pixels);
      pixels = new Uint8Array(size * bytes);
      start += filled;
      filled = 0;
    }
    await Promise.all(going);
  } finally {
    // What goes on must be over before anything is closed.
    await Promise.allSettled(going);
  }
}
