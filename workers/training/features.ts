import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { Preprocessing } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { decodeModel, type Model } from '../../src/onnx/index.js';
import { pixelTrunk } from '../../src/tasks/image-classification/compose.js';
import { channelsOf, PIXELS } from '../../src/tasks/image-classification/pixel-input.js';
import type { Executor, Program } from '../executors/executor.js';
import { cacheKey, openFeatureCache } from './feature-cache.js';
import type { RunExample } from './messages.js';

/** Images of one forward pass: enough for full speed, few enough for little memory. */
const BATCH = 8;
/** Images being decoded or waiting: libuv's threads must have work left while the engine blocks this thread. */
const IN_FLIGHT = 8 * BATCH;
/** Changes whenever the same picture would give other features: the decoder or the trunk's making changed. */
const RECIPE = '2';

export interface FeaturesSpec {
  readonly base: { readonly path: string; readonly digest: string };
  readonly cut: string;
  readonly width: number | null;
  readonly preprocessing: Preprocessing;
  readonly packPath: string;
  readonly cache: { readonly root: string; readonly maxBytes: number };
  /** The graph pixels -> rows that `cut` names, where it is not the base cut there. */
  readonly trunk?: () => Model;
}
export interface Features {
  /** Row-major [examples, width], in the order of the examples. */
  readonly values: Float32Array;
  readonly width: number;
  readonly computed: number;
}

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
  return async (example) => {
    const bytes = Buffer.allocUnsafe(example.bytes);
    const { bytesRead } = await pack.read(bytes, 0, example.bytes, example.offset);
    if (bytesRead !== example.bytes)
      throw new GraftError(
        'internal',
        `The pack ends inside '${example.path}' (${bytesRead} of ${example.bytes} bytes).`,
      );
    try {
      return await (await decoder).decodeImage(bytes, p);
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      const errors = [
        { path: example.path, code: error.options.errors?.[0]?.code ?? error.code, detail: error.detail },
      ];
      throw new GraftError('dataset-invalid', `'${example.path}' cannot be read: ${error.detail}`, { errors });
    }
  };
}

/**
 * What the frozen part of the base says of every example: from the cache where it is known, else decoded on libuv's
 * threads while the engine runs the pictures before. Copies of one picture are computed once. `onProgress` hears how many
 * of the examples are done.
 */
export async function extractFeatures(
  executor: Executor,
  spec: FeaturesSpec,
  examples: readonly RunExample[],
  onProgress: (done: number) => void,
): Promise<Features> {
  const { preprocessing, cut } = spec;
  const trunk = trunkOnce(executor, spec);
  const width = spec.width ?? (await measuredWidth(await trunk()));
  const values = new Float32Array(examples.length * width);
  const rows = new Map<string, number[]>();
  examples.forEach((e, i) => {
    const list = rows.get(e.digest);
    if (list) list.push(i);
    else rows.set(e.digest, [i]);
  });
  const { executor: engine, version } = executor.engine;
  const key = cacheKey([RECIPE, engine, version, spec.base.digest, cut, JSON.stringify(preprocessing)]);
  const cache = await openFeatureCache({ root: spec.cache.root, key, width, maxBytes: spec.cache.maxBytes });
  try {
    const missing = await cache.load(rows, values);
    const todo = examples.filter((e, i) => missing.has(e.digest) && rows.get(e.digest)![0] === i);
    let done = examples.length - todo.reduce((n, e) => n + rows.get(e.digest)!.length, 0);
    onProgress(done);
    if (todo.length > 0) {
      await forward(await trunk(), spec, todo, (batch, features) => {
        if (features.length !== batch.length * width) throw wrongWidth(cut, width, features.length / batch.length);
        batch.forEach((e, i) => {
          for (const row of rows.get(e.digest)!) values.set(features.subarray(i * width, (i + 1) * width), row * width);
          done += rows.get(e.digest)!.length;
        });
        cache.add(
          batch.map((e) => e.digest),
          features,
        );
        onProgress(done);
      });
    }
    return { values, width, computed: todo.length };
  } finally {
    await cache.close();
    await trunk.dispose();
  }
}

interface Trunk {
  readonly program: Program;
  /** What the file is fixed to, or null where any number goes. */
  readonly batch: number | null;
  readonly image: readonly [number, number, number];
}

/** The compiled trunk, made when it is first asked for: a job whose features are all known never does. */
function trunkOnce(executor: Executor, spec: FeaturesSpec): (() => Promise<Trunk>) & { dispose(): Promise<void> } {
  let made: Promise<Trunk> | null = null;
  const { crop } = spec.preprocessing;
  const make = async (): Promise<Trunk> => {
    const model =
      spec.trunk?.() ?? pixelTrunk(decodeModel(await readFile(spec.base.path)), spec.cut, spec.preprocessing);
    const first = model.graph.inputs[0]?.shape?.[0];
    return {
      program: await executor.compile(model),
      batch: typeof first === 'number' ? first : null,
      image: [crop, crop, channelsOf(spec.preprocessing)],
    };
  };
  const ask = () => {
    made ??= make();
    return made;
  };
  return Object.assign(ask, { dispose: async () => made?.then((t) => t.program.dispose()) });
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
  spec: FeaturesSpec,
  examples: readonly RunExample[],
  onBatch: (batch: readonly RunExample[], features: Float32Array) => void,
): Promise<void> {
  const size = trunk.batch ?? BATCH;
  const bytes = trunk.image.reduce((a, b) => a * b, 1);
  const pixels = new Uint8Array(size * bytes);
  const pack = await open(spec.packPath, 'r');
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
    for await (const picture of decodeAhead(examples, packReader(pack, spec.preprocessing))) {
      pixels.set(picture, filled * bytes);
      filled++;
      if (filled === size) await run();
    }
    if (filled > 0) await run();
  } finally {
    await pack.close();
  }
}

function wrongWidth(cut: string, wanted: number, found: number): GraftError {
  return new GraftError(
    'job-impossible',
    `Cut at '${cut}' the base gives ${found} features for an image, not the ${wanted} that its description says. Upload the base again, or choose another cut.`,
  );
}
