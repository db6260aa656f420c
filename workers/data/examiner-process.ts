import { fork } from 'node:child_process';
import { childEnvironment } from '../../src/config.js';
import type { FromExaminer, ToExaminer } from './examine-messages.js';

/** How a process ended, in words, and the end of what it wrote. */
export interface Ended {
  readonly how: string;
  readonly lastWords: string;
}
export interface ExaminerProcess {
  send(message: ToExaminer): void;
  kill(): void;
}

const LAST_WORDS = 2000;

/** Starts the process at `entry`; `onEnd` is called once, when it is gone for whatever reason. */
export function startExaminerProcess(
  entry: string,
  threads: number,
  on: { message: (message: FromExaminer) => void; end: (ended: Ended) => void },
): ExaminerProcess {
  const child = fork(entry, {
    // Decoding runs on libuv's threads, one picture each.
    env: childEnvironment({ NODE_OPTIONS: undefined, UV_THREADPOOL_SIZE: String(threads) }),
    execArgv: ['--enable-source-maps'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS);
  });
  let over = false;
  const end = (how: string) => {
    if (over) return;
    over = true;
    on.end({ how, lastWords: words.trim() });
  };
  child.once('error', (error) => {
    // A process that never was has no exit to wait for.
    if (child.pid === undefined) end(`could not be started: ${error.message}`);
  });
  child.once('close', (code, signal) => end(signal === null ? `ended with exit code ${code}` : `ended with ${signal}`));
  child.on('message', (message) => on.message(message as FromExaminer));
  return {
    send: (message) => {
      // A channel that just closed: the exit says what there is to say.
      if (child.connected) child.send(message, () => {});
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
