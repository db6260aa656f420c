import { type FileHandle, open } from 'node:fs/promises';
import type { Preprocessing } from '../../src/domain/types.js';
import { pixelTrunk } from '../../src/tasks/image-classification/compose.js';
import { channelsOf, PIXELS } from '../../src/tasks/image-classification/pixel-input.js';
import { readPicture } from '../data/augment/pack-pictures.js';
import type { Executor, Program } from '../executors/executor.js';
import { baseReader } from './base-file.js';
import type { FeatureSource, FeaturesSpec } from './feature-source.js';
import type { RunExample } from './messages.js';

/** Images of one forward pass: enough for full speed, few enough for little memory. */
const BATCH = 8;
/** Images being decoded or waiting: libuv's threads must have work left while the engine blocks this thread. */
const IN_FLIGHT = 8 * BATCH;
/** Changes whenever the same picture would give other features: the decoder or the trunk's making changed. */
const RECIPE = '4';

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
  readonly program: Program;
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
    forward: async (examples, onBatch) => forward(await trunk(), spec.packPath, preprocessing, examples, onBatch),
    dispose: async () => made?.then((t) => t.program.dispose()),
  };
}

async function compiled(executor: Executor, spec: FeaturesSpec, preprocessing: Preprocessing): Promise<Trunk> {
  const read = spec.readBase ?? baseReader(spec.base);
  const model = spec.trunk?.() ?? pixelTrunk((await read()).model, spec.cut, preprocessing);
  const first = model.graph.inputs[0]?.shape?.[0];
  return {
    program: await executor.compile(model),
    batch: typeof first === 'number' ? first : null,
    image: [preprocessing.crop, preprocessing.crop, channelsOf(preprocessing)],
  };
}

const runTrunk = async ({ program, image }: Trunk, pixels: Uint8Array, count: number): Promise<Float32Array> => {
  const output = program.outputs[0]!;
  const results = await program.run({ [PIXELS]: { dataType: 'uint8', dims: [count, ...image], data: pixels } }, [
    output,
  ]);
  return results[output]!.data as Float32Array;
};

async function measuredWidth(trunk: Trunk): Promise<number> {
  const count = trunk.batch ?? 1;
  const size = trunk.image.reduce((a, b) => a * b, count);
  return (await runTrunk(trunk, new Uint8Array(size), count)).length / count;
}

async function forward(
  trunk: Trunk,
  packPath: string,
  preprocessing: Preprocessing,
  examples: readonly RunExample[],
  onBatch: Parameters<FeatureSource['forward']>[1],
): Promise<void> {
  const size = trunk.batch ?? BATCH;
  const bytes = trunk.image.reduce((a, b) => a * b, 1);
  const pixels = new Uint8Array(size * bytes);
  const pack = await open(packPath, 'r');
  try {
    let filled = 0;
    let start = 0;
    const run = async () => {
      const count = trunk.batch ?? filled;
      const features = await runTrunk(trunk, pixels.subarray(0, count * bytes), count);
      onBatch(examples.slice(start, start + filled), features.subarray(0, (features.length / count) * filled));
      start += filled;
      filled = 0;
    };
    for await (const picture of decodeAhead(examples, packReader(pack, preprocessing))) {
      pixels.set(picture, filled * bytes);
      filled++;
      if (filled === size) await run();
    }
    if (filled > 0) await run();
  } finally {
    await pack.close();
  }
}
