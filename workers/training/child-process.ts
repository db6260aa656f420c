import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../src/config.js';
import { libraryEnvironment } from '../executors/tensorflow/installation.js';
import type { FromChild, ToChild } from './messages.js';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to its error output. */
  readonly lastWords: string;
  readonly outOfMemory: boolean;
}
export interface RunChild {
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  send(message: ToChild): void;
  onMessage(listener: (message: FromChild) => void): void;
  kill(): void;
  /** Lets it write where it stands before it is killed, for at most this long. */
  wind(mostMs: number): Promise<void>;
}

const LAST_WORDS = 4096;
export const RUN_CHILD = new URL('./run-child.js', import.meta.url);

/**
 * glibc gives large blocks back to the kernel at once and takes them anew for the next batch, which costs more than the
 * arithmetic on them: a training step of MobileNetV2 at batch 32 took 2.2 s so, and 1.5 s with these. An arena per thread would
 * hold the memory several times.
 */
const MALLOC = { MALLOC_TRIM_THRESHOLD_: '8589934592', MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_ARENA_MAX: '1' };

export function startRunChild(options: { threads: number; entry?: URL }): RunChild {
  const killsBefore = outOfMemoryKills();
  const child: ChildProcess = fork(fileURLToPath(options.entry ?? RUN_CHILD), [], {
    // Decoding runs on libuv's threads; one more so that reading never waits behind it.
    env: childEnvironment({
      ...MALLOC,
      ...libraryEnvironment(options.threads),
      UV_THREADPOOL_SIZE: String(options.threads + 1),
    }),
    execArgv: ['--enable-source-maps', '--max-semi-space-size=8'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS);
  });
  const exited = new Promise<Exit>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      const outOfMemory =
        (signal === 'SIGKILL' && outOfMemoryKills() > killsBefore) ||
        /out of memory|bad_alloc|Failed to allocate|OOM when allocating/i.test(words);
      resolve({ code, signal, lastWords: words.trim().split('\n').slice(-12).join('\n'), outOfMemory });
    };
    child.once('error', (error) => {
      words += error.message;
      if (child.pid === undefined) end(null, null);
    });
    child.once('close', end);
  });
  return {
    pid: child.pid,
    exited,
    send: (message) => {
      // A channel that just closed: the exit says what there is to say.
      if (child.connected) child.send(message, () => {});
    },
    onMessage: (listener) => {
      child.on('message', (message) => listener(message as FromChild));
    },
    kill: () => {
      child.kill('SIGKILL');
    },
    async wind(mostMs) {
      if (child.connected) child.send({ type: 'leave' } satisfies ToChild, () => {});
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, mostMs);
      });
      await Promise.race([exited, late]);
      clearTimeout(timer);
      child.kill('SIGKILL');
    },
  };
}

/**
 * How often the kernel has killed for want of memory, by all the counters that this system has: of this control group (v2, v1),
 * and of the machine, groups included. Only whether it grows means something.
 */
function outOfMemoryKills(): number {
  let sum = 0;
  for (const path of ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control', '/proc/vmstat']) {
    try {
      sum += Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
    } catch {
      // Not this system's way of counting.
    }
  }
  return sum;
}

export interface ChildPool {
  /** A process that has loaded its modules, or one that begins to. */
  take(): RunChild;
  /** Starts one for the next job, which is let go when none comes. */
  warm(): void;
}

/** After a job another is likely: its process is started ahead, since starting takes longer than all a second job has to do. */
export function childPool(options: { threads: number; entry?: URL; keepMs?: number }): ChildPool {
  let spare: { child: RunChild; timer: NodeJS.Timeout; gone: boolean } | null = null;
  return {
    take() {
      const ready = spare;
      spare = null;
      if (ready === null) return startRunChild(options);
      clearTimeout(ready.timer);
      return ready.gone ? startRunChild(options) : ready.child;
    },
    warm() {
      if (spare !== null && !spare.gone) return;
      const child = startRunChild(options);
      const timer = setTimeout(() => {
        if (spare === own) spare = null;
        child.kill();
      }, options.keepMs ?? 120_000).unref();
      const own = { child, timer, gone: false };
      spare = own;
      void child.exited.then(() => {
        own.gone = true;
      });
    },
  };
}
