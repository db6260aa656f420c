import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HubConfig } from '../../src/config.js';
import { GraftError } from '../../src/errors.js';
import { unreachable } from './failures.js';
import { type HubFile, isWhole } from './files.js';
import type { Hub } from './hub.js';

export interface TransferOptions {
  readonly config: HubConfig;
  readonly commit: string;
  readonly signal: AbortSignal;
  /** Told of bytes that came, and (less than none) of bytes that were given up. */
  readonly onBytes: (count: number) => void;
  /** The pause before the second try, in milliseconds; each further one is twice as long. */
  readonly pauseMs?: number;
}

/** So many tries in a row may bring less than `PROGRESS` each. */
const TRIES = 5;
const PROGRESS = 1024 * 1024;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Fetches a file to `path`, going on where an earlier try or process stopped: what it had lies in `<path>.part`. At `path`
 * there is only ever the whole file, its digest checked. Two processes that fetch the same file at once do no harm: the
 * commit fixes its content, and each writes the same bytes to the same places.
 *
 * @throws GraftError `hub-unreachable` when it got no further, `digest-mismatch` for other content twice, `hub-denied`,
 *   `hub-not-found`; errors of the file system.
 */
export async function fetchFile(hub: Hub, file: HubFile, path: string, options: TransferOptions): Promise<void> {
  const { signal, onBytes } = options;
  if ((await sizeOf(path)) === file.bytes) return onBytes(file.bytes);
  const part = `${path}.part`;
  let had = (await sizeOf(part)) ?? 0;
  onBytes(had);
  let mismatches = 0;
  for (let tries = 1; ; tries++) {
    try {
      if (had !== file.bytes || had === 0) await append(hub, file, part, options);
      if (await isWhole(part, file)) return await rename(part, path);
      onBytes(-file.bytes);
      await rm(part, { force: true });
      mismatches += 1;
      if (mismatches > 1) throw mismatch(file);
      had = 0;
    } catch (error) {
      if (!(error instanceof GraftError) || error.code !== 'hub-unreachable') throw error;
      const has = (await sizeOf(part)) ?? 0;
      if (has - had >= PROGRESS) tries = 0;
      had = has;
      if (tries >= TRIES) throw error;
      await sleep(pauseOf(error, tries, options.pauseMs ?? 500), undefined, { signal });
    }
  }
}

const pauseOf = ({ options }: GraftError, tries: number, firstMs: number): number =>
  Math.min(Math.max(firstMs * 2 ** (tries - 1), (options.retryAfter ?? 0) * 1000), LONGEST_PAUSE_MS);

function mismatch({ path, digest }: HubFile): GraftError {
  const kind = digest.kind === 'git' ? 'git blob' : 'sha256';
  return new GraftError(
    'digest-mismatch',
    `${path} came twice with other content than the hub's list of files says (${kind} ${digest.hex}). A proxy or mirror in between may change or cut files.`,
  );
}

/** Asks for what is missing of the file and writes it to `part`. Comes back with all of it, or throws. */
async function append(hub: Hub, file: HubFile, part: string, options: TransferOptions): Promise<void> {
  const { commit, signal, config, onBytes } = options;
  let at = (await sizeOf(part)) ?? 0;
  const response = await hub.open(commit, file.path, at, signal);
  if (at > 0 && !continues(response, at, file.bytes)) {
    // This server sends no ranges, or not this one: all of it again.
    onBytes(-at);
    at = 0;
    await rm(part, { force: true });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unreachable(config, new Error(`it answers ${response.status} for the rest of ${file.path}`));
    }
  }
  const handle = await open(part, at === 0 ? 'w' : 'r+', 0o600);
  try {
    for await (const chunk of bytesOf(response, options)) {
      if (at + chunk.byteLength > file.bytes) throw unreachable(config, new Error(`it sends too much of ${file.path}`));
      await write(handle, chunk, at);
      at += chunk.byteLength;
      onBytes(chunk.byteLength);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (at < file.bytes) throw unreachable(config, new Error(`${file.path} ended early`));
}

function continues(response: Response, at: number, bytes: number): boolean {
  return response.status === 206 && response.headers.get('content-range') === `bytes ${at}-${bytes - 1}/${bytes}`;
}

/** A break in the middle becomes a failure of the hub; one of the disk stays one. */
async function* bytesOf(response: Response, { config, signal }: TransferOptions): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        signal.throwIfAborted();
        throw unreachable(config, error);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function write(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < bytes.byteLength; )
    written += (await handle.write(bytes, written, bytes.byteLength - written, at + written)).bytesWritten;
}

/** null where there is no such file. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
