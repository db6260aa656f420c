import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Unix socket paths end at 107 bytes on Linux, 103 on macOS. */
const LONGEST_SOCKET_PATH = 103;

/** A socket of this installation's home: inside it where the path is short enough, else in the temporary folder. */
export function socketPath(home: string, name: string): string {
  const inside = join(home, 'run', name);
  if (Buffer.byteLength(inside) <= LONGEST_SOCKET_PATH) return inside;
  return join(tmpdir(), `graft-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`, name);
}

/**
 * Holds `home` for this process until it ends, however it ends: a listening socket, unlike a file with a process id,
 * is never left behind by a kill or mistaken after a reboot.
 *
 * @returns how to let go; null when another process holds it.
 */
export async function holdHome(home: string): Promise<(() => void) | null> {
  const path = socketPath(home, 'supervisor.sock');
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
  for (let tries = 0; ; tries++) {
    const server = createServer((socket) => socket.destroy());
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once('error', resolve).listen(path, () => resolve(null));
    });
    if (error === null) {
      server.unref();
      return () => server.close();
    }
    if (error.code !== 'EADDRINUSE') throw error;
    if ((await answers(path)) || tries > 2) return null;
    rmSync(path, { force: true });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false));
  });
}
