import { mkdirSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** The kernel's limit on a socket's path (sun_path), its closing zero included; macOS has 104. */
const LONGEST_PATH = 103;

/**
 * Listens on `unix:<path>` (readable and writable by this user only) or `http://host:port`. A socket file that nobody
 * listens on any more is replaced; throws when somebody does.
 */
export async function listen(server: Server, url: string): Promise<void> {
  if (!url.startsWith('unix:')) {
    const { hostname, port } = new URL(url);
    return bound(server, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) });
  }
  const path = url.slice('unix:'.length);
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new Error(`PREDICT_URL: a socket's path may have ${LONGEST_PATH} bytes; '${path}' is longer. Shorten it.`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await onSocket(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (await answers(path)) throw new Error(`Another prediction process listens on ${path} already.`);
    unlinkSync(path);
    await onSocket(server, path);
  }
}

function onSocket(server: Server, path: string): Promise<void> {
  // Set while the file is made: there is no moment in which others may open it.
  const before = process.umask(0o177);
  try {
    return bound(server, { path });
  } finally {
    process.umask(before);
  }
}

function bound(server: Server, options: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
