import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import type { Engine } from '../../../src/domain/types.js';
import { entryOf } from '../../entry.js';
import type { RunSpec } from '../messages.js';
import type { TimeAnswer, TimedOn, TimedRun } from './messages.js';

export interface Faster {
  readonly executor: Engine['executor'];
  readonly why: string;
}
type Time = (run: TimedRun, on: TimedOn) => Promise<TimeAnswer>;

/** As many examples as a pass of a network for pictures has where memory is short; more would only take longer. */
const BATCH = 8;
/** Tokens of a text: most texts are shorter than what a base reads. */
const TOKENS = 64;
const PATIENCE_MS = 120_000;
/** TensorFlow is taken where it needs less than this share: measuring between the epochs is slower on it. */
const ENOUGH = 0.9;
/** Grows when an engine's way to run a step changes: what was timed before counts no more. */
const EDITION = 3;
/** Kept results, the oldest go first. */
const MOST_KEPT = 500;

/**
 * Which engine of this machine's processor makes a step of the run in less time, onnxruntime or the TensorFlow of `spec.engine`:
 * it depends on the processor and on the network. Timed once and kept in `spec.engineTimes`, so that the same run is trained
 * on the same engine another time, to the same bits. null: neither can be timed. `begun` is called where they are timed now.
 */
export async function fasterEngine(
  spec: RunSpec,
  versions: readonly string[],
  begun: () => void,
  time: Time = inProcess,
): Promise<Faster | null> {
  const run = timedRun(spec);
  if (run === null) return null;
  const key = keyOf(run, versions);
  const known = await kept(spec.engineTimes);
  let times = known.get(key);
  if (times === undefined) {
    begun();
    const embedded: TimedOn = { executor: 'onnxruntime', addonPath: null };
    const library: TimedOn = { executor: 'tensorflow', addonPath: spec.engine.addonPath };
    // In turns, so that what else the machine does meanwhile hinders both.
    const [one, other] = [await time(run, embedded), await time(run, library)];
    const again = async (first: TimeAnswer, on: TimedOn): Promise<TimeAnswer> =>
      'failed' in first ? first : least(first, await time(run, on));
    const [onnxruntime, tensorflow] = [await again(one, embedded), await again(other, library)];
    const failed = (engine: string, reason: string) => `a step on ${engine} could not be timed: ${reason}`;
    // What cannot be timed had better not be trained on.
    if ('failed' in onnxruntime)
      return 'failed' in tensorflow ? null : { executor: 'tensorflow', why: failed('onnxruntime', onnxruntime.failed) };
    if ('failed' in tensorflow) return { executor: 'onnxruntime', why: failed('TensorFlow', tensorflow.failed) };
    times = { onnxruntime: onnxruntime.ms, tensorflow: tensorflow.ms };
    // Where it cannot be kept, it is timed another time.
    await keep(spec.engineTimes, new Map([...known, [key, times]])).catch(() => {});
  }
  const executor = times.tensorflow < ENOUGH * times.onnxruntime ? 'tensorflow' : 'onnxruntime';
  const other = executor === 'tensorflow' ? 'onnxruntime' : 'tensorflow';
  return {
    executor,
    why: `a step of ${run.batch} examples takes ${times[executor].toFixed(0)} ms on it, as timed on this machine, and ${times[other].toFixed(0)} on ${other}`,
  };
}

interface Times {
  readonly onnxruntime: number;
  readonly tensorflow: number;
}

const least = (a: { readonly ms: number }, b: TimeAnswer): TimeAnswer =>
  'failed' in b ? b : { ms: Math.min(a.ms, b.ms) };

function timedRun({ base, cut, width, method, input, hyperparameters, examples, threads }: RunSpec): TimedRun | null {
  if (method.type === 'featureExtraction') return null;
  const { batchSize, microBatch, optimizer, batchNorm, embeddings } = hyperparameters;
  const asked = [batchSize, microBatch].filter((n) => typeof n === 'number');
  return {
    base: { path: base.path, digest: base.digest },
    cut,
    width,
    layers: method.type === 'fineTuning' ? method.layers : 'all',
    input:
      input.kind === 'image'
        ? { kind: 'image', preprocessing: input.preprocessing }
        : {
            ...{ kind: 'text', text: input.text, length: Math.min(TOKENS, input.text.maxLength) },
            words: method.type === 'scratch' || embeddings === 'trained',
          },
    batch: Math.max(1, Math.min(BATCH, examples.length, ...asked)),
    optimizer: optimizer === 'sgd' ? 'sgd' : 'adamw',
    live: batchNorm !== 'frozen',
    threads,
  };
}

function keyOf({ base, ...run }: TimedRun, versions: readonly string[]): string {
  const all = [EDITION, base.digest, run, versions, cpus()[0]?.model ?? ''];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** None where the file is not there or damaged: then all is timed anew. */
async function kept(path: string): Promise<ReadonlyMap<string, Times>> {
  try {
    const all = Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, Times>);
    return new Map(all.filter(([, times]) => times.onnxruntime > 0 && times.tensorflow > 0));
  } catch {
    return new Map();
  }
}

async function keep(path: string, times: ReadonlyMap<string, Times>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Runs beside this one write theirs.
  const part = `${path}.${process.pid}`;
  await writeFile(part, `${JSON.stringify(Object.fromEntries([...times].slice(-MOST_KEPT)))}\n`);
  await rename(part, path);
}

/** In a process of its own, so that an engine that crashes, or takes much memory, leaves this one as it is. */
function inProcess(run: TimedRun, on: TimedOn): Promise<TimeAnswer> {
  return new Promise((resolve) => {
    const child = fork(entryOf('training/engine-times/time-child'), [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    const end = (answer: TimeAnswer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    child.once('error', (error) => end({ failed: error.message }));
    child.once('exit', (code, signal) => end({ failed: `its process ended ${signal ?? `with code ${code}`}` }));
    child.once('message', (answer: TimeAnswer) => end(answer));
    child.send({ run, on });
  });
}
