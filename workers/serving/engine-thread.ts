import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EngineSpec, FromThread, HeadRows, RowResult, ToThread } from './engine-messages.js';
import { trunkGraph } from './trunk-graph.js';

/** The thread of one trunk: builds its graph, runs it on batches of pixels and applies heads to rows of its features. */
const MAX_BATCH = 16;
const SPINNING_OFF = { session: { intra_op: { allow_spinning: '0' } } };
const spec = workerData as EngineSpec;
const port = parentPort;
if (port === null) throw new Error('engine-thread is started by openEngine');
const send = (message: FromThread) => port.postMessage(message);

interface Loaded {
  readonly session: InferenceSession;
  readonly shape: readonly [number, number, number];
  /** What the graph was fixed to, or null where the batch is free. */
  readonly fixedBatch: number | null;
  readonly pixels: Uint8Array;
}

async function load(): Promise<Loaded> {
  const graph = trunkGraph(spec.base, spec.cut, spec.preprocessing, spec.changed);
  // Spinning threads would take the cores from decoding between runs.
  const session = await InferenceSession.create(graph, { intraOpNumThreads: spec.threads, extra: SPINNING_OFF });
  const input = session.inputMetadata[0];
  if (session.inputNames.length !== 1 || !input?.isTensor || input.type !== 'uint8' || input.shape.length !== 4)
    throw new Error(`the trunk must take one uint8 image input; it takes ${session.inputNames.join(', ')}`);
  const { crop } = spec.preprocessing;
  const channels = spec.preprocessing.channels === 'GRAY' ? 1 : 3;
  const [batch] = input.shape;
  const fixedBatch = typeof batch === 'number' && batch > 0 ? batch : null;
  const most = fixedBatch ?? Math.min(MAX_BATCH, Math.max(1, Math.floor(spec.maxPixels / (crop * crop))));
  const shared = new SharedArrayBuffer(most * crop * crop * channels);
  const shape = [crop, crop, channels] as const;
  // The file, onnxruntime's own copy of it in its layout, and the first batch's activations, roughly.
  const bytes = 2 * graph.byteLength + 8 * shared.byteLength;
  send({ type: 'ready', shape, batch: most, pixels: shared, bytes });
  return { session, shape, fixedBatch, pixels: new Uint8Array(shared) };
}

const heads = new Map<string, InferenceSession>();

async function run({ session, shape, fixedBatch, pixels }: Loaded, count: number, wanted: readonly HeadRows[]) {
  const rows = fixedBatch ?? count;
  const [name] = session.inputNames as [string];
  const [output] = session.outputNames as [string];
  const size = rows * shape[0] * shape[1] * shape[2];
  // onnxruntime-node takes no shared memory, hence the copy.
  const input = new Tensor('uint8', pixels.slice(0, size), [rows, ...shape]);
  const features = (await session.run({ [name]: input }, [output]))[output] as Tensor;
  const results = new Array<RowResult>(count);
  for (const { head, rows } of wanted) {
    let answer: (row: number) => RowResult;
    try {
      answer = await applied(head, features, rows);
    } catch (error) {
      answer = () => ({ error: `The model's head failed: ${(error as Error).message}` });
    }
    for (const [index, row] of rows.entries()) results[row] = answer(index);
  }
  return results;
}

async function applied(head: string, features: Tensor, rows: readonly number[]): Promise<(row: number) => RowResult> {
  const session = heads.get(head);
  if (session === undefined) throw new Error('it is not loaded');
  const data = features.data as Float32Array;
  const width = data.length / (features.dims[0] as number);
  const taken = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) taken.set(data.subarray(row * width, (row + 1) * width), index * width);
  const [name] = session.inputNames as [string];
  const input = new Tensor('float32', taken, [rows.length, width]);
  const { probabilities } = await session.run({ [name]: input }, ['probabilities']);
  const all = probabilities?.data as Float32Array;
  const classes = all.length / rows.length;
  return (row) => {
    const value = all.slice(row * classes, (row + 1) * classes);
    return value.every(Number.isFinite) ? { value } : { error: 'The model gave numbers that are not finite.' };
  };
}

async function addHead(head: string, bytes: Uint8Array): Promise<void> {
  if (heads.has(head)) return;
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, extra: SPINNING_OFF });
  if (session.inputNames.length !== 1 || !session.outputNames.includes('probabilities'))
    throw new Error(`a head takes features and gives probabilities; this gives ${session.outputNames.join(', ')}`);
  heads.set(head, session);
}

async function answer(loaded: Loaded, message: ToThread): Promise<readonly RowResult[]> {
  if (message.type === 'run') return run(loaded, message.count, message.heads);
  if (message.type === 'head') await addHead(message.head, message.bytes);
  if (message.type === 'drop') {
    await heads.get(message.head)?.release();
    heads.delete(message.head);
  }
  if (message.type === 'stop') {
    for (const session of [...heads.values(), loaded.session]) await session.release();
    port?.close();
  }
  return [];
}

try {
  const loaded = await load();
  // A chain, since handlers await: a head must not be dropped in the middle of a run.
  let last: Promise<void> = Promise.resolve();
  port.on('message', (message: ToThread) => {
    last = last.then(() =>
      answer(loaded, message).then(
        (rows) => send({ type: 'answer', id: message.id, rows }),
        (error: unknown) => send({ type: 'failed', id: message.id, detail: (error as Error).message }),
      ),
    );
  });
} catch (error) {
  send({ type: 'unusable', detail: `The model cannot be loaded: ${(error as Error).message}` });
}
