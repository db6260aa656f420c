import type { Terminal } from './terminal.js';

export interface Ending {
  readonly asked: boolean;
  /** Settles when asked to end. */
  readonly wait: Promise<void>;
  /** Called when asked a second time: end now. */
  onForced(end: () => void): void;
}

const PARENT_CHECK_MS = 1000;

/**
 * SIGTERM, SIGINT (Ctrl-C) or SIGHUP (the terminal is closed) ask once; a second Ctrl-C forces. Under npm, npm's own
 * end asks too: a killed npm sends nothing.
 */
export function whenAskedToEnd(terminal: Terminal, underNpm: boolean): Ending {
  let asked = false;
  let end = () => process.exit(1);
  let tell: () => void = () => undefined;
  const wait = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const ask = () => {
    asked = true;
    tell();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!asked) return ask();
      // npm passes Ctrl-C on although the terminal has sent it already: only a later one is meant.
      if (signal !== 'SIGINT' || performance.now() - askedAt < 500) return;
      terminal.say('Stopping at once.');
      end();
    });
  }
  let askedAt = Number.POSITIVE_INFINITY;
  void wait.then(() => {
    askedAt = performance.now();
  });
  if (underNpm) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) ask();
    }, PARENT_CHECK_MS).unref();
  }
  return {
    get asked() {
      return asked;
    },
    wait,
    onForced: (force) => {
      end = () => {
        force();
        process.exit(1);
      };
    },
  };
}
