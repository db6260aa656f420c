import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Of, Snapshot } from './trainer.js';

/** Where a run stands, besides its tensors. Data order and augmentation follow from seed, epoch and row alone. */
export interface Position {
  /** What the run was started with; another run's checkpoint is not taken. */
  readonly recipe: string;
  /** Optimizer steps done. */
  readonly steps: number;
  /** Steps before which the optimizer has seen nothing. */
  readonly momentsFrom: number;
  readonly best: { readonly epoch: number; readonly of: Of; readonly accuracy: number; readonly loss: number };
  readonly sinceBest: number;
}
export interface Checkpoint {
  readonly position: Position;
  readonly state: Snapshot;
  /** The weights at the best epoch. */
  readonly best: Snapshot;
}

const MAGIC = 'graft-checkpoint-2\n';
/** The newest, and the one before it should the newest be damaged. */
const KEPT = 2;

/**
 * Writes `<steps>.checkpoint` in the folder: header, tensors, SHA-256 over all of it. The file appears whole, by rename,
 * after it has reached the disk; older ones but the last go.
 */
export async function writeCheckpoint(folder: string, c: Checkpoint): Promise<string> {
  await mkdir(folder, { recursive: true });
  const parts = [
    ...[...c.state].map(([name, data]) => ({ of: 'state' as const, name, data })),
    ...[...c.best].map(([name, data]) => ({ of: 'best' as const, name, data })),
  ];
  const header = Buffer.from(
    JSON.stringify({
      position: c.position,
      tensors: parts.map(({ of, name, data }) => ({ of, name, size: data.length })),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const chunks: Uint8Array[] = [
    Buffer.from(MAGIC),
    length,
    header,
    ...parts.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  chunks.push(hash.digest());
  const path = join(folder, nameOf(c.position.steps));
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  for (const old of (await checkpoints(folder)).slice(KEPT)) await rm(join(folder, old), { force: true });
  return path;
}

/** Takes away the checkpoints of more steps than these. */
export async function forgetNewer(folder: string, steps: number): Promise<void> {
  for (const name of await checkpoints(folder)) if (name > nameOf(steps)) await rm(join(folder, name), { force: true });
}

const nameOf = (steps: number): string => `${String(steps).padStart(9, '0')}.checkpoint`;

/** File names, newest first. */
async function checkpoints(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^\d+\.checkpoint$/.test(name))
    .sort()
    .reverse();
}

/**
 * The newest whole checkpoint of this recipe, or null. `damaged` hears of each that is not whole, or of another recipe:
 * the one before it is taken.
 */
export async function readCheckpoint(
  folder: string,
  recipe: string,
  damaged: (file: string, why: string) => void,
): Promise<Checkpoint | null> {
  for (const name of await checkpoints(folder)) {
    try {
      const found = parsed(await readFile(join(folder, name)));
      if (found.position.recipe === recipe) return found;
      damaged(name, 'it belongs to a run with other settings');
    } catch (error) {
      damaged(name, (error as Error).message);
    }
  }
  return null;
}

function parsed(file: Buffer): Checkpoint {
  if (file.length < MAGIC.length + 36 || file.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new Error('it is not a checkpoint, or ends in its header');
  const end = file.length - 32;
  if (!createHash('sha256').update(file.subarray(0, end)).digest().equals(file.subarray(end)))
    throw new Error('its digest is not that of its content');
  const start = MAGIC.length + 4;
  const length = file.readUInt32LE(MAGIC.length);
  const header = JSON.parse(file.toString('utf8', start, start + length)) as {
    position: Position;
    tensors: { of: 'state' | 'best'; name: string; size: number }[];
  };
  const found = { state: new Map<string, Float32Array>(), best: new Map<string, Float32Array>() };
  let at = start + length;
  for (const { of, name, size } of header.tensors) {
    const data = new Float32Array(size);
    new Uint8Array(data.buffer).set(file.subarray(at, at + 4 * size));
    found[of].set(name, data);
    at += 4 * size;
  }
  return { position: header.position, ...found };
}
