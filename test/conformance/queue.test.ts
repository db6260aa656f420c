import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { build } from '../../scripts/build.mjs';
import { type Consumers, startConsumers } from '../../src/queue/consumers.js';
import { deliveryId, type Processors } from '../../src/queue/names.js';
import { connectQueue, ENQUEUE_MS, type ProducerQueue } from '../../src/queue/producer.js';
import { through, type Wire, wireTo } from '../support/net.js';
import { emptyDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const log = pino({ level: 'silent' });
const redis = await startRedis();

beforeAll(build);
afterAll(async () => {
  await redis?.stop();
});

interface Place {
  readonly queueUrl: string | null;
  readonly databaseUrl: string;
}

const KINDS = redis === null ? (['postgres'] as const) : (['redis', 'postgres'] as const);
describe.each(KINDS)('the queue on %s', (kind) => {
  let prefix: string;
  let place: Place;
  let drop: () => Promise<void>;
  let queue: ProducerQueue;
  const started: { close(graceMs: number): Promise<void> }[] = [];

  beforeEach(async () => {
    prefix = `test-${randomUUID()}`;
    ({ place, drop } = await somewhere(kind));
    queue = connectQueue({ queueUrl: place.queueUrl, logLevel: 'silent' }, place.databaseUrl, log, { prefix });
    await until(() => queue.ping());
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.close(2000)));
    await queue.close();
    await drop();
  });

  const consume = (processors: Partial<Processors>, options: { lockMs?: number; at?: Place; train?: number } = {}) => {
    const none = async () => {
      throw new Error('Not expected here');
    };
    const at = options.at ?? place;
    const consumers: Consumers = startConsumers({ queueUrl: at.queueUrl }, at.databaseUrl, {
      processors: {
        'dataset.check': none,
        'base.check': none,
        'base.download': none,
        'job.train': none,
        ...processors,
      },
      concurrency: { check: 2, download: 1, train: options.train ?? 1 },
      log,
      prefix,
      ...(options.lockMs === undefined ? {} : { lockMs: options.lockMs }),
    });
    started.push(consumers);
    return consumers;
  };

  it('delivers each name with its payload to its processor', async () => {
    const seen: string[] = [];
    consume({
      'dataset.check': async ({ datasetId, revision }) => void seen.push(`dataset ${datasetId} ${revision}`),
      'base.check': async ({ baseId }) => void seen.push(`base ${baseId}`),
      'job.train': async ({ jobId }) => void seen.push(`job ${jobId}`),
    });
    await queue.enqueue('dataset.check', { datasetId: 'ds_1', revision: 3 });
    await queue.enqueue('base.check', { baseId: 'base_1' });
    await queue.enqueue('job.train', { jobId: 'job_1' });
    await until(() => expect(seen.toSorted()).toEqual(['base base_1', 'dataset ds_1 3', 'job job_1']));
  });

  it('delivers work enqueued before anyone took it, in order', async () => {
    const ids = ['job_a', 'job_b', 'job_c'];
    for (const jobId of ids) await queue.enqueue('job.train', { jobId });
    const seen: string[] = [];
    consume({ 'job.train': async ({ jobId }) => void seen.push(jobId) });
    await until(() => expect(seen).toEqual(ids));
  });

  it('makes one delivery of the same work enqueued again while it waits or is in work, and a new one after', async () => {
    let runs = 0;
    let finish: () => void = () => undefined;
    await queue.enqueue('job.train', { jobId: 'job_1' });
    await queue.enqueue('job.train', { jobId: 'job_1' });
    const consumers = consume({
      'job.train': async () => {
        runs++;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
    });
    await until(() => expect(runs).toBe(1));
    await queue.enqueue('job.train', { jobId: 'job_1' });
    finish();
    await until(() => expect(consumers.active()).toBe(0));
    await settle();
    expect(runs).toBe(1);
    await until(async () => {
      // The end of a delivery reaches the queue a moment after the processor's.
      await queue.enqueue('job.train', { jobId: 'job_1' });
      expect(runs).toBe(2);
    });
    finish();
  });

  it('does not deliver a failed one again by itself, and does when asked', async () => {
    let runs = 0;
    consume({
      'base.check': async () => {
        runs++;
        throw new Error('The disk is on fire');
      },
    });
    await queue.enqueue('base.check', { baseId: 'base_1' });
    await until(() => expect(runs).toBe(1));
    await settle();
    expect(runs).toBe(1);
    await queue.enqueue('base.check', { baseId: 'base_1' });
    await until(() => expect(runs).toBe(2));
  });

  it('keeps checks moving while training is busy, with the stated concurrency', async () => {
    let training = 0;
    let checked = 0;
    consume(
      {
        'job.train': async (_, signal) => {
          training++;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
        'base.check': async () => void checked++,
      },
      { train: 2 },
    );
    for (const jobId of ['job_1', 'job_2', 'job_3']) await queue.enqueue('job.train', { jobId });
    await until(() => expect(training).toBe(2));
    for (const baseId of ['base_1', 'base_2']) await queue.enqueue('base.check', { baseId });
    await until(() => expect(checked).toBe(2));
    expect(training).toBe(2);
  });

  it('holds a delivery for many times the lock while its processor runs', async () => {
    let runs = 0;
    let ended = false;
    const slow: Partial<Processors> = {
      'job.train': async () => {
        runs++;
        await new Promise((resolve) => setTimeout(resolve, 3000));
        ended = true;
      },
    };
    consume(slow, { lockMs: 700 });
    consume(slow, { lockMs: 700 });
    await queue.enqueue('job.train', { jobId: 'job_1' });
    await until(() => expect(ended).toBe(true));
    expect(runs).toBe(1);
  });

  it('delivers again, as often as it takes, what a killed worker held', async () => {
    await queue.enqueue('job.train', { jobId: 'job_1' });
    for (let deaths = 0; deaths < 3; deaths++) {
      const child = fork(fileURLToPath(new URL('../support/holder.mjs', import.meta.url)), [
        JSON.stringify({ ...place, prefix, lockMs: 700 }),
      ]);
      await new Promise((resolve) => child.once('message', resolve));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    const seen: string[] = [];
    consume({ 'job.train': async ({ jobId }) => void seen.push(jobId) }, { lockMs: 700 });
    await until(() => expect(seen).toEqual(['job_1']));
  });

  it('aborts what is in work when closed, waits for it, and takes nothing more', async () => {
    const seen: string[] = [];
    const consumers = consume({
      'job.train': async ({ jobId }, signal) => {
        seen.push(`${jobId} begins`);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await settle();
        seen.push(`${jobId} is given back`);
      },
    });
    await queue.enqueue('job.train', { jobId: 'job_1' });
    await queue.enqueue('job.train', { jobId: 'job_2' });
    await until(() => expect(seen).toHaveLength(1));
    await consumers.close(5000);
    expect(seen).toEqual(['job_1 begins', 'job_1 is given back']);
    const next: string[] = [];
    consume({ 'job.train': async ({ jobId }) => void next.push(jobId) });
    await until(() => expect(next).toEqual(['job_2']));
  });

  it('closes in bounded time although a processor does not listen', async () => {
    const consumers = consume({ 'job.train': () => new Promise(() => undefined) });
    await queue.enqueue('job.train', { jobId: 'job_1' });
    await until(() => expect(consumers.active()).toBe(1));
    const before = performance.now();
    await consumers.close(500);
    expect(performance.now() - before).toBeLessThan(3000);
  });

  describe('with a wire that can be cut', () => {
    let wire: Wire;
    let far: Place;
    let reached: ProducerQueue;

    beforeEach(async () => {
      const url = new URL(place.queueUrl ?? place.databaseUrl);
      wire = await wireTo(url.hostname, Number(url.port));
      far =
        place.queueUrl === null
          ? { queueUrl: null, databaseUrl: through(place.databaseUrl, wire) }
          : { queueUrl: through(place.queueUrl, wire), databaseUrl: place.databaseUrl };
    });
    afterEach(async () => {
      await reached.close();
      await wire.close();
    });
    const connect = () =>
      connectQueue({ queueUrl: far.queueUrl, logLevel: 'silent' }, far.databaseUrl, log, { prefix });

    it('never throws nor blocks for long, says so in ping, and comes back', async () => {
      reached = connect();
      await until(() => reached.ping());
      wire.cut();
      for (const jobId of ['job_1', 'job_2', 'job_3']) {
        const before = performance.now();
        await reached.enqueue('job.train', { jobId });
        expect(performance.now() - before).toBeLessThan(ENQUEUE_MS + 300);
      }
      await expect(reached.ping()).rejects.toThrow();
      wire.mend();
      await until(() => reached.ping());
      const seen = new Set<string>();
      consume({ 'job.train': async ({ jobId }) => void seen.add(jobId) });
      await until(async () => {
        await reached.enqueue('job.train', { jobId: 'job_4' });
        expect(seen.has('job_4')).toBe(true);
      });
    });

    it('is opened when it comes up after those who use it', async () => {
      wire.cut();
      reached = connect();
      await expect(reached.ping()).rejects.toThrow();
      const seen: string[] = [];
      consume({ 'job.train': async ({ jobId }) => void seen.push(jobId) }, { at: far });
      await settle();
      wire.mend();
      await until(() => reached.ping());
      await reached.enqueue('job.train', { jobId: 'job_1' });
      await until(() => expect(seen).toEqual(['job_1']), 15_000);
    });

    it('goes on taking deliveries after a cut, and runs nothing twice at once in one worker', async () => {
      reached = connect();
      let now = 0;
      let most = 0;
      const ended: string[] = [];
      consume(
        {
          'job.train': async ({ jobId }) => {
            most = Math.max(most, ++now);
            await new Promise((resolve) => setTimeout(resolve, jobId === 'job_1' ? 4000 : 10));
            now--;
            ended.push(jobId);
          },
        },
        { at: far, lockMs: 700 },
      );
      await queue.enqueue('job.train', { jobId: 'job_1' });
      await until(() => expect(now).toBe(1));
      wire.cut();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      wire.mend();
      await until(() => expect(ended).toContain('job_1'), 15_000);
      await queue.enqueue('job.train', { jobId: 'job_2' });
      await until(() => expect(ended).toContain('job_2'), 30_000);
      expect(most).toBe(1);
    });
  });

  it('has ids that BullMQ takes', () => {
    expect(deliveryId('dataset.check', { datasetId: 'ds_1', revision: 2 })).not.toContain(':');
  });
});

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}

async function somewhere(kind: 'redis' | 'postgres'): Promise<{ place: Place; drop: () => Promise<void> }> {
  const { url, drop } = await emptyDatabase();
  return { place: { queueUrl: kind === 'redis' ? redis!.url : null, databaseUrl: url }, drop };
}
