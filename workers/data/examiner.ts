import { GraftError } from '../../src/errors.js';
import { entryOf } from '../entry.js';
import type { FromExaminer, Seen } from './examine-messages.js';
import { type Ended, type ExaminerProcess, startExaminerProcess } from './examiner-process.js';
import { formatOf } from './image-problem.js';

/** Decodes pictures in a process of its own, several at a time, and outlives whatever they do to it. */
export interface Examiner {
  /**
   * What the picture at `path` of the archive holds, or why it cannot be used.
   * @throws GraftError `dataset-invalid` once more than `mostCrashes` pictures ended the process; Error when the process
   * cannot start, which is no picture's doing.
   */
  examine(path: string, bytes: Uint8Array): Promise<Seen>;
  /** Ends the process; what is under way is rejected. */
  close(): void;
}
export interface ExaminerOptions {
  /** Pictures that are decoded at once. */
  readonly threads: number;
  /** The child's module. */
  readonly entry?: string;
  /** So many pictures are set aside for crashing the decoder; with one more the whole set is refused. */
  readonly mostCrashes?: number;
  /** When no picture is finished for so long, in milliseconds, the process hangs. */
  readonly silentMs?: number;
}

/** The largest picture that is taken decodes in a few seconds. */
const SILENT_MS = 120_000;
const MOST_CRASHES = 20;
/** One after the other. */
const MOST_FAILED_STARTS = 3;

interface Task {
  readonly id: number;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly resolve: (seen: Seen) => void;
  readonly reject: (reason: unknown) => void;
  /** How often the process died while it decoded this one alone. */
  deaths: number;
}

/**
 * Several pictures are under way when the process dies, and any may have done it: each is tried again alone, in a fresh
 * process, and one that ends that twice is at fault. A process killed by others costs time and no picture.
 */
export function startExaminer(options: ExaminerOptions): Examiner {
  const entry = options.entry ?? entryOf('data/examine-child');
  const mostCrashes = options.mostCrashes ?? MOST_CRASHES;
  const silentMs = options.silentMs ?? SILENT_MS;
  let child: ExaminerProcess | null = null;
  let ready = false;
  let hung = false;
  let failure: unknown = null;
  let silence: NodeJS.Timeout | undefined;
  let lastId = 0;
  let deaths = 0;
  let failedStarts = 0;
  /** How many of those that wait, from the front, go alone. */
  let suspects = 0;
  const crashed: string[] = [];
  const waiting: Task[] = [];
  const underway = new Map<number, Task>();

  const fail = (reason: unknown): void => {
    failure ??= reason;
    clearTimeout(silence);
    child?.kill();
    for (const task of [...underway.values(), ...waiting.splice(0)]) task.reject(failure);
    underway.clear();
  };
  const listen = (): void => {
    clearTimeout(silence);
    if (underway.size === 0) return;
    silence = setTimeout(() => {
      hung = true;
      child?.kill();
    }, silentMs);
  };
  const pump = (): void => {
    while (failure === null && waiting.length > 0 && (suspects === 0 || underway.size === 0)) {
      child ??= start();
      const task = waiting.shift() as Task;
      underway.set(task.id, task);
      child.send({ id: task.id, bytes: task.bytes });
    }
    listen();
  };
  const answered = (id: number, seen: Seen): void => {
    const task = underway.get(id);
    if (task === undefined) return;
    underway.delete(id);
    if (suspects > 0) suspects -= 1;
    task.resolve(seen);
    pump();
  };
  const died = (ended: Ended): void => {
    child = null;
    if (failure !== null) return;
    const how = hung ? `did not finish within ${silentMs / 1000} seconds` : ended.how;
    hung = false;
    deaths += 1;
    const lost = [...underway.values()];
    underway.clear();
    waiting.unshift(...lost);
    if (!ready) failedStarts += 1;
    else if (suspects === 0) suspects = lost.length;
    else if (lost[0] !== undefined) suspect(lost[0], how);
    if (failedStarts === MOST_FAILED_STARTS || deaths > 4 * mostCrashes + MOST_FAILED_STARTS)
      fail(new Error(`The process that decodes pictures ${how}: ${ended.lastWords}`));
    else pump();
  };
  /** Of a picture that was alone, and stands first among those that wait. */
  const suspect = (task: Task, how: string): void => {
    task.deaths += 1;
    if (task.deaths === 1) return;
    suspects -= 1;
    crashed.push(task.path);
    if (crashed.length > mostCrashes) fail(tooMany(crashed));
    else {
      waiting.shift();
      task.resolve({ problem: undecodable(task.bytes, how) });
    }
  };
  const start = (): ExaminerProcess => {
    ready = false;
    return startExaminerProcess(entry, options.threads, {
      message: (message: FromExaminer) => {
        if (message.type === 'ready') {
          ready = true;
          failedStarts = 0;
        } else answered(message.id, message.seen);
      },
      end: died,
    });
  };

  // Loads its modules while the archive is listed.
  child = start();
  return {
    examine: (path, bytes) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        lastId += 1;
        waiting.push({ id: lastId, path, bytes, resolve, reject, deaths: 0 });
        pump();
      }),
    close: () => fail(new Error('The check is over.')),
  };
}

function undecodable(bytes: Uint8Array, how: string) {
  return {
    code: 'image-undecodable',
    detail: `Decoding this ${formatOf(bytes) ?? 'picture'} of ${bytes.byteLength} bytes ended the decoder: alone in a process of its own, it ${how}. The file is damaged in a way that crashes the decoder, or needs more memory than there is; save it anew with an image program, or leave it out.`,
  };
}

function tooMany(paths: readonly string[]): GraftError {
  return new GraftError(
    'dataset-invalid',
    `${paths.length} pictures crash the decoder, which is more than are set aside; the first is '${paths[0]}'. Leave these out, or save them anew with an image program, and upload the rest.`,
    {
      errors: paths.map((path) => ({
        path,
        code: 'image-undecodable',
        detail: 'Decoding this picture ends the process that decodes.',
      })),
    },
  );
}
