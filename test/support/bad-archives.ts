import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { writeZip } from './zip.js';

/** Archives that no well-behaved tool writes, as bytes. */
type Files = Readonly<Record<string, Buffer | string>>;

export async function zipOf(files: Files, compress = false): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-zip-'));
  try {
    await writeZip(join(folder, 'a.zip'), files, compress);
    return await readFile(join(folder, 'a.zip'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Writers of zips refuse unsafe names: they are written over harmless ones of the same length. */
export function renamed(zip: Buffer, harmless: string, unsafe: string): Buffer {
  if (harmless.length !== unsafe.length) throw new Error(`'${harmless}' and '${unsafe}' differ in length.`);
  return Buffer.from(zip.toString('latin1').replaceAll(harmless, unsafe), 'latin1');
}

const CENTRAL = Buffer.from('PK\x01\x02', 'latin1');
/** The first file's record in the central directory, to be written to. */
function record(zip: Buffer): Buffer {
  return zip.subarray(zip.indexOf(CENTRAL));
}
/** The first file becomes a symbolic link to what it holds. */
export function withSymlink(zip: Buffer): Buffer {
  record(zip).writeUInt32LE((0o120777 << 16) >>> 0, 38);
  return zip;
}
/** The first file of a deflated zip says that it is encrypted. */
export function encrypted(zip: Buffer): Buffer {
  record(zip).writeUInt16LE(record(zip).readUInt16LE(8) | 1, 8);
  return zip;
}

export async function tarOf(fill: (tar: ReturnType<typeof pack>) => void): Promise<Buffer> {
  const tar = pack();
  fill(tar);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `count` files of `bytes` zeros each; `claimed` is the size that the archive states of each. */
export function zipBomb(count: number, bytes: number, claimed: number = bytes): Buffer {
  const zeros = Buffer.alloc(bytes);
  const [sum, data] = [crc32(zeros), deflateRawSync(zeros, { level: 9 })];
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const name = Buffer.from(`${i % 2 === 0 ? 'a' : 'b'}/${i}.png`);
    // Version 2.0, deflated, no time; then sum and sizes (APPNOTE.TXT 4.3.7, 4.3.12).
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(sum, 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(claimed, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    central.push(CENTRAL, Buffer.from([20, 0]), common, rest, name);
    parts.push(local, data);
    offset += local.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}
