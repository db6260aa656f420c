import yauzl from 'yauzl';
import { GraftError } from '../../src/errors.js';
import { type ArchiveLimits, BOMB_MIN, badName, type Collector, ofSystem, refuse } from './archive-rules.js';

/** Collects what a zip holds, as its directory says. */
export async function listZip(path: string, into: Collector, limits: ArchiveLimits): Promise<void> {
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

/** The files in `wanted`, each to be read before the next. */
export async function* zipContents(
  path: string,
  wanted: Pick<ReadonlySet<string>, 'has'>,
): AsyncGenerator<{ path: string; content: AsyncIterable<Buffer> }> {
  const zip = await openZip(path);
  try {
    for await (const entry of zip.eachEntry()) {
      if (!wanted.has(entry.fileName)) continue;
      yield { path: entry.fileName, content: explained(await zip.openReadStreamPromise(entry)) };
    }
  } catch (error) {
    throw zipError(error);
  } finally {
    zip.close();
  }
}
async function* explained(content: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of content) yield chunk as Buffer;
  } catch (error) {
    throw zipError(error);
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
  if (error instanceof GraftError || ofSystem(error)) return error;
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
