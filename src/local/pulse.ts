import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

/** What the worker touches while it reaches its database; containers of one volume have a host name each. */
export function pulseFile(home: string): string {
  return join(home, 'run', `worker-${hostname()}`);
}

export interface Pulse {
  close(): void;
}

/** Touches the file as long as `beat` resolves: how a process without a port shows that it is well. */
export function startPulse(home: string, beat: () => Promise<unknown>, everyMs = 10_000): Pulse {
  const path = pulseFile(home);
  let closed = false;
  const turn = () => {
    beat()
      .then(
        () => {
          if (closed) return;
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, `${process.pid}\n`);
        },
        // What is wrong is logged where the connection is used; here silence is the message.
        () => undefined,
      )
      .catch(() => undefined);
  };
  turn();
  const timer = setInterval(turn, everyMs);
  timer.unref();
  return {
    close: () => {
      closed = true;
      clearInterval(timer);
      rmSync(path, { force: true });
    },
  };
}
