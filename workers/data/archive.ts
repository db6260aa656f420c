import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import yauzl from 'yauzl';
import { GraftError, type ProblemItem } from '../../src/errors.js';
import { counted } from '../../src/words.js';

/** A file in an archive. Nothing is ever written under its name. */
export interface ArchiveEntry {
  readonly path: string;
  readonly bytes: number;
}
export interface ArchiveLimits {
  readonly entries: number;
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** Unpacked over packed, for the whole and for each entry over 32 MiB. */
  readonly ratio: number;
}
export const LIMITS: ArchiveLimits = {
  entries: 1_000_000,
  entryBytes: 256 * 1024 ** 2,
  totalBytes: 200 * 1024 ** 3,
  ratio: 200,
};
/** Below this a high ratio is a plain picture (a blank PNG), not an attack. */
const BOMB_MIN = 32 * 1024 ** 2;

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz';

const refuse = (detail: string, errors: readonly ProblemItem[] = []): GraftError =>
  new GraftError('archive-invalid', detail, { errors });

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

/** Every rule about names, in one place: what it says is the reason to refuse, null is a name to take. */
function badName(path: string): { code: string; detail: string } | null {
  if (path.includes('\0')) return { code: 'name-invalid', detail: 'The name holds a NUL byte.' };
  if (/^([/\\]|[A-Za-z]:)/.test(path))
    return { code: 'name-absolute', detail: 'The name is absolute; names must be relative.' };
  if (path.split(/[/\\]/).includes('..'))
    return { code: 'name-climbs', detail: "The name climbs out of the archive with '..'." };
  return null;
}

/** Collects entries and refuses what breaks the limits as soon as it is seen. */
function collector(limits: ArchiveLimits, packedBytes: number) {
  const entries: ArchiveEntry[] = [];
  const seen = new Set<string>();
  let total = 0;
  return {
    entries,
    add(path: string, bytes: number): void {
      const bad = badName(path);
      if (bad !== null)
        throw refuse(`The archive has an unsafe name: '${path}'. ${bad.detail} Nothing of it was taken.`, [
          { path, ...bad },
        ]);
      const key = path.normalize('NFC');
      if (seen.has(key)) {
        throw refuse(`The archive has '${path}' twice, so it is not clear which is meant.`, [
          { path, code: 'name-duplicate', detail: 'This name occurs more than once.' },
        ]);
      }
      seen.add(key);
      if (bytes > limits.entryBytes)
        throw refuse(`'${path}' is ${bytes} bytes unpacked; at most ${limits.entryBytes} are taken.`, [
          { path, code: 'entry-too-large', detail: `${bytes} bytes.` },
        ]);
      total += bytes;
      if (total > limits.totalBytes) throw refuse(`The archive holds more than ${limits.totalBytes} bytes unpacked.`);
      if (total > 2 * BOMB_MIN && total > packedBytes * limits.ratio) {
        throw refuse(
          `The archive unpacks to more than ${limits.ratio} times its ${packedBytes} bytes: that is a decompression bomb, not pictures.`,
        );
      }
      entries.push({ path, bytes });
      if (entries.length > limits.entries) throw refuse(`The archive has more than ${limits.entries} files.`);
    },
  };
}
type Collector = ReturnType<typeof collector>;

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
      ? async (bytes) => {
          queue.push({ path: header.name, bytes });
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

async function listZip(path: string, into: Collector, limits: ArchiveLimits): Promise<void> {
  const zip = await openZip(path);
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      if (name.endsWith('/')) continue;
      if (entry.isEncrypted())
        throw refuse(`'${name}' is encrypted; pack the archive without a password.`, [
          { path: name, code: 'entry-encrypted', detail: 'Encrypted.' },
        ]);
      const mode = (entry.externalFileAttributes >>> 16) & 0o170000;
      if (mode !== 0 && mode !== 0o100000) {
        throw refuse(`'${name}' is a symbolic link or a device; only files are taken.`, [
          { path: name, code: 'entry-not-a-file', detail: 'No regular file.' },
        ]);
      }
      if (![0, 8].includes(entry.compressionMethod))
        throw refuse(`'${name}' is packed with method ${entry.compressionMethod}; stored and deflated are taken.`);
      if (entry.uncompressedSize > BOMB_MIN && entry.uncompressedSize > entry.compressedSize * limits.ratio) {
        throw refuse(
          `'${name}' unpacks to ${entry.uncompressedSize} bytes from ${entry.compressedSize}: that is a decompression bomb.`,
          [{ path: name, code: 'entry-bomb', detail: 'Compression ratio too high.' }],
        );
      }
      into.add(name, entry.uncompressedSize);
    }
  } catch (error) {
    throw zipError(error);
  } finally {
    zip.close();
  }
}

async function* readZip(path: string, wanted: ReadonlySet<string>): AsyncGenerator<{ path: string; bytes: Buffer }> {
  const zip = await openZip(path);
  try {
    for await (const entry of zip.eachEntry()) {
      if (!wanted.has(entry.fileName)) continue;
      const stream = await zip.openReadStreamPromise(entry);
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      yield { path: entry.fileName, bytes: Buffer.concat(chunks) };
    }
  } catch (error) {
    throw zipError(error);
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<yauzl.ZipFile> {
  try {
    return await yauzl.openPromise(path, {
      lazyEntries: true,
      autoClose: false,
      decodeStrings: true,
      validateEntrySizes: true,
      strictFileNames: true,
    });
  } catch (error) {
    throw zipError(error);
  }
}

function zipError(error: unknown): unknown {
  if (error instanceof GraftError) return error;
  const words = (error as Error).message ?? String(error);
  const name = /: (.*)$/.exec(words)?.[1] ?? '';
  if (/relative path|absolute path|invalid characters/i.test(words)) {
    const bad = badName(name) ?? {
      code: 'name-invalid',
      detail: 'The name is unsafe (it climbs, is absolute or has backslashes).',
    };
    return refuse(`The archive has an unsafe name: '${name}'. ${bad.detail} Nothing of it was taken.`, [
      { path: name, ...bad },
    ]);
  }
  if (/end of central directory|eocd/i.test(words))
    return refuse('The zip has no directory at its end: it was cut off, or is no zip. Send the whole file.');
  return refuse(`The zip cannot be read: ${words}. It may have been cut off or damaged on its way.`);
}

/** Walks a tar; `choose` gives what takes a file's bytes, or null to pass over it. */
async function eachTar(
  path: string,
  kind: ArchiveKind,
  choose: (header: Header) => ((bytes: Buffer) => Promise<void>) | null,
): Promise<void> {
  const tar = extract();
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  const flow = kind === 'tar.gz' ? pipeline(source, createGunzip(), tar) : pipeline(source, tar);
  // The loop below reports the same failure; unobserved, this promise would end the process.
  flow.catch(() => {});
  let count = 0;
  try {
    for await (const entry of tar) {
      const { header } = entry;
      if (header.type === 'file' || header.type === 'contiguous-file') {
        count++;
        const take = choose({ ...header, name: header.name.replace(/^(\.\/)+/, '') });
        if (take === null) entry.resume();
        else {
          const chunks: Buffer[] = [];
          for await (const chunk of entry) chunks.push(chunk as Buffer);
          await take(Buffer.concat(chunks));
        }
      } else if (['symlink', 'link', 'character-device', 'block-device', 'fifo'].includes(header.type ?? '')) {
        throw refuse(`'${header.name}' is a ${header.type} in the archive; only files are taken.`, [
          { path: header.name, code: 'entry-not-a-file', detail: `A ${header.type}.` },
        ]);
      } else entry.resume();
    }
    await flow;
  } catch (error) {
    if (error instanceof GraftError) throw error;
    const words = (error as Error).message;
    if (/unexpected end/i.test(words))
      throw refuse(`The ${kind} ends after ${counted(count, 'whole file')}: it was cut off. Send the whole file.`);
    throw refuse(`The ${kind} cannot be read after ${counted(count, 'file')}: ${words}`);
  } finally {
    tar.destroy();
    source.destroy();
  }
}
