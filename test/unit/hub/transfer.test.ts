import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HubConfig } from '../../../src/config.js';
import { connectHub, type Hub } from '../../../workers/hub/hub.js';
import { fetchFile } from '../../../workers/hub/transfer.js';
import { HUB_TOKEN, type HubServer, startHub } from '../../support/hub-server.js';

const MIB = 1024 * 1024;
const WEIGHTS = randomBytes(3 * MIB);
const { signal } = new AbortController();
let server: HubServer;
let commit: string;
let folder: string;
const open: Hub[] = [];
beforeAll(async () => {
  server = await startHub();
  commit = server.push('org/net', { files: { 'model.onnx': WEIGHTS, 'config.json': '{}', empty: '' } });
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-transfer-'));
  server.faults.clear();
  server.requests.length = 0;
});
afterEach(async () => {
  for (const hub of open.splice(0)) await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const configOf = (changes: Partial<HubConfig> = {}): HubConfig => ({
  url: server.url,
  token: null,
  proxy: null,
  ...changes,
});
function connect(config = configOf(), hub = 'org/net', revision = 'main'): Hub {
  const made = connectHub(config, { hub, revision }, { connect: 1000, stall: 400 });
  open.push(made);
  return made;
}
/** Fetches a file of the commit, and says which ranges the CDN was asked for and how many bytes were counted. */
async function fetched(path: string, config = configOf()) {
  const hub = connect(config);
  const file = (await hub.files(commit, signal)).find((one) => one.path === path)!;
  const target = join(folder, 'file');
  let bytes = 0;
  const onBytes = (count: number) => {
    bytes += count;
  };
  await fetchFile(hub, file, target, { config, commit, signal, onBytes, pauseMs: 10 });
  const ranges = server.requests.filter(({ at }) => at === 'cdn').map(({ range }) => range);
  const content = await readFile(target);
  return { content, same: content.equals(WEIGHTS), ranges, bytes };
}

test('what a revision is, its licence, and all pages of its files with their digests', async () => {
  const tagged = server.push('org/tagged', { files: { 'a.txt': 'a' }, tags: ['onnx', 'license:apache-2.0'] });
  expect(await connect(configOf(), 'org/tagged').resolve(signal)).toEqual({ commit: tagged, license: 'apache-2.0' });
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`file ${i}.txt`, `${i}`]));
  const at = server.push('org/many', { files: many });
  const files = await connect(configOf(), 'org/many').files(at, signal);
  expect(files.map(({ path }) => path)).toEqual(Object.keys(many));
  // printf 0 | git hash-object --stdin
  expect(files[0]).toMatchObject({
    bytes: 1,
    digest: { kind: 'git', hex: 'c227083464fb9af8955c90d2924774ee50abb547' },
  });
});

describe('a file', () => {
  test('comes over a redirect, small, large and empty', async () => {
    expect(await fetched('model.onnx')).toMatchObject({ same: true, ranges: [null], bytes: WEIGHTS.length });
    await rm(join(folder, 'file'));
    expect((await fetched('config.json')).content.toString()).toBe('{}');
    await rm(join(folder, 'file'));
    expect(await fetched('empty')).toMatchObject({ content: Buffer.alloc(0), bytes: 0 });
  });

  test('goes on where the connection was cut', async () => {
    server.faults.set('model.onnx', { after: MIB, next: 'cut', times: 2 });
    const { same, ranges, bytes } = await fetched('model.onnx');
    expect([same, bytes]).toEqual([true, WEIGHTS.length]);
    // What was on its way when the connection broke may be lost with it.
    const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')![1]));
    expect(starts).toEqual([0, expect.closeTo(MIB, -6), expect.closeTo(2 * MIB, -6)]);
    expect([starts[1]! > 0, starts[2]! > starts[1]!]).toEqual([true, true]);
  });

  test('goes on where the server stopped sending', async () => {
    server.faults.set('model.onnx', { after: 1000, next: 'stall', times: 1 });
    expect(await fetched('model.onnx')).toMatchObject({ same: true, ranges: [null, 'bytes=1000-'] });
  });

  test('goes on where another process stopped', async () => {
    await writeFile(join(folder, 'file.part'), WEIGHTS.subarray(0, 70_000));
    const { same, ranges, bytes } = await fetched('model.onnx');
    expect([same, ranges, bytes]).toEqual([true, ['bytes=70000-'], WEIGHTS.length]);
    expect(await fetched('model.onnx')).toMatchObject({ bytes: WEIGHTS.length, ranges: ['bytes=70000-'] });
  });

  test('comes from its beginning where the server knows no ranges', async () => {
    await writeFile(join(folder, 'file.part'), WEIGHTS.subarray(0, 70_000));
    server.faults.set('model.onnx', { ignoreRanges: true });
    const { same, bytes } = await fetched('model.onnx');
    expect([same, bytes]).toEqual([true, WEIGHTS.length]);
  });

  test('that was damaged on this disk, or once on its way, comes again whole', async () => {
    await writeFile(join(folder, 'file.part'), Buffer.alloc(70_000));
    expect((await fetched('model.onnx')).same).toBe(true);
  });

  test('of other content than the list says is refused, and nothing of it kept', async () => {
    server.faults.set('model.onnx', { content: Buffer.alloc(WEIGHTS.length) });
    await expect(fetched('model.onnx')).rejects.toMatchObject({
      code: 'digest-mismatch',
      detail: expect.stringMatching(/^model\.onnx came twice with other content.*sha256/),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('that never gets further is given up after a few tries, and what is here stays', async () => {
    server.faults.set('model.onnx', { after: 10, next: 'cut' });
    await expect(fetched('model.onnx')).rejects.toMatchObject({
      code: 'hub-unreachable',
      detail: expect.stringContaining('the connection was cut'),
    });
    expect(server.requests.filter(({ at }) => at === 'cdn')).toHaveLength(5);
    // Ten bytes of each, less where a cut took what was on its way.
    const kept = await readFile(join(folder, 'file.part'));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.equals(WEIGHTS.subarray(0, Math.min(50, kept.length)))).toBe(true);
  });
});

describe('the token', () => {
  const config = () => configOf({ token: HUB_TOKEN });
  test('goes to the hub with every request, and to no other host', async () => {
    await fetched('model.onnx', config());
    const sent = server.requests.map(({ at, token }) => `${at} ${token}`);
    expect(new Set(sent)).toEqual(new Set([`hub Bearer ${HUB_TOKEN}`, 'cdn null']));
  });

  test('opens what is private and what is gated', async () => {
    const files = { 'model.onnx': 'x' };
    server.push('org/private', { files, access: 'private' });
    await expect(connect(configOf(), 'org/private').resolve(signal)).rejects.toMatchObject({
      code: 'hub-denied',
      detail: expect.stringMatching(/there is none, or it is private.*GRAFT_HUB_TOKEN/),
    });
    const wrong = await connect(configOf({ token: 'wrong' }), 'org/private')
      .resolve(signal)
      .catch((error) => error);
    expect(wrong).toMatchObject({ code: 'hub-denied', detail: expect.stringContaining('the token is wrong') });
    expect(wrong.detail).not.toContain("'wrong'");
    expect(await connect(config(), 'org/private').resolve(signal)).toMatchObject({ license: null });
    const gated = server.push('org/gated', { files, access: 'gated' });
    await expect(connect(configOf(), 'org/gated').open(gated, 'model.onnx', 0, signal)).rejects.toMatchObject({
      code: 'hub-denied',
      detail: expect.stringMatching(/is gated.*Accept its terms on http.*\/org\/gated.*GRAFT_HUB_TOKEN/),
    });
    expect((await connect(config(), 'org/gated').open(gated, 'model.onnx', 0, signal)).status).toBe(200);
  });
});

describe('what is not there', () => {
  test('a repository, a revision', async () => {
    await expect(connect(configOf({ token: HUB_TOKEN }), 'org/none').resolve(signal)).rejects.toMatchObject({
      code: 'hub-not-found',
      detail: expect.stringContaining("There is no model 'org/none'"),
    });
    await expect(connect(configOf(), 'org/net', 'v9').resolve(signal)).rejects.toMatchObject({
      code: 'hub-not-found',
      detail: expect.stringContaining("has no revision 'v9'"),
    });
  });

  test('the hub itself: an unknown host, a closed port, a host that does not answer', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    const { port } = silent.address() as { port: number };
    const cases = [
      ['http://hub.invalid', /cannot be resolved|no name server/],
      [`http://127.0.0.1:${await closedPort()}`, /ECONNREFUSED/],
      [`http://127.0.0.1:${port}`, /said nothing/],
    ] as const;
    for (const [url, words] of cases) {
      const hub = connect(configOf({ url }));
      const began = performance.now();
      await expect(hub.resolve(signal)).rejects.toMatchObject({
        code: 'hub-unreachable',
        detail: expect.stringMatching(words),
      });
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(hub.answered).toBe(false);
    }
    silent.close();
  });
});

test('a proxy is used where one is set, and not for the hosts that are kept from it', async () => {
  const seen: string[] = [];
  const proxy = createServer((socket) => {
    socket.once('data', (data) => {
      seen.push(data.toString('latin1').split('\r\n')[0]!);
      socket.end('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  const http = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
  const asked = connect(configOf({ proxy: { http, not: 'elsewhere' } })).resolve(signal);
  await expect(asked).rejects.toMatchObject({ code: 'hub-unreachable' });
  expect(seen.length).toBeGreaterThan(0);
  expect(seen[0]).toContain('127.0.0.1');
  expect(await connect(configOf({ proxy: { http, not: '127.0.0.1' } })).resolve(signal)).toMatchObject({ commit });
  proxy.close();
});

test('a page of the list on another host is not asked for', async () => {
  const hub = connect(configOf({ token: HUB_TOKEN, url: `${server.url}/mirror` }));
  await expect(hub.resolve(signal)).rejects.toMatchObject({ code: 'hub-not-found' });
  expect(server.requests.at(-1)?.path).toMatch(/^\/mirror\/api\/models\/org\/net\/revision\/main/);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
