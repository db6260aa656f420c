import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.js';

/** A run that was just killed holds its port for a moment. */
const PATIENCE_MS = 3000;

/** The port to listen on (a free one for 0). Throws, naming the port and the mend, when it cannot be had. */
export async function claimPort(config: Pick<Config, 'host' | 'port'>): Promise<number> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await bindOnce(config.host, config.port);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && performance.now() < end) {
        await sleep(100);
        continue;
      }
      throw new Error(words(code ?? String(error), config), { cause: error });
    }
  }
}

function words(code: string, { host, port }: Pick<Config, 'host' | 'port'>): string {
  const other = port < 65_535 ? port + 1 : port - 1;
  if (code === 'EADDRINUSE')
    return `Port ${port} on ${host} is taken by another program. Stop that one, or choose another port: PORT=${other} npm start`;
  if (code === 'EACCES')
    return `Port ${port} is not allowed for this user. Choose one from 1024 on: PORT=8080 npm start`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST=${host} is not an address of this machine. 127.0.0.1 is reached from here only, 0.0.0.0 from everywhere.`;
  return `Cannot listen on ${host} port ${port}: ${code}`;
}

function bindOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}

/** Where a person on this machine reaches the service. */
export function addressOf(host: string, port: number): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`;
}

/** Whether `/readyz` answers 200 within a second. Not through `fetch`, which would stay in memory for good. */
export function isReady(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(`${address}/readyz`, { timeout: 1000, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(false));
  });
}
