import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GraftError } from '../../../src/errors.js';
import { extractFiles, LIMITS, listArchive, readArchive } from '../../../workers/data/archive.js';
import { writeZip } from '../../support/zip.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-archive-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

async function refusal(path: string, limits = LIMITS): Promise<GraftError> {
  const error = await listArchive(path, limits).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GraftError);
  expect((error as GraftError).code).toBe('archive-invalid');
  return error as GraftError;
}

async function writeTar(path: string, fill: (tar: ReturnType<typeof pack>) => void, gzip = false): Promise<void> {
  const tar = pack();
  fill(tar);
  tar.finalize();
  const chunks: Buffer[] = [];
  const source: Readable = gzip ? tar.pipe(createGzip()) : (tar as unknown as Readable);
  for await (const chunk of source) chunks.push(chunk as Buffer);
  await writeFile(path, Buffer.concat(chunks));
}

test.each(['zip', 'tar', 'tar.gz'] as const)('%s: files in order, with their bytes', async (kind) => {
  const path = at(`good.${kind}`);
  const files = { 'a/1.txt': 'one', 'b/2.txt': 'two', 'b/3.txt': '' };
  if (kind === 'zip') await writeZip(path, files, true);
  else
    await writeTar(
      path,
      (tar) => Object.entries(files).forEach(([name, text]) => void tar.entry({ name }, text)),
      kind === 'tar.gz',
    );
  const { kind: found, entries } = await listArchive(path);
  expect(found).toBe(kind);
  expect(entries).toEqual([
    { path: 'a/1.txt', bytes: 3 },
    { path: 'b/2.txt', bytes: 3 },
    { path: 'b/3.txt', bytes: 0 },
  ]);
  const read: Record<string, string> = {};
  for await (const file of readArchive(path, found, new Set(['a/1.txt', 'b/3.txt'])))
    read[file.path] = file.bytes.toString();
  expect(read).toEqual({ 'a/1.txt': 'one', 'b/3.txt': '' });
  await extractFiles(path, found, new Map([['b/2.txt', at('extracted')]]));
  expect(await readFile(at('extracted'), 'utf8')).toBe('two');
  const nowhere = new Map([['b/2.txt', at('no-such-folder/file')]]);
  await expect(extractFiles(path, found, nowhere)).rejects.toMatchObject({ code: 'ENOENT' });
});

/** yazl refuses unsafe names, so they are written over harmless ones of the same length. */
async function zipWithName(path: string, harmless: string, unsafe: string): Promise<void> {
  expect(unsafe.length).toBe(harmless.length);
  await writeZip(path, { [harmless]: 'x', 'fine.jpg': 'y' });
  const text = (await readFile(path)).toString('latin1').replaceAll(harmless, unsafe);
  await writeFile(path, Buffer.from(text, 'latin1'));
}

test.each([
  ['climbs', 'aa/aa/x.jpg', '../../x.jpg', 'name-climbs'],
  ['absolute', 'aetc/x.jpg', '/etc/x.jpg', 'name-absolute'],
  ['drive', 'aa/x.jpg', 'C:/x.jpg', 'name-absolute'],
  ['climbs with backslashes', 'aa/aa/y.jpg', '..\\..\\y.jpg', 'name-climbs'],
])('a zip whose name %s', async (_, harmless, unsafe, code) => {
  const path = at('unsafe.zip');
  await zipWithName(path, harmless, unsafe);
  const error = await refusal(path);
  expect(error.options.errors?.[0]?.code).toMatch(code === 'name-climbs' ? /name-(climbs|invalid)/ : code);
});

test('a tar whose name climbs', async () => {
  await writeTar(at('climbs.tar'), (tar) => void tar.entry({ name: 'a/../../x.jpg' }, 'x'));
  expect((await refusal(at('climbs.tar'))).options.errors?.[0]?.code).toBe('name-climbs');
});

test.each(['symlink', 'link', 'fifo'] as const)('a tar with a %s', async (type) => {
  await writeTar(at('link.tar'), (tar) => void tar.entry({ name: 'a/x.jpg', type, linkname: '/etc/passwd' }));
  expect((await refusal(at('link.tar'))).options.errors?.[0]?.code).toBe('entry-not-a-file');
});

/** Central directory records, so that single fields can be set. */
async function patchCentral(path: string, patch: (record: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  const record = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  patch(bytes.subarray(record));
  await writeFile(path, bytes);
}

test('a zip with a symbolic link', async () => {
  await writeZip(at('link.zip'), { 'a/x.jpg': '/etc/passwd' });
  await patchCentral(at('link.zip'), (record) => record.writeUInt32LE((0o120777 << 16) >>> 0, 38));
  expect((await refusal(at('link.zip'))).options.errors?.[0]?.code).toBe('entry-not-a-file');
});

test('an encrypted zip', async () => {
  await writeZip(at('locked.zip'), { 'a/x.jpg': 'x' }, true);
  await patchCentral(at('locked.zip'), (record) => record.writeUInt16LE(record.readUInt16LE(8) | 1, 8));
  expect((await refusal(at('locked.zip'))).options.errors?.[0]?.code).toBe('entry-encrypted');
});

test('the same name twice', async () => {
  await writeTar(at('twice.tar'), (tar) => {
    tar.entry({ name: 'a/x.jpg' }, '1');
    tar.entry({ name: 'a/x.jpg' }, '2');
  });
  expect((await refusal(at('twice.tar'))).options.errors?.[0]?.code).toBe('name-duplicate');
});

test('a bomb is refused by what it claims, before anything is unpacked', async () => {
  await writeZip(at('bomb.zip'), { 'a/x.jpg': Buffer.alloc(64 * 1024 * 1024) }, true);
  expect((await stat(at('bomb.zip'))).size).toBeLessThan(200_000);
  expect((await refusal(at('bomb.zip'))).detail).toMatch(/bomb/);
});

test('a tar.gz of a few kilobytes that unpacks to gigabytes is left after the first pieces', async () => {
  await writeTar(
    at('bomb.tgz'),
    (tar) => {
      for (let i = 0; i < 5; i++) tar.entry({ name: `a/${i}` }, Buffer.alloc(20 * 1024 * 1024));
    },
    true,
  );
  expect((await refusal(at('bomb.tgz'))).detail).toMatch(/bomb/);
});

test('limits on entries and bytes', async () => {
  await writeZip(at('many.zip'), { a: '1', b: '2', c: '3' });
  expect((await refusal(at('many.zip'), { ...LIMITS, entries: 2 })).detail).toMatch(/more than 2 files/);
  expect((await refusal(at('many.zip'), { ...LIMITS, totalBytes: 2 })).detail).toMatch(/more than 2 bytes/);
  expect((await refusal(at('many.zip'), { ...LIMITS, entryBytes: 0 })).detail).toMatch(/at most 0/);
});

test.each(['zip', 'tar', 'tar.gz'] as const)('a %s that was cut off in the middle', async (kind) => {
  const path = at(`cut.${kind}`);
  const noise = Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * i * 31) & 255));
  if (kind === 'zip') await writeZip(path, { 'a/x': noise, 'b/x': noise });
  else
    await writeTar(path, (tar) => ['a/x', 'b/x'].forEach((name) => void tar.entry({ name }, noise)), kind === 'tar.gz');
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length / 2));
  expect((await refusal(path)).detail).toMatch(/cut off|damaged|Unexpected end/i);
});

test('what is no archive says what it is', async () => {
  await writeFile(at('text.zip'), 'hello, I am text');
  expect((await refusal(at('text.zip'))).detail).toMatch(/"hello, I am text"/);
  await writeFile(at('empty.zip'), '');
  expect((await refusal(at('empty.zip'))).detail).toMatch(/empty/);
});
