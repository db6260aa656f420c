import { ERROR_CODES, GraftError } from '../../src/errors.js';
import { OnnxError } from '../../src/onnx/index.js';
import { DeviceLost } from '../executors/device-errors.js';
import type { Executor } from '../executors/executor.js';
import { onnxruntimeExecutor } from '../executors/onnxruntime.js';
import { firstToGo } from '../first-to-go.js';
import { fasterEngine } from './engine-times/faster-engine.js';
import type { Control } from './head-search.js';
import type { FromChild, RunResult, RunSpec, ToChild } from './messages.js';
import { run } from './run.js';

/** A process of one run: told what to do over its channel, ends when it is done, or when its parent is gone. */
firstToGo();
let stopped = false;
let leaving = false;
/** Whether there is something to keep that the run itself must write. */
let training = false;
let begun = false;

const send = (message: FromChild): void => {
  process.send?.(message);
};
/** Ends only after the channel took the last word. */
const last = (message: FromChild): void => {
  process.send?.(message, () => process.exit(0));
};
/** Now: an end in order would interrupt threads inside onnxruntime, which aborts the process with words that look like a crash. */
const vanish = () => process.kill(process.pid, 'SIGKILL');
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

const control: Control = {
  stopped: () => stopped,
  breathe: async () => {
    training = true;
    await breathe();
  },
  leaving: () => leaving,
  leave: async () => process.exit(0),
};

/**
 * The run on the engine that the worker chose, or on the faster one where it is to be timed; where the choice was free and the
 * engine cannot run the graph, on the embedded one. The job says so.
 */
async function onEngine(spec: RunSpec): Promise<RunResult> {
  const embedded = onnxruntimeExecutor({ threads: spec.threads });
  const { executor, addonPath, device, why, free, timed } = spec.engine;
  const onEmbedded = async (reason: string): Promise<RunResult> => {
    told(embedded, reason, spec.method.type === 'featureExtraction' ? null : await embedded.trainingLayout());
    return run(embedded, embedded, spec, control, send);
  };
  if (executor === 'onnxruntime' || addonPath === null) return onEmbedded(why);
  const faster = timed ? await fasterEngine(spec, [embedded.engine.version, addonPath], timing) : null;
  if (faster?.executor === 'onnxruntime') return onEmbedded(faster.why);
  // Loaded only where it is used: the library takes a second and 200 MB.
  const { tensorflowExecutor } = await import('../executors/tensorflow/executor.js');
  const tensorflow = tensorflowExecutor({ addonPath }, device);
  told(tensorflow, faster?.why ?? why);
  try {
    return await run(tensorflow, embedded, spec, control, send);
  } catch (error) {
    if (!free || !isBeyond(error)) throw error;
    return onEmbedded(error.message);
  }
}
function timing(): void {
  const message = 'times a step of this network on onnxruntime and on TensorFlow, once for this machine';
  send({ type: 'log', level: 'info', message, data: {} });
}
function told({ engine }: Executor, why: string, layout: string | null = null): void {
  const { executor, version, device } = engine;
  const message = `trains on ${executor} ${version} (${device}): ${why}${layout === null ? '' : `; ${layout}`}`;
  send({ type: 'log', level: 'info', message, data: { executor, version, device, why, layout } });
}
/** What an engine says of a graph that it cannot run. */
const isBeyond = (error: unknown): error is OnnxError =>
  error instanceof OnnxError && (error.code === 'operator-unsupported' || error.code === 'shape-unknown');

async function start(spec: RunSpec): Promise<void> {
  try {
    last({ type: 'done', result: await onEngine(spec) });
  } catch (error) {
    if (error instanceof DeviceLost) return last({ type: 'lost', detail: error.message });
    const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
    const errors = error instanceof GraftError ? (error.options.errors ?? []) : [];
    // The graph library says in words what it cannot do with a base; everything else unforeseen is a crash with a stack.
    const known = name === 'OnnxError' ? 'job-impossible' : ERROR_CODES.find((c) => c === code);
    if (known === undefined) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    last({ type: 'failed', code: known ?? 'training-crashed', detail: String(message), errors });
  }
}

process.on('message', (message: ToChild) => {
  if (message.type === 'stop') stopped = true;
  if (message.type === 'leave') {
    leaving = true;
    // Before the first step there is nothing to write that the caches do not have.
    if (!training) vanish();
  }
  if (message.type === 'start' && !begun) {
    begun = true;
    void start(message.spec);
  }
});
process.on('disconnect', vanish);
// Loaded while nothing waits for it: half of a second job's time would be this import.
void import('../data/decode.js').then(() => send({ type: 'ready' }));
