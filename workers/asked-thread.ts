import { basename } from 'node:path';
import { type ResourceLimits, Worker } from 'node:worker_threads';

/** A thread that answers each question with one message, in their order. */
export interface AskedThread<Question, Answer> {
  /** `moved` goes to the thread instead of being copied. Rejects when the thread is gone before it answered. */
  ask(question: Question, moved?: readonly ArrayBuffer[]): Promise<Answer>;
  /** What it says unasked, before anything is asked. */
  said(): Promise<Answer>;
  /** Of a question that has no answer. */
  tell(question: Question): void;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  terminate(): Promise<void>;
}
export interface AskedThreadOptions {
  readonly workerData?: unknown;
  readonly resourceLimits?: ResourceLimits;
  /** What is told those who wait, or ask later; left out: `cause`, which is the thread's error or says with which code it ended. */
  readonly ended?: (cause: unknown) => unknown;
}

/** Starts the thread whose built file is `entry`. */
export function askedThread<Question, Answer>(
  entry: string,
  { ended = (cause) => cause, ...options }: AskedThreadOptions = {},
): AskedThread<Question, Answer> {
  // Flags of the process (such as --import of the supervisor's guard) are not for its threads.
  const worker = new Worker(entry, { ...options, execArgv: [] });
  const waiting: { resolve: (answer: Answer) => void; reject: (reason: unknown) => void }[] = [];
  let over: { readonly reason: unknown } | undefined;

  const gone = new Promise<void>((resolve) => {
    const end = (cause: unknown) => {
      over ??= { reason: ended(cause) };
      for (const { reject } of waiting.splice(0)) reject(over.reason);
      resolve();
    };
    worker.once('error', end);
    worker.once('exit', (code) => end(new Error(`${basename(entry, '.js')} ended with code ${code}`)));
  });
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer));

  const said = (): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (over === undefined) waiting.push({ resolve, reject });
      else reject(over.reason);
    });
  return {
    said,
    ask(question, moved = []) {
      const answer = said();
      worker.postMessage(question, moved);
      return answer;
    },
    tell: (question) => worker.postMessage(question),
    gone,
    terminate: async () => void (await worker.terminate()),
  };
}
