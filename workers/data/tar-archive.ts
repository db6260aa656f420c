import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { GraftError } from '../../src/errors.js';
import { counted } from '../../src/words.js';
import { ofSystem, refuse } from './archive-rules.js';

/** Walks a tar; `choose` gives what reads a file, or null to pass over it. */
export async function eachTar(
  path: string,
  kind: 'tar' | 'tar.gz',
  choose: (header: Header) => ((content: AsyncIterable<Buffer>) => Promise<void>) | null,
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
        else await take(entry as AsyncIterable<Buffer>);
      } else if (['symlink', 'link', 'character-device', 'block-device', 'fifo'].includes(header.type ?? '')) {
        throw refuse(`'${header.name}' is a ${header.type} in the archive; only files are taken.`, [
          { path: header.name, code: 'entry-not-a-file', detail: `A ${header.type}.` },
        ]);
      } else entry.resume();
    }
    await flow;
  } catch (error) {
    if (error instanceof GraftError || ofSystem(error)) throw error;
    const words = (error as Error).message;
    if (/unexpected end/i.test(words))
      throw refuse(`The ${kind} ends after ${counted(count, 'whole file')}: it was cut off. Send the whole file.`);
    throw refuse(`The ${kind} cannot be read after ${counted(count, 'file')}: ${words}`);
  } finally {
    tar.destroy();
    source.destroy();
  }
}
