import { createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type ArchiveEntry, type ArchiveLimits, collector, LIMITS, refuse } from './archive-rules.js';
import { eachTar } from './tar-archive.js';
import { listZip, zipContents } from './zip-archive.js';

export { type ArchiveEntry, type ArchiveLimits, LIMITS } from './archive-rules.js';

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz';

/** By content, not by name. */
export async function archiveKind(path: string): Promise<ArchiveKind> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, 512, 0);
    if (bytesRead === 0) throw refuse('The file is empty.');
    if (head.subarray(0, 2).toString('latin1') === 'PK') return 'zip';
    if (head[0] === 0x1f && head[1] === 0x8b) return 'tar.gz';
    if (bytesRead === 512 && (head.subarray(257, 262).toString('latin1') === 'ustar' || oldTar(head))) return 'tar';
    const text = !head.subarray(0, bytesRead).includes(0);
    throw refuse(
      `The file is no archive: it begins with ${
        text
          ? `the text "${head
              .subarray(0, Math.min(24, bytesRead))
              .toString('utf8')
              .replace(/[^\x20-\x7e]/g, '?')}"`
          : 'bytes of no known kind'
      }. zip, tar and tar.gz are taken.`,
    );
  } finally {
    await file.close();
  }
}

/** A tar of before 1988 has no magic, but a checksum of its header. */
function oldTar(head: Buffer): boolean {
  const stated = Number.parseInt(
    head
      .subarray(148, 156)
      .toString('latin1')
      .replace(/[\0 ]+$/, ''),
    8,
  );
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : head[i]!;
  return stated === sum;
}

/** Lists the files of an archive, having refused everything that is unsafe about it. */
export async function listArchive(
  path: string,
  limits: ArchiveLimits = LIMITS,
): Promise<{ kind: ArchiveKind; entries: readonly ArchiveEntry[] }> {
  const kind = await archiveKind(path);
  const into = collector(limits, (await stat(path)).size);
  if (kind === 'zip') await listZip(path, into, limits);
  else
    await eachTar(path, kind, (header) => {
      into.add(header.name, header.size ?? 0);
      return null;
    });
  return { kind, entries: into.entries };
}

/** The bytes of the files in `wanted`, in the archive's own order, one in memory at a time. */
export async function* readArchive(
  path: string,
  kind: ArchiveKind,
  wanted: ReadonlySet<string>,
): AsyncGenerator<{ path: string; bytes: Buffer }> {
  if (kind === 'zip') {
    yield* readZip(path, wanted);
    return;
  }
  const queue: { path: string; bytes: Buffer }[] = [];
  let wake = () => {};
  let room = () => {};
  let ended = false;
  let failure: unknown;
  const walk = eachTar(path, kind, (header) =>
    wanted.has(header.name)
      ? async (content) => {
          queue.push({ path: header.name, bytes: await whole(content) });
          wake();
          if (queue.length >= 4) await new Promise<void>((done) => (room = done));
        }
      : null,
  )
    .catch((error: unknown) => (failure = error))
    .finally(() => {
      ended = true;
      wake();
    });
  for (;;) {
    const next = queue.shift();
    if (next !== undefined) {
      room();
      yield next;
    } else if (ended) break;
    else await new Promise<void>((done) => (wake = done));
  }
  await walk;
  if (failure !== undefined) throw failure;
}

/** Writes files of the archive to disk, however large: their paths in the archive to those that they get. */
export async function extractFiles(
  path: string,
  kind: ArchiveKind,
  targets: ReadonlyMap<string, string>,
): Promise<void> {
  const save = (name: string, content: AsyncIterable<Buffer>) =>
    pipeline(content, createWriteStream(targets.get(name)!));
  if (kind === 'zip') for await (const file of zipContents(path, targets)) await save(file.path, file.content);
  else await eachTar(path, kind, ({ name }) => (targets.has(name) ? (content) => save(name, content) : null));
}

/** The bytes of a file as one buffer. */
async function whole(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* readZip(path: string, wanted: ReadonlySet<string>): AsyncGenerator<{ path: string; bytes: Buffer }> {
  for await (const file of zipContents(path, wanted)) yield { path: file.path, bytes: await whole(file.content) };
}
