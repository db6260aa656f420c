import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { readMessages, writeMessage } from '../../../src/services/predict-messages.js';
import { encodeFrame, type ServedModel } from '../../../src/services/predict-protocol.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { type PredictHome, predictHome, smallBase, smallHead, storeModels } from '../../support/predict.js';
import { until } from '../../support/until.js';

const LABELS = ['ants', 'bees'];
let db: TestDatabase;
let blobs: BlobStore;
let home: PredictHome;
let model: ServedModel;
let photo: Buffer;

beforeAll(async () => {
  await build();
  db = await testDatabase();
  blobs = postgresBlobStore(db.pool);
  [model] = (await storeModels(blobs, smallBase(1), [{ id: 'mdl_p', head: smallHead(1, 2), labels: LABELS }])) as [
    ServedModel,
  ];
  photo = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#407020' } })
    .jpeg()
    .toBuffer();
});
afterAll(() => db?.close());
beforeEach(async () => {
  home = await predictHome(db.url);
});
afterEach(() => home.close());

const ask = (count = 1, of = model, signal?: AbortSignal) =>
  home.client.predict(
    { model: of, inputs: Array.from({ length: count }, () => ({ kind: 'image', bytes: photo })), top: 1 },
    signal,
  );
const inside = async () => (await home.client.stats()).inside;

/** A connection for messages, made by hand. */
function upgraded(path = '/predict', upgrade = 'graft-predict'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    request({ socketPath: home.socket, path, headers: { connection: 'upgrade', upgrade } })
      .on('upgrade', (_answer, socket: Socket) => resolve(socket))
      .on('response', (answer) => reject(new Error(String(answer.statusCode))))
      .on('error', reject)
      .end();
  });
}
/** Answers to messages that may be anything, over one connection. */
async function replies(messages: readonly (readonly Uint8Array[])[]): Promise<readonly unknown[]> {
  const socket = await upgraded();
  const all: unknown[] = [];
  try {
    for (const message of messages)
      await new Promise<void>((resolve) => {
        socket.removeAllListeners('data');
        readMessages(socket, Buffer.alloc(0), {
          begin: () => true,
          end: (reply) => resolve(void all.push(JSON.parse(String(reply)))),
        });
        writeMessage(socket, message);
      });
  } finally {
    socket.destroy();
  }
  return all;
}
function get(path: string, method = 'GET'): Promise<{ status: number; code: string }> {
  return new Promise((resolve, reject) => {
    request({ socketPath: home.socket, path, method }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += String(chunk)));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, code: (JSON.parse(text) as { code: string }).code }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('life of a prediction process', () => {
  it('killed in the middle of requests: the next process answers them', async () => {
    const first = await home.start();
    await ask();
    const running = Promise.all(Array.from({ length: 4 }, () => ask(100)));
    await until(async () => expect(await inside()).toBeGreaterThan(0), 5_000, 1);
    first.child.kill('SIGKILL');
    await first.exited;
    expect(existsSync(home.socket)).toBe(true);
    await home.start({}, false);
    for (const { predictions } of await running) expect(predictions.every((one) => 'label' in one)).toBe(true);
  });

  it('is unavailable, after a while, when nothing listens', async () => {
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', options: { retryAfter: 1 } });
    expect(await home.client.health()).toBe(false);
  });

  it('ends in order: what is inside is answered, the socket goes, code 0', async () => {
    const { child, exited } = await home.start();
    await ask();
    const running = ask(100);
    await until(async () => expect(await inside()).toBe(100), 5_000, 1);
    child.kill('SIGTERM');
    expect((await running).predictions).toHaveLength(100);
    expect(await exited).toBe(0);
    expect(existsSync(home.socket)).toBe(false);
  });

  it('is the only one on its socket, which only its user may open; a stale one is replaced', async () => {
    const first = await home.start();
    expect(statSync(home.socket).mode & 0o777).toBe(0o600);
    const second = await home.start({}, false);
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain('Another prediction process listens on');
    expect(await home.client.health()).toBe(true);
    first.child.kill('SIGKILL');
    await first.exited;
    await home.start();
    expect((await ask()).predictions).toHaveLength(1);
  });

  it('listens on an address as well', async () => {
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as { port: number };
        probe.close(() => resolve(port));
      });
    });
    await home.start({ PREDICT_URL: `http://127.0.0.1:${port}` }, false);
    await until(async () => expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200));
  });
});

describe('load of a prediction process', () => {
  it('refuses more than it holds with 503 and Retry-After, and answers what it took', async () => {
    await home.start();
    await ask();
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => ask(200)));
    const refused = results.filter((r) => r.status === 'rejected');
    expect(refused.length).toBe(3);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'overloaded', options: { retryAfter: 1 } });
    expect((await ask()).predictions[0]).toHaveProperty('label');
    expect(await inside()).toBe(0);
  });

  it('frees the place of a client that went away', async () => {
    const { output } = await home.start();
    await ask();
    const controller = new AbortController();
    const leaving = ask(250, model, controller.signal);
    await until(async () => expect(await inside()).toBe(250), 5_000, 1);
    controller.abort();
    await expect(leaving).rejects.toThrow();
    await until(async () => expect(await inside()).toBe(0), 1_000, 5);
    expect(output()).not.toContain('request failed');
  });

  it('keeps trunks within its memory, the least recently used goes first', async () => {
    await home.start({ GRAFT_SERVING_CACHE_MB: '20' });
    const many = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const heads = [{ id: `mdl_big${n}`, head: smallHead(n, 2), labels: LABELS }];
        return (await storeModels(blobs, smallBase(n, 1_000_000), heads))[0] as ServedModel;
      }),
    );
    const before = [];
    for (const each of many) before.push((await ask(1, each)).predictions);
    for (let round = 0; round < 2; round++)
      for (const [n, each] of many.entries()) expect((await ask(1, each)).predictions).toEqual(before[n]);
    const stats = await home.client.stats();
    expect(stats.trunks).toBe(1);
    expect(stats.trunkLoads).toBe(9);
    expect(stats.cacheBytes).toBeLessThan(20 * 1024 * 1024);
  });

  it('answers what it cannot read with a problem, and lives', async () => {
    await home.start();
    const frame = encodeFrame({ model, inputs: [{ kind: 'image', bytes: photo }], top: 1 });
    const whole = Buffer.concat(frame);
    const unread = [
      [],
      [Buffer.from('GET / HTTP/1.1')],
      [whole.subarray(0, 40)],
      [Buffer.from(whole).fill(0xff, 0, 3)],
      [whole, whole],
    ];
    const all = await replies([...unread, frame]);
    expect(all).toHaveLength(unread.length + 1);
    expect(all.at(-1)).toHaveProperty('answer');
    for (const other of all.slice(0, -1))
      expect(other).toMatchObject({ problem: { status: 400, code: 'request-malformed' } });
    expect(await inside()).toBe(0);
  });

  it('reads past what is too large, and goes on', async () => {
    await home.start({ GRAFT_MAX_PREDICT_MB: '1' });
    const frame = encodeFrame({ model, inputs: [{ kind: 'image', bytes: photo }], top: 1 });
    const [refused, answered] = await replies([[...frame, Buffer.alloc(6 * 1024 * 1024)], frame]);
    expect(refused).toMatchObject({ problem: { status: 413, code: 'too-large' } });
    expect(answered).toHaveProperty('answer');
    expect(await inside()).toBe(0);
  });

  it('frees the place of one that goes away in the middle of a question', async () => {
    const { child, exited } = await home.start();
    const socket = await upgraded();
    socket.write(Buffer.from([0, 0, 0x10, 0, 1, 2, 3]));
    socket.end();
    expect((await ask()).predictions).toHaveLength(1);
    await until(async () => expect(await inside()).toBe(0), 1_000, 5);
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('takes one question of a connection at a time', async () => {
    await home.start();
    await ask();
    const socket = await upgraded();
    const closed = once(socket, 'close');
    const frame = encodeFrame({ model, inputs: [{ kind: 'image', bytes: photo }], top: 1 });
    writeMessage(socket, frame);
    writeMessage(socket, frame);
    await closed;
    await until(async () => expect(await inside()).toBe(0), 1_000, 5);
    expect((await ask()).predictions).toHaveLength(1);
  });

  it('has two addresses, and one to ask for predictions at', async () => {
    await home.start();
    expect(await get('/nowhere')).toEqual({ status: 404, code: 'not-found' });
    expect(await get('/stats', 'PUT')).toEqual({ status: 405, code: 'method-not-allowed' });
    await expect(upgraded('/nowhere')).rejects.toThrow('400');
    await expect(upgraded('/predict', 'websocket')).rejects.toThrow('400');
  });
});
