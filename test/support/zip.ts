import { createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

/** Writes a zip of the given files, in their order. */
export async function writeZip(
  path: string,
  files: Readonly<Record<string, Buffer | string>>,
  compress = false,
): Promise<void> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name, { compress });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}

/** Writes a zip of a folder's files under their relative names; with `every`, of each so-many-th of them. */
export async function zipFolder(folder: string, path: string, every = 1): Promise<void> {
  const zip = new yazl.ZipFile();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const [i, name] of names.sort().entries())
    if (i % every === 0) zip.addFile(name, name.slice(folder.length + 1), { compress: false });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
}

/** The bytes of a zip of the given files, in their order. */
export async function zipOf(files: Readonly<Record<string, Buffer | string>>): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
