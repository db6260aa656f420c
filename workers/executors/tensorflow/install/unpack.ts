import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { InstallError } from './command.js';
import { HEADERS, LIBRARIES } from './pins.js';

const TAKEN: ReadonlySet<string> = new Set([
  ...LIBRARIES.map((name) => `tensorflow/${name}`),
  ...HEADERS.map((name) => `tensorflow/include/${name}`),
]);
/** Licences go along with what they are of. */
const wanted = (name: string): boolean =>
  TAKEN.has(name) ||
  /^nvidia\/[\w]+\/(lib|bin|nvvm)\//.test(name) ||
  /^[\w.-]+\.dist-info\/(LICENSE|License)[^/]*$/.test(name);

/** Takes the libraries and headers out of a wheel (a zip file) into `folder`, path by path as they lie in it. */
export async function unpackWheel(
  path: string,
  folder: string,
  onBytes: (done: number, total: number) => void,
): Promise<void> {
  const zip = await yauzl.openPromise(path, { autoClose: false });
  try {
    const entries: yauzl.Entry[] = [];
    for await (const entry of zip.eachEntry())
      if (wanted(entry.fileName) && !entry.fileName.endsWith('/')) entries.push(entry);
    if (entries.length === 0) throw new InstallError(`${path} has none of the libraries that are needed.`);
    const total = entries.reduce((n, entry) => n + entry.uncompressedSize, 0);
    let done = 0;
    for (const entry of entries) {
      const target = join(folder, entry.fileName);
      await mkdir(dirname(target), { recursive: true });
      const stream = await zip.openReadStreamPromise(entry);
      stream.on('data', (chunk: Buffer) => {
        done += chunk.length;
        onBytes(done, total);
      });
      await pipeline(stream, createWriteStream(target, { mode: entry.fileName.includes('/bin/') ? 0o755 : 0o644 }));
    }
  } finally {
    zip.close();
  }
}
