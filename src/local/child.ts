import { type ChildProcess, spawn } from 'node:child_process';
import { eachLine, type LogFile, worthShowing } from './log-files.js';
import { argumentsOf, PROCESSES, type Role } from './processes.js';
import type { Terminal } from './terminal.js';

export interface Child {
  readonly role: Role;
  pid(): number | undefined;
  /** SIGTERM, then SIGKILL after the role's grace. Resolves when the process is gone; never restarted after. */
  stop(): Promise<void>;
  kill(): void;
}

export interface ChildOptions {
  /** The root of the installation. */
  readonly root: string;
  readonly env: Record<string, string>;
  readonly log: LogFile;
  readonly terminal: Terminal;
  /** It ended `deaths` times in a row within `STEADY_MS`, last with these words. */
  readonly onHopeless: (role: Role, why: string) => void;
}

/** A process that lived this long starts afresh with its restarts. */
const STEADY_MS = 30_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** Before the service has ever been ready, so many quick deaths mean that it cannot start. */
const HOPELESS = 4;

/** Starts the role's process and keeps it running: one that ends is started again, later each time. */
export function startChild(role: Role, options: ChildOptions): Child {
  const { log, terminal } = options;
  let child: ChildProcess;
  let stopping = false;
  let deaths = 0;
  let timer: NodeJS.Timeout | undefined;
  let gone: Promise<void> = Promise.resolve();

  const start = () => {
    const startedAt = performance.now();
    child = spawn(process.execPath, argumentsOf(role), {
      cwd: options.root,
      env: { ...PROCESSES[role].environment, ...options.env },
      // The channel tells the child that this process lives; its own group keeps Ctrl-C for this process alone.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      eachLine(stream, (line) => {
        log.write(line);
        const shown = stopping ? null : worthShowing(line);
        if (shown !== null) terminal.warn(role, shown.text, shown.bad);
      });
    }
    gone = new Promise((resolve) => {
      child.once('error', (error) => {
        terminal.warn(role, `cannot be started: ${error.message}`, true);
        resolve();
      });
      child.once('exit', (code, signal) => {
        resolve();
        if (stopping) return;
        deaths = performance.now() - startedAt > STEADY_MS ? 1 : deaths + 1;
        if (code === 0 && deaths === 1) {
          // It asked to be replaced: prediction does after many models.
          start();
          return;
        }
        const why = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}${hint(signal)}`;
        const delay = Math.min(FIRST_DELAY_MS * 2 ** (deaths - 1), LONGEST_DELAY_MS);
        if (deaths >= HOPELESS) options.onHopeless(role, why);
        if (stopping) return;
        terminal.warn(role, `${why}; starting it again in ${delay / 1000} s (${log.path})`, true);
        timer = setTimeout(start, delay);
      });
    });
  };
  start();
  return {
    role,
    pid: () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined),
    stop: async () => {
      stopping = true;
      clearTimeout(timer);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const late = setTimeout(() => {
        terminal.warn(role, `did not end in ${PROCESSES[role].graceMs / 1000} s and is killed`, true);
        child.kill('SIGKILL');
      }, PROCESSES[role].graceMs);
      await gone;
      clearTimeout(late);
    },
    kill: () => {
      stopping = true;
      clearTimeout(timer);
      child.kill('SIGKILL');
    },
  };
}

function hint(signal: NodeJS.Signals): string {
  return signal === 'SIGKILL' ? ' (the system does that when memory runs out)' : '';
}
