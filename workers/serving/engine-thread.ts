import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { letGo } from '../moved-memory.js';
import type { Call, EngineSpec, FromThread, RowResult } from './engine-messages.js';
import { type FeatureRows, type LoadedTrunk, SESSION_EXTRA } from './loaded-trunk.js';
import { pictureTrunk } from './picture-trunk.js';
import { textTrunk } from './text-trunk.js';

/** The thread of one trunk: loads its file, runs it on batches of inputs and applies heads to rows of its features. */
const spec = workerData as EngineSpec;
const port = parentPort;
if (port === null) throw new Error('engine-thread is started by openEngine');
const send = (message: FromThread) => port.postMessage(message);

async function load(file: Uint8Array): Promise<LoadedTrunk> {
  const { input, threads } = spec;
  const bytes = file.byteLength;
  const session = await InferenceSession.create(file, { intraOpNumThreads: threads, extra: SESSION_EXTRA });
  // onnxruntime has its own copy in its own layout.
  letGo(file);
  return input.kind === 'image'
    ? pictureTrunk(session, bytes, spec, input.preprocessing)
    : textTrunk(session, bytes, input.text);
}

const heads = new Map<string, InferenceSession>();

async function run(trunk: LoadedTrunk, call: Extract<Call, { type: 'run' }>): Promise<readonly RowResult[]> {
  const features = await trunk.features(call);
  const results = new Array<RowResult>(call.count);
  for (const { head, rows } of call.heads) {
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

async function applied(
  head: string,
  { data, width }: FeatureRows,
  rows: readonly number[],
): Promise<(index: number) => RowResult> {
  const session = heads.get(head);
  if (session === undefined) throw new Error('it is not loaded');
  const taken = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) taken.set(data.subarray(row * width, (row + 1) * width), index * width);
  const [name] = session.inputNames as [string];
  const input = new Tensor('float32', taken, [rows.length, width]);
  const outputs = await session.run({ [name]: input }, ['probabilities']);
  const all = outputs.probabilities?.data as Float32Array;
  const classes = all.length / rows.length;
  return (index) => {
    const probabilities = all.slice(index * classes, (index + 1) * classes);
    if (!probabilities.every(Number.isFinite)) return { error: 'The model gave numbers that are not finite.' };
    return { value: { probabilities } };
  };
}

async function addHead(head: string, bytes: Uint8Array): Promise<void> {
  if (heads.has(head)) return;
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, extra: SESSION_EXTRA });
  if (session.inputNames.length !== 1 || !session.outputNames.includes('probabilities'))
    throw new Error(`a head takes features and gives probabilities; this gives ${session.outputNames.join(', ')}`);
  heads.set(head, session);
}

async function answer(trunk: LoadedTrunk, message: Call): Promise<readonly RowResult[]> {
  if (message.type === 'run') return run(trunk, message);
  if (message.type === 'head') await addHead(message.head, message.bytes);
  if (message.type === 'drop') {
    await heads.get(message.head)?.release();
    heads.delete(message.head);
  }
  if (message.type === 'stop') {
    for (const session of [...heads.values(), trunk]) await session.release();
    port?.close();
  }
  return [];
}

/** The file comes by a message: in `workerData` it would stay as long as the thread lives. */
async function begin(file: Uint8Array): Promise<LoadedTrunk | null> {
  try {
    const trunk = await load(file);
    const { takes, bytes } = trunk;
    send({ type: 'ready', takes, bytes });
    return trunk;
  } catch (error) {
    send({ type: 'unusable', detail: `The model cannot be loaded: ${(error as Error).message}` });
    port?.close();
    return null;
  }
}

let trunk: LoadedTrunk | null = null;
// A chain, since handlers await: a head must not be dropped in the middle of a run.
let last: Promise<void> = Promise.resolve();
port.on('message', (message: Call) => {
  last = last.then(async () => {
    if (message.type === 'load') trunk = await begin(message.file);
    else if (trunk !== null)
      await answer(trunk, message).then(
        (rows) => send({ type: 'answer', rows }),
        (error: unknown) => send({ type: 'failed', detail: (error as Error).message }),
      );
  });
});
