import { fork } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { childEnvironment } from '../../src/config.js';
import type { PoolingSource, TextInput } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import type { BaseDescription, Problem as ModelProblem } from '../../src/onnx/index.js';
import { entryOf } from '../entry.js';
import type { TokenizerFiles } from './text/tokenizer-files.js';

export interface MeasureRequest {
  readonly path: string;
  /** Where the child writes its answer. */
  readonly answer: string;
  readonly threads: number;
  readonly preprocessorConfig?: unknown;
  readonly config?: unknown;
  readonly poolingConfig?: unknown;
  /** Files of a tokenizer that came with the model. */
  readonly tokenizer?: TokenizerFiles;
}
export interface MeasureResult {
  readonly problems: readonly ModelProblem[];
  readonly description?: BaseDescription;
  /** Of an encoder of texts that has its tokenizer. */
  readonly text?: TextInput;
  readonly poolingSource?: PoolingSource;
}

/** A forward pass of two pictures takes seconds even through VGG; what takes this long would be no base. */
const TIME_LIMIT_MS = 120_000;

/**
 * Checks and describes an ONNX file in a process of its own.
 * @throws GraftError `base-invalid` when that process crashes, hangs or runs out of memory: the model's doing.
 */
export async function measureBase(request: MeasureRequest, signal: AbortSignal): Promise<MeasureResult> {
  const child = fork(entryOf('data/measure-child'), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Not the worker's own: what they import lets a process end that only waits for a message, which this one does first.
    execArgv: ['--enable-source-maps'],
    env: childEnvironment({ NODE_OPTIONS: undefined }),
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2000);
  });
  let late = false;
  const stop = () => child.kill('SIGKILL');
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, TIME_LIMIT_MS);
  signal.addEventListener('abort', stop);
  try {
    child.send(request);
    const [code, by] = await new Promise<[number | null, NodeJS.Signals | null]>((done, fail) => {
      child.once('error', fail);
      child.once('exit', (...how) => done(how));
    });
    signal.throwIfAborted();
    if (late)
      throw new GraftError(
        'base-invalid',
        `The model did not finish one forward pass in ${TIME_LIMIT_MS / 1000} seconds.`,
      );
    // Its own failure, not the model's: the check is tried again.
    if (code !== null && code !== 0)
      throw new Error(`The checking process ended with exit code ${code}: ${words.trim()}`);
    if (by !== null) {
      const last = words.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
      throw new GraftError(
        'base-invalid',
        `The process that ran the model ended with signal ${by}${last === '' ? '' : `: ${last}`}. The model may need too much memory or crash the runtime.`,
      );
    }
    return JSON.parse(await readFile(request.answer, 'utf8')) as MeasureResult;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    stop();
    await rm(request.answer, { force: true });
  }
}
