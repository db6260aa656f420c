import { randomInt } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** Below the ports that systems give to outgoing connections, so that none takes it before its service listens. */
const PORTS = { from: 12_000, to: 30_000 };

/** A port that nobody listens on, drawn at random: suites that run side by side do not get the same. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export interface Wire {
  readonly port: number;
  /** Cuts every connection and takes no new one. */
  cut(): void;
  /** Keeps every connection, and lets nothing through: how a server that hangs looks. */
  stall(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A TCP proxy to `host:port` that can be cut: how a server that goes away looks to its clients. */
export async function wireTo(host: string, port: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(port, host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    stall: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend: () => {
      whole = true;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `url` with its host and port replaced by the wire's. */
export function through(url: string, wire: Wire): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = `${wire.port}`;
  return changed.href;
}
